//! What the user may set, read once and typed.

use std::str::FromStr;
use std::time::Duration;

use adit_driver::{Settings, SettingsError};
use adit_protocol::icarus::Division;
use adit_protocol::pow::Target;
use adit_protocol::units::Hertz;
use adit_protocol::wire::Line;

use crate::timing::Pace;

/// Names of all settings, in the order of the crate documentation.
pub(crate) const KNOWN: &[&str] = &[
    "target-difficulty",
    "baud",
    "work-division",
    "fpga-count",
    "timing",
    "frequency",
    "voltage",
    "wake-u3",
    "temperature-limit",
];

/// The settings of one device.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Options {
    /// Target of the nonces the device reports, where a simulation reports easier ones than hardware does.
    pub eased: Option<Target>,
    /// Line settings.
    pub line: Line,
    /// Number of parts the nonce range is divided into; probed when absent.
    pub division: Option<Division>,
    /// How many engines really exist.
    pub engines: Option<u16>,
    /// Where the time per hash comes from.
    pub pace: Pace,
    /// Chip clock.
    pub frequency: Option<Hertz>,
    /// Core voltage of an Antminer U3 in millivolts.
    pub millivolts: u16,
    /// A device that stays silent may be sent the commands that wake an Antminer U3.
    pub wake_u3: bool,
    /// Degrees Celsius of one chip at which an R-BOX is no longer fed.
    pub temperature_limit: f32,
}

impl Options {
    /// Takes what is known out of `settings` and refuses the rest.
    pub(crate) fn from_settings(mut settings: Settings) -> Result<Self, SettingsError> {
        let options = Self {
            eased: settings.take_easing()?.and_then(|difficulty| Target::from_difficulty(difficulty).ok()),
            line: Line::at(
                settings
                    .take::<Baud>("baud", "a baud rate from 9600 to 921600")?
                    .map_or(115_200, |baud| baud.0),
            ),
            division: settings.take::<Parts>("work-division", "1, 2, 4 or 8")?.map(|parts| parts.0),
            engines: settings.take::<Engines>("fpga-count", "1 to 8")?.map(|engines| engines.0),
            pace: settings
                .take("timing", "`nominal`, `short`, `long` or nanoseconds per hash")?
                .unwrap_or(Pace::Long),
            frequency: settings.take::<Clock>("frequency", "a clock in MHz, 50 to 640")?.map(|clock| clock.0),
            millivolts: settings
                .take::<Voltage>("voltage", "725 to 850 millivolts")?
                .map_or(DEFAULT_MILLIVOLTS, |voltage| voltage.0),
            wake_u3: settings.take::<Flag>("wake-u3", "`yes` or `no`")?.is_some_and(|flag| flag.0),
            temperature_limit: settings
                .take::<Limit>("temperature-limit", "30 to 120 degrees Celsius")?
                .map_or(DEFAULT_TEMPERATURE_LIMIT, |limit| limit.0),
        };
        settings.finish(KNOWN)?;
        Ok(options)
    }

    /// Target that every nonce of the device meets.
    pub(crate) fn report_target(&self) -> Target {
        self.eased.unwrap_or(Target::TOP32_ZERO)
    }

    /// Time that a job takes on the wire.
    pub(crate) fn job_time(&self) -> Duration {
        self.line.duration(adit_protocol::icarus::Job::SIZE)
    }
}

const DEFAULT_MILLIVOLTS: u16 = 775;
const DEFAULT_TEMPERATURE_LIMIT: f32 = 85.0;

/// Lowest and highest core voltage of an Antminer U3 in millivolts (`docs/protocols/icarus.md §7.4`).
pub(crate) const MILLIVOLTS: std::ops::RangeInclusive<u16> = 725..=850;

struct Malformed;

/// A setting whose value is a number with limits.
macro_rules! setting {
    ($name:ident($inner:ty), $text:ident => $read:expr) => {
        struct $name($inner);

        impl FromStr for $name {
            type Err = Malformed;

            fn from_str($text: &str) -> Result<Self, Malformed> {
                let read: Option<$inner> = $read;
                read.map(Self).ok_or(Malformed)
            }
        }
    };
}

fn number<T: FromStr>(text: &str) -> Option<T> {
    text.parse().ok()
}

setting!(Baud(u32), text => number(text).filter(|baud| (9_600..=921_600).contains(baud)));
setting!(Parts(Division), text => number(text).filter(|parts| *parts <= 8).and_then(Division::new));
setting!(Engines(u16), text => number(text).filter(|engines| (1..=8).contains(engines)));
setting!(Clock(Hertz), text => {
    number(text.strip_suffix("MHz").unwrap_or(text).trim_end())
        .filter(|mhz: &f64| (50.0..=640.0).contains(mhz))
        .map(Hertz::from_mhz)
});
setting!(Voltage(u16), text => {
    number(text.strip_suffix("mV").unwrap_or(text).trim_end())
        .filter(|millivolts: &u16| MILLIVOLTS.contains(millivolts))
});
setting!(Flag(bool), text => match text {
    "yes" | "true" => Some(true),
    "no" | "false" => Some(false),
    _ => None,
});
setting!(Limit(f32), text => number(text).filter(|celsius| (30.0..=120.0).contains(celsius)));

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<Options, SettingsError> {
        let mut settings = Settings::default();
        pairs.iter().for_each(|(key, value)| settings.set(*key, *value));
        Options::from_settings(settings)
    }

    #[test]
    fn settings_are_read_with_their_units() {
        let options = read(&[
            ("target-difficulty", "1e-4"),
            ("baud", "57600"),
            ("work-division", "4"),
            ("fpga-count", "3"),
            ("timing", "short"),
            ("frequency", "237.5 MHz"),
            ("voltage", "800mV"),
            ("wake-u3", "yes"),
            ("temperature-limit", "70"),
        ])
        .unwrap();
        assert_eq!(options.report_target(), Target::from_difficulty(1e-4).unwrap());
        assert_eq!(
            (options.line.baud, options.division, options.engines),
            (57_600, Division::new(4), Some(3))
        );
        assert_eq!((options.pace, options.frequency), (Pace::Short, Some(Hertz::from_mhz(237.5))));
        assert_eq!((options.millivolts, options.wake_u3, options.temperature_limit), (800, true, 70.0));
    }

    #[test]
    fn without_settings_hardware_is_expected() {
        let options = read(&[]).unwrap();
        assert_eq!(options.report_target(), Target::TOP32_ZERO);
        assert_eq!((options.line, options.pace, options.millivolts), (Line::at(115_200), Pace::Long, 775));
        assert_eq!(options.job_time().as_micros(), 5_555);
    }

    #[test]
    fn what_cannot_be_is_refused() {
        for (key, value) in [
            ("target-difficulty", "0"),
            ("target-difficulty", "-1"),
            ("baud", "1"),
            ("work-division", "3"),
            ("fpga-count", "0"),
            ("timing", "fast"),
            ("timing", "-1"),
            ("frequency", "9000"),
            ("frequency", "nan"),
            ("voltage", "700"),
            ("wake-u3", "perhaps"),
            ("temperature-limit", "inf"),
            ("frequenzy", "200"),
        ] {
            assert!(read(&[(key, value)]).is_err(), "{key}={value}");
        }
    }

    #[test]
    fn every_setting_is_documented() {
        let documentation = include_str!("lib.rs");
        for key in KNOWN {
            assert!(documentation.contains(&format!("`{key}`")), "{key}");
        }
    }
}
