//! Which parts answer on the bus, with the chips in reset and nothing powered by us.

use adit_protocol::bitaxe_raw::{Bus, Firmware, Operation, Transfer, pin};
use adit_protocol::i2c::pmbus::{self, VoutMode};
use adit_protocol::i2c::{ds4432u, emc2101, emc2103, emc2302, ina260, tmp451, tmp1075, tps546};

use crate::boards::Parts;
use crate::control::{Outcome, Task};

/// Clock of the bus: every part takes it.
const BUS_HERTZ: u32 = 100_000;

/// The questions of a survey, in the order in which [`parts`] reads the answers. The reset is asserted once more: the chips must
/// be in it whatever the first attempt came to.
pub(crate) fn questions() -> Vec<Task> {
    let read = |address, register, count| Task::May(Operation::read_register(address, register, count));
    vec![
        Task::Must(Operation::GpioSet { pin: pin::RESET, high: false }),
        Task::May(Operation::GpioGet { pin: Firmware::FAN_PROBE_PIN }),
        Task::Must(Operation::I2c(Bus::Main, Transfer::SetFrequency(BUS_HERTZ))),
        read(tps546::ADDRESS, pmbus::IC_DEVICE_ID, 7),
        read(emc2101::ADDRESS, emc2101::MANUFACTURER, 1),
        read(emc2101::ADDRESS, emc2101::PRODUCT, 1),
        read(emc2103::ADDRESS, emc2103::MANUFACTURER, 1),
        read(emc2302::ADDRESS, emc2302::MANUFACTURER, 1),
        read(ds4432u::ADDRESS, ds4432u::OUTPUT_0, 1),
        read(ina260::ADDRESS, ina260::POWER, 2),
        read(tmp1075::BOARD_ADDRESSES[0], tmp1075::DEVICE, 2),
        read(tmp1075::BOARD_ADDRESSES[1], tmp1075::DEVICE, 2),
        read(tmp451::ADDRESS, tmp451::MANUFACTURER, 1),
    ]
}

/// What the answers to [`questions`] say: the parts without the regulator's mode, and whether the fan firmware runs.
pub(crate) fn parts(answers: &[Outcome]) -> (Parts, bool) {
    let data = |index: usize| answers.get(index).and_then(|answer| answer.as_deref().ok());
    let is = |index: usize, wanted: &[u8]| data(index) == Some(wanted);
    let device = data(3).and_then(|answer| answer.strip_prefix(&[6]));
    let tps546 = device.is_some_and(|id| tps546::DEVICE_IDS.iter().any(|known| known == id));
    let emc = |index| is(index, &[emc2101::SMSC]);
    let product = data(5).is_some_and(|id| emc2101::PRODUCTS.iter().any(|known| [*known] == *id));
    let tmp1075 = |index| is(index, &tmp1075::TMP1075.to_be_bytes());
    let parts = Parts {
        emc2101: emc(4) && product,
        emc2103: emc(6),
        emc2302: emc(7),
        tps546: tps546.then_some(tps546::DEFAULT_VOUT_MODE),
        ds4432u: data(8).is_some(),
        ina260: data(9).is_some(),
        tmp1075: [tmp1075(10), tmp1075(11)],
        tmp451: is(12, &[tmp451::TEXAS_INSTRUMENTS]),
    };
    (parts, data(1).is_some())
}

/// Switches a regulator that was left on off, and asks for its mode.
pub(crate) fn regulator_off() -> Vec<Task> {
    vec![
        Task::Must(Operation::write(tps546::ADDRESS, &[pmbus::OPERATION, pmbus::OFF])),
        Task::Must(Operation::read_register(tps546::ADDRESS, pmbus::VOUT_MODE, 1)),
    ]
}

/// The mode among the answers to [`regulator_off`].
pub(crate) fn mode(answers: &[Outcome]) -> Option<VoutMode> {
    match answers {
        [_, Ok(reply)] => reply.first().map(|byte| VoutMode(*byte)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::Refusal;

    fn answers(present: &[(usize, &[u8])]) -> Vec<Outcome> {
        let mut answers = vec![Err(Refusal::Denied); questions().len()];
        answers[0] = Ok(vec![0]);
        answers[2] = Ok(BUS_HERTZ.to_le_bytes().to_vec());
        for (index, bytes) in present {
            answers[*index] = Ok(bytes.to_vec());
        }
        answers
    }

    #[test]
    fn a_gamma_is_a_fan_controller_and_a_regulator() {
        let id = [6, 0x54, 0x49, 0x54, 0x6d, 0x24, 0x41];
        let (found, fan) = parts(&answers(&[(3, &id), (4, &[0x5d]), (5, &[0x16])]));
        let wanted = Parts { emc2101: true, tps546: Some(tps546::DEFAULT_VOUT_MODE), ..Parts::default() };
        assert_eq!((found, fan), (wanted, false));
    }

    #[test]
    fn parts_that_call_themselves_something_else_are_not_taken() {
        let id = [6, 0x54, 0x49, 0x54, 0x6d, 0x24, 0x99];
        let (found, _) = parts(&answers(&[(3, &id), (4, &[0x5e]), (5, &[0x16]), (12, &[0x56])]));
        assert_eq!(found, Parts::default());
        // 0x4c with another product is a TMP451 of another board, say.
        assert_eq!(parts(&answers(&[(4, &[0x5d]), (5, &[0x17])])).0, Parts::default());
    }

    #[test]
    fn an_empty_bus_and_a_broken_survey_show_nothing() {
        assert_eq!(parts(&answers(&[])), (Parts::default(), false));
        assert_eq!(parts(&[]), (Parts::default(), false));
    }

    #[test]
    fn nothing_is_written_that_could_switch_anything_on() {
        for task in questions().into_iter().chain(regulator_off()) {
            match task {
                Task::Must(Operation::GpioSet { high, .. }) => assert!(!high),
                Task::Must(Operation::I2c(_, Transfer::Write { bytes, .. })) => {
                    assert_eq!(bytes, [pmbus::OPERATION, pmbus::OFF]);
                }
                Task::May(Operation::I2c(_, Transfer::Write { .. })) => panic!("{task:?}"),
                _ => {}
            }
        }
    }
}
