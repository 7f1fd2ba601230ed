//! `adit bench`: what this computer can do. One file per measurement.

mod downstream;
mod fleet;
mod latency;
mod miner;
mod rig;
mod scan;
mod setting;
mod verify;

use crate::cli::{Bench, BenchArgs};
use crate::failure::Failure;

pub(crate) fn run(args: &BenchArgs, json: bool) -> Result<(), Failure> {
    match &args.bench {
        Bench::Scan(args) => scan::run(args, json),
        Bench::Verify(args) => verify::run(args, json),
        Bench::Latency(args) => latency::run(args, json),
        Bench::Downstream(args) => downstream::run(args, json),
        Bench::Fleet(args) => fleet::run(args, json),
    }
}
