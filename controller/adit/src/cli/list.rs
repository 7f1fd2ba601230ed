//! The grammar of `--devices`: `MODEL[:COUNT][/key=value]…`, items separated by commas.

use std::fmt;
use std::str::FromStr;

use adit_driver::Settings;
use adit_lab::Item;
use adit_protocol::devices::{self, models_like};

/// Most devices of one item.
const MOST: u16 = 1_000;

/// Devices to simulate.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct DeviceList(pub(crate) Vec<Item>);

/// Why a list cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadList {
    /// Two commas in a row, or nothing at all.
    #[error("an item is empty; expected MODEL[:COUNT][/key=value]…,…")]
    Empty,
    /// The model table has no such row.
    #[error("there is no model `{found}`; {}", suggestion(found))]
    Model { found: String },
    /// Not a number of devices.
    #[error("`{found}` is not a number of devices from 1 to {MOST}")]
    Count { found: String },
    /// Not `key=value`.
    #[error("`{found}` is not a setting; expected key=value")]
    Setting { found: String },
    /// The same key twice.
    #[error("`{key}` is set twice")]
    Twice { key: String },
}

impl FromStr for DeviceList {
    type Err = BadList;

    fn from_str(text: &str) -> Result<Self, BadList> {
        text.split(',').map(|item| parse_item(item.trim())).collect::<Result<_, _>>().map(Self)
    }
}

impl fmt::Display for DeviceList {
    /// As it can be written on the command line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, item) in self.0.iter().enumerate() {
            let comma = if index > 0 { "," } else { "" };
            write!(f, "{comma}{}:{}", item.model.key, item.count)?;
            for (key, value) in item.settings.iter() {
                write!(f, "/{key}={value}")?;
            }
        }
        Ok(())
    }
}

fn parse_item(text: &str) -> Result<Item, BadList> {
    let mut parts = text.split('/');
    let head = parts.next().unwrap_or_default();
    let (key, count) = match head.split_once(':') {
        Some((key, count)) => (key, parse_count(count)?),
        None => (head, 1),
    };
    if key.is_empty() {
        return Err(BadList::Empty);
    }
    let model = devices::model(key).ok_or_else(|| BadList::Model { found: key.to_owned() })?;
    let mut settings = Settings::default();
    for part in parts {
        match part.split_once('=') {
            Some((key, _)) if settings.iter().any(|(known, _)| known == key) => {
                return Err(BadList::Twice { key: key.to_owned() });
            }
            Some((key, value)) if !key.is_empty() && !value.is_empty() => settings.set(key, value),
            _ => return Err(BadList::Setting { found: part.to_owned() }),
        }
    }
    Ok(Item { model, count, settings })
}

fn parse_count(text: &str) -> Result<u16, BadList> {
    match text.parse() {
        Ok(count @ 1..=MOST) => Ok(count),
        _ => Err(BadList::Count { found: text.to_owned() }),
    }
}

/// What a mistyped model may have meant, and where to find all.
fn suggestion(found: &str) -> String {
    match models_like(found).as_slice() {
        [] => "`adit devices --supported` lists them".to_owned(),
        like => format!("did you mean {}? `adit devices --supported` lists all", like.join(" or ")),
    }
}

#[cfg(test)]
mod tests {
    use adit_protocol::devices::models;

    use super::*;

    fn list(text: &str) -> Result<DeviceList, BadList> {
        text.parse()
    }

    #[test]
    fn counts_and_settings_belong_to_their_item() {
        let DeviceList(items) = list("icarus, block-erupter:3/target-difficulty=1e-4/x=y").unwrap();
        assert_eq!(items.len(), 2);
        assert_eq!((items[0].model.key, items[0].count), ("icarus", 1));
        assert_eq!((items[1].model.key, items[1].count), ("block-erupter", 3));
        let pairs: Vec<_> = items[1].settings.iter().collect();
        assert_eq!(pairs, [("target-difficulty", "1e-4"), ("x", "y")]);
    }

    #[test]
    fn a_list_is_written_as_it_is_read() {
        let text = "icarus:1,block-erupter:3/target-difficulty=1e-4/x=y";
        assert_eq!(list(text).unwrap().to_string(), text);
    }

    #[test]
    fn every_model_of_the_table_can_be_named() {
        for model in models() {
            assert_eq!(list(model.key).unwrap().0[0].model, model);
        }
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let count = |found: &str| Err(BadList::Count { found: found.into() });
        assert_eq!(list(""), Err(BadList::Empty));
        assert_eq!(list("icarus,,icarus"), Err(BadList::Empty));
        assert_eq!(list("toaster"), Err(BadList::Model { found: "toaster".into() }));
        assert_eq!(list("icarus:0"), count("0"));
        assert_eq!(list("icarus:1001"), count("1001"));
        assert_eq!(list("icarus:-1"), count("-1"));
        assert_eq!(list("icarus:1:2"), count("1:2"));
        assert_eq!(list("icarus/fast"), Err(BadList::Setting { found: "fast".into() }));
        assert_eq!(list("icarus/=1"), Err(BadList::Setting { found: "=1".into() }));
        assert_eq!(list("icarus/a=1/a=2"), Err(BadList::Twice { key: "a".into() }));
    }

    #[test]
    fn a_misspelt_model_is_recognised() {
        let said = list("blok-erupter").unwrap_err().to_string();
        assert!(said.contains("did you mean block-erupter?"), "{said}");
        let said = list("Antminer").unwrap_err().to_string();
        assert!(said.contains("antminer-u1 or antminer-u2 or antminer-u3"), "{said}");
    }
}
