//! What tuning has found, kept from one opening of a device to the next and from one run to the next.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use adit_driver::Tuned;

use super::plan::Wanted;
use crate::config::write;

/// Name of the file in the folder for state.
const FILE: &str = "tuned.json";

/// The results, by device and its settings: with other settings they would be other ones.
#[derive(Debug)]
pub(crate) struct Results {
    file: Option<PathBuf>,
    found: BTreeMap<String, String>,
}

impl Results {
    /// What earlier runs have left in `folder`; `None`: nothing is kept beyond this run.
    pub(crate) fn read(folder: Option<PathBuf>) -> Self {
        let file = folder.map(|folder| folder.join(FILE));
        let text = file.as_deref().map(fs::read_to_string);
        let found = match text {
            Some(Ok(text)) => serde_json::from_str(&text).unwrap_or_else(|_| {
                tracing::warn!("{FILE} cannot be read: devices are tuned anew");
                BTreeMap::new()
            }),
            _ => BTreeMap::new(),
        };
        Self { file, found }
    }

    /// Gives a device that is to be tuned what was found before, unless its user has something else in mind.
    pub(crate) fn remind(&self, wanted: &mut Wanted) {
        let known = place(wanted).and_then(|place| self.found.get(&place));
        if let Some(point) = known {
            wanted.settings.set("tuned", point.as_str());
        }
    }

    /// A device has been tuned. Returns what is to be written, where anything is kept.
    pub(crate) fn learn(&mut self, wanted: &Wanted, tuned: &Tuned) -> Option<impl FnOnce() + Send + 'static> {
        let point = tuned.point;
        let text = format!("{}@{:.0}", point.clock.mhz(), point.core.0 * 1e3);
        self.found.insert(place(wanted)?, text);
        let (file, text) = (self.file.clone()?, serde_json::to_string_pretty(&self.found).ok()?);
        Some(move || {
            if let Err(error) = write::replace(&file, text.as_bytes()) {
                tracing::warn!("{}: {error}: what tuning has found is lost at the end", file.display());
            }
        })
    }
}

/// Which device with which settings; `None` where it is not to be tuned, or the user says what was found.
fn place(wanted: &Wanted) -> Option<String> {
    let settings: BTreeMap<&str, &str> = wanted.settings.iter().collect();
    let is_tuned = settings.get("tune").is_some_and(|goal| *goal != "off");
    if !is_tuned || settings.contains_key("tuned") {
        return None;
    }
    let detected = &wanted.detected;
    let serial = detected.usb.as_ref().and_then(|usb| usb.serial.as_deref());
    let settings: String = settings.iter().map(|(key, value)| format!(" {key}={value}")).collect();
    Some(format!("{}{settings}", serial.unwrap_or(&detected.location)))
}

#[cfg(test)]
mod tests {
    use adit_driver::{Detected, OperatingPoint, Settings};
    use adit_protocol::devices::model;
    use adit_protocol::units::{HashRate, Hertz, Volts};

    use super::*;

    fn wanted(settings: &[(&str, &str)]) -> Wanted {
        let mut all = Settings::default();
        settings.iter().for_each(|(key, value)| all.set(*key, *value));
        let detected = Detected {
            location: "serial:./c+./d".into(),
            socket: None,
            usb: None,
            candidates: model("bitaxe-gamma").into_iter().collect(),
            chosen: true,
        };
        Wanted { detected, settings: all, baud: None }
    }

    fn tuned() -> Tuned {
        let point = OperatingPoint { clock: Hertz::from_mhz(512.5), core: Volts(1.13) };
        Tuned { point, rate: HashRate(1e12), joules_per_terahash: None }
    }

    fn reminded(results: &Results, settings: &[(&str, &str)]) -> Option<String> {
        let mut wanted = wanted(settings);
        results.remind(&mut wanted);
        wanted.settings.iter().find(|(key, _)| *key == "tuned").map(|(_, value)| value.to_owned())
    }

    #[test]
    fn what_was_found_is_given_back_by_the_next_run_with_the_same_settings_only() {
        let folder = tempfile::tempdir().unwrap();
        let mut results = Results::read(Some(folder.path().join("adit")));
        let write = results.learn(&wanted(&[("tune", "efficiency")]), &tuned());
        write.unwrap()();
        let next = Results::read(Some(folder.path().join("adit")));
        assert_eq!(reminded(&next, &[("tune", "efficiency")]).as_deref(), Some("512.5@1130"));
        assert_eq!(reminded(&next, &[("tune", "hashrate")]), None);
        assert_eq!(reminded(&next, &[("tune", "off")]), None);
        let said = [("tune", "efficiency"), ("tuned", "500@1100")];
        assert_eq!(reminded(&next, &said).as_deref(), Some("500@1100"), "the user's word");
    }

    #[test]
    fn without_a_folder_it_is_remembered_until_the_end() {
        let mut results = Results::read(None);
        assert!(results.learn(&wanted(&[("tune", "hashrate")]), &tuned()).is_none(), "nothing to write");
        assert!(reminded(&results, &[("tune", "hashrate")]).is_some());
    }

    #[test]
    fn a_file_that_is_none_is_no_reason_not_to_mine() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(FILE), "{").unwrap();
        assert_eq!(reminded(&Results::read(Some(folder.path().into())), &[("tune", "hashrate")]), None);
    }
}
