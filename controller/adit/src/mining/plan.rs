//! What is to be mined with what, and where: the configuration with the command line on top.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use adit_core::Policy;
use adit_driver::{Detected, Settings};
use adit_link::{Found, Selector, SelectorError};
use adit_upstream::{PoolConfig, Proxy};

use crate::cli::{Listen, MineArgs, RecordArgs};
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
    /// It does not end before every device has had a share accepted.
    pub(crate) each: bool,
    pub(crate) stop_within: Duration,
    /// What is written down of it, and where.
    pub(crate) record: RecordArgs,
    /// Where other miners may connect; `None`: nowhere.
    pub(crate) listen: Option<Listen>,
    /// What may be read of it, and where.
    pub(crate) views: adit_telemetry::Settings,
    /// Where it comes from, or will be kept; `None`: nowhere.
    pub(crate) source: Option<Source>,
}

/// The file that a plan comes from, and the command line that lies over it.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    pub(crate) file: PathBuf,
    /// It was there at the start.
    pub(crate) is_there: bool,
    args: Arc<MineArgs>,
}

impl Source {
    /// The plan as the file says it now.
    pub(crate) fn read(&self) -> Result<Plan, Failure> {
        Plan::new(&self.args, Config::read(&self.file).map_err(Failure::usage)?)
    }

    /// Where the dashboard is, as the command line says.
    pub(crate) fn api(&self) -> Option<SocketAddr> {
        self.args.views.api()
    }

    /// Whether the pools are those of the file.
    pub(crate) fn has_pools(&self) -> bool {
        self.args.pools.0.is_empty()
    }
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
            args.pools.0.iter().map(config::Pool::of_args).map(|pool| pool.config()).collect()
        };
        let mut pools = pools.map_err(Failure::usage)?;
        if let Some(proxy) = args.proxy.as_deref().or(config.mine.proxy()) {
            let proxy: Proxy = proxy.parse().map_err(Failure::usage)?;
            for pool in &mut pools {
                pool.proxy.get_or_insert_with(|| proxy.clone());
            }
        }
        let views = args.views.over(&config.read).settings()?;
        // In a browser the first pool can be named while it runs.
        if pools.is_empty() && views.api.is_none() && views.beyond.is_none() {
            return Err(Failure::usage(anyhow::anyhow!(
                "no pool given: add --pool stratum+tcp://HOST:PORT --user NAME, or a [[pool]] to the configuration; \
                 or --api 127.0.0.1:7785, to be asked for one in a browser"
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
            each: false,
            stop_within: config.mine.stop_within_s.map_or(STOP_WITHIN, |seconds| seconds.0),
            record: args.record.clone(),
            listen: args.listen.over(&config.listen)?,
            views: adit_telemetry::Settings {
                prices: config.ledger,
                mqtt: args.mqtt.over(&config.mqtt)?,
                ..views
            },
            source: args.config.clone().map(|file| Source {
                is_there: file.exists(),
                file,
                args: Arc::new(args.clone()),
            }),
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
            // A device is the same by its USB node and by its terminal.
            let by_usb = matches!(selector.target, adit_link::Target::Usb(_));
            let means = |detected: &Detected| {
                detected.location == found.location
                    || by_usb && detected.socket.as_ref() == Some(&found.socket)
            };
            match selector.detected(std::slice::from_ref(found)) {
                Ok(detected) => {
                    detected.into_iter().find(means).map(|it| Ok(self.wanted(it, Some(selector))))
                }
                Err(error) => (selector.target.to_string() == found.location).then_some(Err(error)),
            }
        })
    }

    /// What is wanted of a miner that has connected.
    pub(crate) fn guest(&self, detected: Detected) -> Wanted {
        let given = self.listen.as_ref().map(|listen| listen.options.to_settings()).unwrap_or_default();
        let wanted = self.wanted(detected, None);
        Wanted { settings: given.overridden_by(&wanted.settings), ..wanted }
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

#[cfg(test)]
mod tests {
    use adit_protocol::devices::{UsbIdentity, model};
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        mine: MineArgs,
    }

    fn plan(line: &str, file: &str) -> Plan {
        let args = Line::parse_from(std::iter::once("adit").chain(line.split_whitespace())).mine;
        Plan::new(&args, toml::from_str(file).unwrap()).unwrap()
    }

    fn stick(serial: &str) -> Found {
        Found {
            candidates: vec![model("antminer-u2").unwrap()],
            certain: true,
            name: "Antminer".into(),
            location: "serial:/dev/ttyUSB0".into(),
            socket: "1-1".into(),
            usb: UsbIdentity { serial: Some(serial.into()), ..UsbIdentity::default() },
            plugged: 1,
            kernel_driver: None,
            access: adit_link::Access::Ok,
            fix: None,
        }
    }

    fn frequency(plan: &Plan, serial: &str) -> Option<String> {
        let wanted = plan.plugged(&stick(serial))?.unwrap();
        wanted.settings.iter().find(|(key, _)| *key == "frequency").map(|(_, value)| value.to_owned())
    }

    const FILE: &str = "
        [[pool]]
        url = 'a:1'
        user = 'filed'
        [[device]]
        serial = 'S1'
        settings = { frequency = 210 }
        [[device]]
        model = 'antminer-u2'
        settings = { frequency = 200 }
    ";

    #[test]
    fn a_serial_number_wins_over_a_model_and_a_selector_over_both() {
        let of_file = plan("", FILE);
        assert_eq!(frequency(&of_file, "S1").as_deref(), Some("210"));
        assert_eq!(frequency(&of_file, "S2").as_deref(), Some("200"));
        let selected = plan("--device model=antminer-u2,frequency=220", FILE);
        assert_eq!(frequency(&selected, "S1").as_deref(), Some("220"));
        let other = plan("--device model=icarus", FILE);
        assert_eq!(frequency(&other, "S1"), None, "not one of those the user named");
    }

    #[test]
    fn pools_of_the_command_line_replace_those_of_the_file() {
        assert_eq!(plan("", FILE).pools[0].user, "filed");
        let pools = plan("--pool b:2 --user mine", FILE).pools;
        assert_eq!((pools.len(), pools[0].host.as_str(), pools[0].user.as_str()), (1, "b", "mine"));
    }

    #[test]
    fn the_command_line_wins_over_the_file_in_what_may_be_read() {
        let file = "[[pool]]\nurl = \"h:1\"\nuser = \"u\"\n[read]\napi = \"127.0.0.1:1\"\nwebhook = \"http://h/x\"\n";
        let views = plan("", file).views;
        assert_eq!(views.api, Some("127.0.0.1:1".parse().unwrap()));
        let views = plan("--api 127.0.0.1:2", file).views;
        assert_eq!(views.api, Some("127.0.0.1:2".parse().unwrap()));
        assert_eq!(views.webhook, Some("http://h/x".parse().unwrap()));
        assert!(views.cgminer.is_none() && views.axeos.is_none());
        assert!(toml::from_str::<Config>("[read]\nwebhook = \"https://h/secret\"\n").is_err());
    }
}
