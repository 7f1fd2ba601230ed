//! What is to be mined with what, and where: the configuration with the command line on top.

use std::time::Duration;

use adit_core::Policy;
use adit_driver::{Detected, Settings};
use adit_link::{Found, Selector, SelectorError};
use adit_upstream::PoolConfig;

use crate::cli::MineArgs;
use crate::config::{self, Config};
use crate::failure::Failure;

/// Time the hardware gets to become safe where the configuration says nothing.
pub(crate) const STOP_WITHIN: Duration = Duration::from_secs(3);

/// Everything a run needs to know.
#[derive(Debug)]
pub(crate) struct Plan {
    /// In the order of priority.
    pub(crate) pools: Vec<PoolConfig>,
    /// Devices the user named; none: everything that is certain.
    pub(crate) devices: Vec<Selector>,
    /// Settings of the configuration for devices that are recognised.
    pub(crate) overrides: Vec<config::Device>,
    pub(crate) policy: Policy,
    /// Accepted shares after which it ends.
    pub(crate) goal: Option<u64>,
    pub(crate) stop_within: Duration,
}

/// A device with what the user wants of it.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    pub(crate) detected: Detected,
    pub(crate) settings: Settings,
    pub(crate) baud: Option<u32>,
}

impl Plan {
    /// Puts `args` over `config` and checks all that can be checked before anything is opened.
    pub(crate) fn new(args: &MineArgs, config: Config) -> Result<Self, Failure> {
        let pools = if args.pools.0.is_empty() {
            config.pool.iter().map(config::Pool::config).collect::<Result<Vec<_>, _>>()
        } else {
            let pool = |pool: &crate::cli::PoolArg| {
                PoolConfig::new(&pool.url, pool.user.as_deref(), pool.pass.as_deref())
            };
            args.pools.0.iter().map(pool).collect()
        };
        let pools = pools.map_err(Failure::usage)?;
        if pools.is_empty() {
            return Err(Failure::usage(anyhow::anyhow!(
                "no pool given: add --pool stratum+tcp://HOST:PORT --user NAME, or a [[pool]] to the configuration"
            )));
        }
        let devices = if args.devices.is_empty() {
            config
                .device
                .iter()
                .filter_map(config::Device::selector)
                .collect::<Result<_, _>>()
                .map_err(Failure::usage)?
        } else {
            args.devices.clone()
        };
        Ok(Self {
            pools,
            devices,
            policy: config.mine.policy(),
            goal: args.shares.or(config.mine.shares),
            stop_within: config.mine.stop_within_s.map_or(STOP_WITHIN, |seconds| seconds.0),
            overrides: config
                .device
                .into_iter()
                .filter(|it| it.model.is_some() || it.serial.is_some())
                .collect(),
        })
    }

    /// The devices that are named by where they are, whether they exist or not; a driver refuses wrong settings here.
    pub(crate) fn named(&self, found: &[Found]) -> Result<Vec<Wanted>, Failure> {
        self.check_overrides()?;
        let mut all = Vec::new();
        for selector in &self.devices {
            for detected in selector.detected(found).map_err(Failure::usage)? {
                let wanted = self.wanted(detected, Some(selector));
                wanted.check().map_err(Failure::usage)?;
                all.push(wanted);
            }
        }
        Ok(all)
    }

    /// Overrides by model can be checked although no such device is there.
    fn check_overrides(&self) -> Result<(), Failure> {
        for (over, model) in self.overrides.iter().filter_map(|over| Some((over, over.model?))) {
            let location = format!("[[device]] model = \"{}\"", model.key);
            let detected =
                Detected { location, socket: None, usb: None, candidates: vec![model], chosen: true };
            let wanted = Wanted { detected, settings: over.settings(), baud: None };
            wanted.check().map_err(Failure::usage)?;
        }
        Ok(())
    }

    /// What to do with a device that was plugged in; `None`: nothing.
    pub(crate) fn plugged(&self, found: &Found) -> Option<Result<Wanted, SelectorError>> {
        if self.devices.is_empty() {
            return found.automatic().then(|| Ok(self.wanted(found.detected(), None)));
        }
        self.devices.iter().find_map(|selector| {
            let means = |detected: &Detected| detected.location == found.location;
            match selector.detected(std::slice::from_ref(found)) {
                Ok(detected) => {
                    detected.into_iter().find(means).map(|it| Ok(self.wanted(it, Some(selector))))
                }
                Err(error) => (selector.target.to_string() == found.location).then_some(Err(error)),
            }
        })
    }

    /// Settings by model, by serial number and of the selector, each over the one before.
    fn wanted(&self, detected: Detected, selector: Option<&Selector>) -> Wanted {
        let model = detected.candidates.first();
        let serial = detected.usb.as_ref().and_then(|usb| usb.serial.as_deref());
        let meant = |over: &&config::Device| {
            over.model.is_none_or(|meant| model.copied() == Some(meant))
                && over.serial.as_deref().is_none_or(|meant| serial == Some(meant))
        };
        let (of_serial, of_model): (Vec<_>, Vec<_>) =
            self.overrides.iter().filter(meant).partition(|over| over.serial.is_some());
        let mut settings = of_model
            .into_iter()
            .chain(of_serial)
            .fold(Settings::default(), |settings, over| settings.overridden_by(&over.settings()));
        if let Some(selector) = selector {
            settings = settings.overridden_by(&selector.settings);
            if let Some(driver) = &selector.driver {
                settings.set("driver", driver);
            }
        }
        Wanted { detected, settings, baud: selector.and_then(|selector| selector.baud) }
    }
}

/// A device whose settings its driver does not take.
#[derive(Debug, thiserror::Error)]
#[error("{location}: {why}")]
pub(crate) struct Unsuitable {
    location: String,
    why: adit_catalog::CatalogError,
}

impl Wanted {
    /// Whether a machine can be made for it.
    pub(crate) fn check(&self) -> Result<(), Unsuitable> {
        match adit_catalog::start(&self.detected, self.settings.clone()) {
            Ok(_) => Ok(()),
            Err(why) => Err(Unsuitable { location: self.detected.location.clone(), why }),
        }
    }
}
