//! What is simulated: some devices of one model, their twins and their machines.

use adit_catalog::CatalogError;
use adit_driver::{Detected, Machine, Settings, SettingsError};
use adit_hw_sim::{Build, BuildError, SimDevice};
use adit_protocol::devices::{Model, UsbIdentity};

/// How easy a simulated target is where the user says nothing: one hash in 256 is a nonce, so that hours are simulated in
/// seconds. Summaries say that the devices are eased.
pub const DEFAULT_DIFFICULTY: f64 = 1.0 / (1 << 24) as f64;

/// Settings of the twin that the driver must know too: how many chips there should be.
const SHARED: &[&str] = &["chips"];

/// Some devices of one model.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    /// The model.
    pub model: &'static Model,
    /// How many of it.
    pub count: u16,
    /// Settings of the driver and of the simulated device; `target-difficulty` goes to both.
    pub settings: Settings,
}

/// Why a simulated device or its machine cannot be made.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ItemError {
    /// The simulated device does not accept its settings.
    #[error(transparent)]
    Twin(#[from] BuildError),
    /// The driver does not accept its settings.
    #[error(transparent)]
    Driver(#[from] CatalogError),
    /// `target-difficulty` is no number.
    #[error(transparent)]
    Setting(#[from] SettingsError),
}

impl Item {
    /// Target difficulty of its devices.
    pub fn difficulty(&self) -> Result<f64, ItemError> {
        let difficulty = self.settings.clone().take("target-difficulty", "a difficulty, such as 1e-6")?;
        Ok(difficulty.unwrap_or(DEFAULT_DIFFICULTY))
    }

    /// The simulated device.
    pub fn twin(&self, seed: u64) -> Result<Box<dyn SimDevice>, ItemError> {
        let settings = self.settings.iter().filter(|(key, _)| self.is_of_the_twin(key));
        let build = Build {
            seed,
            target_difficulty: Some(self.difficulty()?),
            settings: settings.map(|(key, value)| (key.to_owned(), value.to_owned())).collect(),
        };
        Ok(adit_hw_sim::start(self.model, &build)?)
    }

    /// A machine for the device found as `detected`.
    pub fn machine(&self, detected: &Detected) -> Result<Box<dyn Machine>, ItemError> {
        let mut settings = Settings::default();
        self.of_the_driver().for_each(|(key, value)| settings.set(key, value));
        settings.set("target-difficulty", self.difficulty()?.to_string());
        Ok(adit_catalog::start(detected, settings)?)
    }

    /// What a scan would find: number `number` of this model at socket `socket`.
    pub fn detected(&self, number: usize, socket: usize) -> Detected {
        let usb = self.model.usb.first().map(|usb| UsbIdentity {
            vid: usb.vid,
            pid: usb.pid,
            manufacturer: None,
            product: Some(self.model.name.into()),
            serial: Some(format!("SIM{number:04}")),
        });
        Detected {
            location: format!("sim:{socket}"),
            socket: Some(format!("1-{socket}")),
            usb,
            candidates: vec![self.model],
            chosen: true,
        }
    }

    /// Settings that concern the driver, the target difficulty left out.
    pub fn of_the_driver(&self) -> impl Iterator<Item = (&str, &str)> {
        let concerns = |key: &str| SHARED.contains(&key) || !self.is_of_the_twin(key);
        self.settings.iter().filter(move |(key, _)| concerns(key) && *key != "target-difficulty")
    }

    fn is_of_the_twin(&self, key: &str) -> bool {
        adit_hw_sim::settings(self.model).iter().any(|setting| setting.key == key)
    }
}
