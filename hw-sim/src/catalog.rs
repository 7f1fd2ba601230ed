//! Every simulated device by the key of its model.

use adit_protocol::devices::{Model, PortKind};

use crate::{DeviceFault, FaultSite, SimDevice, bitaxe, bm13xx, cpu, downstream, gekko, icarus};

/// How a simulated device is made.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Build {
    /// Everything that is chance inside the device follows from it.
    pub seed: u64,
    /// The eased difficulty of reported nonces, `MIN_DIFFICULTY..=1`; nonces still come at the nominal rate of difficulty 1.
    /// `None`: the device reports what the hardware reports and searches as fast as this computer can.
    pub target_difficulty: Option<f64>,
    /// Settings of the model as `(key, value)`, such as `("chips", "12")`; a later one replaces an earlier one of that key.
    pub settings: Vec<(String, String)>,
}

/// The easiest target a simulated device searches for: every second hash meets it.
pub const MIN_DIFFICULTY: f64 = 1.0 / (1_u64 << 31) as f64;

/// Why no device was made.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum BuildError {
    /// No twin of that model exists.
    #[error("no simulated device of model {model} exists")]
    NoTwin {
        /// Key of the model.
        model: &'static str,
    },
    /// The model has no such setting.
    #[error("a simulated {model} has no setting {setting:?}; {}", known(settings))]
    UnknownSetting {
        /// Key of the model.
        model: &'static str,
        /// What was given.
        setting: String,
        /// What there is.
        settings: &'static [Setting],
    },
    /// The value does not suit the setting.
    #[error("setting {setting} is {wants}, not {value:?}")]
    BadValue {
        /// Key of the setting.
        setting: &'static str,
        /// What was given.
        value: String,
        /// What it must be.
        wants: &'static str,
    },
    /// The difficulty is no number between [`MIN_DIFFICULTY`] and 1.
    #[error("target-difficulty is between 2^-31 and 1, not {found}")]
    BadDifficulty {
        /// What was given.
        found: f64,
    },
}

/// A setting of a simulated model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setting {
    /// What users type.
    pub key: &'static str,
    /// The values it takes, in words.
    pub wants: &'static str,
}

/// Makes a device of `model`. It does nothing before [`DeviceInput::PowerOn`](crate::DeviceInput::PowerOn).
pub fn start(model: &'static Model, build: &Build) -> Result<Box<dyn SimDevice>, BuildError> {
    match model.driver {
        "cpu" => cpu::start(model, build),
        "downstream" => downstream::start(model, build),
        "gekko" => gekko::start(model, build),
        "icarus" => icarus::start(model, build),
        "bm13xx" => bm13xx::start(model, build),
        "bitaxe" => bitaxe::start(model, build),
        _ => Err(BuildError::NoTwin { model: model.key }),
    }
}

/// The settings a simulated `model` takes.
pub fn settings(model: &Model) -> &'static [Setting] {
    match model.driver {
        "cpu" => cpu::SETTINGS,
        "downstream" => downstream::SETTINGS,
        "gekko" => gekko::settings(model),
        "icarus" => icarus::settings(model),
        "bm13xx" => bm13xx::settings(),
        "bitaxe" => bitaxe::settings(model),
        _ => &[],
    }
}

/// Whether `fault` can happen at a device of `model` or on its wire.
pub fn supports(model: &Model, fault: DeviceFault) -> bool {
    match fault.site() {
        FaultSite::Wire => model.ports.iter().any(|port| port.kind == PortKind::Stream),
        FaultSite::Link => true,
        FaultSite::Device => match model.driver {
            "cpu" => cpu::supports(fault),
            "downstream" => downstream::supports(fault),
            "gekko" => gekko::supports(model, fault),
            "icarus" => icarus::supports(model, fault),
            "bm13xx" => bm13xx::supports(fault),
            "bitaxe" => bitaxe::supports(model, fault),
            _ => false,
        },
    }
}

fn known(settings: &[Setting]) -> String {
    if settings.is_empty() {
        return "it has none".into();
    }
    let list: Vec<_> =
        settings.iter().map(|setting| format!("{} ({})", setting.key, setting.wants)).collect();
    format!("it has {}", list.join(", "))
}

impl Build {
    /// The value given for `setting`, the last one if there are several.
    pub(crate) fn value(&self, setting: &str) -> Option<&str> {
        self.settings.iter().rev().find(|(key, _)| key == setting).map(|(_, value)| value.as_str())
    }

    /// Refuses settings that are not in `settings`.
    pub(crate) fn check(
        &self,
        model: &'static Model,
        settings: &'static [Setting],
    ) -> Result<(), BuildError> {
        match self.settings.iter().find(|(key, _)| settings.iter().all(|setting| setting.key != key)) {
            Some((key, _)) => {
                Err(BuildError::UnknownSetting { model: model.key, setting: key.clone(), settings })
            }
            None => Ok(()),
        }
    }

    /// The value of `setting` as `read` understands it, `default` where none was given.
    pub(crate) fn read<T>(
        &self,
        setting: Setting,
        default: T,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Result<T, BuildError> {
        match self.value(setting.key) {
            None => Ok(default),
            Some(value) => read(value).ok_or_else(|| BuildError::BadValue {
                setting: setting.key,
                value: value.into(),
                wants: setting.wants,
            }),
        }
    }

    /// The value of an `on`/`off` setting.
    pub(crate) fn switch(&self, setting: Setting, default: bool) -> Result<bool, BuildError> {
        self.read(setting, default, |value| match value {
            "on" => Some(true),
            "off" => Some(false),
            _ => None,
        })
    }
}
