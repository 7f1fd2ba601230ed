//! Figures in words: every number with its unit, and the reason where there is none.

use adit_protocol::units::HashRate;
use maud::{Markup, html};
use serde::Deserialize;

use crate::reading::{Measured, Missing};
use crate::snapshot::{Device, DeviceState, PoolState};
use crate::windows::Window;

/// How far back charts reach.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Range {
    #[default]
    Hour,
    Day,
    Week,
    Month,
    Year,
}

impl Range {
    pub(super) const ALL: [Self; 5] = [Self::Hour, Self::Day, Self::Week, Self::Month, Self::Year];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
            Self::Year => "year",
        }
    }

    pub(super) const fn seconds(self) -> i64 {
        86_400
            * match self {
                Self::Hour => return 3_600,
                Self::Day => 1,
                Self::Week => 7,
                Self::Month => 30,
                Self::Year => 365,
            }
    }

    /// What its time is told in: how many seconds, and its name.
    pub(super) const fn unit(self) -> (f64, &'static str) {
        match self {
            Self::Hour => (60.0, "min"),
            Self::Day => (3_600.0, "h"),
            _ => (86_400.0, "d"),
        }
    }

    /// Length of the intervals that history is asked for: at most some thousand are drawn.
    pub(super) const fn step_s(self) -> i64 {
        match self {
            Self::Hour => 10,
            Self::Day | Self::Week => 300,
            Self::Month | Self::Year => 3_600,
        }
    }
}

/// The window that says most: the shortest of a minute or more that is certain, else the longest that says anything.
pub(super) fn telling(windows: &[Window]) -> Option<&Window> {
    let known = || windows.iter().filter(|window| window.hashrate_hs.is_some());
    known().find(|window| window.certain && window.window_s >= 60.0).or_else(|| known().next_back())
}

/// A rate, and how sure it is.
pub(super) fn rate(windows: &[Window]) -> Markup {
    let Some(window) = telling(windows) else { return none("not known yet") };
    let rate = HashRate(window.hashrate_hs.unwrap_or_default());
    html! {
        @if !window.certain { abbr title="few nonces so far: a guess" { "about" } " " }
        (rate)
    }
}

/// The rate of a device, as long as it works.
pub(super) fn device_rate(device: &Device) -> Markup {
    match device.state {
        DeviceState::Hashing | DeviceState::Idle => rate(&device.hashrate),
        _ => none("not hashing"),
    }
}

/// Text in which what stands between backticks is to be typed.
pub(super) fn prose(text: &str) -> Markup {
    html! {
        @for (index, part) in text.split('`').enumerate() {
            @if index % 2 == 1 { code { (part) } } @else { (part) }
        }
    }
}

/// What a device is.
pub(super) fn model(device: &Device) -> &str {
    let name = device.model_name.as_deref().unwrap_or("not identified yet");
    name.trim_start_matches("– ") // of no vendor
}

/// A measured value with so many decimals.
pub(super) fn measured(measured: &Measured, unit: &str, decimals: usize) -> Markup {
    match (measured.value, measured.missing) {
        (Some(value), _) => html! { (number(value, decimals)) " " (unit) },
        (None, why) => none(why.map_or("not known", reason)),
    }
}

/// Why there is no value.
pub(super) const fn reason(why: Missing) -> &'static str {
    match why {
        Missing::NotFitted => "no sensor",
        Missing::Off => "switched off",
        Missing::NotYet => "not measured yet",
        Missing::Timeout => "no answer",
        Missing::Implausible => "implausible answer",
    }
}

/// A window by its length: 5 min.
pub(super) fn window(window: &Window) -> String {
    match window.window_s as u64 {
        seconds @ 0..60 => format!("{seconds} s"),
        seconds @ 60..3_600 => format!("{} min", seconds / 60),
        seconds => format!("{} h", seconds / 3_600),
    }
}

