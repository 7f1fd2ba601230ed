//! One suite for every driver of the catalog: a machine against its simulated twin, on a wire that behaves and on one that does
//! not.
