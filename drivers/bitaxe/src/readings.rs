//! What a board is asked every two seconds, and what its answers mean.

use adit_driver::NoData;
use adit_protocol::bitaxe_raw::Operation;
use adit_protocol::i2c::pmbus::Linear11;
use adit_protocol::i2c::{Diode, emc2101, emc2103, emc2302, ina260, pmbus, tmp451, tmp1075, tps546};

use crate::boards::{Board, Fan, Sensors, Supply};
use crate::control::{Outcome, Refusal, Task};
use crate::regulator::Regulator;
use crate::sample::{Sample, Sensor, Value};

/// A chip is so much hotter than a sensor beside it.
const BESIDE: f64 = 5.0;
/// A chip is so much hotter than a sensor elsewhere on the board.
const ON_BOARD: f64 = 10.0;
/// Number under which the regulator is announced: after the chips, of which no board has so many.
pub(crate) const REGULATOR_UNIT: u16 = 1_000;

/// The questions of one round and how to read the answers.
pub(crate) struct Round<'a> {
    board: &'a Board,
    regulator: Regulator,
    answers: std::vec::IntoIter<Outcome>,
}

/// The questions of one round, in the order in which [`Round::sample`] reads the answers.
pub(crate) fn questions(board: &Board) -> Vec<Task> {
    let read = |address, register, count| Task::May(Operation::read_register(address, register, count));
    let mut tasks = Vec::new();
    match board.sensors {
        // The high byte latches the low one.
        Sensors::Diode => tasks.extend([
            read(emc2101::ADDRESS, emc2101::EXTERNAL_HIGH, 1),
            read(emc2101::ADDRESS, emc2101::EXTERNAL_LOW, 1),
        ]),
        Sensors::Nearby => tasks.push(read(emc2101::ADDRESS, emc2101::INTERNAL, 1)),
        Sensors::TwoDiodes => tasks.extend([
            read(emc2103::ADDRESS, emc2103::EXTERNAL_2_HIGH, 2),
            read(emc2103::ADDRESS, emc2103::EXTERNAL_1_HIGH, 2),
        ]),
        Sensors::Tmp1075 => {
            tasks.extend(tmp1075::BOARD_ADDRESSES.map(|address| read(address, tmp1075::TEMPERATURE, 2)))
        }
        Sensors::Tmp451 => tasks.extend([
            read(tmp451::ADDRESS, tmp451::STATUS, 1),
            read(tmp451::ADDRESS, tmp451::REMOTE_HIGH, 1),
            read(tmp451::ADDRESS, tmp451::REMOTE_LOW, 1),
            read(tmp1075::BOARD_ADDRESSES[0], tmp1075::TEMPERATURE, 2),
        ]),
    }
    match board.fan {
        // The low byte latches the high one.
        Fan::Emc2101 => tasks.extend([
            read(emc2101::ADDRESS, emc2101::TACH_LOW, 1),
            read(emc2101::ADDRESS, emc2101::TACH_HIGH, 1),
        ]),
        Fan::Emc2103 => tasks.push(read(emc2103::ADDRESS, emc2103::TACH_HIGH, 2)),
        Fan::Emc2302 => {
            tasks.extend(emc2302::TACH_HIGH.map(|register| read(emc2302::ADDRESS, register, 2)));
        }
        Fan::Controller => tasks.push(Task::May(Operation::FanTach { fan: 0 })),
        Fan::None => {}
    }
    match board.supply {
        Supply::Tps546(_) => {
            let words = [
                pmbus::STATUS_WORD,
                pmbus::READ_VIN,
                pmbus::READ_VOUT,
                pmbus::READ_IOUT,
                pmbus::READ_TEMPERATURE_1,
            ];
            tasks.extend(words.map(|command| read(tps546::ADDRESS, command, 2)));
        }
        Supply::Trimmed => {
            let words = [ina260::CURRENT, ina260::VOLTAGE, ina260::POWER];
            tasks.extend(words.map(|register| read(ina260::ADDRESS, register, 2)));
        }
        Supply::TrimmedStack => {}
    }
    tasks
}

