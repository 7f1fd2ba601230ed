use axum::body::Body;
use axum::http::{Request as HttpRequest, Response, StatusCode};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::ServiceExt;

use super::super::serve::Peer;
use super::super::{Beyond, Door};
use super::super::{Served, router};
use super::json as body_of;
use crate::history;
use crate::keys::{Key, KeyFile, Scope};
use crate::steer::{Answer, Request, desk};
use crate::testing::Rig;

/// An interface with a key of each scope, where every command is answered as `answer` says.
struct Office {
    served: Served,
    keys: [String; 3],
    expired: String,
    file: KeyFile,
    _folder: tempfile::TempDir,
}

impl Office {
    fn new(answer: fn(&Request) -> Answer) -> Self {
        let mut rig = Rig::new();
        rig.stick("icarus", "A");
        rig.second();
        let (history, _) = history::start(history::Store::open(&history::Kept::default()).unwrap()).unwrap();
        let (desk, mut commands) = desk(rig.board.clone());
        tokio::spawn(async move {
            while let Some(asked) = commands.recv().await {
                let _ = asked.reply.send(answer(&asked.request));
            }
        });
        let folder = tempfile::tempdir().unwrap();
        let file = crate::keys::key_file(folder.path());
        let made = |name: &str, scope, byte, expires| {
            let (key, text) = Key::new(name, scope, 1, expires, &[byte; 36]);
            file.add(key).unwrap();
            text.expose().to_owned()
        };
        let keys = [(Scope::Read, 1), (Scope::Operate, 2), (Scope::Admin, 3)]
            .map(|(scope, byte)| made(scope.name(), scope, byte, None));
        let expired = made("old", Scope::Admin, 4, Some(2));
        let door = Door::new(Some(folder.path().to_owned()), None, None);
        Self {
            served: Served::new(rig.board.clone(), history, desk, door),
            keys,
            expired,
            file,
            _folder: folder,
        }
    }

    async fn send(&self, request: HttpRequest<Body>) -> Response<Body> {
        router(self.served.clone()).oneshot(request).await.unwrap()
    }

    async fn give(&self, key: &str, body: &str) -> (StatusCode, Value) {
        let request = command(body).header("authorization", format!("Bearer {key}"));
        let response = self.send(request.body(Body::from(body.to_owned())).unwrap()).await;
        (response.status(), body_of(response).await)
    }

    async fn audit(&self) -> Value {
        let request = HttpRequest::get("/api/v1/audit").header("host", "localhost");
        let request = request.header("authorization", format!("Bearer {}", self.keys[2]));
        body_of(self.send(request.body(Body::empty()).unwrap()).await).await["commands"].clone()
    }
}

fn command(body: &str) -> axum::http::request::Builder {
    HttpRequest::post("/api/v1/commands")
        .header("host", "localhost")
        .header("content-type", "application/json")
        .header("content-length", body.len())
}

const PAUSE: &str = r#"{"command":"pause","device":"icarus-1"}"#;

fn done(_: &Request) -> Answer {
    Answer::done("done, really")
}

