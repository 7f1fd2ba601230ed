//! adit behind nginx, as `docs/operate.md` says it is set up.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use super::external::{certificate, tool, wanted};
use super::reading::{address, once_accepted};
use super::{Running, run, state_folder};

/// nginx at work. It ends with the test.
pub(super) struct Nginx(Child);

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = self.0.kill(); // it may have ended
        let _ = self.0.wait();
    }
}

/// The location that the page shows, for the adit at `api`.
fn documented(api: &str) -> String {
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/operate.md")).unwrap();
    let location = page.split("```nginx\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    assert!(location.contains("http://127.0.0.1:7785/"));
    location.replace("127.0.0.1:7785", api)
}

/// Starts nginx in `folder`, with TLS in front of the adit at `api`. Answers its port.
pub(super) fn start(folder: &Path, api: &str) -> (Nginx, u16) {
    let folder_name = folder.display();
    certificate(folder, "rig.example");
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let config = format!(
        "daemon off;\nmaster_process off;\nerror_log stderr;\npid {folder_name}/pid;\nevents {{}}\n\
         http {{\naccess_log off;\nclient_body_temp_path {folder_name}/body;\nproxy_temp_path {folder_name}/proxy;\n\
         fastcgi_temp_path {folder_name}/f;\nuwsgi_temp_path {folder_name}/u;\nscgi_temp_path {folder_name}/s;\n\
         server {{\nlisten 127.0.0.1:{port} ssl;\nlisten 127.0.0.2:{port} ssl;\nserver_name rig.example;\n\
         ssl_certificate {folder_name}/cert.pem;\nssl_certificate_key {folder_name}/key.pem;\n{}}}\n}}\n",
        documented(api)
    );
    let file = folder.join("nginx.conf");
    fs::write(&file, config).unwrap();
    let child = Command::new("nginx")
        .arg("-c")
        .arg(&file)
        .arg("-p")
        .arg(folder)
        .args(["-e", "stderr"])
        .spawn()
        .expect("nginx");
    for _ in 0..300 {
        if std::net::TcpStream::connect(("127.0.0.1", port)).is_ok() {
            break;
        }
        std::thread::park_timeout(std::time::Duration::from_millis(100));
    }
    (Nginx(child), port)
}

/// curl that knows nginx by its name and its certificate.
fn curl(folder: &Path, port: u16) -> Vec<String> {
    let name = format!("rig.example:{port}:127.0.0.1");
    let certificate = folder.join("ca.pem").display().to_string();
    ["--silent", "--no-buffer", "--cacert", &certificate, "--resolve", &name].map(str::to_owned).to_vec()
}

#[test]
fn behind_nginx_a_key_is_needed_streams_flow_and_clients_are_known_by_their_own_address() {
    if !wanted("nginx in front of the REST interface") {
        return;
    }
    let options = ["demo", "--json", "--devices", "rbox", "--api", "127.0.0.1:0"];
    let running = Running::start(
        &[&options[..], &["--api-proxies", "127.0.0.1", "--api-names", "rig.example"]].concat(),
    );
    let api = address(&running, "the API is at http://");
    once_accepted(&api);
    let folder = tempfile::tempdir().unwrap();
    let (_nginx, port) = start(folder.path(), &api);
    let curl = curl(folder.path(), port);
    let made = run(&["key", "create", "--json", "--name", "gateway", "--scope", "operate"]).json();
    let bearer = format!("Authorization: Bearer {}", made["key"].as_str().unwrap());
    let place = |path: &str| format!("https://rig.example:{port}/adit{path}");
    // Status and body of what curl gets with `more`.
    let ask = |path: &str, more: &[&str]| {
        let mut args: Vec<&str> = curl.iter().map(String::as_str).collect();
        let place = place(path);
        args.extend(["--write-out", "\n%{http_code}", "--path-as-is", &place]);
        let printed = tool("curl", &[args, more.to_vec()].concat());
        let (body, status) = printed.trim_end().rsplit_once('\n').unwrap();
        (status.to_owned(), body.to_owned())
    };
    assert_eq!(
        ask("/api/v1/summary", &[]).0,
        "401",
        "nginx is at this machine, but whoever asks it may not be"
    );
    let (status, summary) = ask("/api/v1/summary", &["-H", &bearer]);
    let summary: Value = serde_json::from_str(&summary).unwrap();
    assert_eq!((status.as_str(), &summary["devices"]["hashing"]), ("200", &1.into()));
    let (status, page) = ask("/", &["-H", &bearer]);
    assert!(status == "200" && page.contains("href=\"dashboard.css\""), "{page}");
    let (status, problem) = ask("/no/such/path", &["-H", &bearer]);
    assert!(status == "404" && problem.contains("\"instance\":\"/adit/no/such/path\""), "{problem}");
    assert_eq!(ask("/api/v1/summary", &["-H", &bearer, "-H", "Origin: https://evil.example"]).0, "403");
    assert_eq!(
        ask("/api/v1/summary", &["-H", &bearer, "-H", &format!("Origin: https://rig.example:{port}")]).0,
        "200"
    );
    assert_eq!(ask("/api/v1/summary", &["-H", &bearer, "-H", "Host: evil.example"]).0, "403");

    // What a client invents does not count: nginx has the last word. Once he has guessed too often, he is known.
    let order = r#"{"command":"identify","device":"rbox-1"}"#;
    let json = ["-H", "Content-Type: application/json", "-d", order];
    let invented = ["-H", "X-Forwarded-For: 127.0.0.1", "-H", &bearer];
    let (status, answer) = ask("/api/v1/commands", &[&invented[..], &json[..]].concat());
    assert!(["200", "409"].contains(&status.as_str()), "{answer}");
    let port_of_api = api.rsplit(':').next().unwrap();
    let local = fs::read_to_string(state_folder().join(format!("adit/local-{port_of_api}.key"))).unwrap();
    let (_, audit) = ask("/api/v1/audit", &["-H", &format!("Authorization: Bearer {local}")]);
    let audit: Value = serde_json::from_str(&audit).unwrap();
    assert!(audit["commands"][0]["who"].as_str().unwrap().starts_with("key gateway ("), "{audit}");

    // The rules hold here as they do without a proxy.
    let key = made["key"].as_str().unwrap();
    let tricks = ["/../", "/%2e%2e/", "//", "/./", "/;/"].map(|trick| format!("{trick}api/v1/summary"));
    for path in
        tricks.iter().map(String::as_str).chain([&*format!("/api/v1/summary?key={key}"), "/live", "/metrics"])
    {
        let (status, body) = ask(path, &["-H", &format!("Cookie: key={key}")]);
        assert!(["400", "401", "404"].contains(&status.as_str()), "{path}: {status} {body}");
    }
    assert_eq!(ask("/api/v1/audit", &["-H", &bearer]).0, "403", "another scope");
    let give = |body: &str| {
        ask("/api/v1/commands", &["-H", &bearer, "-H", "Content-Type: application/json", "-d", body])
    };
    assert_eq!(give(&format!(r#"{{"command":"pause","device":"{}"}}"#, "x".repeat(20_000))).0, "413");
    assert_eq!(give(r#"{"command":"frequency","device":"rbox-1","megahertz":99999}"#).0, "409");
    let marked = give(r#"{"command":"pause","device":"<b>x</b>"}"#);
    assert!(marked.0 == "404" && marked.1.starts_with('{'), "{marked:?}");

    // An event is there before the stream ends, which it does not by itself.
    let mut stream = Command::new("curl")
        .args(&curl)
        .args(["-H", &bearer, "-H", "Accept: text/event-stream", &place("/api/v1/events")])
        .stdout(Stdio::piped())
        .spawn()
        .expect("curl");
    let mut lines = BufReader::new(stream.stdout.take().unwrap()).lines();
    let mut wait_for = |what: &str| lines.by_ref().map_while(Result::ok).any(|line| line.contains(what));
    assert!(wait_for("\"kind\":\"command\""), "what was there before");
    assert_eq!(run(&["ctl", "--api", &api, "pause", "rbox-1"]).status, Some(0));
    assert!(wait_for("rbox-1 is paused"), "what happens now, unbuffered");
    let _ = stream.kill(); // it may have ended
    let _ = stream.wait();

    // Another client of the same proxy guesses keys, and is the only one to be stopped.
    let from_elsewhere = ["--interface", "127.0.0.2", "--resolve", &format!("rig.example:{port}:127.0.0.2")];
    let guess = [&from_elsewhere[..], &["-H", "Authorization: Bearer adit_00000000_00"]].concat();
    let guesses: Vec<_> = (0..21).map(|_| ask("/api/v1/summary", &guess).0).collect();
    assert_eq!(guesses.iter().filter(|status| *status == "401").count(), 20, "{guesses:?}");
    assert_eq!(ask("/api/v1/summary", &[&from_elsewhere[..], &["-H", &bearer]].concat()).0, "429");
    assert_eq!(ask("/api/v1/summary", &["-H", &bearer]).0, "200", "the others are not");
}
