//! What an exam does to voltages: nothing unasked, and nothing that stays.

use std::sync::{Arc, Mutex};

use adit_hw_sim::{DeviceInput, DeviceOutput, SimDevice, Truth};
use adit_lab::exam::examine;
use adit_protocol::devices::models;
use adit_protocol::wire::Micros;

use crate::{subject, twin};

/// The highest core voltage that a device had, and the last.
#[derive(Clone, Copy, Debug, Default)]
struct Volts {
    highest: f64,
    last: f64,
}

struct Watched {
    inner: Box<dyn SimDevice>,
    volts: Arc<Mutex<Volts>>,
}

impl SimDevice for Watched {
    fn on_input(&mut self, now: Micros, input: DeviceInput<'_>) {
        self.inner.on_input(now, input);
        let mut volts = self.volts.lock().expect("no test panicked here");
        volts.last = self.truth().core_volts.unwrap_or_default();
        volts.highest = volts.highest.max(volts.last);
    }

    fn next_output(&mut self) -> Option<DeviceOutput> {
        self.inner.next_output()
    }

    fn deadline(&self) -> Option<Micros> {
        self.inner.deadline()
    }

    fn truth(&self) -> Truth {
        self.inner.truth()
    }
}

fn volts(key: &str, writes: bool) -> Volts {
    let mut subject = subject(key);
    subject.writes = writes;
    let volts = Arc::new(Mutex::new(Volts::default()));
    let watched = Watched { inner: twin(&subject), volts: Arc::clone(&volts) };
    examine(subject, Box::new(watched));
    *volts.lock().expect("no test panicked here")
}

#[test]
fn no_voltage_is_switched_on_unasked_none_is_too_high_and_none_stays() {
    for model in models().filter(|model| model.driver == "bitaxe") {
        let highest = model.supply.map_or(0.0, |supply| supply.core[2].0);
        let series = if model.key.ends_with("hex") { 3.0 } else { 1.0 };
        let (unasked, asked) = (volts(model.key, false), volts(model.key, true));
        // a buck that is trimmed is always on, at its nominal voltage until somebody trims it
        let trimmed = matches!(model.key, "bitaxe-max" | "bitaxe-ultra");
        if !trimmed {
            assert_eq!((unasked.highest, asked.last), (0.0, 0.0), "{}", model.key);
            assert!(asked.highest <= highest * series, "{}: {asked:?}", model.key);
        }
        let usual = model.supply.map_or(0.0, |supply| supply.core[1].0);
        assert!(asked.last < usual.max(f64::MIN_POSITIVE), "{}: {asked:?}", model.key);
    }
}
