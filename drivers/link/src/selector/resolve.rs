//! From what the user names to devices that can be opened.

use adit_driver::Detected;
use adit_protocol::devices::{Match, Model, matching, models};

use super::{Selector, SelectorError, Target, UsbPlace};
use crate::discovery::Found;

impl Selector {
    /// The devices this selector means. `found`: what is plugged in now; it lends a named serial port its USB identity.
    ///
    /// A serial port, socket or the CPU is one device, whether it exists now or not; `usb:` ids are every plugged-in device that
    /// has them, also one that the kernel offers a terminal of, or one that may come. `model=NAME` alone is every plugged-in device
    /// that may be this model, also those on generic bridges: naming the model is the user's word. It may be none.
    ///
    /// # Errors
    /// [`SelectorError::ModelNeeded`] where nothing says what is there or models of several drivers could be there;
    /// [`SelectorError::UnknownDriver`], [`SelectorError::Ports`].
    pub fn detected(&self, found: &[Found]) -> Result<Vec<Detected>, SelectorError> {
        if self.target == Target::Plugged {
            let mine = found
                .iter()
                .filter(|found| self.model.is_some_and(|model| found.candidates.contains(&model)));
            return Ok(mine.map(|found| self.word_on(found)).collect());
        }
        if let Target::Usb(place) = &self.target {
            let here: Vec<&Found> = found.iter().filter(|found| place.means(found)).collect();
            if !here.is_empty() {
                return here.into_iter().map(|found| self.by_usb(found)).collect();
            }
        }
        let location = self.target.to_string();
        let here = found.iter().find(|found| found.location == location);
        let candidates = self.candidates(&location, here)?;
        self.check_ports(&location, candidates[0])?;
        Ok(vec![Detected {
            location,
            socket: here.map(|found| found.socket.clone()),
            usb: here.map(|found| found.usb.clone()),
            candidates,
            chosen: self.model.is_some(),
        }])
    }

    fn word_on(&self, found: &Found) -> Detected {
        let detected = found.detected();
        match self.model {
            Some(model) => Detected { candidates: vec![model], chosen: true, ..detected },
            None => detected,
        }
    }

    /// `found`, to be spoken to without a terminal.
    fn by_usb(&self, found: &Found) -> Result<Detected, SelectorError> {
        let place = UsbPlace::of(&found.usb, &found.socket);
        let location = Target::Usb(place.clone()).to_string();
        Ok(Detected {
            candidates: self.candidates(&location, Some(found))?,
            location,
            socket: place.socket,
            usb: Some(found.usb.clone()),
            chosen: self.model.is_some(),
        })
    }

    /// What may be at `location`: never empty.
    fn candidates(&self, location: &str, here: Option<&Found>) -> Result<Vec<&'static Model>, SelectorError> {
        if let Some(model) = self.model {
            return Ok(vec![model]);
        }
        if let Target::Cpu(_) = self.target {
            return Ok(models().filter(|model| model.key == "cpu").collect());
        }
        let by_ids = match (&self.target, here) {
            (Target::Usb(place), None) => match matching(&place.identity()) {
                Match::Certain(models) | Match::Ambiguous(models) => models,
                Match::None => Vec::new(),
            },
            _ => Vec::new(),
        };
        let from_usb = here.map_or(by_ids.as_slice(), |found| found.candidates.as_slice());
        if let Some(name) = &self.driver {
            let of_driver: Vec<&'static Model> = models().filter(|model| model.driver == name).collect();
            if of_driver.is_empty() {
                return Err(SelectorError::UnknownDriver { name: name.clone() });
            }
            let mut both = from_usb.to_vec();
            both.retain(|model| of_driver.contains(model));
            return Ok(if both.is_empty() { of_driver } else { both });
        }
        match from_usb {
            [first, rest @ ..] if rest.iter().all(|model| model.driver == first.driver) => {
                Ok(from_usb.to_vec())
            }
            candidates => Err(SelectorError::ModelNeeded {
                location: location.into(),
                candidates: candidates.iter().map(|model| model.key).collect(),
            }),
        }
    }

    fn check_ports(&self, location: &str, model: &'static Model) -> Result<(), SelectorError> {
        let found = match &self.target {
            Target::Serial(paths) => paths.len(),
            Target::Tcp { .. } | Target::Cpu(_) => 1,
            Target::Plugged | Target::Usb(_) => return Ok(()),
        };
        if found == model.ports.len() {
            return Ok(());
        }
        Err(SelectorError::Ports {
            location: location.into(),
            model: model.key,
            expected: model.ports.len(),
            ports: model.ports.iter().map(|port| port.name).collect(),
            found,
        })
    }
}
