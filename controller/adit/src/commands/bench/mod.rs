//! `adit bench`: what this computer can do. One file per measurement.

mod verify;

use crate::cli::{Bench, BenchArgs};
use crate::failure::Failure;

pub(crate) fn run(args: &BenchArgs, json: bool) -> Result<(), Failure> {
    match &args.bench {
        Bench::Verify(args) => verify::run(args, json),
    }
}
