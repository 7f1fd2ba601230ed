//! Core voltage: what is written to the regulator of a board, and what it says (`docs/protocols/bitaxe-raw.md §6.6, §6.7`).

use std::time::Duration;

use adit_driver::Fault;
use adit_protocol::bitaxe_raw::{Firmware, Operation, pin};
use adit_protocol::i2c::ds4432u::{self, Feedback};
use adit_protocol::i2c::pmbus::{self, Status, VoutMode};
use adit_protocol::i2c::tps546::{self, Wiring};
use adit_protocol::units::Volts;

use crate::control::{Outcome, Task};
use crate::power::CORE_TOLERANCE;

/// From switching on to a steady output.
const RISE: Duration = Duration::from_millis(500);

/// What sets the core voltage.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Regulator {
    /// A TPS546 on PMBus: everything can be set, read back, and switched off.
    Tps546(Tps546),
    /// A DS4432U that trims a regulator of its own.
    Trim(Feedback),
}

/// How a TPS546 is wired.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Tps546 {
    /// Supply, chips in series, one part or two.
    pub(crate) wiring: Wiring,
    /// As read from the part.
    pub(crate) mode: VoutMode,
}

fn write(bytes: &[u8]) -> Task {
    Task::Must(Operation::write(tps546::ADDRESS, bytes))
}

fn read(command: u8, count: u8) -> Operation {
    Operation::read_register(tps546::ADDRESS, command, count)
}

impl Regulator {
    /// Switches the output on at `core`, everything configured before. The last three outcomes are those of [`Self::check`].
    pub(crate) fn power_up(&self, core: Volts, firmware: Firmware) -> Vec<Task> {
        let mut tasks = match self {
            Self::Tps546(part) => {
                let configuration = part.wiring.configuration(part.mode, core);
                let mut tasks: Vec<_> = configuration.iter().map(|bytes| write(bytes)).collect();
                tasks.push(write(&[pmbus::OPERATION, pmbus::ON]));
                tasks
            }
            Self::Trim(_) => self.set(core),
        };
        let enables: &[u8] = match firmware {
            Firmware::EmberOne => &[pin::EMBERONE_POWER, pin::EMBERONE_IO_SUPPLY],
            Firmware::Fan => &[pin::FAN_IO_SUPPLY, pin::FAN_CORE_ENABLE],
            _ => &[],
        };
        // Firmware versions number these pins differently: one of them may not exist.
        tasks.extend(enables.iter().map(|pin| Task::May(Operation::GpioSet { pin: *pin, high: true })));
        tasks.push(Task::Pause(RISE));
        tasks.extend(self.check());
        tasks
    }

    /// What tells whether the output is what it should be, where that can be told.
    fn check(&self) -> Vec<Task> {
        match self {
            Self::Tps546(_) => vec![
                Task::Must(read(pmbus::OPERATION, 1)),
                Task::Must(read(pmbus::STATUS_WORD, 2)),
                Task::Must(read(pmbus::READ_VOUT, 2)),
            ],
            Self::Trim(_) => {
                vec![Task::Must(Operation::read_register(ds4432u::ADDRESS, ds4432u::OUTPUT_0, 1))]
            }
        }
    }

    /// Whether the last outcomes of [`Self::power_up`] say that the output is on and well, at `core`.
    pub(crate) fn verify(&self, core: Volts, outcomes: &[Outcome]) -> Result<(), Fault> {
        let Self::Tps546(part) = self else { return Ok(()) };
        let [.., Ok(operation), Ok(status), Ok(volts)] = outcomes else { return Err(Fault::ControlDenied) };
        let status = status.first_chunk().map_or(u16::MAX, |bytes| u16::from_le_bytes(*bytes));
        if operation[..] != [pmbus::ON] || Status(status).any(Status::FATAL) {
            return Err(Fault::Regulator { status });
        }
        let volts = volts.first_chunk().map_or(0.0, |bytes| part.mode.value(u16::from_le_bytes(*bytes)));
        within(volts, core.0 * (1.0 - CORE_TOLERANCE), core.0 * (1.0 + CORE_TOLERANCE))
    }