impl<'a> Round<'a> {
    /// The answers to [`questions`] of `board`.
    pub(crate) fn new(board: &'a Board, regulator: Regulator, answers: Vec<Outcome>) -> Self {
        Self { board, regulator, answers: answers.into_iter() }
    }

    /// What was read.
    pub(crate) fn sample(mut self) -> Sample {
        let mut sample = Sample::default();
        self.temperatures(&mut sample);
        self.fans(&mut sample);
        self.supply(&mut sample);
        sample
    }

    fn bytes<const N: usize>(&mut self) -> Result<[u8; N], NoData> {
        match self.answers.next() {
            Some(Ok(data)) => data.try_into().map_err(|_| NoData::Implausible),
            Some(Err(Refusal::Denied | Refusal::Silent)) => Err(NoData::Timeout),
            None => Err(NoData::NotYet),
        }
    }

    fn byte(&mut self) -> Result<u8, NoData> {
        self.bytes().map(|[byte]| byte)
    }

    fn temperatures(&mut self, sample: &mut Sample) {
        let mut chip = |unit: u16, celsius: Value| {
            sample.sensors.push(Sensor { unit, is_chip: true, celsius });
        };
        match self.board.sensors {
            Sensors::Diode => {
                let (high, low) = (self.byte(), self.byte());
                chip(0, high.and_then(|high| celsius(Diode::from_registers([high, low?]))));
            }
            Sensors::Nearby => {
                let internal = self.byte();
                chip(0, internal.map(|byte| f64::from(byte as i8) + BESIDE));
            }
            Sensors::TwoDiodes => {
                for unit in 0..2 {
                    let bytes = self.bytes();
                    chip(unit, bytes.and_then(|bytes| celsius(emc2103::diode(bytes))));
                }
            }
            Sensors::Tmp1075 => {
                for unit in 0..2 {
                    let bytes = self.bytes();
                    chip(unit, bytes.map(|bytes| tmp1075::celsius(bytes).0 + ON_BOARD));
                }
            }
            Sensors::Tmp451 => {
                let (status, high, low) = (self.byte(), self.byte(), self.byte());
                let connected = status.and_then(|status| {
                    if status & tmp451::REMOTE_OPEN == 0 { Ok(()) } else { Err(NoData::Implausible) }
                });
                chip(0, connected.and_then(|()| Ok(tmp451::celsius([high?, low?]).0)));
                let board = self.bytes().map(|bytes| tmp1075::celsius(bytes).0);
                sample.sensors.push(Sensor { unit: REGULATOR_UNIT, is_chip: false, celsius: board });
            }
        }
    }

    fn fans(&mut self, sample: &mut Sample) {
        match self.board.fan {
            Fan::Emc2101 => {
                let (low, high) = (self.byte(), self.byte());
                let tach = low.and_then(|low| Ok(emc2101::Tach(u16::from_le_bytes([low, high?]))));
                sample.fans.push(tach.map(|tach| tach.rpm().0));
            }
            Fan::Emc2103 => {
                let tach = self.bytes().map(emc2103::Tach);
                sample.fans.push(tach.map(|tach| tach.rpm().0));
            }
            Fan::Emc2302 => {
                for _ in 0..2 {
                    let tach = self.bytes();
                    sample.fans.push(tach.map(|tach| emc2302::Range::of(0).rpm(tach).0));
                }
            }
            Fan::Controller => {
                let rpm = self.bytes().map(u32::from_le_bytes);
                sample.fans.push(rpm.map(f64::from));
            }
            Fan::None => {}
        }
    }