#[tokio::test]
async fn a_command_is_answered_with_what_came_of_it_and_written_down() {
    let office = Office::new(|request| match request {
        Request::Pause { .. } => Answer::done("icarus-1 is paused"),
        Request::Voltage { .. } => Answer::Unsupported { why: "cannot do this".into() },
        Request::Frequency { .. } => Answer::refused("too fast"),
        _ => Answer::Unknown { why: "no such thing".into() },
    });
    let operate = &office.keys[1];
    let (status, body) = office.give(operate, PAUSE).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(
        body,
        json!({ "outcome": "done", "sentence": "icarus-1 is paused", "pool": null, "audit": 1 })
    );
    for (body, status, kind, detail) in [
        (
            r#"{"command":"frequency","device":"icarus-1","megahertz":9000}"#,
            409,
            "/problems/refused",
            "too fast",
        ),
        (
            r#"{"command":"voltage","device":"icarus-1","volts":1}"#,
            409,
            "/problems/unsupported",
            "cannot do this",
        ),
        (r#"{"command":"enable_pool","pool":7}"#, 404, "about:blank", "no such thing"),
    ] {
        let (answered, problem) = office.give(operate, body).await;
        assert_eq!(
            (answered.as_u16(), &problem["type"], &problem["detail"]),
            (status, &kind.into(), &detail.into())
        );
    }
    let audit = office.audit().await;
    let outcomes: Vec<_> =
        audit.as_array().unwrap().iter().map(|row| row["outcome"].as_str().unwrap()).collect();
    assert_eq!(outcomes, ["unknown", "unsupported", "refused", "done"]);
    assert_eq!(audit[3]["what"], "pause icarus-1");
    assert!(audit[3]["who"].as_str().unwrap().starts_with("key operate ("), "{audit}");
    let events: Vec<_> = office.served.board.ledger().events_after(0).map(|it| it.sentence.clone()).collect();
    assert!(events.iter().any(|it| it.ends_with("pause icarus-1: icarus-1 is paused")), "{events:?}");
}

#[tokio::test]
async fn without_a_key_that_allows_it_nothing_is_done() {
    let office = Office::new(done);
    let [read, operate, admin] = &office.keys;
    for (key, why) in [
        ("", "not known"),
        ("adit_00000000_00", "not known"),
        (&operate[..operate.len() - 1], "not known"),
        (&format!("{operate}0"), "not known"),
        (&office.expired, "expired"),
    ] {
        let (status, problem) = office.give(key, PAUSE).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{key}");
        assert!(problem["detail"].as_str().unwrap().contains(why), "{problem}");
    }
    assert_eq!(office.give(read, PAUSE).await.0, StatusCode::FORBIDDEN);
    for body in [
        r#"{"command":"add_pool","url":"stratum+tcp://thief.example:1","user":"thief"}"#,
        r#"{"command":"remove_pool","pool":0}"#,
        r#"{"command":"save"}"#,
        r#"{"command":"reload"}"#,
    ] {
        assert_eq!(office.give(operate, body).await.0, StatusCode::FORBIDDEN, "{body}");
        assert_eq!(office.give(admin, body).await.0, StatusCode::OK, "{body}");
    }
    office.file.revoke(&operate[5..13]).unwrap();
    assert_eq!(office.give(operate, PAUSE).await.0, StatusCode::UNAUTHORIZED, "it was revoked");
    assert_eq!(office.audit().await.as_array().unwrap().len(), 4, "only what was done is written down");
}

#[tokio::test]
async fn a_key_counts_in_one_place_only() {
    let office = Office::new(done);
    let key = &office.keys[2];
    let hidden: [(&str, &str); 5] = [
        ("cookie", &format!("key={key}")),
        ("x-api-key", key),
        ("proxy-authorization", &format!("Bearer {key}")),
        ("authorization", &format!("Basic {key}")),
        ("authorization", key),
    ];
    for (name, value) in hidden {
        let request = command(PAUSE).header(name, value).body(Body::from(PAUSE)).unwrap();
        let response = office.send(request).await;
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED, "{name}");
        assert_eq!(response.headers()["www-authenticate"], "Bearer");
    }
    let twice = command(PAUSE).header("authorization", format!("Bearer {key}"));
    let twice = twice.header("authorization", "Bearer x").body(Body::from(PAUSE)).unwrap();
    assert_eq!(office.send(twice).await.status(), StatusCode::UNAUTHORIZED);
    let url = HttpRequest::post(format!("/api/v1/commands?key={key}")).header("host", "localhost");
    let url = url.header("content-type", "application/json").body(Body::from(PAUSE)).unwrap();
    assert_eq!(office.send(url).await.status(), StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_page_of_another_site_gives_no_commands_even_with_a_key() {
    let office = Office::new(done);
    let key = format!("Bearer {}", office.keys[2]);
    for (name, value) in [("origin", "http://evil.example"), ("origin", "null")] {
        let request = command(PAUSE).header("authorization", &key).header(name, value);
        let response = office.send(request.body(Body::from(PAUSE)).unwrap()).await;
        assert_eq!(response.status(), StatusCode::FORBIDDEN);
        assert!(!response.headers().contains_key("access-control-allow-origin"));
    }
    let rebound = HttpRequest::post("/api/v1/commands").header("host", "evil.example:7785");
    let rebound = rebound.header("authorization", &key).header("content-type", "application/json");
    assert_eq!(office.send(rebound.body(Body::from(PAUSE)).unwrap()).await.status(), StatusCode::FORBIDDEN);
    let asking = HttpRequest::options("/api/v1/commands").header("host", "localhost");
    let asking = asking.header("access-control-request-method", "POST").body(Body::empty()).unwrap();
    let response = office.send(asking).await;
    assert!(!response.headers().contains_key("access-control-allow-origin"));
    assert!(office.audit().await.as_array().unwrap().is_empty());
}

#[tokio::test]
async fn what_is_no_command_is_refused_before_anybody_hears_of_it() {
    let office = Office::new(done);
    let key = &office.keys[2];
    let (status, problem) = office.give(key, "{\"command\":\"explode\"}").await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "{problem}");
    let form = HttpRequest::post("/api/v1/commands").header("host", "localhost");
    let form = form.header("authorization", format!("Bearer {key}"));
    let form =
        form.header("content-type", "application/x-www-form-urlencoded").body(Body::from("command=pause"));
    assert_eq!(office.send(form.unwrap()).await.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let long = format!(r#"{{"command":"pause","device":"{}"}}"#, "x".repeat(20_000));
    assert_eq!(office.give(key, &long).await.0, StatusCode::PAYLOAD_TOO_LARGE);
    let unannounced = HttpRequest::post("/api/v1/commands").header("host", "localhost");
    let unannounced = unannounced.header("authorization", format!("Bearer {key}"));
    let unannounced = unannounced.header("content-type", "application/json").body(Body::from(long)).unwrap();
    assert_eq!(office.send(unannounced).await.status(), StatusCode::PAYLOAD_TOO_LARGE);
    for path in [
        "/api/v1/commands/",
        "/api/v1//commands",
        "/api/v1/../v1/commands",
        "/api/v1/%2e%2e/commands",
        "/API/V1/COMMANDS",
    ] {
        let request =
            HttpRequest::post(path).header("host", "localhost").header("content-type", "application/json");
        let request =
            request.header("authorization", format!("Bearer {key}")).body(Body::from(PAUSE)).unwrap();
        assert_eq!(office.send(request).await.status(), StatusCode::NOT_FOUND, "{path}");
    }
    assert!(office.audit().await.as_array().unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_body_that_never_comes_is_not_waited_for_for_ever() {
    let office = Office::new(done);
    let never = Body::from_stream(futures_util::stream::pending::<Result<Vec<u8>, std::io::Error>>());
    let request = HttpRequest::post("/api/v1/commands").header("host", "localhost");
    let request = request.header("content-type", "application/json").body(never).unwrap();
    assert_eq!(office.send(request).await.status(), StatusCode::REQUEST_TIMEOUT);
}

#[tokio::test]
async fn an_interface_beyond_loopback_shows_nothing_without_a_key() {
    let office = Office::new(done);
    let folder = office.file.0.parent().unwrap().to_owned();
    let mut served = office.served.clone();
    served.door = std::sync::Arc::new(Door::new(Some(folder), None, Some(Beyond::default())));
    let ask = async |path: &str, key: Option<&String>| {
        let mut request = HttpRequest::get(path).header("host", "localhost");
        if let Some(key) = key {
            request = request.header("authorization", format!("Bearer {key}"));
        }
        router(served.clone()).oneshot(request.body(Body::empty()).unwrap()).await.unwrap().status()
    };
    for path in ["/api/v1/summary", "/api/v1/events", "/metrics", "/api/v1/openapi.json", "/no/such/path"] {
        assert_eq!(ask(path, None).await, StatusCode::UNAUTHORIZED, "{path}");
    }
    assert_eq!(ask("/api/v1/summary", Some(&office.keys[0])).await, StatusCode::OK);
    assert_eq!(ask("/api/v1/audit", Some(&office.keys[0])).await, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn nobody_is_kept_waiting_when_nobody_carries_commands_out() {
    let office = Office::new(done);
    let mut served = office.served.clone();
    served.desk = desk(served.board.clone()).0; // its other end is gone
    let request = command(PAUSE).header("authorization", format!("Bearer {}", office.keys[1]));
    let response = router(served).oneshot(request.body(Body::from(PAUSE)).unwrap()).await.unwrap();
    assert_eq!(response.status(), StatusCode::CONFLICT);
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    assert!(String::from_utf8_lossy(&bytes).contains("stopping"));
}

#[tokio::test]
async fn whoever_tries_keys_or_floods_from_beyond_is_told_to_wait() {
    let office = Office::new(done);
    let mut served = office.served.clone();
    let folder = office.file.0.parent().unwrap().to_owned();
    served.door = std::sync::Arc::new(Door::new(Some(folder), None, Some(Beyond::default())));
    let ask = async |peer: [u8; 4], key: &str| {
        let mut request = HttpRequest::get("/api/v1/pools").header("host", "10.0.0.1:7786");
        request = request.header("authorization", format!("Bearer {key}")).extension(Peer(peer.into()));
        router(served.clone()).oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
    };
    let (thief, friend, good) = ([10, 0, 0, 66], [10, 0, 0, 7], &office.keys[0]);
    for _ in 0..20 {
        assert_eq!(ask(thief, "adit_00000000_00").await.status(), StatusCode::UNAUTHORIZED);
    }
    let stopped = ask(thief, good).await;
    assert_eq!(stopped.status(), StatusCode::TOO_MANY_REQUESTS, "not even with the right one");
    assert!(stopped.headers().contains_key("retry-after"));
    let well = ask(friend, good).await;
    assert_eq!(
        (well.status(), &well.headers()["ratelimit-policy"]),
        (StatusCode::OK, &"\"default\";q=600;w=60".parse().unwrap())
    );
    let mut last = well;
    for _ in 0..700 {
        last = ask(friend, good).await;
    }
    assert_eq!(last.status(), StatusCode::TOO_MANY_REQUESTS);
}

/// Behind a proxy at this machine that shows the interface as `rig.example`.
fn behind_a_proxy(office: &Office) -> Served {
    let mut served = office.served.clone();
    let proxies = Some(crate::cgminer::Access::parse("127.0.0.1", "").unwrap());
    let door = Door::new(office.file.0.parent().map(Into::into), None, None);
    served.door = std::sync::Arc::new(door.behind(proxies, &["rig.example".to_owned()]));
    served
}

#[tokio::test]
async fn whoever_comes_through_a_proxy_needs_a_key_and_is_known_by_his_own_address() {
    let office = Office::new(done);
    let served = behind_a_proxy(&office);
    let ask = async |request: axum::http::request::Builder, client: &str, body: &'static str| {
        let request = request.header("host", "rig.example").header("x-forwarded-for", client);
        let request = request.header("x-forwarded-proto", "https").header("x-forwarded-prefix", "/adit");
        let request = request.extension(Peer([127, 0, 0, 1].into())).body(Body::from(body)).unwrap();
        router(served.clone()).oneshot(request).await.unwrap()
    };
    let get = || HttpRequest::get("/api/v1/summary");
    let with = |request: axum::http::request::Builder, key: &str| {
        request.header("authorization", format!("Bearer {key}"))
    };
    let refused = ask(get(), "203.0.113.7", "").await;
    assert_eq!(refused.status(), StatusCode::UNAUTHORIZED, "although the proxy is at this machine");
    assert_eq!(body_of(refused).await["instance"], "/adit/api/v1/summary");
    let [read, operate, _] = &office.keys;
    assert_eq!(ask(with(get(), read), "203.0.113.7", "").await.status(), StatusCode::OK);
    let foreign = with(get(), read).header("origin", "http://rig.example");
    assert_eq!(ask(foreign, "203.0.113.7", "").await.status(), StatusCode::FORBIDDEN);
    let own = with(get(), read).header("origin", "https://rig.example");
    assert_eq!(ask(own, "203.0.113.7", "").await.status(), StatusCode::OK);

    let post = HttpRequest::post("/api/v1/commands").header("content-type", "application/json");
    assert_eq!(ask(with(post, operate), "6.6.6.6, 203.0.113.7", PAUSE).await.status(), StatusCode::OK);
    let who = office.audit().await[0]["who"].as_str().unwrap().to_owned();
    assert!(who.starts_with("key operate (") && who.ends_with(" from 203.0.113.7"), "{who}");

    for guess in 0..20 {
        let invented = format!("198.51.100.{guess}, 203.0.113.66"); // another one each time
        assert_eq!(
            ask(with(get(), "adit_00000000_00"), &invented, "").await.status(),
            StatusCode::UNAUTHORIZED
        );
    }
    assert_eq!(ask(with(get(), read), "203.0.113.66", "").await.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(
        ask(with(get(), read), "203.0.113.7", "").await.status(),
        StatusCode::OK,
        "nobody else suffers"
    );

    let document =
        body_of(ask(with(HttpRequest::get("/api/v1/openapi.json"), read), "203.0.113.7", "").await).await;
    assert_eq!(document["servers"], json!([{ "url": "/adit" }]));
}

#[tokio::test]
async fn a_proxy_that_nobody_has_named_does_not_open_the_loopback_interface_to_the_world() {
    let office = Office::new(done);
    let ask = async |served: &Served, headers: &[(&str, &str)], peer: [u8; 4]| {
        let mut request = HttpRequest::get("/api/v1/summary").extension(Peer(peer.into()));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        router(served.clone()).oneshot(request.body(Body::empty()).unwrap()).await.unwrap().status()
    };
    let here = [("host", "127.0.0.1:7785")];
    let passed_on =
        [("host", "127.0.0.1:7785"), ("x-forwarded-for", "203.0.113.7"), ("x-forwarded-proto", "https")];
    let behind = behind_a_proxy(&office);
    assert_eq!(ask(&office.served, &here, [127, 0, 0, 1]).await, StatusCode::OK);
    assert_eq!(ask(&office.served, &passed_on, [127, 0, 0, 1]).await, StatusCode::FORBIDDEN);
    assert_eq!(ask(&behind, &here, [127, 0, 0, 1]).await, StatusCode::OK, "somebody at this machine");
    assert_eq!(ask(&behind, &passed_on, [127, 0, 0, 2]).await, StatusCode::FORBIDDEN);
    assert_eq!(ask(&behind, &passed_on[..2], [127, 0, 0, 1]).await, StatusCode::FORBIDDEN, "in plain text");
}