    /// Whether what [`Self::set`] read back is `core`.
    pub(crate) fn is_set(&self, core: Volts, outcome: Option<&Outcome>) -> Result<(), Fault> {
        let Some(Ok(reply)) = outcome else { return Err(Fault::ControlDenied) };
        let volts = self.read_back(reply).ok_or(Fault::ControlDenied)?.0;
        within(volts, core.0 - self.step(), core.0 + self.step())
    }

    /// Another voltage while the output is on, read back.
    pub(crate) fn set(&self, core: Volts) -> Vec<Task> {
        match self {
            Self::Tps546(part) => {
                let [low, high] = part.mode.nearest(core.0).to_le_bytes();
                // A write whose answer is lost is not repeated: what the part holds is read.
                vec![
                    Task::May(Operation::write(tps546::ADDRESS, &[pmbus::VOUT_COMMAND, low, high])),
                    Task::Must(read(pmbus::VOUT_COMMAND, 2)),
                ]
            }
            Self::Trim(feedback) => {
                // Outside its limits a trim stays where it is: limits of models lie inside.
                let code = feedback.code(core).unwrap_or(ds4432u::NOMINAL);
                vec![
                    Task::May(Operation::write(ds4432u::ADDRESS, &[ds4432u::OUTPUT_0, code])),
                    Task::Must(Operation::read_register(ds4432u::ADDRESS, ds4432u::OUTPUT_0, 1)),
                ]
            }
        }
    }

    /// The voltage that the last outcome of [`Self::set`] reads back.
    pub(crate) fn read_back(&self, reply: &[u8]) -> Option<Volts> {
        match (self, reply) {
            (Self::Tps546(part), [low, high]) => {
                Some(Volts(part.mode.value(u16::from_le_bytes([*low, *high]))))
            }
            (Self::Trim(feedback), [code]) => Some(feedback.volts(*code)),
            _ => None,
        }
    }

    /// How far what is read back may lie from what was set: the step of the converter.
    pub(crate) const fn step(&self) -> f64 {
        match self {
            Self::Tps546(_) => 0.003,
            Self::Trim(_) => 0.03,
        }
    }

    /// Output off, or as low as it goes where it cannot be switched.
    pub(crate) fn off(&self, firmware: Firmware) -> Vec<Task> {
        let mut tasks = Vec::new();
        match self {
            Self::Tps546(_) => {
                tasks.push(Task::Try(Operation::write(tps546::ADDRESS, &[pmbus::OPERATION, pmbus::OFF])));
            }
            Self::Trim(_) => {
                tasks.push(Task::Try(Operation::write(ds4432u::ADDRESS, &[ds4432u::OUTPUT_0, LOWEST_TRIM])));
            }
        }
        let enables: &[u8] = match firmware {
            Firmware::EmberOne => &[pin::EMBERONE_POWER, pin::EMBERONE_IO_SUPPLY],
            Firmware::Fan => &[pin::FAN_CORE_ENABLE, pin::FAN_IO_SUPPLY],
            _ => &[],
        };
        tasks.extend(enables.iter().map(|pin| Task::Try(Operation::GpioSet { pin: *pin, high: false })));
        tasks
    }
}

fn within(volts: f64, low: f64, high: f64) -> Result<(), Fault> {
    let fault = Fault::Voltage { volts: volts as f32, low: low as f32, high: high as f32 };
    if (low..=high).contains(&volts) { Ok(()) } else { Err(fault) }
}

