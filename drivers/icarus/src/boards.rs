//! What distinguishes the boards of the family, as data: one row each, beside their row in the model table.

use adit_protocol::devices::Model;
use adit_protocol::icarus::{Chip, Dialect};

/// How a board works and what it obeys.
#[derive(Debug, PartialEq)]
pub(crate) struct Board {
    /// Model keys.
    keys: &'static [&'static str],
    /// Its frames.
    pub dialect: Dialect,
    /// Work divisions it may have; the first is assumed where probing gives no answer.
    pub divisions: &'static [u16],
    /// What an engine does when it has found a nonce.
    pub after_hit: AfterHit,
    /// Commands it takes.
    pub control: Control,
    /// How it can be made to show itself.
    pub identify: Identify,
}

/// What an engine does when it has found a nonce.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AfterHit {
    /// It stops until the next job comes.
    Stops,
    /// It goes on to the end of its range.
    Continues,
}

/// Commands a board takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Control {
    /// None.
    None,
    /// Those of §6, where the bitstream supports them.
    Cairnsmore,
    /// Those of §7; the controller in front of BM1382 chips also sets their voltage.
    Bm138x(Chip),
    /// The clock code in every R-BOX job, §8.
    Rbox,
}

/// How a board can be made to show itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Identify {
    /// Not at all, or by nothing that is known to work.
    None,
    /// Its LED is lit while it has nothing to do.
    Idle,
    /// It has an LED command.
    Led,
}

static BOARDS: &[Board] = &[
    Board {
        keys: &["icarus", "lancelot"],
        dialect: Dialect::Icarus,
        divisions: &[2],
        after_hit: AfterHit::Stops,
        control: Control::None,
        identify: Identify::None,
    },
    Board {
        keys: &["cairnsmore1"],
        dialect: Dialect::Icarus,
        divisions: &[1, 2],
        after_hit: AfterHit::Stops,
        control: Control::Cairnsmore,
        identify: Identify::Led,
    },
    Board {
        keys: &["block-erupter"],
        dialect: Dialect::Icarus,
        divisions: &[1],
        after_hit: AfterHit::Continues,
        control: Control::None,
        identify: Identify::Idle,
    },
    Board {
        keys: &["antminer-u1", "antminer-u2"],
        dialect: Dialect::Icarus5,
        divisions: &[1],
        after_hit: AfterHit::Continues,
        control: Control::Bm138x(Chip::Bm1380),
        identify: Identify::None,
    },
    Board {
        keys: &["antminer-u3"],
        dialect: Dialect::Icarus5,
        divisions: &[4],
        after_hit: AfterHit::Continues,
        control: Control::Bm138x(Chip::Bm1382),
        identify: Identify::None,
    },
    Board {
        keys: &["rbox", "rockminer-t1"],
        dialect: Dialect::Rbox,
        divisions: &[1],
        after_hit: AfterHit::Continues,
        control: Control::Rbox,
        identify: Identify::None,
    },
];

/// A stick of one BM1384 that its owner wants driven this way instead of by its own driver.
static BM1384: Board = Board {
    keys: &[],
    dialect: Dialect::Icarus5,
    divisions: &[1],
    after_hit: AfterHit::Continues,
    control: Control::Bm138x(Chip::Bm1384),
    identify: Identify::None,
};

/// The board of `model`, if this driver can speak to it. `chosen`: the user named model and driver.
pub(crate) fn board(model: &Model, chosen: bool) -> Option<&'static Board> {
    let listed = BOARDS.iter().find(|board| board.keys.contains(&model.key));
    let by_chip = chosen && model.chips.kind == "BM1384" && model.chips.count == 1;
    listed.or(by_chip.then_some(&BM1384))
}

#[cfg(test)]
mod tests {
    use adit_protocol::devices::models;

    use super::*;

    #[test]
    fn every_model_of_this_driver_has_its_board() {
        for model in models().filter(|model| model.driver == "icarus") {
            assert!(board(model, false).is_some(), "{}", model.key);
        }
    }

    #[test]
    fn a_bm1384_is_driven_only_on_its_owners_word_and_only_alone() {
        let u1 = adit_protocol::devices::model("antminer-u1").unwrap();
        let stick = |count| {
            let chips = adit_protocol::devices::Chips { kind: "BM1384", count };
            Model { key: "compac", driver: "gekko", chips, ..*u1 }
        };
        assert_eq!(board(&stick(1), true).map(|board| board.control), Some(Control::Bm138x(Chip::Bm1384)));
        assert_eq!(board(&stick(1), false), None);
        assert_eq!(board(&stick(2), true), None);
    }

    #[test]
    fn every_row_is_used() {
        for key in BOARDS.iter().flat_map(|board| board.keys) {
            assert_eq!(adit_protocol::devices::model(key).map(|model| model.driver), Some("icarus"), "{key}");
        }
    }
}
