//! `adit conform` against a simulated device, `adit-sim`'s judge against adit and against a careless host: on real terminals.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use adit_hw_sim::judge::{Findings, Watched};
use adit_hw_sim::report::{Grade, Outcome};
use adit_hw_sim::serve::{Served, ptys};
use adit_hw_sim::{Build, start};
use adit_protocol::devices::model;
use adit_protocol::icarus::golden::BLOCK_171874;
use adit_protocol::wire::Micros;
use tokio::runtime::Runtime;
use tokio::time::sleep;

use super::mining::{accepted, selector, served, served_pool, url};
use super::{Running, run};

#[test]
fn a_sound_stick_passes_and_the_report_is_also_junit() {
    let runtime = Runtime::new().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (link, report) = (folder.path().join("stick"), folder.path().join("report.xml"));
    let device = runtime.block_on(served("antminer-u2", &link));
    let only = "golden-jobs,work-ids,register-read,garbage,frequency,reopening";
    let asked = selector("antminer-u2", &link);
    let args = ["conform", "--driver", "icarus", "--device", &asked, "--only", only, "--json"];
    let examined = run(&[&args[..], &["--junit", report.to_str().unwrap()]].concat());
    assert_eq!(examined.status, Some(0), "{}{}", examined.out, examined.err);
    let lines = examined.json_lines();
    let result = |check: &str| {
        lines
            .iter()
            .find(|line| line["check"] == check)
            .map(|line| line["result"].as_str().unwrap().to_owned())
    };
    assert_eq!(result("detection-job").as_deref(), Some("passed"), "always asked");
    assert_eq!(result("golden-jobs").as_deref(), Some("passed"), "{}", examined.out);
    assert_eq!(result("frequency").as_deref(), Some("skipped"), "nobody has allowed writes");
    assert_eq!(result("nothing-false"), None, "not asked for");
    let summary = lines.last().unwrap();
    assert_eq!(
        (&summary["passed"], &summary["failed"], &summary["skipped"]),
        (&6.into(), &0.into(), &1.into())
    );
    let report = fs::read_to_string(report).unwrap();
    assert!(report.contains(r#"tests="7" failures="0" errors="0" skipped="1""#), "{report}");
    let report = roxmltree::Document::parse(&report).unwrap();
    let cases: Vec<_> = report.descendants().filter(|node| node.has_tag_name("testcase")).collect();
    assert_eq!(cases.len(), lines.len() - 1, "a case for each check, and none for the summary");
    for (case, line) in cases.iter().zip(&lines) {
        assert_eq!(case.attribute("name"), line["check"].as_str());
        let said = case.first_child().map_or("passed", |child| child.tag_name().name());
        assert_eq!(Some(said), line["result"].as_str());
    }
    runtime.block_on(device.stop());
}

#[test]
fn a_stick_that_is_another_one_fails_with_section_and_bytes() {
    let runtime = Runtime::new().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let link = folder.path().join("stick");
    let device = runtime.block_on(served("block-erupter", &link));
    let examined = run(&["conform", "--device", &selector("antminer-u2", &link), "--only", "golden-jobs"]);
    assert_eq!(examined.status, Some(1), "{}{}", examined.out, examined.err);
    for part in
        ["FAILED   detection-job", "icarus.md §3.2, §3.4", "> 4679ba4e", "< 000187a2", "skipped  golden-jobs"]
    {
        assert!(examined.out.contains(part), "{part}: {}", examined.out);
    }
    runtime.block_on(device.stop());
}

#[test]
fn what_cannot_be_examined_is_said_before_anything_is_opened() {
    for (args, said) in [
        (
            &["--device", "serial:./x,model=block-erupter", "--driver", "bm13xx"][..],
            "belongs to driver icarus",
        ),
        (&["--device", "serial:./x,model=block-erupter", "--only", "golden"], "has the checks detection-job"),
        (&["--device", "serial:./x,driver=icarus"], "say what it claims to be"),
        (&["--device", "serial:./x,model=block-erupter,colour=red"], "colour"),
    ] {
        let refused = run(&[&["conform"], args].concat());
        assert_eq!(refused.status, Some(2), "{args:?}: {}", refused.err);
        assert!(refused.err.contains(said), "{args:?}: {}", refused.err);
    }
    let missing = run(&["conform", "--device", "serial:./nowhere,model=block-erupter"]);
    assert_eq!(missing.status, Some(1), "{}", missing.err);
}

/// A device on a pseudo-terminal, and what is found out about its host.
async fn watched(key: &str, link: &Path) -> (Served, Findings) {
    let model = model(key).unwrap();
    let build = Build { seed: 5, target_difficulty: Some(1.0 / (1 << 24) as f64), settings: Vec::new() };
    let (device, findings) = Watched::new(model, start(model, &build).unwrap()).unwrap();
    let device = device.on_a_terminal();
    let served = Served::start(Box::new(device), model, ptys(model, 1, link).remove(0), 5).await.unwrap();
    (served, findings)
}

fn ids(outcomes: &[Outcome], is: impl Fn(&Grade) -> bool) -> Vec<&str> {
    outcomes.iter().filter(|it| is(&it.grade)).map(|it| it.id).collect()
}

#[test]
fn adit_breaks_no_rule_of_hosts() {
    let runtime = Runtime::new().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let pool = runtime.block_on(served_pool());
    for key in ["antminer-u3", "bm1366-chain"] {
        let link = folder.path().join(key);
        let (device, findings) = runtime.block_on(watched(key, &link));
        let before = runtime.block_on(pool.tally()).unwrap().total.accepted;
        let asked = selector(key, &link);
        let running =
            Running::start(&["mine", "--json", "--pool", &url(&pool), "--user", "u", "--device", &asked]);
        runtime.block_on(accepted(&pool, before + 5));
        running.signal("TERM");
        let finished = running.finish();
        assert_eq!(finished.status, Some(0), "{}", finished.err);
        runtime.block_on(device.stop());
        let outcomes = findings.outcomes(Micros::from_secs(1_000));
        assert_eq!(ids(&outcomes, |it| matches!(it, Grade::Failed(_))), [""; 0], "{outcomes:?}");
        assert!(ids(&outcomes, |it| matches!(it, Grade::Passed(_))).len() >= 7, "{outcomes:?}");
    }
}

/// Opens the terminal as a careless program would: without setting anything.
fn open(link: &Path) -> File {
    OpenOptions::new().read(true).write(true).open(link).unwrap()
}

#[test]
fn a_careless_host_breaks_the_rules_that_it_breaks() {
    let runtime = Runtime::new().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let link = folder.path().join("stick");
    let (device, findings) = runtime.block_on(watched("antminer-u2", &link));
    let mut port = open(&link);
    // A carriage return from the device becomes a line feed: none of its answers here has one.
    assert!(Command::new("stty").arg("-F").arg(&link).arg("icrnl").status().unwrap().success());
    let job = BLOCK_171874.job();
    let other = |id: u8| {
        let mut other = job;
        other.tail[0] ^= 0x80;
        other.with_work_id(id).to_icarus_bytes()
    };
    // Work before anything else; the same again; half a job; a command with a bad CRC.
    let bad_crc = vec![0x82, 0x07, 0x81, 0x07];
    for bytes in [other(3).to_vec(), other(4).to_vec(), other(5)[..32].to_vec(), bad_crc] {
        port.write_all(&bytes).unwrap();
        runtime.block_on(async { sleep(Duration::from_millis(400)).await });
    }
    port.write_all(&job.to_icarus_bytes()).unwrap();
    let mut answer = [0; 5];
    port.read_exact(&mut answer).unwrap();
    drop(port);
    runtime.block_on(device.stop());
    let outcomes = findings.outcomes(Micros::from_secs(1_000));
    let broken = ids(&outcomes, |it| matches!(it, Grade::Failed(_)));
    assert_eq!(
        broken,
        ["raw-mode", "detection-first", "whole-jobs", "new-work", "command-crc"],
        "{outcomes:#?}"
    );
    assert!(outcomes.iter().filter(|it| it.is_failed()).all(|it| !it.passages.is_empty()));
}

/// The same exam on real hardware: `ADIT_HARDWARE` holds selectors, separated by spaces. Clocks and voltages are left alone
/// unless `ADIT_HARDWARE_WRITES=1`.
#[test]
fn hardware_that_is_named_passes_the_exam() {
    let Ok(selectors) = std::env::var("ADIT_HARDWARE") else {
        eprintln!(
            "skipped: no hardware (set ADIT_HARDWARE to selectors, such as serial:/dev/ttyUSB0,model=block-erupter)"
        );
        return;
    };
    let writes = std::env::var_os("ADIT_HARDWARE_WRITES").is_some_and(|value| value == "1");
    for selector in selectors.split_whitespace() {
        let mut args = vec!["conform", "--device", selector];
        args.extend(writes.then_some("--allow-writes"));
        let examined = run(&args);
        println!("{}", examined.out);
        assert_eq!(examined.status, Some(0), "{selector}: {}{}", examined.out, examined.err);
    }
}
