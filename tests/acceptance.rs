//! One binary for all integration tests: linking dominates on small machines. A test's name is a sentence.

mod layers;
