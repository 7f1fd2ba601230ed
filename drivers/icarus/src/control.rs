//! Commands: clocks and voltages as frames.

use adit_driver::Outbox;
use adit_protocol::devices::Model;
use adit_protocol::icarus::{
    CairnsmoreCommand, ChipCommand, Codec, Command, Dialect, Frame, PllWord, VoltageCode, rbox_clock_code,
    rbox_clock_mhz,
};
use adit_protocol::units::Hertz;
use adit_protocol::wire::{Codec as _, Side};

use crate::boards::Control;
use crate::detect::PORT;

/// A clock that a board can be set to, and the frame that does it; an R-BOX reads its clock from every job instead.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Clock {
    /// The clock it will really run at.
    pub hertz: Hertz,
    /// The frame, or none.
    pub frame: Option<Vec<u8>>,
}

/// The clock nearest to `wanted`; `None` where the host cannot set one.
pub(crate) fn clock(control: Control, wanted: Hertz) -> Option<Clock> {
    match control {
        Control::None => None,
        Control::Cairnsmore => {
            let multiplier = (wanted.mhz() / 2.5).round() as u8;
            let hertz = CairnsmoreCommand::clock_of(multiplier);
            Some(Clock { hertz, frame: Some(cairnsmore(CairnsmoreCommand::clock(multiplier))) })
        }
        Control::Bm138x(chip) => {
            let word = PllWord::for_frequency(chip, wanted);
            let frame = chip_command(ChipCommand::SetPll(word));
            Some(Clock { hertz: word.frequency(chip), frame: Some(frame) })
        }
        Control::Rbox => {
            let code = rbox_clock_code(wanted.mhz() as u16);
            Some(Clock { hertz: Hertz::from_mhz(f64::from(rbox_clock_mhz(code))), frame: None })
        }
    }
}

/// Whether `wanted` lies within the limits of `model`.
pub(crate) fn is_allowed(model: &Model, wanted: Hertz) -> bool {
    model.clock.is_some_and(|[low, _, high]| low <= wanted && wanted <= high)
}

/// Bytes of a Cairnsmore1 command.
pub(crate) fn cairnsmore(command: CairnsmoreCommand) -> Vec<u8> {
    encode(Dialect::Icarus, Command::Cairnsmore(command))
}

/// Bytes of a chip command.
pub(crate) fn chip_command(command: ChipCommand) -> Vec<u8> {
    encode(Dialect::Icarus5, Command::Chip(command))
}

/// Bytes that set the core voltage of an Antminer U3; `None` outside three digits.
pub(crate) fn voltage(millivolts: u16) -> Option<Vec<u8>> {
    VoltageCode::from_millivolts(millivolts).map(|code| chip_command(ChipCommand::Voltage(code)))
}

/// Sets the clock `low`, where the host can set one by a frame of its own.
pub(crate) fn slow_down(control: Control, low: Hertz, outbox: &mut Outbox) {
    if let Some(frame) = clock(control, low).and_then(|clock| clock.frame) {
        outbox.write(PORT, frame);
    }
}

fn encode(dialect: Dialect, command: Command) -> Vec<u8> {
    Codec::new(dialect, Side::Host).encoded(&Frame::Command(command))
}

#[cfg(test)]
mod tests {
    use adit_protocol::devices::model;
    use adit_protocol::hex;
    use adit_protocol::icarus::Chip;

    use super::*;

    fn frame(control: Control, mhz: f64) -> (f64, String) {
        let clock = clock(control, Hertz::from_mhz(mhz)).unwrap();
        (clock.hertz.mhz(), hex::encode(&clock.frame.unwrap_or_default()))
    }

    #[test]
    fn clock_frames_are_those_seen_on_wires() {
        assert_eq!(frame(Control::Bm138x(Chip::Bm1380), 200.0), (200.0, "82078106".into()));
        assert_eq!(frame(Control::Bm138x(Chip::Bm1382), 225.0), (225.0, "8208821c".into()));
        assert_eq!(frame(Control::Bm138x(Chip::Bm1384), 150.0), (150.0, "820b8319".into()));
        let (mhz, bytes) = frame(Control::Cairnsmore, 200.0);
        assert_eq!((mhz, &bytes[64..72]), (200.0, "8a5000b7"));
        assert_eq!(frame(Control::Rbox, 275.0), (270.0, String::new()));
        assert_eq!(clock(Control::None, Hertz::from_mhz(200.0)), None);
    }

    #[test]
    fn voltage_frames_are_those_seen_on_wires() {
        assert_eq!(hex::encode(&voltage(775).unwrap()), "aab775de");
        assert_eq!(voltage(1_000), None);
    }

    #[test]
    fn limits_are_the_models() {
        let u3 = model("antminer-u3").unwrap();
        assert!(is_allowed(u3, Hertz::from_mhz(250.0)));
        assert!(!is_allowed(u3, Hertz::from_mhz(251.0)));
        assert!(!is_allowed(model("icarus").unwrap(), Hertz::from_mhz(190.0)));
    }
}
