//! What is known of the device once it can work.

use adit_driver::{Capability, Reach};
use adit_protocol::icarus::{Division, RboxProduct};
use adit_protocol::pow::Target;
use adit_protocol::units::{HashRate, Hertz};

use crate::boards::Board;
use crate::control;
use crate::detect::{Candidate, Found};
use crate::options::Options;
use crate::prepare::Prepared;

/// A device that has been identified and prepared.
#[derive(Clone, Debug)]
pub(crate) struct Rig {
    /// Its row in the model table and how to speak to it.
    pub candidate: Candidate,
    /// What the user set.
    pub options: Options,
    /// How the engines share the nonce range.
    pub division: Division,
    /// Engines that work.
    pub engines: u16,
    /// Clock it was set to; `None` where it has its own.
    pub clock: Option<Hertz>,
    /// A Cairnsmore1 that takes commands.
    pub obeys: bool,
    /// What an R-BOX says it is.
    pub product: Option<RboxProduct>,
}

impl Rig {
    /// Puts together what detection and preparation have shown.
    pub(crate) fn new(found: &Found, prepared: &Prepared, options: Options) -> Self {
        let Found { candidate, division, product } = *found;
        // A board that obeys is one FPGA on its own port (§6.3).
        let division = if prepared.obeys { Division::ONE } else { division };
        let fitted = match product {
            Some(product) => u16::from(product.chips()),
            None => division.parts(),
        };
        let engines = options.engines.unwrap_or(fitted).min(fitted).saturating_sub(prepared.failed).max(1);
        let mut rig =
            Self { candidate, options, division, engines, clock: None, obeys: prepared.obeys, product };
        rig.clock = rig.wanted_clock().filter(|_| rig.has_clock());
        rig
    }

    /// How to speak to it.
    pub(crate) fn board(&self) -> &'static Board {
        self.candidate.board
    }

    /// Whether its clock can be set.
    pub(crate) fn has_clock(&self) -> bool {
        use crate::boards::Control;
        match self.board().control {
            Control::None => false,
            Control::Cairnsmore => self.obeys,
            Control::Bm138x(_) | Control::Rbox => true,
        }
    }

    fn wanted_clock(&self) -> Option<Hertz> {
        wanted_clock(&self.candidate, &self.options)
    }

    /// Hashes per second at the present clock.
    pub(crate) fn nominal(&self) -> f64 {
        let ratio = match (self.clock, self.candidate.model.clock) {
            (Some(clock), Some([_, default, _])) => clock.0 / default.0,
            _ => 1.0,
        };
        self.candidate.nominal(self.engines) * ratio
    }

    /// Target that every nonce meets.
    pub(crate) fn target(&self) -> Target {
        self.options.report_target()
    }

    /// The facts the controller plans with. `rate`: hashes per second.
    pub(crate) fn capability(&self, room: u16, memory: u16, rate: f64) -> Capability {
        Capability {
            reach: Reach::NONCE,
            room,
            memory,
            whole_jobs: false,
            report_target: self.target(),
            hashes_per_nonce: Target::TOP32_ZERO.expected_hashes(),
            nominal: HashRate(rate),
            eased: self.options.eased.is_some(),
        }
    }
}

/// The clock to set: the user's where the model allows it, else the model's default; as near as the hardware comes.
pub(crate) fn wanted_clock(candidate: &Candidate, options: &Options) -> Option<Hertz> {
    let [_, default, _] = candidate.model.clock?;
    let allowed = options.frequency.filter(|wanted| control::is_allowed(candidate.model, *wanted));
    control::clock(candidate.board.control, allowed.unwrap_or(default)).map(|clock| clock.hertz)
}
