//! The boards and the parts that tell them apart (`docs/protocols/bitaxe-raw.md §7`).

use adit_protocol::bitaxe_raw::Firmware;
use adit_protocol::devices::{Model, model};
use adit_protocol::i2c::ds4432u;
use adit_protocol::i2c::pmbus::VoutMode;
use adit_protocol::i2c::tps546::Wiring;

use crate::regulator::{Regulator, Tps546};

/// What moves the air.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fan {
    /// EMC2101 on the bus: one fan, one diode.
    Emc2101,
    /// EMC2103 on the bus: one fan, two diodes.
    Emc2103,
    /// EMC2302 on the bus: two fans.
    Emc2302,
    /// At the board's controller itself, which runs the fan firmware.
    Controller,
    /// The fan is not on this board's bus.
    None,
}

/// What shows the temperature of the chips.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sensors {
    /// The diode of the chip at the EMC2101.
    Diode,
    /// The EMC2101 itself, which is cooler than the chip beside it.
    Nearby,
    /// The diodes of two chips at the EMC2103, the second chip's first.
    TwoDiodes,
    /// Two TMP1075 on the board, which are cooler than the chips.
    Tmp1075,
    /// A TMP451 at the diode of the first chip, and a TMP1075 on the board.
    Tmp451,
}

/// What sets the voltage, as far as it can be told by what answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Supply {
    /// A TPS546, wired so.
    Tps546(Wiring),
    /// A DS4432U, and an INA260 that measures.
    Trimmed,
    /// A DS4432U for a stack of chips.
    TrimmedStack,
}

/// A board.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Board {
    pub(crate) key: &'static str,
    pub(crate) fan: Fan,
    pub(crate) sensors: Sensors,
    pub(crate) supply: Supply,
    /// Watts that the chips do not draw.
    pub(crate) overhead: f64,
}

const fn board(key: &'static str, fan: Fan, sensors: Sensors, supply: Supply, overhead: f64) -> Board {
    Board { key, fan, sensors, supply, overhead }
}

const FIVE: Supply = Supply::Tps546(Wiring::Five);
const SERIES: Supply = Supply::Tps546(Wiring::Series);

const BOARDS: &[Board] = &[
    board("bitaxe-max", Fan::Emc2101, Sensors::Diode, Supply::Trimmed, 5.0),
    board("bitaxe-ultra", Fan::Emc2101, Sensors::Nearby, Supply::Trimmed, 5.0),
    board("bitaxe-ultra", Fan::Emc2101, Sensors::Diode, FIVE, 5.0),
    board("bitaxe-hex", Fan::Emc2302, Sensors::Tmp1075, SERIES, 12.0),
    board("bitaxe-supra", Fan::Emc2101, Sensors::Nearby, Supply::Trimmed, 5.0),
    board("bitaxe-supra", Fan::Emc2101, Sensors::Diode, FIVE, 5.0),
    board("bitaxe-suprahex", Fan::Emc2302, Sensors::Tmp1075, SERIES, 25.0),
    board("bitaxe-gamma", Fan::Emc2101, Sensors::Diode, FIVE, 5.0),
    board("bitaxe-gamma-duo", Fan::Emc2101, Sensors::Diode, FIVE, 5.0),
    board("bitaxe-gamma-turbo", Fan::Emc2103, Sensors::TwoDiodes, Supply::Tps546(Wiring::Stack), 10.0),
    // Nothing is published of this board: taken to be a Gamma with another chip. On 12 V the limits of a 5 V board keep it off.
    board("bitaxe-naja", Fan::Emc2101, Sensors::Diode, FIVE, 5.0),
    board("emberone00", Fan::None, Sensors::Tmp451, Supply::TrimmedStack, 0.0),
];

impl Board {
    /// Its row of the model table.
    pub(crate) fn model(&self) -> Option<&'static Model> {
        model(self.key)
    }

    /// Its regulator. `mode`: as read from a TPS546.
    pub(crate) fn regulator(&self, mode: VoutMode) -> Regulator {
        match self.supply {
            Supply::Tps546(wiring) => Regulator::Tps546(Tps546 { wiring, mode }),
            Supply::Trimmed => Regulator::Trim(ds4432u::BITAXE),
            Supply::TrimmedStack => Regulator::Trim(ds4432u::EMBERONE),
        }
    }

    /// Regulator volts per volt of the core voltage that users set.
    pub(crate) const fn series(&self) -> f64 {
        match self.supply {
            Supply::Tps546(wiring) => wiring.series(),
            Supply::Trimmed | Supply::TrimmedStack => 1.0,
        }
    }

    /// Current above which the chips are switched off.
    pub(crate) const fn amperes(&self) -> Option<f64> {
        match self.supply {
            Supply::Tps546(wiring) => Some(wiring.amperes()),
            Supply::Trimmed | Supply::TrimmedStack => None,
        }
    }

    /// Core voltage below which none of the chips works and above which none must be.
    pub(crate) fn default_core(&self) -> Option<f64> {
        Some(self.model()?.supply?.core[1].0)
    }
}

/// What answered on the bus.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Parts {
    pub(crate) emc2101: bool,
    pub(crate) emc2103: bool,
    pub(crate) emc2302: bool,
    /// With its VOUT_MODE.
    pub(crate) tps546: Option<VoutMode>,
    pub(crate) ds4432u: bool,
    pub(crate) ina260: bool,
    pub(crate) tmp1075: [bool; 2],
    pub(crate) tmp451: bool,
}

