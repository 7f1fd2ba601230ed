//! A miner in Verilog (`hw-sim/rtl`), run by Verilator behind a pseudo-terminal, mined on with the real program.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use adit_hw_sim::pool::{Pool, PoolSettings};
use adit_hw_sim::serve::{ServedPool, epoch};
use serde_json::Value;
use tokio::runtime::Runtime;

use super::external::{tool, wanted};
use super::mining::{count, url};
use super::run;

/// Sixteen leading zero bits, which the core is built to report, are a little harder than this.
const DIFFICULTY: f64 = 1.5258e-5;
const SHARES: u64 = 3;

/// The simulated core; it is ended when this goes.
struct Core(Child);

impl Core {
    fn start(program: &Path, link: &Path) -> Self {
        let mut child = Command::new(program).arg(link).stdout(Stdio::piped()).spawn().expect("the core");
        let mut ready = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut ready).unwrap();
        assert!(ready.contains("\"ready\""), "{ready}");
        Self(child)
    }

    /// Ends it; its summary.
    fn stop(mut self) -> Value {
        let id = self.0.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        let mut last = String::new();
        for line in BufReader::new(self.0.stdout.take().unwrap()).lines() {
            last = line.unwrap();
        }
        serde_json::from_str(&last).unwrap_or_else(|error| panic!("{error}: {last:?}"))
    }
}

impl Drop for Core {
    fn drop(&mut self) {
        let _ = self.0.kill(); // a test has failed; else it is gone already
        let _ = self.0.wait();
    }
}

#[test]
fn a_core_in_verilog_is_detected_mined_on_and_its_nonces_are_accepted() {
    if !wanted("Verilator on hw-sim/rtl") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (built, link) = (folder.path().join("built"), folder.path().join("core"));
    tool("make", &["-s", "-C", "hw-sim/rtl", &format!("OUT={}", built.display())]);
    let core = Core::start(&built.join("icarus"), &link);

    let runtime = Runtime::new().unwrap();
    let settings = PoolSettings { epoch: epoch(), difficulty: DIFFICULTY, ..PoolSettings::default() };
    let pool = Pool::new(settings, 7).unwrap();
    let pool = runtime.block_on(ServedPool::start(pool, ([127, 0, 0, 1], 0).into())).unwrap();
    let device = format!(
        "serial:{},model=icarus,work-division=1,fpga-count=1,timing=30000,target-difficulty={DIFFICULTY}",
        link.display()
    );
    let shares = SHARES.to_string();
    let line =
        ["mine", "--pool", &url(&pool), "--user", "rtl", "--device", &device, "--shares", &shares, "--json"];
    let finished = run(&line);
    assert_eq!(finished.status, Some(0), "{}", finished.err);
    let summary = finished.json();
    assert!(count(&summary, "accepted") >= SHARES, "{summary}");
    assert_eq!((count(&summary, "hardware_errors"), count(&summary, "rejected")), (0, 0), "{summary}");
    assert_eq!(summary["devices"][0]["model"], "icarus");

    let seen = core.stop();
    // past the capture of the test harness: a log that shows what was reached is part of the point
    let log = format!(
        "core in Verilog: {} shares of {} nonces; {} simulated clocks at {} Hz, {} hashes\n",
        summary["accepted"], seen["nonces"], seen["clocks"], seen["clock_hz"], seen["hashes"]
    );
    std::io::stderr().write_all(log.as_bytes()).unwrap();
    assert!(count(&seen, "hashes") > 65_536 && count(&seen, "nonces") > SHARES, "{seen}");
}
