//! A running adit read with other people's tools. They are installed by `.ci/run`; without `ADIT_EXTERNAL=1` these tests say that
//! they are skipped.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::reading::{address, get, once_accepted};
use super::{PATIENCE, Running, state_folder};

/// Whether tests with other people's tools are wanted. Says so where they are not.
pub(super) fn wanted(what: &str) -> bool {
    let wanted = std::env::var_os("ADIT_EXTERNAL").is_some_and(|value| value == "1");
    if !wanted {
        eprintln!("skipped: {what} (set ADIT_EXTERNAL=1 where the tools are installed, as .ci/run does)");
    }
    wanted
}

/// Runs a tool to its end; it must succeed. Gives what it printed.
pub(super) fn tool(program: &str, args: &[&str]) -> String {
    let done = Command::new("timeout")
        .arg(PATIENCE.as_secs().to_string())
        .arg(program)
        .args(args)
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
        .output()
        .unwrap_or_else(|error| panic!("{program}: {error}"));
    let (out, err) = (String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    assert!(done.status.success(), "{program} {args:?}:\n{out}\n{err}");
    format!("{out}{err}")
}

/// A demo that has had shares accepted, and where its API is.
fn demo() -> (Running, String) {
    let running = Running::start(&["demo", "--json", "--devices", "icarus,rbox:2", "--api", "127.0.0.1:0"]);
    let address = address(&running, "the API is at http://");
    once_accepted(&address);
    (running, address)
}

#[test]
fn promtool_accepts_the_alert_rules_their_tests_and_every_question_of_the_dashboard() {
    if !wanted("promtool on rules and dashboard") {
        return;
    }
    tool("promtool", &["check", "rules", "docs/monitoring/adit-alerts.yml"]);
    tool("promtool", &["test", "rules", "docs/monitoring/adit-alerts-test.yml"]);
    let dashboard = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/monitoring/grafana-adit.json");
    let dashboard: serde_json::Value = serde_json::from_str(&fs::read_to_string(dashboard).unwrap()).unwrap();
    let mut rules = String::from("groups:\n- name: dashboard\n  rules:\n");
    let panels = dashboard["panels"].as_array().unwrap();
    let targets = panels.iter().flat_map(|panel| panel["targets"].as_array().unwrap());
    for (number, target) in targets.enumerate() {
        let question = target["expr"].as_str().unwrap();
        let question =
            question.replace("$__rate_interval", "1m").replace("$instance", ".*").replace("$device", ".*");
        rules += &format!("  - record: dashboard:panel{number}\n    expr: '{question}'\n");
    }
    assert!(rules.lines().count() > 20);
    let file = tempfile::Builder::new().suffix(".yml").tempfile().unwrap();
    fs::write(&file, rules).unwrap();
    tool("promtool", &["check", "rules", file.path().to_str().unwrap()]);
}

#[test]
fn the_strict_parsers_of_prometheus_accept_the_metrics_in_both_formats() {
    if !wanted("prometheus_client and promtool on /metrics") {
        return;
    }
    let (_running, address) = demo();
    let read = "import sys, urllib.request\n\
        from prometheus_client.openmetrics.parser import text_string_to_metric_families as strict\n\
        from prometheus_client.parser import text_string_to_metric_families as classic\n\
        def get(accept):\n    \
            request = urllib.request.Request(sys.argv[1], headers={'Accept': accept})\n    \
            return urllib.request.urlopen(request).read().decode()\n\
        new = {f.name: f for f in strict(get('application/openmetrics-text; version=1.0.0'))}\n\
        old = {f.name for f in classic(get('text/plain'))}\n\
        assert len(new) == len(old) > 30, (len(new), len(old))\n\
        accepted = sum(s.value for s in new['adit_shares'].samples if s.labels['result'] == 'accepted')\n\
        assert accepted > 0, new['adit_shares']\n\
        print('families', len(new))\n";
    let printed = tool("python3", &["-c", read, &format!("http://{address}/metrics")]);
    assert!(printed.contains("families"), "{printed}");
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(&file, get(&address, "/metrics").1).unwrap();
    tool("sh", &["-c", &format!("promtool check metrics < {}", file.path().display())]);
}

#[test]
fn schemathesis_finds_no_answer_that_the_description_does_not_promise() {
    if !wanted("schemathesis on the REST interface") {
        return;
    }
    let (_running, address) = demo();
    let folder = tempfile::tempdir().unwrap();
    let port = address.rsplit(':').next().unwrap();
    let key = fs::read_to_string(state_folder().join(format!("adit/local-{port}.key"))).unwrap();
    for with_key in ["", &format!("-H 'Authorization: Bearer {key}'")] {
        let printed = tool(
            "sh",
            &[
                "-c",
                &format!(
                    "cd {} && schemathesis run http://{address}/api/v1/openapi.json --checks all --max-examples 100 --seed 1 --no-color {with_key}",
                    folder.path().display()
                ),
            ],
        );
        let lines: Vec<_> = printed.lines().collect();
        println!("{}", lines[lines.len().saturating_sub(12)..].join("\n"));
        assert!(printed.contains("No issues found") || printed.contains("passed"), "{printed}");
    }
}

/// The port is fixed in pyasic, so this needs one below 1024.
#[test]
fn an_unmodified_pyasic_reads_a_running_demo() {
    if !wanted("pyasic on the AxeOS interface") {
        return;
    }
    let running = Running::start(&[
        "demo",
        "--json",
        "--devices",
        "icarus,rbox:2",
        "--api",
        "127.0.0.1:0",
        "--axeos",
        "127.0.0.77:80",
        "--axeos-chip",
        "BM1370",
        "--cgminer-api",
        "127.0.0.77:4028",
    ]);
    let address = address(&running, "the API is at http://");
    let summary = once_accepted(&address);
    let read = "import asyncio, json, sys, pyasic\n\
        async def main():\n    \
            miner = await pyasic.get_miner(sys.argv[1])\n    \
            data = await miner.get_data()\n    \
            while data.hashrate is None:\n        \
                await asyncio.sleep(1)\n        \
                data = await miner.get_data()\n    \
            print('READ', json.dumps({'class': type(miner).__name__, 'hashrate': float(data.hashrate), 'mac': data.mac,\n        \
                'fw': data.fw_ver, 'uptime': data.uptime, 'temperature': data.temperature_avg, 'boards': len(data.hashboards)}))\n\
        asyncio.run(main())\n";
    let printed = tool("python3", &["-c", read, "127.0.0.77"]);
    let line =
        printed.lines().find_map(|line| line.strip_prefix("READ ")).unwrap_or_else(|| panic!("{printed}"));
    let data: serde_json::Value = serde_json::from_str(line).unwrap();
    assert_eq!((&data["class"], &data["boards"]), (&"BitAxeGamma".into(), &1.into()), "{data}");
    assert_eq!(data["fw"], format!("adit {}", summary["version"].as_str().unwrap()));
    assert!(
        data["hashrate"].as_f64().unwrap() > 0.0 && data["temperature"].as_f64().unwrap() > 0.0,
        "{data}"
    );
}

/// Puts a certificate for `name` into `folder`: `cert.pem`, with its key `key.pem` and the authority that has signed it, `ca.pem`.
pub(super) fn certificate(folder: &Path, name: &str) {
    let file = |name: &str| folder.join(name).display().to_string();
    let (authority, authority_key) = (file("ca.pem"), file("ca-key.pem"));
    let make = |name: &str, key: &str, out: &str, more: &[&str]| {
        let kind = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
        let subject = format!("/CN={name}");
        let what = ["-days", "2", "-subj", &subject, "-keyout", key, "-out", out];
        tool("openssl", &[&kind[..], &what, more].concat());
    };
    make("an authority", &authority_key, &authority, &[]);
    let names = format!("subjectAltName=DNS:{name}");
    let signed = ["-CA", &authority, "-CAkey", &authority_key, "-extensions", "usr_cert", "-addext", &names];
    make(name, &file("key.pem"), &file("cert.pem"), &signed);
}
