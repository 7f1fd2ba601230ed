//! What is wrong with a device, and what its owner can do about it.

use adit_core::State;
use adit_driver::{Fault, LinkError};

use crate::snapshot::{Nonces, Trouble};
use crate::windows::Window;

/// Judged nonces below which their error ratio says nothing.
const ENOUGH_NONCES: u64 = 50;
/// Ratio of wrong nonces that a healthy device stays below.
const TOO_MANY_ERRORS: f64 = 0.02;
/// Part of its nominal rate that a healthy device reaches.
const FAST_ENOUGH: f64 = 0.85;
/// The window that is compared with it.
const LONG_ENOUGH: &str = "15m";

/// What stands in the way of a device in `state`.
pub(crate) fn of_state(state: State, last: Option<Fault>) -> Option<(String, &'static str)> {
    match state {
        State::Gone { why } | State::Quarantined { why, .. } => Some((why.to_string(), fix(why))),
        State::Retrying { .. } => last.map(|why| (why.to_string(), fix(why))),
        State::Away { .. } => {
            let why = last.filter(|why| matches!(why, Fault::Link(_))).unwrap_or(LinkError::Gone.into());
            Some((why.to_string(), fix(why)))
        }
        State::Opening
        | State::Detecting
        | State::Hashing
        | State::Idle
        | State::Paused
        | State::Stopping
        | State::Stopped => None,
    }
}

/// What is wrong with a device that fails over and over with this fault.
pub(crate) fn of_repetition(fault: Fault) -> (String, &'static str) {
    (format!("it keeps failing: {fault}"), fix(fault))
}

/// What is wrong with a device that works.
pub(crate) fn of_work(
    nonces: &Nonces,
    ratio: Option<f64>,
    rates: &[Window],
    nominal_hs: Option<f64>,
) -> Option<(String, &'static str)> {
    if let Some(ratio) = ratio.filter(|ratio| nonces.received >= ENOUGH_NONCES && *ratio > TOO_MANY_ERRORS) {
        return Some((
            format!("{:.1} % of its nonces are wrong", ratio * 100.0),
            "lower its clock, cool it better, or give it a stronger power supply",
        ));
    }
    let window = rates.iter().find(|window| window.window == LONG_ENOUGH && window.certain)?;
    let (rate, nominal) = (window.hashrate_hs?, nominal_hs?);
    // Twice the uncertainty of the estimate is allowed for.
    let reached = rate * (1.0 + 2.0 * window.deviation_ratio.unwrap_or(0.0));
    let full = window.span_s >= window.window_s;
    (full && reached < FAST_ENOUGH * nominal).then(|| {
        (
            format!("its hash rate is {:.0} % of what its clock promises", 100.0 * rate / nominal),
            "check its power supply and its cooling; some of its chips may not work",
        )
    })
}

/// What to do about a fault.
pub(crate) fn fix(fault: Fault) -> &'static str {
    match fault {
        Fault::Link(LinkError::Denied) => {
            "`sudo adit udev --install` gives permission, then plug it in again; `adit doctor` says what else is missing"
        }
        Fault::Link(LinkError::Busy) => "stop the program that uses it",
        Fault::Link(LinkError::Gone | LinkError::NotFound) => {
            "plug it in again; if it leaves by itself, try another cable or a hub with its own power supply"
        }
        Fault::Link(LinkError::NotADevice | LinkError::Unsupported) => {
            "name a serial port or a socket; `adit devices` lists them"
        }
        Fault::Link(_) | Fault::Garbage { .. } => {
            "try another cable, another port or a hub with its own power supply"
        }
        Fault::NoAnswer { .. } => {
            "check that it has power and that the model named is the right one; then plug it in again"
        }
        Fault::WrongDevice { .. } => {
            "name its model: `--device serial:PATH,model=NAME`; `adit devices --supported` lists all"
        }
        Fault::Silent { .. } => "check its power supply, then plug it in again",
        Fault::HardwareErrors { .. } => "lower its clock, cool it better, or give it a stronger power supply",
        Fault::Overheated { .. } => {
            "cool it: clean it, check its fan, give it air; it is tried again by itself"
        }
        Fault::FanStopped { .. } => {
            "check that the fan turns freely and is plugged in; the device is tried again by itself"
        }
        Fault::OverCurrent { .. } | Fault::OverPower { .. } => {
            "lower its clock or voltage; it is tried again by itself"
        }
        Fault::Regulator { .. } | Fault::Voltage { .. } => "check its power supply and the cable to it",
        Fault::ControlSilent { .. } => "take its power away for ten seconds, then plug it in again",
        Fault::UnknownBoard { .. } => {
            "name its model: `--device …,model=NAME`; `adit devices --supported` lists all"
        }
        Fault::ChipMissing { .. } | Fault::ChipReset { .. } => {
            "check the power of that chip and the chain before it; `chips=N` says how many there should be"
        }
        Fault::ChipsExtra { .. } => "say how many chips there are: `chips=N`",
        Fault::SensorLost { .. } => {
            "without a temperature it is not driven: check the sensor, then plug it in again"
        }
        _ => "plug it in again; if that does not help, report it together with the log",
    }
}

/// A trouble of `subject`.
pub(crate) fn trouble(subject: &str, (what, fix): (String, &'static str)) -> Trouble {
    Trouble { subject: Some(subject.to_owned()), what, fix: fix.to_owned() }
}
