use adit_core::Answer;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use futures_util::StreamExt;
use http_body_util::BodyExt;
use serde_json::{Value, json};

use super::{ask, get, json, refused, request};
use crate::books::Booking;
use crate::testing::Rig;

/// Three sticks that have mined for a minute.
fn rig() -> Rig {
    let mut rig = Rig::new();
    let sticks = ["A", "B", "C"].map(|serial| rig.stick("icarus", serial));
    rig.minute(&sticks);
    rig
}

#[tokio::test]
async fn every_path_of_the_description_is_served_and_every_served_path_is_described() {
    let rig = rig();
    let document = get(&rig, "/api/v1/openapi.json").await;
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"), "{}", document["openapi"]);
    let paths = document["paths"].as_object().unwrap();
    for wanted in ["summary", "pools", "devices", "chips", "shares", "events", "history"] {
        assert!(paths.contains_key(&format!("/api/v1/{wanted}")), "{wanted}");
    }
    for path in paths
        .keys()
        .filter(|path| !["/metrics", "/api/v1/commands", "/api/v1/audit"].contains(&path.as_str()))
    {
        get(&rig, &path.replace("{name}", "icarus-1")).await;
    }
}

#[tokio::test]
async fn metrics_come_in_the_format_that_the_scraper_accepts() {
    let rig = rig();
    let open =
        ask(&rig, request("/metrics", &[("accept", "application/openmetrics-text;version=1.0.0")])).await;
    assert!(open.headers()["content-type"].to_str().unwrap().starts_with("application/openmetrics-text"));
    let text = open.into_body().collect().await.unwrap().to_bytes();
    assert!(text.ends_with(b"# EOF\n"));
    let classic = ask(&rig, request("/metrics", &[])).await;
    assert!(classic.headers()["content-type"].to_str().unwrap().starts_with("text/plain; version=0.0.4"));
}

#[tokio::test]
async fn devices_come_in_pages_that_add_up() {
    let rig = rig();
    let mut names = Vec::new();
    let mut path = "/api/v1/devices?limit=2".to_owned();
    loop {
        let page = get(&rig, &path).await;
        names.extend(page["devices"].as_array().unwrap().iter().map(|device| device["name"].clone()));
        let Some(next) = page["next"].as_u64() else { break };
        path = format!("/api/v1/devices?limit=2&after={next}");
    }
    assert_eq!(names, ["icarus-1", "icarus-2", "icarus-3"]);
    let beyond = get(&rig, "/api/v1/devices?after=9007199254740991").await;
    assert_eq!(beyond, json!({ "devices": [], "next": null }));
}

