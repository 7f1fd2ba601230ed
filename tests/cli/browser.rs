//! The pages in a real Chromium, driven by `tests/browser/walk.cjs`. What it needs is installed by `.ci/run`.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::thread;

use adit_hw_sim::serve::{Served, ServedPool};
use serde_json::{Value, json};

use super::external::{tool, wanted};
use super::mining::{selector, served, served_pool, url};
use super::proxy;
use super::reading::{address, get, once_accepted};
use super::{Running, adit, run, state_folder};

const PAYOUT: &str = "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4";

/// The key of a run, as its user finds it.
fn key(api: &str) -> String {
    let port = api.rsplit(':').next().unwrap();
    fs::read_to_string(state_folder().join(format!("adit/local-{port}.key"))).unwrap()
}

/// An adit with two devices of which one has been lost, served beyond this machine too.
async fn in_trouble(folder: &Path, pool: &ServedPool) -> (Running, Served, Value) {
    let made = run(&["key", "create", "--name", "browser", "--scope", "admin", "--json"]);
    let (kept, lost) = (folder.join("kept"), folder.join("lost"));
    let (device, other) = (served("rbox", &kept).await, served("icarus", &lost).await);
    let running = Running::start(&[
        "mine",
        "--json",
        "--pool",
        &url(pool),
        "--user",
        "<b>attic</b>",
        "--api",
        "127.0.0.1:0",
        "--api-tls",
        "127.0.0.1:0",
        "--api-proxies",
        "127.0.0.1",
        "--device",
        &selector("rbox", &kept),
        "--device",
        &selector("icarus", &lost),
    ]);
    let (api, tls) =
        (address(&running, "the API is at http://"), address(&running, "the API is at https://"));
    running.wait_for("its first share is accepted", 2);
    once_accepted(&api);
    drop(other);
    while serde_json::from_str::<Value>(&get(&api, "/api/v1/summary").1).unwrap()["troubles"] == json!([]) {
        thread::park_timeout(std::time::Duration::from_millis(100));
    }
    let scene = json!({
        "url": format!("http://{api}/"), "key": key(&api), "device": "rbox-1", "lost": "icarus-1",
        "tls": format!("https://{tls}/"), "tls_key": made.json()["key"],
    });
    (running, device, scene)
}

/// An adit that has a device and no pool.
async fn without_pool(folder: &Path, pool: &ServedPool) -> (Running, Served, Value) {
    fs::create_dir(folder).unwrap();
    let link = folder.join("first");
    let device = served("block-erupter", &link).await;
    let mut command = Command::new(adit());
    command.args(["mine", "--json", "--api", "127.0.0.1:0", "--device", &selector("block-erupter", &link)]);
    command.args(["--api-proxies", "127.0.0.1"]).env("XDG_CONFIG_HOME", folder.join("config"));
    let running = Running::spawn(&mut command);
    let api = address(&running, "the API is at http://");
    let scene = json!({ "url": format!("http://{api}/"), "direct": format!("http://{api}/"), "key": key(&api), "pool": url(pool), "address": PAYOUT });
    (running, device, scene)
}

/// An adit whose user may not open one of its two devices.
async fn not_permitted(folder: &Path, pool: &ServedPool) -> (Running, Served, String) {
    fs::create_dir(folder).unwrap();
    let link = folder.join("closed");
    let device = served("icarus", &link).await;
    fs::set_permissions(folder, Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(&link, Permissions::from_mode(0o600)).unwrap();
    let program = folder.join("adit");
    fs::copy(adit(), &program).unwrap(); // nobody else may be able to reach the original
    let mut command = match is_root() {
        true => {
            let mut command = Command::new("setpriv");
            command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(&program);
            command
        }
        false => {
            fs::set_permissions(&link, Permissions::from_mode(0o000)).unwrap();
            Command::new(&program)
        }
    };
    let state = folder.join("state");
    fs::create_dir(&state).unwrap();
    fs::set_permissions(&state, Permissions::from_mode(0o777)).unwrap();
    command.args(["mine", "--json", "--pool", &url(pool), "--user", "u", "--api", "127.0.0.1:0"]);
    command
        .args(["--device", &selector("icarus", &link), "--device", "cpu:1,duty=5"])
        .env("STATE_DIRECTORY", state);
    let running = Running::spawn(&mut command);
    let api = address(&running, "the API is at http://");
    running.wait_for("no permission", 1);
    (running, device, format!("http://{api}/"))
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().unwrap().stdout.trim_ascii() == b"0"
}

#[test]
fn the_dashboard_and_the_first_start_do_in_a_real_browser_what_they_promise() {
    if !wanted("chromium, playwright-core and axe-core on the dashboard") {
        return;
    }
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let shots = std::env::var("ADIT_SHOTS").map_or_else(|_| path.join("shots"), Into::into);
    fs::create_dir_all(&shots).unwrap();
    let pool = runtime.block_on(served_pool());
    let (dashboard, first, proxied, denied) = thread::scope(|all| {
        let dashboard = all.spawn(|| runtime.block_on(in_trouble(path, &pool)));
        let first = all.spawn(|| runtime.block_on(without_pool(&path.join("straight"), &pool)));
        let proxied = all.spawn(|| runtime.block_on(without_pool(&path.join("through"), &pool)));
        let denied = all.spawn(|| runtime.block_on(not_permitted(&path.join("denied"), &pool)));
        (dashboard.join().unwrap(), first.join().unwrap(), proxied.join().unwrap(), denied.join().unwrap())
    });
    let (_mining, _kept, mut dashboard) = dashboard;
    let (_waiting, _device, first) = first;
    let (_other, _its_device, mut proxied) = proxied;
    let (_denied, _closed, denied) = denied;
    let _proxies = [(&mut dashboard, "behind"), (&mut proxied, "url")].map(|(scene, key)| {
        let folder = tempfile::tempdir().unwrap();
        let api =
            scene["url"].as_str().unwrap().trim_start_matches("http://").trim_end_matches('/').to_owned();
        let (nginx, port) = proxy::start(folder.path(), &api);
        scene[key] = json!(format!("https://localhost:{port}/adit/"));
        (nginx, folder)
    });
    let bare = Running::start(&["mine", "--pool", &url(&pool), "--user", "u", "--api", "127.0.0.1:0"]);
    let none = format!("http://{}/", address(&bare, "the API is at http://"));
    let phone = json!({ "viewport": { "width": 390, "height": 844 } });
    let looks = json!({
        "permission-denied": [denied, {}], "no-device": [none, {}],
        "first-phone": [proxied["direct"], phone], "first-dark": [proxied["direct"], { "colorScheme": "dark" }],
    });
    let scenes = path.join("scenes.json");
    let all =
        json!({ "shots": shots, "dashboard": dashboard, "first": first, "proxied": proxied, "looks": looks });
    fs::write(&scenes, all.to_string()).unwrap();
    let modules = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/tools/node_modules");
    let walk = concat!(env!("CARGO_MANIFEST_DIR"), "/browser/walk.cjs");
    let said = tool("env", &[&format!("NODE_PATH={modules}"), "node", walk, scenes.to_str().unwrap()]);
    println!("{said}");
    for folder in ["straight", "through"] {
        let kept = fs::read_to_string(path.join(folder).join("config/adit/adit.toml")).unwrap();
        assert!(kept.contains(&format!("user = \"{PAYOUT}.attic\"")) && kept.contains("[read]"), "{kept}");
    }
}
