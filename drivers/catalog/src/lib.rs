//! The explicit list of drivers: the one place where a new family is entered.

use adit_driver::{Detected, Driver, Machine, Settings, StartError};

/// Every driver there is. `Model::driver` and `driver=NAME` in a selector refer to these names.
pub static DRIVERS: &[Driver] = &[
    adit_driver_bitaxe::DRIVER,
    adit_driver_bm13xx::DRIVER,
    adit_driver_gekko::DRIVER,
    adit_driver_icarus::DRIVER,
    adit_driver_cpu::DRIVER,
    adit_driver_downstream::DRIVER,
];

/// The driver named `name`.
pub fn driver(name: &str) -> Option<&'static Driver> {
    DRIVERS.iter().find(|driver| driver.name == name)
}

/// Why no machine can be made for a device.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CatalogError {
    /// Nothing is known about what the device may be.
    #[error("{location} is no model that adit knows")]
    NoCandidate {
        /// Where the device is.
        location: String,
    },
    /// There is no driver of this name.
    #[error("there is no driver `{name}`")]
    NoDriver {
        /// The name.
        name: String,
    },
    /// The driver does not accept the device or its settings.
    #[error(transparent)]
    Start(#[from] StartError),
}

/// Makes the machine for `detected`: by the driver of its most likely candidate, or by the driver that the setting `driver`
/// names.
pub fn start(detected: &Detected, mut settings: Settings) -> Result<Box<dyn Machine>, CatalogError> {
    let named: Option<String> = settings.take("driver", "the name of a driver").map_err(StartError::from)?;
    let name = match (named, detected.candidates.first()) {
        (Some(name), _) => name,
        (None, Some(model)) => model.driver.to_owned(),
        (None, None) => return Err(CatalogError::NoCandidate { location: detected.location.clone() }),
    };
    let driver = driver(&name).ok_or(CatalogError::NoDriver { name })?;
    Ok((driver.start)(detected, settings)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unknown() -> Detected {
        Detected {
            location: "serial:./stick".into(),
            socket: None,
            usb: None,
            candidates: Vec::new(),
            chosen: false,
        }
    }

    #[test]
    fn a_device_that_may_be_nothing_is_refused() {
        let error = start(&unknown(), Settings::default()).err().unwrap();
        assert_eq!(error.to_string(), "serial:./stick is no model that adit knows");
    }

    #[test]
    fn an_unknown_driver_is_named() {
        let mut settings = Settings::default();
        settings.set("driver", "abacus");
        let error = start(&unknown(), settings).err().unwrap();
        assert_eq!(error.to_string(), "there is no driver `abacus`");
    }

    #[test]
    fn names_of_drivers_are_unique() {
        for driver in DRIVERS {
            assert_eq!(
                DRIVERS.iter().filter(|other| other.name == driver.name).count(),
                1,
                "{}",
                driver.name
            );
        }
    }
}