#[tokio::test]
async fn shares_and_events_come_newest_first_and_page_back_to_the_first() {
    let rig = rig();
    let mut seen = Vec::new();
    let mut path = "/api/v1/shares?limit=70".to_owned();
    loop {
        let page = get(&rig, &path).await;
        seen.extend(page["shares"].as_array().unwrap().iter().map(|share| share["id"].as_u64().unwrap()));
        let Some(next) = page["next"].as_u64() else { break };
        path = format!("/api/v1/shares?limit=70&before={next}");
    }
    assert_eq!(seen, (1..=180).rev().collect::<Vec<_>>());
    let events = get(&rig, "/api/v1/events?limit=2").await;
    let newest = events["newest"].as_u64().unwrap();
    assert_eq!(events["events"][0]["id"].as_u64(), Some(newest));
    assert_eq!(events["next"].as_u64(), Some(newest - 1));
    let rest = get(&rig, &format!("/api/v1/events?after={}", newest - 1)).await;
    assert_eq!(rest["events"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn chips_are_those_of_one_device_or_of_all() {
    let rig = rig();
    assert_eq!(get(&rig, "/api/v1/chips").await["chips"].as_array().unwrap().len(), 3);
    let one = get(&rig, "/api/v1/chips?device=icarus-2").await;
    assert_eq!(one["chips"][0]["device"], "icarus-2");
    assert_eq!(one["chips"][0]["nonces"]["received"], 60);
    refused(&rig, request("/api/v1/chips?device=toaster", &[]), StatusCode::NOT_FOUND).await;
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_with_a_sentence() {
    let rig = rig();
    for path in [
        "/api/v1/devices?limit=0",
        "/api/v1/devices?limit=501",
        "/api/v1/devices?limit=-1",
        "/api/v1/devices?limit=x",
        "/api/v1/devices?after=9007199254740992",
        "/api/v1/devices?colour=red",
        "/api/v1/summary?x=1",
        "/api/v1/shares?limit=1&limit=2",
        "/api/v1/devices/%FF",
    ] {
        let problem = refused(&rig, request(path, &[]), StatusCode::BAD_REQUEST).await;
        assert!(!problem["detail"].as_str().unwrap().is_empty(), "{path}");
    }
    for path in ["/api", "/api/v1", "/api/v1/devices/nobody", "/api/v2/summary"] {
        let problem = refused(&rig, request(path, &[]), StatusCode::NOT_FOUND).await;
        assert_eq!(problem["instance"], path);
    }
    let post = Request::post("/api/v1/summary").header("host", "localhost").body(Body::empty()).unwrap();
    refused(&rig, post, StatusCode::METHOD_NOT_ALLOWED).await;
    refused(&rig, request("/api/v1/pools", &[("content-length", "1000000")]), StatusCode::PAYLOAD_TOO_LARGE)
        .await;
}

#[tokio::test]
async fn a_page_of_another_site_reads_nothing() {
    let rig = rig();
    let foreign =
        Request::get("/api/v1/summary").header("host", "rebound.example:80").body(Body::empty()).unwrap();
    refused(&rig, foreign, StatusCode::FORBIDDEN).await;
    let none = Request::get("/api/v1/summary").body(Body::empty()).unwrap();
    refused(&rig, none, StatusCode::BAD_REQUEST).await;
    for origin in ["http://evil.example", "null", "https://localhost"] {
        refused(&rig, request("/api/v1/summary", &[("origin", origin)]), StatusCode::FORBIDDEN).await;
    }
    let own = ask(&rig, request("/api/v1/summary", &[("origin", "http://localhost:7785")])).await;
    assert_eq!(own.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_request_keeps_the_id_it_brings_unless_it_is_too_long() {
    let rig = rig();
    let given = ask(&rig, request("/healthz", &[("x-request-id", "abc-1")])).await;
    assert_eq!(given.headers()["x-request-id"], "abc-1");
    let long = "x".repeat(65);
    let made = ask(&rig, request("/healthz", &[("x-request-id", &long)])).await;
    assert_ne!(made.headers()["x-request-id"].to_str().unwrap(), long);
    assert_eq!(made.headers()["cache-control"], "no-store");
}

#[tokio::test]
async fn readiness_needs_a_device_at_work() {
    let mut rig = Rig::new();
    refused(&rig, request("/readyz", &[]), StatusCode::SERVICE_UNAVAILABLE).await;
    rig.stick("icarus", "A");
    rig.second();
    assert_eq!(get(&rig, "/readyz").await["status"], "ok");
}

/// The next frame of a stream, as id and event.
async fn frame(
    body: &mut (impl StreamExt<Item = Result<axum::body::Bytes, axum::Error>> + Unpin),
) -> (String, Value) {
    let bytes = body.next().await.unwrap().unwrap();
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    let field =
        |name: &str| text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default().to_owned();
    (field("id: "), serde_json::from_str(&field("data: ")).unwrap())
}

#[tokio::test]
async fn a_stream_goes_on_where_the_client_left_off_and_follows_what_happens() {
    let mut rig = rig();
    let stream = ("accept", "text/event-stream");
    let mut body = ask(&rig, request("/api/v1/events", &[stream])).await.into_body().into_data_stream();
    let (first, event) = frame(&mut body).await;
    assert_eq!((event["id"].as_u64(), event["kind"].as_str()), (Some(1), Some("started")));
    let run = first.split_once('-').unwrap().0.to_owned();
    drop(body);

    let newest = rig.board.ledger().newest_event();
    let seen = format!("{run}-{}", newest - 1);
    let resumed = ask(&rig, request("/api/v1/events", &[stream, ("last-event-id", &seen)])).await;
    let mut body = resumed.into_body().into_data_stream();
    assert_eq!(frame(&mut body).await.1["id"].as_u64(), Some(newest));
    let device = rig.stick("block-erupter", "D");
    rig.nonce(device, true);
    rig.answer(&Answer::Lost);
    for kind in ["device_plugged", "device_hashing", "share_lost"] {
        assert_eq!(frame(&mut body).await.1["kind"], kind);
    }

    let other_run = ask(&rig, request("/api/v1/events", &[stream, ("last-event-id", "1-7")])).await;
    let mut body = other_run.into_body().into_data_stream();
    assert_eq!(frame(&mut body).await.1["id"].as_u64(), Some(1), "a new run: everything is new");
}

#[tokio::test]
async fn streams_beyond_their_number_are_refused_until_one_ends() {
    let rig = rig();
    let served = super::served(&rig);
    let router = super::router(served);
    let open = || {
        tower::ServiceExt::oneshot(
            router.clone(),
            request("/api/v1/events", &[("accept", "text/event-stream")]),
        )
    };
    let mut streams = Vec::new();
    for _ in 0..32 {
        streams.push(open().await.unwrap());
    }
    assert_eq!(open().await.unwrap().status(), StatusCode::SERVICE_UNAVAILABLE);
    streams.pop();
    assert_eq!(open().await.unwrap().status(), StatusCode::OK);
}

#[tokio::test]
async fn texts_from_outside_stay_texts() {
    let mut rig = rig();
    let device = rig.stick("icarus", "<script>\"\n");
    rig.nonce(device, true);
    rig.refuse(adit_core::RejectKind::Other, "\u{1b}[2J\"</script>");
    let shares = json(ask(&rig, request("/api/v1/shares?limit=1", &[])).await).await;
    assert_eq!(shares["shares"][0]["pool_said"], "\u{1b}[2J\"</script>");
    let pools = get(&rig, "/api/v1/pools").await;
    assert_eq!(pools["pools"][1]["user"], "second,\"user\"|\t");
    let raw = ask(&rig, request("/api/v1/summary", &[])).await;
    assert_eq!(raw.headers()["x-content-type-options"], "nosniff");
    assert!(!raw.into_body().collect().await.unwrap().to_bytes().is_empty());
}

#[tokio::test]
async fn history_is_that_of_one_device_or_of_all_and_comes_in_parts() {
    let mut rig = Rig::new();
    let device = rig.stick("icarus", "A");
    let served = super::served(&rig);
    let mut recorder = crate::history::Recorder::default();
    for _ in 0..2 {
        for _ in 0..60 {
            rig.nonce(device, true);
            rig.answer(&Answer::Accepted);
            rig.second();
            let ledger = rig.board.ledger();
            let sample = ledger.sample.clone().unwrap();
            let rows = recorder.take(&ledger, &sample);
            if !rows.is_empty() {
                served.history.add(rows, &mut Booking::default(), ledger.now_unix_s() as i64);
            }
        }
    }
    let router = super::router(served);
    let get = async |path: &str| {
        let answer = tower::ServiceExt::oneshot(router.clone(), request(path, &[])).await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK, "{path}");
        json(answer).await
    };
    for path in
        ["/api/v1/history", "/api/v1/history?device=icarus-1", "/api/v1/history?device=icarus:A&step=10"]
    {
        let page = get(path).await;
        let points = page["points"].as_array().unwrap();
        assert_eq!((points.len(), page["step_s"].as_i64()), (12, Some(10)), "{path}");
        let rate = points[5]["hashrate_hs"].as_f64().unwrap() / 4_294_967_296.0;
        assert!((rate - 1.0).abs() < 0.11, "{rate}");
        assert_eq!(points[5]["power_watts"], Value::Null);
    }
    let part = get("/api/v1/history?limit=5&from=0&step=10").await;
    let next = part["next"].as_i64().unwrap();
    assert_eq!(part["points"].as_array().unwrap().len(), 5);
    let rest = get(&format!("/api/v1/history?from={next}&step=10")).await;
    assert_eq!(rest["points"].as_array().unwrap().len(), 7);
    assert_eq!(get("/api/v1/history?device=nobody").await["points"], json!([]));
    for path in ["/api/v1/history?step=11", "/api/v1/history?limit=5001", "/api/v1/history?from=-1"] {
        refused(&rig, request(path, &[]), StatusCode::BAD_REQUEST).await;
    }
}

#[tokio::test]
async fn the_ledger_is_read_by_day_device_and_pool() {
    let mut rig = Rig::new();
    let (a, b) = (rig.stick("icarus", "A"), rig.stick("icarus", "B"));
    rig.minute(&[a, b]);
    let served = super::served(&rig);
    let now = rig.board.ledger().now_unix_s() as i64;
    served.history.add(Vec::new(), &mut rig.booking, now);
    let router = super::router(served);
    let get = async |path: &str| {
        let answer = tower::ServiceExt::oneshot(router.clone(), request(path, &[])).await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK, "{path}");
        json(answer).await
    };
    let all = get("/api/v1/ledger").await;
    assert_eq!((all["lines"].as_array().unwrap().len(), &all["next"]), (2, &Value::Null), "{all}");
    assert_eq!((&all["lines"][0]["accepted"], &all["lines"][0]["device"]), (&json!(60), &json!("icarus:A")));
    assert_eq!(all["lines"][0]["energy_kwh"], Value::Null, "unknown, not zero");
    let one = get("/api/v1/ledger?by=all&from=2026-01-01&to=2027-01-01").await;
    assert_eq!((&one["lines"][0]["accepted"], &one["lines"][0]["device"]), (&json!(120), &Value::Null));
    let part = get("/api/v1/ledger?by=device&limit=1").await;
    assert_eq!((part["lines"].as_array().unwrap().len(), &part["next"]), (1, &json!(1)));
    assert_eq!(get("/api/v1/ledger?to=2026-01-01").await["lines"], json!([]));
    for wrong in ["by=hour", "by=", "from=yesterday", "to=2026-02-30", "limit=0", "since=2026-01-01"] {
        let path = format!("/api/v1/ledger?{wrong}");
        refused(&rig, request(&path, &[]), StatusCode::BAD_REQUEST).await;
    }
}
