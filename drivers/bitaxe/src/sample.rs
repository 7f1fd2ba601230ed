//! One round of readings of a board.

use adit_driver::NoData;
use arrayvec::ArrayVec;

/// Most temperature sensors, and most fans, of one board.
pub(crate) const SENSORS: usize = 4;

/// A measured value or why there is none.
pub(crate) type Value = Result<f64, NoData>;

/// A temperature.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Sensor {
    /// Number of the unit it is announced as.
    pub(crate) unit: u16,
    /// It shows a chip; otherwise the regulator.
    pub(crate) is_chip: bool,
    /// Degrees Celsius.
    pub(crate) celsius: Value,
}

/// What was read in one round.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Sample {
    /// Temperatures.
    pub(crate) sensors: ArrayVec<Sensor, SENSORS>,
    /// Speed of each fan in rotations per minute.
    pub(crate) fans: ArrayVec<Value, SENSORS>,
    /// STATUS_WORD of the regulator.
    pub(crate) status: Result<u16, NoData>,
    /// Volts at the input of the board.
    pub(crate) input_volts: Value,
    /// Volts at the output of the regulator.
    pub(crate) core_volts: Value,
    /// Amperes at the output of the regulator.
    pub(crate) amperes: Value,
    /// Watts of the whole board.
    pub(crate) watts: Value,
}

impl Default for Sample {
    fn default() -> Self {
        Self {
            sensors: ArrayVec::new(),
            fans: ArrayVec::new(),
            status: Err(NoData::NotYet),
            input_volts: Err(NoData::NotYet),
            core_volts: Err(NoData::NotYet),
            amperes: Err(NoData::NotYet),
            watts: Err(NoData::NotYet),
        }
    }
}