/// All the current the trim has, downwards.
const LOWEST_TRIM: u8 = 0xff;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use adit_protocol::bitaxe_raw::{Bus, Transfer};
    use adit_protocol::hex;
    use serde_json::Value;

    use super::*;

    fn gamma() -> Tps546 {
        Tps546 { wiring: Wiring::Five, mode: tps546::DEFAULT_VOUT_MODE }
    }

    /// Writes to the regulator among `tasks`, as hex.
    fn writes(tasks: &[Task]) -> BTreeSet<String> {
        let bytes = |task: &Task| match task {
            Task::Must(Operation::I2c(Bus::Main, Transfer::Write { address: 0x24, bytes }))
            | Task::Try(Operation::I2c(Bus::Main, Transfer::Write { address: 0x24, bytes }))
            | Task::May(Operation::I2c(Bus::Main, Transfer::Write { address: 0x24, bytes })) => {
                Some(hex::encode(bytes))
            }
            _ => None,
        };
        tasks.iter().filter_map(bytes).collect()
    }

    #[test]
    fn a_gamma_gets_what_another_host_was_seen_to_write() {
        let text = include_str!("../../../protocol/vectors/bitaxe-raw.json");
        let file: Value = serde_json::from_str(text).unwrap();
        let vectors = file["vectors"].as_array().unwrap();
        let session = vectors.iter().find(|vector| vector["id"] == "mujina-gamma-start").unwrap();
        let seen: BTreeSet<String> = session["exchanges"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(|exchange| {
                exchange[0].as_str().unwrap().get(8..).and_then(|rest| rest.strip_prefix("052024"))
            })
            .map(str::to_owned)
            .collect();
        let ours = writes(&Regulator::Tps546(gamma()).power_up(Volts(1.15), Firmware::Classic));
        let extra: Vec<_> = ours.difference(&seen).collect();
        assert_eq!(extra, ["04ff"], "PHASE, which that host writes later");
        assert_eq!(seen.difference(&ours).count(), 0, "{:?}", seen.difference(&ours));
    }

    #[test]
    fn memory_of_the_part_is_never_written_and_faults_are_cleared_only_with_the_output_off() {
        for wiring in [Wiring::Five, Wiring::Stack, Wiring::Series] {
            let part = Tps546 { wiring, ..gamma() };
            let tasks = Regulator::Tps546(part).power_up(Volts(1.15), Firmware::Classic);
            assert!(!writes(&tasks).iter().any(|bytes| bytes.starts_with("15")), "STORE_USER_ALL");
            let place = |bytes: &[u8]| {
                tasks.iter().position(|task| *task == Task::Must(Operation::write(tps546::ADDRESS, bytes)))
            };
            assert!(place(&[pmbus::OPERATION, pmbus::OFF]) < place(&[pmbus::CLEAR_FAULTS]));
            assert!(place(&[pmbus::CLEAR_FAULTS]) < place(&[pmbus::OPERATION, pmbus::ON]));
        }
        let running = writes(&Regulator::Tps546(gamma()).set(Volts(1.2)));
        assert_eq!(running.into_iter().collect::<Vec<_>>(), ["216602"]);
    }

    #[test]
    fn three_rails_in_series_and_two_parts_in_a_stack_have_their_own_limits() {
        let part = |wiring| Regulator::Tps546(Tps546 { wiring, ..gamma() });
        let hex = writes(&part(Wiring::Series).power_up(Volts(3.6), Firmware::Classic));
        for wanted in ["213307", "240009", "2b0005", "35e0d2", "36c0d2", "58c0d2"] {
            assert!(hex.contains(wanted), "{wanted}: {hex:?}");
        }
        let turbo = writes(&part(Wiring::Stack).power_up(Volts(1.15), Firmware::Classic));
        for wanted in ["214d02", "240006", "35c0d2", "ec0100", "e4d0", "b1051234422104"] {
            assert!(turbo.contains(wanted), "{wanted}: {turbo:?}");
        }
    }

    #[test]
    fn what_is_read_back_is_what_was_set_within_a_step() {
        for regulator in [Regulator::Tps546(gamma()), Regulator::Trim(ds4432u::BITAXE)] {
            for volts in [1.1, 1.15, 1.2, 1.3] {
                let Task::May(Operation::I2c(_, Transfer::Write { bytes, .. })) =
                    &regulator.set(Volts(volts))[0]
                else {
                    panic!("no write")
                };
                let read = regulator.read_back(&bytes[1..]).unwrap();
                assert!((read.0 - volts).abs() <= regulator.step(), "{volts}: {read}");
            }
        }
    }

    #[test]
    fn off_is_off_and_a_trim_goes_as_low_as_it_can() {
        let off = writes(&Regulator::Tps546(gamma()).off(Firmware::Classic));
        assert_eq!(off.into_iter().collect::<Vec<_>>(), ["0100"]);
        assert!(ds4432u::BITAXE.volts(LOWEST_TRIM).0 < 1.0);
        let ember = Regulator::Trim(ds4432u::EMBERONE).off(Firmware::EmberOne);
        assert!(ember.contains(&Task::Try(Operation::GpioSet { pin: pin::EMBERONE_POWER, high: false })));
    }
}