impl Parts {
    /// Boards among `models` that have these parts; if none, what is missing.
    pub(crate) fn boards(&self, models: &[&'static Model]) -> Result<Vec<&'static Board>, &'static str> {
        let mine = BOARDS.iter().filter(|board| models.iter().any(|model| model.key == board.key));
        let fitting: Vec<_> = mine.filter(|board| self.fit(board)).collect();
        if !fitting.is_empty() {
            return Ok(fitting);
        }
        Err(if self.tps546.is_none() && !self.ds4432u {
            "core regulator"
        } else if ![self.emc2101, self.emc2103, self.emc2302, self.tmp451].contains(&true) {
            "fan controller or temperature sensor"
        } else {
            "board with these parts"
        })
    }

    fn fit(&self, board: &Board) -> bool {
        let fan = match board.fan {
            Fan::Emc2101 => self.emc2101,
            Fan::Emc2103 => self.emc2103,
            Fan::Emc2302 => self.emc2302,
            Fan::Controller | Fan::None => true,
        };
        let sensors = match board.sensors {
            Sensors::Diode | Sensors::Nearby | Sensors::TwoDiodes => true,
            Sensors::Tmp1075 => self.tmp1075.contains(&true),
            Sensors::Tmp451 => self.tmp451,
        };
        let supply = match board.supply {
            Supply::Tps546(_) => self.tps546.is_some(),
            Supply::Trimmed => self.tps546.is_none() && self.ds4432u && self.ina260,
            Supply::TrimmedStack => self.ds4432u,
        };
        fan && sensors && supply
    }
}

/// The firmware behind a product string; of boards without one the model says it.
pub(crate) fn firmware(product: Option<&str>, models: &[&'static Model]) -> Firmware {
    let named = product.and_then(Firmware::of_product);
    named.unwrap_or_else(|| match models.first().map(|model| model.key) {
        Some("emberone00") => Firmware::EmberOne,
        Some("bitcrane3") => Firmware::Bitcrane,
        _ => Firmware::Classic,
    })
}

#[cfg(test)]
mod tests {
    use adit_protocol::devices::models;
    use adit_protocol::i2c::tps546;

    use super::*;

    fn all() -> Vec<&'static Model> {
        models().filter(|model| model.driver == "bitaxe").collect()
    }

    fn keys(parts: Parts) -> Vec<&'static str> {
        parts.boards(&all()).unwrap().iter().map(|board| board.key).collect()
    }

    const MODE: Option<VoutMode> = Some(tps546::DEFAULT_VOUT_MODE);

    #[test]
    fn parts_narrow_down_which_board_it_is() {
        let five = Parts { emc2101: true, tps546: MODE, ..Parts::default() };
        assert_eq!(
            keys(five),
            ["bitaxe-ultra", "bitaxe-supra", "bitaxe-gamma", "bitaxe-gamma-duo", "bitaxe-naja"]
        );
        let old = Parts { emc2101: true, ds4432u: true, ina260: true, ..Parts::default() };
        assert_eq!(keys(old), ["bitaxe-max", "bitaxe-ultra", "bitaxe-supra"]);
        let hex = Parts { emc2302: true, tps546: MODE, tmp1075: [true, true], ..Parts::default() };
        assert_eq!(keys(hex), ["bitaxe-hex", "bitaxe-suprahex"]);
        let turbo = Parts { emc2103: true, tps546: MODE, ..Parts::default() };
        assert_eq!(keys(turbo), ["bitaxe-gamma-turbo"]);
        let ember = Parts { tmp451: true, ds4432u: true, tmp1075: [true, false], ..Parts::default() };
        assert_eq!(keys(ember), ["emberone00"]);
    }

    #[test]
    fn a_fan_controller_without_a_regulator_that_is_known_is_never_powered() {
        let parts = Parts { emc2101: true, ..Parts::default() };
        assert_eq!(parts.boards(&all()), Err("core regulator"));
        let parts = Parts { tps546: MODE, ..Parts::default() };
        assert_eq!(parts.boards(&all()), Err("fan controller or temperature sensor"));
        let gamma = [model("bitaxe-gamma").unwrap()];
        let parts = Parts { emc2302: true, tps546: MODE, ..Parts::default() };
        assert_eq!(parts.boards(&gamma), Err("board with these parts"));
    }

    #[test]
    fn every_model_but_those_with_several_hash_boards_has_a_board() {
        for model in all().into_iter().filter(|model| model.ports.len() == 2) {
            assert!(BOARDS.iter().any(|board| board.key == model.key), "{}", model.key);
        }
        assert!(BOARDS.iter().all(|board| board.model().is_some() && board.default_core().is_some()));
    }

    #[test]
    fn the_trim_of_a_board_reaches_all_voltages_of_its_model() {
        for board in BOARDS {
            let [low, _, high] = board.model().unwrap().supply.unwrap().core;
            if let Regulator::Trim(feedback) = board.regulator(tps546::DEFAULT_VOUT_MODE) {
                for volts in [low, high] {
                    assert!(feedback.code(volts).is_some(), "{}: {volts}", board.key);
                }
            }
        }
    }
}