pub(super) fn none(why: &str) -> Markup {
    html! { span.none { (why) } }
}

pub(super) fn number(value: f64, decimals: usize) -> String {
    format!("{value:.decimals$}")
}

/// 12,345.
pub(super) fn count(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A ratio in per cent.
pub(super) fn ratio(ratio: Option<f64>) -> Markup {
    match ratio {
        Some(ratio) => html! { (number(ratio * 100.0, 2)) " %" },
        None => none("no nonce yet"),
    }
}

/// A difficulty: 1.23 G.
pub(super) fn difficulty(difficulty: Option<f64>) -> Markup {
    let Some(difficulty) = difficulty else { return none("none yet") };
    let scales = [(1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")];
    match scales.into_iter().find(|(scale, _)| difficulty >= *scale) {
        Some((scale, prefix)) => html! { (number(difficulty / scale, 2)) " " (prefix) },
        None if difficulty >= 1.0 => html! { (number(difficulty, 2)) },
        None => html! { (format!("{difficulty:.2e}")) },
    }
}

/// A span of time in its two largest units.
pub(super) fn span(seconds: f64) -> String {
    let seconds = seconds.max(0.0) as u64;
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min {} s", seconds / 60, seconds % 60),
        3_600..86_400 => format!("{} h {} min", seconds / 3_600, seconds % 3_600 / 60),
        _ => format!("{} d {} h", seconds / 86_400, seconds % 86_400 / 3_600),
    }
}

/// How long ago something was, both in seconds since 1970.
pub(super) fn ago(then: Option<f64>, now: f64) -> Markup {
    match then {
        Some(then) => html! { (span(now - then)) " ago" },
        None => none("never"),
    }
}

/// A state with its own sign, so that it is not told by its colour alone.
pub(super) fn device_state(state: DeviceState) -> Markup {
    let (sign, class) = match state {
        DeviceState::Hashing => ("●", "good"),
        DeviceState::Idle | DeviceState::Opening | DeviceState::Detecting => ("◌", "calm"),
        DeviceState::Retrying | DeviceState::Quarantined | DeviceState::Gone => ("▲", "bad"),
        DeviceState::Away | DeviceState::Paused | DeviceState::Stopping | DeviceState::Stopped => {
            ("■", "calm")
        }
    };
    html! { span class=(format!("state {class}")) { span aria-hidden="true" { (sign) } " " (state.name()) } }
}

/// As [`device_state`].
pub(super) fn pool_state(state: PoolState) -> Markup {
    let (sign, class) = match state {
        PoolState::Working => ("●", "good"),
        PoolState::Standby => ("◌", "calm"),
        PoolState::Down => ("▲", "bad"),
        PoolState::Disabled => ("■", "calm"),
    };
    html! { span class=(format!("state {class}")) { span aria-hidden="true" { (sign) } " " (state.name()) } }
}

/// What a unit measures: its name for people, its unit, what to divide by, decimals.
pub(super) fn quantity(name: &str) -> (&str, &'static str, f64, usize) {
    match name {
        "temperature_celsius" => ("temperature", "°C", 1.0, 1),
        "fan_rpm" => ("fan", "rpm", 1.0, 0),
        "core_volts" => ("core voltage", "V", 1.0, 3),
        "power_watts" => ("power", "W", 1.0, 2),
        "clock_hertz" => ("clock", "MHz", 1e6, 2),
        "input_volts" => ("input voltage", "V", 1.0, 2),
        "current_amperes" => ("current", "A", 1.0, 2),
        "fan_percent" => ("fan set to", "%", 1.0, 0),
        "joules_per_terahash" => ("efficiency", "J/TH", 1.0, 1),
        "counted_hashrate_hs" => ("hash rate, counted by the chip", "GH/s", 1e9, 2),
        "domain_hashrate_hs" => ("hash rate of a part, counted by the chip", "GH/s", 1e9, 2),
        other => (other, "", 1.0, 3),
    }
}
