//! Machines, core and simulator on one virtual clock.
