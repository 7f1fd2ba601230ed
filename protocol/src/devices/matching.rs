//! Which models a USB identity may be.

use super::{Model, Text, UsbMatch, models};

/// What a USB device says of itself. Strings are as the kernel reports them; `None` where a descriptor is missing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UsbIdentity {
    /// Vendor id.
    pub vid: u16,
    /// Product id.
    pub pid: u16,
    /// `iManufacturer`.
    pub manufacturer: Option<String>,
    /// `iProduct`.
    pub product: Option<String>,
    /// `iSerialNumber`.
    pub serial: Option<String>,
}

/// How sure a match is.
#[derive(Clone, Debug, PartialEq)]
pub enum Match {
    /// No model carries this identity.
    None,
    /// A distinctive id or string names these models: safe to open.
    Certain(Vec<&'static Model>),
    /// The id of a generic bridge: it may be one of these models or somebody's thermometer. Open only on request.
    Ambiguous(Vec<&'static Model>),
}

/// Looks `identity` up in the model table. A row whose strings match wins over rows of the bare bridge.
pub fn matching(identity: &UsbIdentity) -> Match {
    let candidates = |generic: bool| -> Vec<&'static Model> {
        models()
            .filter(|model| model.usb.iter().any(|usb| usb.generic == generic && usb.accepts(identity)))
            .collect()
    };
    let certain = candidates(false);
    if !certain.is_empty() {
        return Match::Certain(certain);
    }
    let ambiguous = candidates(true);
    if ambiguous.is_empty() { Match::None } else { Match::Ambiguous(ambiguous) }
}

impl UsbMatch {
    /// Whether `identity` satisfies ids and strings of this row.
    pub fn accepts(&self, identity: &UsbIdentity) -> bool {
        self.vid == identity.vid
            && self.pid == identity.pid
            && self.manufacturer.accepts(identity.manufacturer.as_deref(), |text, found| text == found)
            // Hosts compare products without regard to case (`docs/protocols/gekko.md §1.1`).
            && self.product.accepts(identity.product.as_deref(), str::eq_ignore_ascii_case)
    }
}

impl Text {
    fn accepts(&self, found: Option<&str>, same: fn(&str, &str) -> bool) -> bool {
        match (self, found) {
            (Self::Any, _) => true,
            (Self::Is(text), Some(found)) => same(text, found),
            (Self::Contains(texts), Some(found)) => texts.iter().all(|text| found.contains(text)),
            (_, None) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cp2102(product: &str) -> UsbIdentity {
        UsbIdentity {
            vid: 0x10c4,
            pid: 0xea60,
            manufacturer: Some("Silicon Labs".into()),
            product: Some(product.into()),
            serial: Some("0001".into()),
        }
    }

    #[test]
    fn a_distinctive_string_names_the_stick() {
        let Match::Certain(found) = matching(&cp2102("Block Erupter Emerald")) else { panic!("not certain") };
        assert_eq!(found.iter().map(|model| model.key).collect::<Vec<_>>(), ["block-erupter"]);
    }

    #[test]
    fn a_product_is_known_in_any_case_and_a_maker_only_in_his_own() {
        let stick = |manufacturer: &str, product: &str| UsbIdentity {
            vid: 0x0403,
            pid: 0x6015,
            manufacturer: Some(manufacturer.into()),
            product: Some(product.into()),
            serial: None,
        };
        let known = |manufacturer, product| match matching(&stick(manufacturer, product)) {
            Match::Certain(found) => found.iter().map(|model| model.key).collect(),
            _ => Vec::new(),
        };
        assert_eq!(known("GekkoScience", "COMPACF bitcoin miner"), ["compac-f"]);
        assert_eq!(known("gekkoscience", "CompacF Bitcoin Miner"), [""; 0]);
    }

    #[test]
    fn a_bare_bridge_is_ambiguous() {
        let Match::Ambiguous(found) = matching(&cp2102("CP2102 USB to UART Bridge Controller")) else {
            panic!("not ambiguous")
        };
        assert!(found.len() > 3, "{found:?}");
    }

    #[test]
    fn an_unknown_id_matches_nothing() {
        assert_eq!(
            matching(&UsbIdentity { vid: 0x046d, pid: 0xc31c, ..UsbIdentity::default() }),
            Match::None
        );
    }
}
