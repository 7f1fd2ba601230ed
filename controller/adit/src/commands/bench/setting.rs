//! The rig with `adit mine` on its wires.

use std::time::{Duration, Instant};

use super::miner::Miner;
use super::rig::Rig;
use super::rig::wire::{Place, Wire, pty, tcp};
use crate::cli::Over;
use crate::failure::Failure;
use crate::limits;

/// How long one device may take to be found and identified, and all together.
const START: Duration = Duration::from_secs(120);

/// What is measured.
pub(super) struct Setting {
    // Dropped in this order: the miner stops while its devices are still there.
    pub(super) miner: Miner,
    pub(super) rig: Rig,
    /// From the start of the process until every device had work.
    pub(super) start_up: Duration,
}

impl Setting {
    /// Puts `devices` sticks on wires, starts the miner and waits until all of them work.
    pub(super) fn start(devices: usize, over: Over, pace: Option<f64>) -> Result<Self, Failure> {
        limits::make_room_for(3 * devices); // a terminal has three descriptors here
        let ends = (0..devices).map(|_| match over {
            Over::Pty => pty(),
            Over::Tcp => tcp(),
        });
        let (wires, places): (Vec<Wire>, Vec<Place>) =
            ends.collect::<Result<Vec<_>, _>>()?.into_iter().unzip();
        let rig = Rig::start(wires, pace)?;
        let began = Instant::now();
        let mut miner = Miner::start(rig.pool(), &places)?;
        let works = rig.wait_for_work(START);
        if let Some(said) = miner.ended() {
            return Err(Failure::run(anyhow::anyhow!("adit mine has ended: {said}")));
        }
        works.map_err(Failure::run)?;
        Ok(Self { miner, rig, start_up: began.elapsed() })
    }
}
