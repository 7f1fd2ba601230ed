//! What can be read of a running adit, and where.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use adit_telemetry::{
    Access, AxeosSettings, BeyondSettings, Certificate, CgminerSettings, Kept, Prices, Settings, Webhook,
};
use clap::Args;
use serde::Deserialize;

use crate::config::state_folder;
use crate::failure::Failure;

/// Options of `demo` and `mine`, and the table `[read]` of the configuration file.
#[derive(Clone, Debug, Default, Args, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ViewArgs {
    /// Serve the dashboard and the REST interface here, on the loopback interface only: docs/dashboard.md
    #[arg(long, value_name = "ADDR", help_heading = "Reading")]
    api: Option<SocketAddr>,

    /// Serve both over TLS here, beyond this machine, to whoever has a key: docs/steering.md
    #[arg(long, value_name = "ADDR", help_heading = "Reading")]
    api_tls: Option<SocketAddr>,

    /// Show this certificate there: PEM, with its chain [default: one that is made once]
    #[arg(long, value_name = "FILE", help_heading = "Reading", requires = "api_tls_key")]
    api_tls_cert: Option<PathBuf>,

    /// Private key of that certificate: PEM
    #[arg(long, value_name = "FILE", help_heading = "Reading", requires = "api_tls_cert")]
    api_tls_key: Option<PathBuf>,

    /// Names by which the REST interface is called beyond this machine, beside its addresses, separated by commas
    #[arg(long, value_name = "LIST", help_heading = "Reading")]
    api_names: Option<String>,

    /// Reverse proxies in front of it that are believed: ADDRESS[/PREFIX], separated by commas; whoever comes through them needs
    /// a key: docs/operate.md
    #[arg(long, value_name = "LIST", help_heading = "Reading")]
    api_proxies: Option<String>,

    /// Serve the API of cgminer here, for existing tools; port 4028 is usual
    #[arg(long, value_name = "ADDR", help_heading = "Reading")]
    cgminer_api: Option<SocketAddr>,

    /// Who may ask the API of cgminer: ADDRESS, ADDRESS/PREFIX or GROUP:ADDRESS, separated by commas [default: this machine]
    #[arg(long, value_name = "LIST", help_heading = "Reading", requires = "cgminer_api")]
    cgminer_allow: Option<String>,

    /// What groups may ask there: G:COMMAND:COMMAND…, separated by commas [default: every group everything]
    #[arg(long, value_name = "LIST", help_heading = "Reading", requires = "cgminer_allow")]
    cgminer_groups: Option<String>,

    /// Serve what readers of AxeOS (Bitaxe) want here; they look on port 80
    #[arg(long, value_name = "ADDR", help_heading = "Reading")]
    axeos: Option<SocketAddr>,

    /// Who may read there: ADDRESS[/PREFIX], separated by commas [default: this machine]
    #[arg(long, value_name = "LIST", help_heading = "Reading", requires = "axeos")]
    axeos_allow: Option<String>,

    /// Show this chip there in place of the real one: BM1397, BM1366, BM1368 or BM1370 are all that some readers know
    #[arg(long, value_name = "CHIP", help_heading = "Reading", requires = "axeos")]
    axeos_chip: Option<String>,

    /// Post blocks, best shares and faults here: http://HOST:PORT/PATH
    #[arg(long, value_name = "URL", help_heading = "Reading")]
    webhook: Option<Webhook>,

    /// Keep history in this SQLite file, so that it outlives adit [default: in memory]
    #[arg(long, value_name = "FILE", help_heading = "Reading")]
    history: Option<PathBuf>,
}

impl ViewArgs {
    /// These, and where they say nothing, what the file says.
    pub(crate) fn over(&self, file: &Self) -> Self {
        fn either<T: Clone>(first: &Option<T>, second: &Option<T>) -> Option<T> {
            first.as_ref().or(second.as_ref()).cloned()
        }
        Self {
            api: self.api.or(file.api),
            api_tls: self.api_tls.or(file.api_tls),
            api_tls_cert: either(&self.api_tls_cert, &file.api_tls_cert),
            api_tls_key: either(&self.api_tls_key, &file.api_tls_key),
            api_names: either(&self.api_names, &file.api_names),
            api_proxies: either(&self.api_proxies, &file.api_proxies),
            cgminer_api: self.cgminer_api.or(file.cgminer_api),
            cgminer_allow: either(&self.cgminer_allow, &file.cgminer_allow),
            cgminer_groups: either(&self.cgminer_groups, &file.cgminer_groups),
            axeos: self.axeos.or(file.axeos),
            axeos_allow: either(&self.axeos_allow, &file.axeos_allow),
            axeos_chip: either(&self.axeos_chip, &file.axeos_chip),
            webhook: either(&self.webhook, &file.webhook),
            history: either(&self.history, &file.history),
        }
    }

    /// Where history is kept; `None`: in memory.
    pub(crate) fn history(&self) -> Option<&Path> {
        self.history.as_deref()
    }

    /// Where the REST interface is wanted.
    pub(crate) const fn api(&self) -> Option<SocketAddr> {
        self.api
    }

    /// As telemetry wants it.
    pub(crate) fn settings(&self) -> Result<Settings, Failure> {
        let history = self.history.clone().map_or_else(Kept::default, Kept::in_file);
        let names = self.api_names.iter().flat_map(|list| list.split(','));
        let proxies = self.api_proxies.as_deref().map(|list| {
            let refuse = |error| Failure::usage(anyhow::anyhow!("--api-proxies: {error}"));
            Access::parse(list, "").map_err(refuse)
        });
        Ok(Settings {
            api: self.api,
            beyond: self.beyond()?,
            proxies: proxies.transpose()?,
            names: names.map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).collect(),
            history,
            prices: Prices::default(),
            cgminer: self.cgminer()?,
            axeos: self.axeos()?,
            webhook: self.webhook.clone(),
            mqtt: None,
            keys: self.api.or(self.api_tls).and_then(|_| state_folder()),
        })
    }

    fn beyond(&self) -> Result<Option<BeyondSettings>, Failure> {
        let Some(address) = self.api_tls else { return Ok(None) };
        let certificate = match (self.api_tls_cert.clone(), self.api_tls_key.clone()) {
            (Some(chain), Some(key)) => Certificate::Own { chain, key },
            (None, None) => Certificate::Made,
            _ => {
                return Err(Failure::usage(anyhow::anyhow!("api_tls_cert and api_tls_key need each other")));
            }
        };
        Ok(Some(BeyondSettings { address, certificate }))
    }

    fn cgminer(&self) -> Result<Option<CgminerSettings>, Failure> {
        let Some(address) = self.cgminer_api else { return Ok(None) };
        let access = match &self.cgminer_allow {
            Some(allow) => {
                Access::parse(allow, self.cgminer_groups.as_deref().unwrap_or_default()).map_err(|error| {
                    Failure::usage(anyhow::anyhow!("--cgminer-allow or --cgminer-groups: {error}"))
                })?
            }
            None => Access::default(),
        };
        Ok(Some(CgminerSettings::new(address, access)))
    }

    fn axeos(&self) -> Result<Option<AxeosSettings>, Failure> {
        let Some(address) = self.axeos else { return Ok(None) };
        let access = match &self.axeos_allow {
            Some(allow) => Access::parse(allow, "")
                .map_err(|error| Failure::usage(anyhow::anyhow!("--axeos-allow: {error}")))?,
            None => Access::default(),
        };
        Ok(Some(AxeosSettings { address, access, borrowed_chip: self.axeos_chip.clone() }))
    }
}
