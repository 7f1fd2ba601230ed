//! What can go wrong at a device, and what is done about it.

use std::time::Duration;

use adit_protocol::i2c::pmbus::Status;

/// Why a link cannot be used, or an action was not carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum LinkError {
    /// The device is no longer there.
    #[error("the device was unplugged")]
    Gone,
    /// Another program holds the device.
    #[error("another program holds the device")]
    Busy,
    /// The user may not open the device.
    #[error("no permission to open the device")]
    Denied,
    /// There is no such device.
    #[error("there is no such device")]
    NotFound,
    /// What was named is not a device that can be opened.
    #[error("this is not a serial port")]
    NotADevice,
    /// It did not happen in time.
    #[error("the device did not take the bytes in time")]
    Timeout,
    /// The link cannot do this.
    #[error("the link cannot do this")]
    Unsupported,
    /// The operating system reported this error number.
    #[error("input/output error {0}")]
    Os(i32),
}

/// Something that went wrong at a device.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum Fault {
    /// The link failed.
    #[error("{0}")]
    Link(#[from] LinkError),
    /// The device has never answered.
    #[error("no answer within {waited_ms} ms")]
    NoAnswer {
        /// How long it was given.
        waited_ms: u32,
    },
    /// What answers is not the model that was asked for, or none that this driver knows.
    #[error("the answer is not that of {expected}")]
    WrongDevice {
        /// The model or family that was expected.
        expected: &'static str,
    },
    /// Bytes that belong to no frame.
    #[error("{bytes} bytes that belong to no frame")]
    Garbage {
        /// How many.
        bytes: u32,
    },
    /// A device that answered before has become silent.
    #[error("silent for {seconds} s")]
    Silent {
        /// How long.
        seconds: u32,
    },
    /// Most nonces are wrong.
    #[error("{errors} of the last {nonces} nonces are wrong")]
    HardwareErrors {
        /// Wrong ones.
        errors: u32,
        /// Of how many.
        nonces: u32,
    },
    /// A temperature limit was exceeded.
    #[error("{celsius} °C at unit {unit}: above the limit of {limit_celsius} °C")]
    Overheated {
        /// Which unit.
        unit: u16,
        /// What was measured.
        celsius: f32,
        /// The limit.
        limit_celsius: f32,
    },
    /// A value that safety depends on is missing.
    #[error("no temperature from unit {unit} for {seconds} s")]
    SensorLost {
        /// Which unit.
        unit: u16,
        /// For how long.
        seconds: u32,
    },
    /// The control port answers no more.
    #[error("the control port has not answered {tries} times")]
    ControlSilent {
        /// Requests in a row without a usable answer.
        tries: u32,
    },
    /// A part of the board denies what it must do.
    #[error("a part of the board does not acknowledge what it must do")]
    ControlDenied,
    /// The board's controller has started anew while it was at work.
    #[error("the board's controller has restarted")]
    Restarted,
    /// The board's parts are not those of a board that is known: it is not powered.
    #[error("no {missing} that is known: the board is left alone")]
    UnknownBoard {
        /// What could not be found or told.
        missing: &'static str,
    },
    /// The core regulator reports faults; the voltage is off.
    #[error("the regulator reports {}", in_words(*status))]
    Regulator {
        /// STATUS_WORD of PMBus.
        status: u16,
    },
    /// A voltage is not what it must be.
    #[error("{volts} V where {low} to {high} V are needed")]
    Voltage {
        /// What was measured.
        volts: f32,
        /// Lowest that is well.
        low: f32,
        /// Highest that is well.
        high: f32,
    },
    /// The chips draw more current than they may.
    #[error("{amperes} A: above the limit of {limit_amperes} A")]
    OverCurrent {
        /// What was measured.
        amperes: f32,
        /// The limit.
        limit_amperes: f32,
    },
    /// The board draws more power than it may, also at its slowest.
    #[error("{watts} W: above the limit of {limit_watts} W")]
    OverPower {
        /// What was measured.
        watts: f32,
        /// The limit.
        limit_watts: f32,
    },
    /// A fan that should turn stands still.
    #[error("fan {fan} stands still")]
    FanStopped {
        /// Which.
        fan: u16,
    },
    /// A chip of a chain does not answer, or no longer.
    #[error("chip {chip} does not answer: {found} of {expected} are there")]
    ChipMissing {
        /// The first that is missing, counted from 0 at the host's end.
        chip: u16,
        /// Chips that answer.
        found: u16,
        /// Chips there should be.
        expected: u16,
    },
    /// A chain has more chips than it should.
    #[error("{found} chips answer where {expected} should be")]
    ChipsExtra {
        /// Chips that answer.
        found: u16,
        /// Chips there should be.
        expected: u16,
    },
    /// A chip that was set up behaves as after a reset: its supply may have failed for a moment.
    #[error("chip {chip} has been reset")]
    ChipReset {
        /// Which, counted from 0 at the host's end.
        chip: u16,
    },
    /// Most nonces repeat earlier ones: chips search the same numbers.
    #[error("{duplicates} of the last {nonces} nonces repeat others")]
    Duplicates {
        /// Repeated ones.
        duplicates: u32,
        /// Of how many.
        nonces: u32,
    },
    /// The device was told to change its baud rate and is no longer heard.
    #[error("no answer at {baud} baud")]
    BaudLost {
        /// The rate it was told.
        baud: u32,
    },
    /// The device does not do what it was told.
    #[error("the device refuses {what}")]
    Refused {
        /// The setting or order.
        what: &'static str,
    },
    /// The machine panicked. Only this device stops.
    #[error("the driver of this device broke down: a mistake in adit, please report it")]
    Panicked,
}

