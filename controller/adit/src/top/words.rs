//! Numbers in few characters.

use adit_protocol::units::HashRate;
use adit_telemetry::{Measured, Missing, Window};

/// What stands where nothing is known.
pub(super) const UNKNOWN: &str = "–";

/// The rate of a window with its uncertainty: `1.60 GH/s ±8 %`.
pub(super) fn rate(window: Option<&Window>) -> String {
    let Some((window, rate)) = window.and_then(|window| Some((window, window.hashrate_hs?))) else {
        return UNKNOWN.to_owned();
    };
    match window.deviation_ratio {
        Some(deviation) => format!("{} ±{:.0}%", HashRate(rate), deviation * 100.0),
        None => HashRate(rate).to_string(),
    }
}

/// The window of this name.
pub(super) fn window<'a>(windows: &'a [Window], name: &str) -> Option<&'a Window> {
    windows.iter().find(|window| window.window == name)
}

/// A measured value, or why there is none.
pub(super) fn measured(measured: &Measured, unit: &str) -> String {
    match (measured.value, measured.missing) {
        (Some(value), _) if value.abs() >= 100.0 => format!("{value:.0}{unit}"),
        (Some(value), _) => format!("{value:.1}{unit}"),
        (None, Some(Missing::Timeout)) => "no answer".to_owned(),
        (None, Some(Missing::Implausible)) => "nonsense".to_owned(),
        (None, _) => UNKNOWN.to_owned(),
    }
}

/// A span of time in its two largest units.
pub(crate) fn span(seconds: f64) -> String {
    let seconds = seconds.max(0.0) as u64;
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, minutes) => format!("{minutes} min {:02} s", seconds % 60),
        (0, hours, minutes) => format!("{hours} h {minutes:02} min"),
        (days, hours, _) => format!("{days} d {hours} h"),
    }
}

/// A ratio in per cent.
pub(super) fn percent(ratio: Option<f64>) -> String {
    ratio.map_or_else(|| UNKNOWN.to_owned(), |ratio| format!("{:.1}%", ratio * 100.0))
}

/// A difficulty.
pub(super) fn difficulty(difficulty: Option<f64>) -> String {
    match difficulty {
        None => UNKNOWN.to_owned(),
        Some(large) if large >= 1e6 => {
            let (scale, prefix) = match large {
                t if t >= 1e12 => (1e12, "T"),
                g if g >= 1e9 => (1e9, "G"),
                _ => (1e6, "M"),
            };
            format!("{:.2}{prefix}", large / scale)
        }
        Some(middling) if middling >= 0.01 => {
            format!("{middling:.2}").trim_end_matches('0').trim_end_matches('.').to_owned()
        }
        Some(small) => format!("{small:.1e}"),
    }
}

/// Text that cannot drive the terminal: what comes from pools and devices is not trusted.
pub(super) fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// Bars for values between 0 and `full`.
pub(super) fn bars(values: impl Iterator<Item = Option<f64>>, full: f64) -> String {
    const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let bar = |value: Option<f64>| match value {
        Some(value) if full > 0.0 => BARS[((value / full * 7.0).round() as usize).min(7)],
        _ => ' ',
    };
    values.map(bar).collect()
}
