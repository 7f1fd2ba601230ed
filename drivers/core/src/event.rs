//! What a machine tells the controller.

use adit_protocol::devices::Model;

use crate::{Capability, Command, Fault, Nonce, OperatingPoint, Reading, Tuned, Why};

/// Something the controller must know.
#[derive(Clone, Debug, PartialEq)]
#[allow(clippy::large_enum_variant, reason = "a nonce travels by value: no allocation per nonce")]
pub enum Event {
    /// The device is known to be this model. Until then it is listed as what it may be.
    Identified(&'static Model),
    /// The device can work, and how. Repeated when a fact changes.
    Ready(Capability),
    /// Room for works. Absolute, so that a message that crosses another on the way does no harm: the controller knows
    /// how many works it has sent since the link came up, and fills up what is free beyond those not yet received.
    Room {
        /// Works received since the link came up. Whoever throws works away on their way (a mailbox whose works
        /// [`Order::JobChanged`](crate::Order::JobChanged) makes void) adds them: they are no longer on the way.
        received: u64,
        /// Works it could take now.
        free: u16,
    },
    /// An answer of the device.
    Nonce(Nonce),
    /// A measured value of one unit (board, chip, fan) of the device.
    Measured {
        /// Which unit, numbered by the device.
        unit: u16,
        /// What was measured, and the unit of the number.
        quantity: Quantity,
        /// The value or the reason why there is none.
        reading: Reading<f64>,
    },
    /// Something went wrong and the machine goes on by itself.
    Fault(Fault),
    /// The user's command is not possible on this device.
    Declined(Command),
    /// The machine has moved the device to another clock or voltage.
    Moved {
        /// Where to.
        to: OperatingPoint,
        /// Why.
        why: Why,
    },
    /// Tuning has ended with this result, worth remembering.
    Tuned(Tuned),
    /// The device says what it is called; nobody has checked it.
    Introduced(Introduction),
    /// The hardware is safe; the link may be closed.
    Stopped,
}

/// What a device says of itself. Printable text of at most [`Self::LIMIT`] characters each, and not to be trusted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Introduction {
    /// Name and version of its program, such as `bitaxe/BM1370/v2.9.0`; empty where it does not say.
    pub agent: String,
    /// What its owner calls it; empty where it does not say.
    pub worker: String,
}

impl Introduction {
    /// Most characters of a name.
    pub const LIMIT: usize = 64;

    /// What a device has sent, without what could not be seen or would change the look of the text around it.
    pub fn new(agent: &str, worker: &str) -> Self {
        Self { agent: legible(agent), worker: legible(worker) }
    }
}

fn legible(text: &str) -> String {
    // Marks that turn the direction of writing, that join, or that have no width.
    let unseen = |c: &char| {
        matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
    };
    let seen = text.chars().filter(|c| !c.is_control() && !unseen(c));
    seen.take(Introduction::LIMIT).collect::<String>().trim().to_owned()
}

/// Physical quantities of [`Event::Measured`]; the name says the unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Quantity {
    /// Degrees Celsius.
    TemperatureCelsius,
    /// Rotations per minute.
    FanRpm,
    /// Core voltage in volts.
    CoreVolts,
    /// Electric power in watts.
    PowerWatts,
    /// Chip clock in hertz.
    ClockHertz,
    /// Voltage at the board's input in volts.
    InputVolts,
    /// Current of the chips in amperes.
    CurrentAmperes,
    /// What the fan is told, in per cent of full speed.
    FanPercent,
    /// Energy per terahash in joules: power by hash rate.
    JoulesPerTerahash,
    /// Hash rate by the chip's own counter, in hashes per second.
    CountedHashrateHs,
    /// Hash rate of a part of a chip by its own counter, in hashes per second; the unit is 4 × chip + part.
    DomainHashrateHs,
}

impl Quantity {
    /// Snake-case name with its unit, as it appears in JSON, metrics and history.
    pub const fn name(self) -> &'static str {
        match self {
            Self::TemperatureCelsius => "temperature_celsius",
            Self::FanRpm => "fan_rpm",
            Self::CoreVolts => "core_volts",
            Self::PowerWatts => "power_watts",
            Self::ClockHertz => "clock_hertz",
            Self::InputVolts => "input_volts",
            Self::CurrentAmperes => "current_amperes",
            Self::FanPercent => "fan_percent",
            Self::JoulesPerTerahash => "joules_per_terahash",
            Self::CountedHashrateHs => "counted_hashrate_hs",
            Self::DomainHashrateHs => "domain_hashrate_hs",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_cut_and_cannot_spoil_a_terminal() {
        let said = Introduction::new("bitaxe/BM1370\u{1b}[2J\u{202e}\n", &"ö".repeat(1_000));
        assert_eq!(said.agent, "bitaxe/BM1370[2J");
        assert_eq!(said.worker.chars().count(), Introduction::LIMIT);
    }
}
