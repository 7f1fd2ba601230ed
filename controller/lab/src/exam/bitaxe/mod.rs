//! Boards with a USB bridge (`docs/protocols/bitaxe-raw.md`): their control port, then what the chips behind it need, then the chips.

mod board;
mod control;
mod parts;
mod power;

use adit_protocol::devices::Model;

use super::desk::{Course, Desk};
use super::{Check, Does, Family, Needs, Section, bm13xx, nothing};

/// A check of the family.
macro_rules! bitaxe {
    ($($rest:tt)*) => {
        crate::exam::check!("docs/protocols/bitaxe-raw.md", $($rest)*)
    };
}

static BOARD: Family = Family {
    sections: &[
        Section::of(CONTROL),
        Section { checks: POWER, needs: Needs::Power(nothing) },
        Section { checks: RESET, needs: Needs::Power(ready) },
        Section { checks: bm13xx::CHECKS, needs: Needs::Power(ready) },
    ],
    prepare: nothing,
    leave,
};

/// Three hash boards behind one controller.
static HASH_BOARDS: Family = Family {
    sections: &[
        Section::of(CONTROL),
        Section { checks: POWER, needs: Needs::Never(NO_SENSOR) },
        Section { checks: RESET, needs: Needs::Never(NO_SENSOR) },
        Section { checks: bm13xx::CHECKS, needs: Needs::Never(NO_SENSOR) },
    ],
    prepare: nothing,
    leave: nothing,
};

/// Why nothing is switched on.
const NO_SENSOR: &str = "no thermometer is within reach of this controller: its chips are left without power";

pub(super) fn family(model: &Model) -> &'static Family {
    if model.ports.len() > 2 { &HASH_BOARDS } else { &BOARD }
}

fn ready(desk: Desk) -> Course {
    Box::pin(power::ready(desk))
}

fn leave(desk: Desk) -> Course {
    Box::pin(power::leave(desk))
}

/// What needs no voltage at the chips.
static CONTROL: &[Check] = &[
    bitaxe!(
        "identification",
        "control-port",
        "it answers a read of its reset pin in the layout of one of the dialects",
        "§3.2, §3.6",
        Identifies(control::identifies)
    ),
    bitaxe!(
        "identification",
        "request-ids",
        "an answer carries the id of its request",
        "§3.1, §3.2",
        Asks(control::echoes_ids)
    ),
    bitaxe!(
        "identification",
        "parts",
        "the parts of its board answer, and say who they are",
        "§6, §7",
        Identifies(control::has_its_parts)
    ),
    bitaxe!(
        "registers",
        "unknown-page",
        "a page that there is not is refused with id ff and code 11",
        "§3.2",
        Asks(control::refuses_an_unknown_page)
    ),
    bitaxe!(
        "registers",
        "nobody-there",
        "an address on the bus where nobody is gives an error, laid out as one, with the id of the request",
        "§3.2, §3.3",
        Asks(control::reports_a_nack)
    ),
    bitaxe!(
        "registers",
        "fan",
        "its fan turns when it is told to, and its tachometer says so",
        "§3.5, §6.1 to §6.3",
        Asks(control::turns_its_fan)
    ),
    bitaxe!(
        "half-frames",
        "control-half-request",
        "half a request is forgotten when the line falls silent",
        "§3.1",
        Asks(control::forgets_half_a_request)
    ),
    bitaxe!(
        "recovery",
        "control-reopening",
        "the control port answers again after it was closed in the middle of a request",
        "§3.1",
        Asks(control::answers_after_reopening)
    ),
];

/// Voltage for the chips. Without it, or without a thermometer, nothing else is asked.
static POWER: &[Check] = &[
    bitaxe!(
        "registers",
        "core-voltage",
        "the regulator gives the voltage that it is told, without a fault",
        "§6.5 to §6.7",
        Identifies(power::comes_on)
    ),
    bitaxe!(
        "registers",
        "temperature",
        "its thermometers show what can be",
        "§6.1 to §6.4",
        Identifies(power::shows_its_temperature)
    ),
];

/// What is asked of the board while its chips have voltage.
static RESET: &[Check] = &[bitaxe!(
    "recovery",
    "reset-pin",
    "its chips are silent while their reset pin is low, and answer when it is high",
    "§2, §9",
    Asks(power::obeys_the_reset_pin)
)];
