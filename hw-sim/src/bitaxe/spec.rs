//! What is on each board (`docs/protocols/bitaxe-raw.md §6, §7`).

use adit_protocol::bitaxe_raw::Firmware;

/// A board as it is built.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spec {
    pub(super) firmware: Firmware,
    pub(super) cooling: Cooling,
    pub(super) regulator: Regulator,
    /// Supply in volts.
    pub(super) supply: f64,
    /// What the board draws beside its chips, in watts.
    pub(super) offset_watts: f64,
    /// Chips in series between the regulator's output and ground.
    pub(super) series: f64,
    /// Chains: as many data ports.
    pub(super) chains: usize,
}

/// Fan controller and temperature sensors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cooling {
    /// EMC2101 with the diode of the chip.
    Emc2101,
    /// EMC2101 whose own sensor, 5 °C cooler than the chip, is all there is.
    Emc2101Internal,
    /// EMC2103, the diodes of two chips swapped.
    Emc2103,
    /// EMC2302, and two TMP1075 that are 10 °C cooler than the chips.
    Emc2302,
    /// A TMP1075, and a TMP451 with the diode of the first chip; the fan is none of the board's business.
    Tmp451,
    /// Fans at the controller, no sensor within reach.
    Bitcrane,
}

/// What makes the core voltage, and who measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Regulator {
    /// TPS546D24A.
    Tps546,
    /// A buck that is always on, trimmed by a DS4432U; an INA260 measures what the board draws.
    Trimmed,
    /// EmberOne: a buck behind the power enable pin, trimmed by a DS4432U.
    Switched,
    /// The power supply of a machine behind its enable pin.
    Psu,
}

const GAMMA: Spec = Spec {
    firmware: Firmware::Classic,
    cooling: Cooling::Emc2101,
    regulator: Regulator::Tps546,
    supply: 5.0,
    offset_watts: 5.0,
    series: 1.0,
    chains: 1,
};

const HEX: Spec = Spec { cooling: Cooling::Emc2302, supply: 12.0, offset_watts: 12.0, series: 3.0, ..GAMMA };

impl Spec {
    /// The board of a model.
    pub(super) fn of(key: &str) -> Option<Self> {
        let older = Self { cooling: Cooling::Emc2101Internal, regulator: Regulator::Trimmed, ..GAMMA };
        Some(match key {
            "bitaxe-max" => Self { regulator: Regulator::Trimmed, ..GAMMA },
            "bitaxe-ultra" => older,
            "bitaxe-hex" => HEX,
            // a Naja is described nowhere: taken to be a Gamma with another chip
            "bitaxe-supra" | "bitaxe-gamma" | "bitaxe-gamma-duo" | "bitaxe-naja" => GAMMA,
            "bitaxe-suprahex" => Self { offset_watts: 25.0, ..HEX },
            "bitaxe-gamma-turbo" => {
                Self { cooling: Cooling::Emc2103, supply: 12.0, offset_watts: 10.0, ..GAMMA }
            }
            "emberone00" => Self {
                firmware: Firmware::EmberOne,
                cooling: Cooling::Tmp451,
                regulator: Regulator::Switched,
                supply: 12.0,
                series: 12.0,
                ..GAMMA
            },
            "bitcrane3" => Self {
                firmware: Firmware::Bitcrane,
                cooling: Cooling::Bitcrane,
                regulator: Regulator::Psu,
                supply: 12.0,
                offset_watts: 30.0,
                series: 42.0,
                chains: 3,
            },
            _ => return None,
        })
    }

    /// The variant of an Ultra or Supra with another regulator and its sensor.
    pub(super) const fn with_regulator(self, regulator: Regulator) -> Self {
        let cooling = match regulator {
            Regulator::Tps546 => Cooling::Emc2101,
            _ => Cooling::Emc2101Internal,
        };
        Self { regulator, cooling, ..self }
    }

    /// Speed of a fan at its highest, in rotations per minute.
    pub(super) const fn full_rpm(&self) -> f64 {
        match self.cooling {
            Cooling::Emc2101 | Cooling::Emc2101Internal => 7_000.0,
            Cooling::Emc2103 | Cooling::Emc2302 => 5_000.0,
            Cooling::Tmp451 | Cooling::Bitcrane => 6_000.0,
        }
    }
}
