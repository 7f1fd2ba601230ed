//! Which broker is told, and who may command through it.

use std::fmt;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use adit_telemetry::{Broker, BrokerTls, Host, MqttSettings, Password};
use adit_upstream::io::Secure;
use adit_upstream::{KeyPin, Trust};
use clap::Args;
use serde::Deserialize;

use crate::failure::Failure;

/// Topic of Home Assistant where nobody says.
const DISCOVERY: &str = "homeassistant";
/// Seconds between two states where nobody says.
const INTERVAL_S: u64 = 15;
/// Longest password.
const LONGEST: usize = 1_024;

/// Options of `demo` and `mine`, and the table `[mqtt]` of the configuration file.
#[derive(Clone, Debug, Default, Args, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct MqttArgs {
    /// Tell this MQTT broker how things stand: mqtt://HOST[:PORT], with TLS mqtts://HOST[:PORT]; Home Assistant finds the devices there: docs/mqtt.md
    #[arg(id = "mqtt", long = "mqtt", value_name = "URL", help_heading = "MQTT")]
    broker: Option<Broker>,

    /// Who adit is at the broker
    #[arg(
        id = "mqtt_user",
        long = "mqtt-user",
        value_name = "NAME",
        requires = "mqtt_password_file",
        help_heading = "MQTT"
    )]
    user: Option<String>,

    /// File with the password there
    #[arg(
        id = "mqtt_password_file",
        long = "mqtt-password-file",
        value_name = "FILE",
        requires = "mqtt_user",
        help_heading = "MQTT"
    )]
    password_file: Option<PathBuf>,

    /// Believe an mqtts:// broker only where an authority in this file has signed its certificate: PEM [default: the authorities of the
    /// system]
    #[arg(id = "mqtt_ca", long = "mqtt-ca", value_name = "FILE", help_heading = "MQTT")]
    tls_ca: Option<PathBuf>,

    /// Believe an mqtts:// broker only where its key, or its certificate, has this SHA-256
    #[arg(
        id = "mqtt_pin",
        long = "mqtt-pin",
        value_name = "SHA256",
        conflicts_with = "mqtt_ca",
        help_heading = "MQTT"
    )]
    tls_pin: Option<String>,

    /// What this adit is called in topics; two on one broker need two names [default: the name of this machine]
    #[arg(id = "mqtt_host", long = "mqtt-host", value_name = "NAME", help_heading = "MQTT")]
    host: Option<String>,

    /// Topic below which Home Assistant looks for devices; `off`: it is not told [default: homeassistant]
    #[arg(id = "mqtt_discovery", long = "mqtt-discovery", value_name = "TOPIC", help_heading = "MQTT")]
    discovery: Option<String>,

    /// Obey commands that come over the broker, from whoever may publish there
    #[arg(id = "mqtt_commands", long = "mqtt-commands", num_args = 0..=1, default_missing_value = "true", value_name = "BOOL", help_heading = "MQTT")]
    commands: Option<bool>,

    /// Seconds between two states [default: 15]
    #[arg(id = "mqtt_interval", long = "mqtt-interval", value_name = "S", help_heading = "MQTT")]
    interval_s: Option<u64>,
}

impl MqttArgs {
    /// Where the broker is, these over what the file says; `None`: there is none.
    pub(crate) fn broker<'a>(&'a self, file: &'a Self) -> Option<&'a Broker> {
        self.broker.as_ref().or(file.broker.as_ref())
    }

    /// These, and where they say nothing, what the file says. Reads the password.
    pub(crate) fn over(&self, file: &Self) -> Result<Option<MqttSettings>, Failure> {
        let Some(broker) = self.broker(file).cloned() else { return Ok(None) };
        let tls = self.tls(file, &broker)?;
        let login = self.login(file)?;
        let host = match self.host.as_ref().or(file.host.as_ref()) {
            Some(name) => name.parse().map_err(|why| usage(format!("host: {why}")))?,
            None => Host::of_this_machine(),
        };
        let discovery = self.discovery.as_deref().or(file.discovery.as_deref()).unwrap_or(DISCOVERY);
        if discovery.is_empty() || discovery.len() > 200 || discovery.contains(['+', '#', '\0']) {
            return Err(usage("discovery: a topic has no + and no #; `off` for none"));
        }
        let interval_s = self.interval_s.or(file.interval_s).unwrap_or(INTERVAL_S);
        if !(1..=3_600).contains(&interval_s) {
            return Err(usage(format!("interval_s is {interval_s}; it can be 1 to 3600")));
        }
        Ok(Some(MqttSettings {
            broker,
            tls,
            login,
            host,
            discovery: (discovery != "off").then(|| discovery.to_owned()),
            commands: self.commands.or(file.commands).unwrap_or(false),
            interval: Duration::from_secs(interval_s),
        }))
    }

