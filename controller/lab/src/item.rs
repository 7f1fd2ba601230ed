//! What is simulated: some devices of one model, their twins and their machines.

use adit_catalog::CatalogError;
use adit_driver::{Detected, Machine, Settings, SettingsError};
use adit_hw_sim::{Build, BuildError, MIN_DIFFICULTY, SimDevice};
use adit_protocol::bm13xx::Ticket;
use adit_protocol::devices::{Model, UsbIdentity};

/// Difficulty of a nonce where the user says nothing: one hash in 256 is a nonce, so that hours are simulated in seconds.
/// Summaries say that the devices are eased.
pub const DEFAULT_DIFFICULTY: f64 = 1.0 / (1 << 24) as f64;

/// Settings of the twin that the driver must know too: how many chips there should be, how fast a miner is.
const SHARED: &[&str] = &["chips", "hashrate"];

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
    /// Target difficulty of its devices. Chips with a ticket mask are told to report a nonce now and then, each as difficult as
    /// those of other devices; without the mask it is so much easier.
    pub fn difficulty(&self) -> Result<f64, ItemError> {
        let usual = || (DEFAULT_DIFFICULTY / self.usual_ticket().difficulty()).max(MIN_DIFFICULTY);
        Ok(self.wanted_difficulty()?.unwrap_or_else(usual))
    }

    /// What the pool is to ask of its devices at least: nonces that meet it do not come faster than a host wants them.
    pub fn share_difficulty(&self) -> Result<f64, ItemError> {
        Ok(self.wanted_difficulty()?.unwrap_or(DEFAULT_DIFFICULTY))
    }

    fn wanted_difficulty(&self) -> Result<Option<f64>, SettingsError> {
        self.settings.clone().take("target-difficulty", "a difficulty, such as 1e-6")
    }

    /// The mask with which its chips report a nonce or two each second; none where they have no mask.
    fn usual_ticket(&self) -> Ticket {
        let has_mask = self.model.ports.iter().any(|port| port.protocol.starts_with("bm13xx"));
        let per_second = self.model.nominal.0 / Ticket::default().hashes();
        if has_mask { Ticket::from_difficulty(per_second / 2.0) } else { Ticket::default() }
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
