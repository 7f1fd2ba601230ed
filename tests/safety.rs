//! How long a simulated Bitaxe Gamma takes to become safe, on its own clock, and what docs/safety.md says of it.

use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use adit_driver::words::work;
use adit_driver::{Event, Fault, Order, Report, Ruling, Settings, Verdict};
use adit_hw_sim::{DeviceFault, DeviceInput, DeviceOutput, SimDevice, Truth};
use adit_lab::{Item, Rig};
use adit_protocol::bitaxe_raw::{Bus, Firmware, Operation, Request, Transfer, pin};
use adit_protocol::devices::model;
use adit_protocol::i2c::{emc2101, pmbus, tps546};
use adit_protocol::pow::{Header, Target, VersionMask};
use adit_protocol::wire::{Micros, Port};

/// What the host has done to a board, as the board saw it.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    in_reset: bool,
    powered: bool,
    /// Since when both are safe.
    safe_at: Option<Micros>,
    fan: u8,
    /// Cleared while the output was on.
    faults_cleared_under_way: u32,
    /// The chips do not answer.
    mute: bool,
}

/// A simulated board that notes what it is told.
struct Watched {
    twin: Box<dyn SimDevice>,
    seen: Arc<Mutex<Seen>>,
}

impl SimDevice for Watched {
    fn on_input(&mut self, now: Micros, input: DeviceInput<'_>) {
        if let DeviceInput::Bytes { port: Port(0), bytes } = &input
            && let Some(request) = Request::from_bytes(bytes)
            && let Some(operation) = Operation::of(Firmware::Classic, &request)
        {
            self.seen.lock().unwrap().note(now, &operation);
        }
        self.twin.on_input(now, input);
    }

    fn next_output(&mut self) -> Option<DeviceOutput> {
        loop {
            let output = self.twin.next_output()?;
            let from_chips = matches!(output, DeviceOutput::Bytes { port: Port(1), .. });
            if !from_chips || !self.seen.lock().unwrap().mute {
                return Some(output);
            }
        }
    }

    fn deadline(&self) -> Option<Micros> {
        self.twin.deadline()
    }

    fn truth(&self) -> Truth {
        self.twin.truth()
    }
}

impl Seen {
    fn note(&mut self, now: Micros, operation: &Operation) {
        match operation {
            Operation::GpioSet { pin: pin::RESET, high } => self.in_reset = !high,
            Operation::I2c(Bus::Main, Transfer::Write { address: tps546::ADDRESS, bytes }) => match bytes[..]
            {
                [pmbus::OPERATION, value] => self.powered = value == pmbus::ON,
                [pmbus::CLEAR_FAULTS] if self.powered => self.faults_cleared_under_way += 1,
                _ => {}
            },
            Operation::I2c(Bus::Main, Transfer::Write { address: emc2101::ADDRESS, bytes }) => {
                if let [emc2101::FAN_SETTING, setting] = bytes[..] {
                    self.fan = setting;
                }
            }
            _ => {}
        }
        let is_safe = self.in_reset && !self.powered;
        self.safe_at = is_safe.then(|| self.safe_at.unwrap_or(now));
    }
}

/// A Gamma with its machine, on a clock of its own.
struct Bench {
    item: Item,
    rig: Rig,
    now: Micros,
    seen: Arc<Mutex<Seen>>,
    faults: Vec<Fault>,
    failed: Option<Fault>,
    stopped: bool,
    works: u64,
    hottest: f64,
}

impl Bench {
    fn new(settings: &[(&str, &str)]) -> Self {
        let mut item =
            Item { model: model("bitaxe-gamma").unwrap(), count: 1, settings: Settings::default() };
        settings.iter().for_each(|(key, value)| item.settings.set(*key, *value));
        let seen = Arc::new(Mutex::new(Seen::default()));
        let twin = Watched { twin: item.twin(7).unwrap(), seen: Arc::clone(&seen) };
        let rig = Rig::new(item.model, Box::new(twin), 7);
        let mut bench = Self {
            item,
            rig,
            now: Micros(0),
            seen,
            faults: Vec::new(),
            failed: None,
            stopped: false,
            works: 0,
            hottest: 0.0,
        };
        bench.rig.plug(bench.now);
        bench
    }

    fn open(&mut self) {
        let machine = self.item.machine(&self.item.detected(0, 0)).unwrap();
        (self.failed, self.stopped, self.works) = (None, false, 0);
        self.rig.open(self.now, machine);
        self.listen();
    }

    /// A board that has mined for a minute.
    fn mining(settings: &[(&str, &str)]) -> Self {
        let mut bench = Self::new(settings);
        bench.open();
        bench.run(Duration::from_secs(60));
        let seen = bench.seen();
        assert!(seen.powered && !seen.in_reset, "{seen:?} {:?}", bench.failed);
        bench
    }

    fn seen(&self) -> Seen {
        *self.seen.lock().unwrap()
    }