    fn supply(&mut self, sample: &mut Sample) {
        match self.board.supply {
            Supply::Tps546(_) => {
                let linear = |bytes| Linear11::from_wire(bytes).value();
                sample.status = self.bytes().map(u16::from_le_bytes);
                sample.input_volts = self.bytes().map(linear);
                let volts = self.bytes::<2>();
                let volts =
                    volts.and_then(|bytes| self.regulator.read_back(&bytes).ok_or(NoData::Implausible));
                sample.core_volts = volts.map(|volts| volts.0);
                sample.amperes = self.bytes().map(linear);
                let celsius = self.bytes().map(linear);
                sample.sensors.push(Sensor { unit: REGULATOR_UNIT, is_chip: false, celsius });
                // The input is not measured: the output and what the rest of the board draws.
                let output = sample.core_volts.and_then(|volts| Ok(volts * sample.amperes?));
                sample.watts = output.map(|watts| watts + self.board.overhead);
            }
            Supply::Trimmed => {
                let (current, volts, power) = (self.bytes(), self.bytes(), self.bytes());
                sample.status = Err(NoData::NotFitted);
                sample.core_volts = Err(NoData::NotFitted);
                sample.amperes = current.map(|bytes| ina260::current(u16::from_be_bytes(bytes)).0);
                sample.input_volts = volts.map(|bytes| ina260::voltage(u16::from_be_bytes(bytes)).0);
                sample.watts = power.map(|bytes| ina260::power(u16::from_be_bytes(bytes)).0);
            }
            Supply::TrimmedStack => {
                sample.status = Err(NoData::NotFitted);
                for value in
                    [&mut sample.core_volts, &mut sample.input_volts, &mut sample.amperes, &mut sample.watts]
                {
                    *value = Err(NoData::NotFitted);
                }
            }
        }
    }
}

fn celsius(diode: Diode) -> Value {
    diode.celsius().map(|celsius| celsius.0).ok_or(NoData::Implausible)
}

/// Tells every fan of the board to turn at `percent` of full speed.
pub(crate) fn fan_speed(board: &Board, percent: u8) -> Vec<Task> {
    let of_255 = (u16::from(percent.min(100)) * 255 / 100) as u8;
    let write = |address, register, value| Task::May(Operation::write(address, &[register, value]));
    match board.fan {
        Fan::Emc2101 => {
            vec![write(emc2101::ADDRESS, emc2101::FAN_SETTING, emc2101::fan_setting(percent))]
        }
        Fan::Emc2103 => vec![write(emc2103::ADDRESS, emc2103::FAN_SETTING, of_255)],
        Fan::Emc2302 => {
            emc2302::FAN_SETTING.map(|register| write(emc2302::ADDRESS, register, of_255)).to_vec()
        }
        Fan::Controller => vec![Task::May(Operation::FanSpeed { fan: 0, speed: of_255 })],
        Fan::None => Vec::new(),
    }
}

/// Prepares the sensors and fans of the board.
pub(crate) fn prepare(board: &Board) -> Vec<Task> {
    let write = |address, register, value| Task::Must(Operation::write(address, &[register, value]));
    let mut tasks = match board.fan {
        Fan::Emc2101 => vec![
            write(emc2101::ADDRESS, emc2101::CONFIGURATION, emc2101::TACH_INPUT),
            write(emc2101::ADDRESS, emc2101::FAN_CONFIGURATION, emc2101::DIRECT_PWM),
        ],
        Fan::Emc2103 => vec![
            write(emc2103::ADDRESS, emc2103::CONFIGURATION, 0),
            write(emc2103::ADDRESS, emc2103::PWM_CONFIGURATION, 0),
        ],
        Fan::Emc2302 => emc2302::CONFIGURATION.map(|register| write(emc2302::ADDRESS, register, 0)).to_vec(),
        Fan::Controller | Fan::None => Vec::new(),
    };
    match board.sensors {
        // As the diodes of these chips want it (docs/protocols/bitaxe-raw.md §6.1); older boards keep the part's own values.
        Sensors::Diode if matches!(board.supply, Supply::Tps546(_)) => tasks.extend([
            write(emc2101::ADDRESS, emc2101::IDEALITY, 0x24),
            write(emc2101::ADDRESS, emc2101::BETA, 0x00),
        ]),
        // An offset of -7 °C corrects the diode of the first chip (docs/protocols/bitaxe-raw.md §6.4).
        Sensors::Tmp451 => tasks.push(write(tmp451::ADDRESS, tmp451::REMOTE_OFFSET_HIGH, (-7_i8) as u8)),
        _ => {}
    }
    tasks
}