/// A STATUS_WORD in words, with the number for whoever reads the data sheet.
fn in_words(status: u16) -> String {
    let words: Vec<&str> = Status(status).words().collect();
    format!("{} (status {status:#06x})", words.join(", "))
}

/// What the controller does about a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recovery {
    /// Count it and go on.
    Ignore,
    /// The machine finds the next frame by itself.
    Resync,
    /// The machine tries again after this time.
    Retry {
        /// The pause.
        after: Duration,
    },
    /// Set the line again.
    ResetLine,
    /// Close the link and open it again, with back-off.
    Reopen,
    /// The device has left; look for it (same serial number or same place) for this long before giving it up.
    Rescan {
        /// How long.
        within: Duration,
    },
    /// Leave it alone for this long, then try once more.
    Quarantine {
        /// How long.
        period: Duration,
    },
    /// It will not come back by itself.
    Gone,
}

impl Fault {
    /// The one table of what follows on a fault. Back-off between attempts is the core's.
    pub const fn recovery(&self) -> Recovery {
        match self {
            Self::Garbage { .. } => Recovery::Resync,
            Self::Link(LinkError::Gone) => Recovery::Rescan { within: Duration::from_secs(60) },
            Self::Link(LinkError::Timeout | LinkError::Os(_) | LinkError::Busy) => Recovery::Reopen,
            Self::Link(LinkError::Denied | LinkError::NotFound) => {
                Recovery::Rescan { within: Duration::from_secs(60) }
            }
            Self::Link(LinkError::Unsupported | LinkError::NotADevice) | Self::Refused { .. } => {
                Recovery::Gone
            }
            Self::NoAnswer { .. } | Self::Silent { .. } => Recovery::Reopen,
            Self::HardwareErrors { .. } => Recovery::Reopen,
            Self::ChipMissing { .. }
            | Self::ChipsExtra { .. }
            | Self::ChipReset { .. }
            | Self::Duplicates { .. }
            | Self::BaudLost { .. } => Recovery::Reopen,
            Self::WrongDevice { .. } | Self::Panicked => {
                Recovery::Quarantine { period: Duration::from_secs(600) }
            }
            Self::ControlSilent { .. } | Self::ControlDenied | Self::Restarted => Recovery::Reopen,
            Self::UnknownBoard { .. } => Recovery::Quarantine { period: Duration::from_secs(600) },
            Self::Regulator { .. } | Self::Voltage { .. } => {
                Recovery::Quarantine { period: Duration::from_secs(60) }
            }
            Self::Overheated { .. }
            | Self::SensorLost { .. }
            | Self::FanStopped { .. }
            | Self::OverCurrent { .. }
            | Self::OverPower { .. } => Recovery::Quarantine { period: Duration::from_secs(300) },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_of_the_regulator_is_told_in_words() {
        let fault = Fault::Regulator { status: 0x0810 };
        assert_eq!(
            fault.to_string(),
            "the regulator reports output over-current, power not good (status 0x0810)"
        );
    }

    #[test]
    fn every_fault_has_its_recovery() {
        let quarantine = |seconds| Recovery::Quarantine { period: Duration::from_secs(seconds) };
        let table = [
            (Fault::Garbage { bytes: 3 }, Recovery::Resync),
            (Fault::Link(LinkError::Gone), Recovery::Rescan { within: Duration::from_secs(60) }),
            (Fault::Link(LinkError::Denied), Recovery::Rescan { within: Duration::from_secs(60) }),
            (Fault::Link(LinkError::NotFound), Recovery::Rescan { within: Duration::from_secs(60) }),
            (Fault::Link(LinkError::Busy), Recovery::Reopen),
            (Fault::Link(LinkError::Timeout), Recovery::Reopen),
            (Fault::Link(LinkError::Os(5)), Recovery::Reopen),
            (Fault::Link(LinkError::Unsupported), Recovery::Gone),
            (Fault::Link(LinkError::NotADevice), Recovery::Gone),
            (Fault::NoAnswer { waited_ms: 300 }, Recovery::Reopen),
            (Fault::Silent { seconds: 60 }, Recovery::Reopen),
            (Fault::HardwareErrors { errors: 9, nonces: 10 }, Recovery::Reopen),
            (Fault::ChipMissing { chip: 7, found: 7, expected: 12 }, Recovery::Reopen),
            (Fault::ChipsExtra { found: 13, expected: 12 }, Recovery::Reopen),
            (Fault::ChipReset { chip: 7 }, Recovery::Reopen),
            (Fault::Duplicates { duplicates: 40, nonces: 64 }, Recovery::Reopen),
            (Fault::BaudLost { baud: 1_000_000 }, Recovery::Reopen),
            (Fault::WrongDevice { expected: "icarus" }, quarantine(600)),
            (Fault::Refused { what: "pin" }, Recovery::Gone),
            (Fault::Panicked, quarantine(600)),
            (Fault::Overheated { unit: 0, celsius: 95.0, limit_celsius: 90.0 }, quarantine(300)),
            (Fault::SensorLost { unit: 0, seconds: 5 }, quarantine(300)),
            (Fault::ControlSilent { tries: 3 }, Recovery::Reopen),
            (Fault::ControlDenied, Recovery::Reopen),
            (Fault::Restarted, Recovery::Reopen),
            (Fault::UnknownBoard { missing: "core regulator" }, quarantine(600)),
            (Fault::Regulator { status: 0x10 }, quarantine(60)),
            (Fault::Voltage { volts: 4.2, low: 4.5, high: 5.5 }, quarantine(60)),
            (Fault::OverCurrent { amperes: 31.0, limit_amperes: 30.0 }, quarantine(300)),
            (Fault::OverPower { watts: 42.0, limit_watts: 40.0 }, quarantine(300)),
            (Fault::FanStopped { fan: 0 }, quarantine(300)),
        ];
        for (fault, recovery) in table {
            assert_eq!(fault.recovery(), recovery, "{fault}");
        }
    }
}