    fn listen(&mut self) {
        while let Some(report) = self.rig.next_report() {
            match report {
                Report::Event(Event::Room { received, free }) => {
                    let wanted = (received + u64::from(free)).saturating_sub(self.works);
                    for _ in 0..wanted {
                        self.works += 1;
                        let mut work = work(self.works, Header::from_bytes(&[self.works as u8; 80]));
                        work.space.version.mask = VersionMask::BIP320;
                        work.space.version.base &= !VersionMask::BIP320.0;
                        // Hard enough that the chips report as seldom as they like.
                        let job = Arc::make_mut(&mut work.job);
                        job.share_target = Target::from_difficulty(1e6).unwrap();
                        self.rig.order(self.now, Order::Work(work));
                    }
                }
                Report::Event(Event::Nonce(nonce)) => {
                    let ruling = Ruling {
                        seq: nonce.seq,
                        claim: (!nonce.claims.is_empty()).then_some(0),
                        verdict: Verdict::BelowShare,
                        difficulty: 1.0,
                    };
                    self.rig.order(self.now, Order::Ruling(ruling));
                }
                Report::Event(Event::Fault(fault)) => self.faults.push(fault),
                Report::Event(Event::Stopped) => self.stopped = true,
                Report::Failed(fault) => self.failed = Some(fault),
                _ => {}
            }
        }
    }

    fn run(&mut self, span: Duration) {
        let end = self.now + span;
        while let Some(next) = self.rig.deadline().filter(|next| *next < end) {
            self.now = self.now.max(next);
            self.rig.advance(self.now);
            self.listen();
            self.hottest = self.hottest.max(self.rig.truth().temperature_celsius.unwrap());
        }
        self.now = end;
    }

    /// Seconds from now until reset is asserted and the voltage off.
    fn seconds_to_safe(&mut self, within: Duration) -> f64 {
        let begun = self.now;
        assert_eq!(self.seen().safe_at, None, "it is at work");
        while self.seen().safe_at.is_none() {
            assert!(self.now.since(begun) < within, "not safe within {within:?}");
            self.run(Duration::from_millis(10));
        }
        self.seen().safe_at.unwrap().since(begun).as_secs_f64()
    }
}

/// One line of the table: what happened, seconds until it is safe, and where that was measured.
struct Measured {
    what: &'static str,
    seconds: f64,
}

/// Breaks a board that mines and waits until it is safe.
fn broken_by(what: &'static str, fault: DeviceFault) -> (Measured, Bench) {
    let mut bench = Bench::mining(&[]);
    bench.rig.break_by(bench.now, fault);
    let seconds = bench.seconds_to_safe(Duration::from_secs(30));
    bench.run(Duration::from_secs(2));
    (Measured { what, seconds }, bench)
}

#[test]
fn a_hot_reading_a_dead_fan_and_a_lost_sensor_switch_a_gamma_off_as_soon_as_the_document_says() {
    let (hot, bench) =
        broken_by("a sensor shows 121 °C (not true, so a missing reading)", DeviceFault::HotSensor);
    assert!(matches!(bench.failed, Some(Fault::SensorLost { unit: 0, .. })), "{:?}", bench.failed);
    assert_eq!(bench.seen().fan, 63, "full speed when it is not known how hot it is");
    let (fan, bench) = broken_by("the fan stands still", DeviceFault::DeadFan);
    assert_eq!(bench.failed, Some(Fault::FanStopped { fan: 0 }));
    let (lost, bench) = broken_by("the temperature sensor is lost", DeviceFault::DeadSensor);
    assert!(matches!(bench.failed, Some(Fault::SensorLost { unit: 0, .. })), "{:?}", bench.failed);
    for measured in [&hot, &fan, &lost] {
        assert!(measured.seconds <= 10.5, "{}: {}", measured.what, measured.seconds);
    }

    let (heat, mut bench) = overheated();
    assert!(heat.seconds <= 2.5, "{}", heat.seconds);
    assert!(bench.hottest < 78.0, "{}", bench.hottest);
    let hottest = bench.hottest;
    // It cools down, starts with less, overheats again, and is given up after three times.
    while bench.failed.is_none() {
        assert!(bench.now < Micros::from_secs(3_000), "{:?}", bench.faults);
        bench.run(Duration::from_secs(10));
    }
    assert!(matches!(bench.failed, Some(Fault::Overheated { .. })), "{:?} {:?}", bench.failed, bench.faults);
    assert!(bench.seen().safe_at.is_some() && bench.hottest < 78.0);

    let mut bench = Bench::mining(&[]);
    bench.rig.order(bench.now, Order::Stop { by: bench.now + Duration::from_secs(2) });
    let stop =
        Measured { what: "adit is told to stop", seconds: bench.seconds_to_safe(Duration::from_secs(2)) };
    bench.run(Duration::from_secs(2));
    assert!(bench.stopped && stop.seconds < 0.5, "{}", stop.seconds);

    let mut bench = Bench::mining(&[]);
    bench.rig.orphan();
    bench.run(Duration::from_secs(600));
    bench.open();
    let again = Measured {
        what: "adit was killed, and has been started again",
        seconds: bench.seconds_to_safe(Duration::from_secs(5)),
    };
    assert!(again.seconds < 0.5, "{}", again.seconds);
    is_documented(&[heat, hot, fan, lost, stop, again], hottest);
}

