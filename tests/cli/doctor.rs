//! Whether `adit doctor` finds what stands in the way.

use adit_hw_sim::pool::{Pool, PoolSettings};
use adit_hw_sim::serve::{ServedPool, epoch};
use serde_json::Value;
use tokio::runtime::Runtime;

use super::mining::url;
use super::run;

/// The lines about `check`, of a computer on which nothing else is.
fn lines(check: &str, folder: &std::path::Path, url: &str) -> Vec<Value> {
    let config = folder.join("adit.toml");
    std::fs::write(&config, format!("[[pool]]\nurl = \"{url}\"\nuser = \"u\"\n")).unwrap();
    let root = folder.join("root");
    let ended =
        run(&["doctor", "--json", "--config", config.to_str().unwrap(), "--root", root.to_str().unwrap()]);
    let lines = ended.out.lines().map(|line| serde_json::from_str(line).unwrap());
    lines.filter(|line: &Value| line["check"] == check).collect()
}

#[test]
fn the_doctor_asks_the_pools_of_a_configuration_step_by_step() {
    let folder = tempfile::tempdir().unwrap();
    let runtime = Runtime::new().unwrap();
    let settings = PoolSettings { epoch: epoch(), ..PoolSettings::default() };
    let pool = Pool::new(settings, 7).unwrap();
    let pool = runtime.block_on(ServedPool::start(pool, ([127, 0, 0, 1], 0).into())).unwrap();
    let url = url(&pool);
    let well = lines("pool", folder.path(), &url);
    assert!(well.len() >= 3, "{well:?}");
    assert!(well.iter().all(|line| line["ok"] == true && line["fix"].is_null()), "{well:?}");

    drop(pool);
    drop(runtime);
    let ill = lines("pool", folder.path(), &url);
    let last = ill.last().expect("a line about the pool");
    assert_eq!(last["ok"], false, "{ill:?}");
    assert!(last["fix"].is_string(), "{ill:?}");
}

#[test]
fn a_clock_is_wrong_by_how_much_the_jobs_of_a_pool_are_away() {
    let folder = tempfile::tempdir().unwrap();
    let runtime = Runtime::new().unwrap();
    for (away, ok) in [(0, true), (5 * 3600, false)] {
        let settings = PoolSettings { epoch: epoch() + away, ..PoolSettings::default() };
        let pool = Pool::new(settings, 7).unwrap();
        let pool = runtime.block_on(ServedPool::start(pool, ([127, 0, 0, 1], 0).into())).unwrap();
        let clock = lines("clock", folder.path(), &url(&pool));
        assert_eq!((clock.len(), &clock[0]["ok"]), (1, &ok.into()), "{clock:?}");
        let fix = clock[0]["fix"].as_str().unwrap_or_default();
        assert_eq!(fix.starts_with("sudo date --set \"+"), !ok, "{clock:?}");
    }
}