    /// Whom to believe that he is the broker. Reads files.
    fn tls(&self, file: &Self, broker: &Broker) -> Result<Option<BrokerTls>, Failure> {
        let said = if self.tls_ca.is_some() || self.tls_pin.is_some() { self } else { file };
        let trust = match (&said.tls_ca, &said.tls_pin) {
            (Some(_), Some(_)) => return Err(usage("give one of tls_ca and tls_pin")),
            (Some(path), None) => Trust::Authority(path.clone()),
            (None, Some(pin)) => {
                Trust::Pin(pin.parse::<KeyPin>().map_err(|why| usage(format!("tls_pin: {why}")))?)
            }
            (None, None) => Trust::Roots,
        };
        if !broker.secure && trust != Trust::Roots {
            return Err(usage("tls_ca and tls_pin are for a broker with TLS: mqtts://HOST[:PORT]"));
        }
        let secure = broker.secure.then(|| Secure::new(&trust)).transpose();
        Ok(secure.map_err(usage)?.map(|secure| BrokerTls(secure.config())))
    }

    /// User and password. Reads the file that holds it.
    fn login(&self, file: &Self) -> Result<Option<(String, Password)>, Failure> {
        let user = self.user.clone().or_else(|| file.user.clone());
        let path = self.password_file.as_ref().or(file.password_file.as_ref());
        let (user, path) = match (user, path) {
            (Some(user), Some(path)) => (user, path),
            (None, None) => return Ok(None),
            _ => return Err(usage("user and password_file need each other")),
        };
        let text = fs::read_to_string(path)
            .map_err(|why| usage(format!("password file {}: {why}", path.display())))?;
        let text = text.trim_end_matches(['\r', '\n']);
        if text.len() > LONGEST {
            return Err(usage(format!("password file {}: longer than {LONGEST} bytes", path.display())));
        }
        Ok(Some((user, Password(text.to_owned()))))
    }
}

fn usage(why: impl fmt::Display) -> Failure {
    Failure::usage(anyhow::anyhow!("[mqtt] {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(text: &str) -> Result<Option<MqttSettings>, String> {
        let file: MqttArgs = toml::from_str(text).map_err(|error| error.to_string())?;
        MqttArgs::default().over(&file).map_err(|failure| failure.sentence())
    }

    #[test]
    fn commands_are_off_and_a_password_is_read_from_its_file_and_shown_nowhere() {
        let usual = settings("broker = \"mqtt://broker.example\"\nhost = \"rig-1\"").unwrap().unwrap();
        assert_eq!(
            (usual.broker.port, usual.commands, usual.interval),
            (1_883, false, Duration::from_secs(15))
        );
        assert_eq!(usual.discovery.as_deref(), Some("homeassistant"));
        assert!(settings("").unwrap().is_none());
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("password");
        fs::write(&file, "hush\n").unwrap();
        let text = format!("broker = \"mqtt://h:1\"\nuser = \"u\"\npassword_file = \"{}\"", file.display());
        let settings_ = settings(&text).unwrap().unwrap();
        assert_eq!(settings_.login, Some(("u".into(), Password("hush".into()))));
        assert!(!format!("{settings_:?}").contains("hush"));
    }

    #[test]
    fn a_broker_with_tls_has_to_be_believed_and_never_becomes_one_without() {
        let secure = |text: &str| settings(&format!("broker = \"mqtts://h\"\n{text}"));
        let usual = secure("").unwrap().unwrap();
        assert!(usual.broker.port == 8_883 && usual.tls.is_some());
        let pin = format!("tls_pin = \"{}\"", "ab".repeat(32));
        assert!(secure(&pin).unwrap().unwrap().tls.is_some());
        for (text, why) in [
            ("tls_pin = \"ab\"", "64 hex digits"),
            ("tls_ca = \"/nonexistent\"", "tls_ca /nonexistent"),
            (&format!("{pin}\ntls_ca = \"a.pem\""), "give one of"),
        ] {
            let error = secure(text).unwrap_err();
            assert!(error.contains(why), "{error}");
        }
        let error = settings(&format!("broker = \"mqtt://h\"\n{pin}")).unwrap_err();
        assert!(error.contains("mqtts://"), "{error}");
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for (text, why) in [
            ("user = \"u\"", "need each other"),
            ("host = \"a/b\"", "a host is called by"),
            ("discovery = \"a/#\"", "no + and no #"),
            ("interval_s = 0", "it can be 1 to 3600"),
            ("user = \"u\"\npassword_file = \"/nonexistent\"", "password file /nonexistent"),
        ] {
            let error = settings(&format!("broker = \"mqtt://h\"\n{text}")).unwrap_err();
            assert!(error.contains(why), "{error}");
        }
        for broker in ["h:1", "wss://h", "mqtt://", "mqtt://u:p@h", "mqtt://h:0", "mqtt://h/x", "http://h"] {
            assert!(settings(&format!("broker = \"{broker}\"")).is_err(), "{broker}");
        }
    }
}