/// A fan told to stand still: the chips really get hot.
fn overheated() -> (Measured, Bench) {
    let mut bench = Bench::new(&[("fan", "0")]);
    bench.open();
    let begun = loop {
        assert!(bench.now < Micros::from_secs(600), "{}", bench.hottest);
        bench.run(Duration::from_millis(10));
        if bench.hottest >= 75.0 {
            break bench.now;
        }
    };
    while bench.seen().safe_at.is_none() {
        assert!(bench.now.since(begun) < Duration::from_secs(30));
        bench.run(Duration::from_millis(10));
    }
    assert!(matches!(bench.faults[..], [Fault::Overheated { .. }]), "{:?}", bench.faults);
    assert_eq!(bench.seen().fan, 63, "full speed, whatever was asked");
    let seconds = bench.seen().safe_at.unwrap().since(begun).as_secs_f64();
    (Measured { what: "`fan = 0`: the chip really reaches 75 °C", seconds }, bench)
}

/// The table of docs/safety.md says what was measured. `UPDATE=1` writes it anew.
fn is_documented(lines: &[Measured], hottest: f64) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/safety.md");
    let text = fs::read_to_string(&path).unwrap();
    let (head, rest) = text.split_once("<!-- measured -->\n").unwrap();
    let (table, tail) = rest.split_once("<!-- end -->").unwrap();
    let mut wanted = String::from("| what happens | safe after |\n|---|---|\n");
    for Measured { what, seconds } in lines {
        wanted.push_str(&format!("| {what} | {seconds:.1} s |\n"));
    }
    wanted.push_str("| adit is killed (`kill -9`) and not started again | **never** |\n");
    wanted.push_str(&format!("\nThe chip was {hottest:.1} °C at its hottest.\n"));
    if std::env::var_os("UPDATE").is_some_and(|value| value == "1") {
        fs::write(&path, format!("{head}<!-- measured -->\n{wanted}<!-- end -->{tail}")).unwrap();
    } else {
        assert_eq!(table, wanted, "UPDATE=1 cargo test -p acceptance safety");
    }
}

/// What cannot be made safe: nobody is left to act. The board goes on as it was told last, and so does its fan.
#[test]
fn a_board_whose_host_has_died_goes_on_as_it_was_and_nobody_watches() {
    let mut bench = Bench::mining(&[]);
    let fan = bench.seen().fan;
    bench.rig.orphan();
    bench.run(Duration::from_secs(900));
    let seen = bench.seen();
    assert!(seen.powered && !seen.in_reset && seen.fan == fan, "no watchdog: {seen:?}");
    let held = bench.hottest;
    // The fan was set for a board that was still warming up: above the limit, below what destroys a chip.
    assert!(held < 85.0, "{held}: the last fan speed held it");
    bench.rig.break_by(bench.now, DeviceFault::DeadFan);
    bench.run(Duration::from_secs(60));
    assert!(bench.seen().powered && bench.hottest > held, "nobody sees it");
}

/// The pulled cable: the stop cannot arrive, and the board stays under voltage.
#[test]
fn a_board_that_was_left_under_voltage_is_made_safe_first_and_goes_on_mining() {
    let mut bench = Bench::mining(&[]);
    bench.rig.orphan();
    bench.run(Duration::from_secs(2));
    assert!(bench.seen().powered);
    bench.open();
    assert!(bench.seconds_to_safe(Duration::from_secs(5)) < 0.5);
    bench.run(Duration::from_secs(30));
    assert!(bench.seen().powered && bench.failed.is_none(), "{:?}", bench.failed);
}

/// Another host ends a bring-up that fails at the chips with the voltage on and the reset released.
#[test]
fn a_board_whose_chips_do_not_answer_is_left_without_voltage_and_in_reset() {
    let mut bench = Bench::new(&[]);
    bench.seen.lock().unwrap().mute = true;
    bench.open();
    bench.run(Duration::from_secs(30));
    assert!(
        bench.failed.is_some() && bench.seen().safe_at.is_some(),
        "{:?} {:?}",
        bench.failed,
        bench.seen()
    );
}

#[test]
fn a_fault_of_the_regulator_is_never_cleared_and_mined_through() {
    let mut bench = Bench::mining(&[]);
    bench.rig.break_by(bench.now, DeviceFault::BrownOut);
    bench.run(Duration::from_secs(20));
    assert_eq!(bench.seen().faults_cleared_under_way, 0);
    assert!(bench.failed.is_some() && bench.seen().safe_at.is_some(), "{:?}", bench.failed);
}
