//! Driver of the Icarus serial family.
