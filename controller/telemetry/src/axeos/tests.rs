use axum::body::Body;
use axum::http::{Request, StatusCode};
use http_body_util::BodyExt;
use serde_json::Value;
use tower::ServiceExt;

use super::{Served, router};
use crate::testing::Rig;

async fn ask(rig: &Rig, borrowed: Option<&str>, request: Request<Body>) -> (StatusCode, String) {
    let served = Served {
        board: rig.board.clone(),
        borrowed_chip: borrowed.map(str::to_owned),
        hostname: "rig7".to_owned(),
    };
    let answer = router(served).oneshot(request).await.unwrap();
    let status = answer.status();
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

fn get(path: &str) -> Request<Body> {
    Request::get(path).header("host", "192.168.1.7").body(Body::empty()).unwrap()
}

async fn info(rig: &Rig, borrowed: Option<&str>) -> Value {
    let (status, body) = ask(rig, borrowed, get("/api/system/info")).await;
    assert_eq!(status, StatusCode::OK);
    serde_json::from_str(&body).unwrap()
}

fn rig() -> Rig {
    let mut rig = Rig::new();
    let (a, b) = (rig.stick("icarus", "A"), rig.stick("icarus", "B"));
    rig.minute(&[a, b]);
    rig
}

/// The vector with this id.
fn vector(id: &str) -> Value {
    let all: Value = serde_json::from_str(include_str!("../../vectors/axeos-api.json")).unwrap();
    all["vectors"].as_array().unwrap().iter().find(|vector| vector["id"] == id).unwrap().clone()
}

#[tokio::test]
async fn fields_are_of_the_kind_that_readers_want_and_nothing_is_null() {
    let mut rig = rig();
    let device = rig.stick("rbox", "C");
    let reading = adit_driver::Reading { value: Ok(41.5), at: rig.now };
    rig.event(
        device,
        adit_driver::Event::Measured {
            unit: 0,
            quantity: adit_driver::Quantity::TemperatureCelsius,
            reading,
        },
    );
    rig.minute(&[device]);
    let wanted = vector("facade-full")["info"].clone();
    let info = info(&rig, Some("BM1370")).await;
    let kind = |value: &Value| match value {
        Value::Number(number) => {
            if number.is_f64() {
                "real"
            } else {
                "whole"
            }
        }
        Value::String(_) => "text",
        Value::Bool(_) => "bool",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
        Value::Null => "null",
    };
    let mut compared = 0;
    for (name, value) in info.as_object().unwrap() {
        assert_ne!(kind(value), "null", "{name}");
        if let Some(wanted) = wanted.get(name) {
            let (ours, theirs) = (kind(value), kind(wanted));
            assert!(
                ours == theirs
                    || (ours == "real"
                        && theirs == "whole"
                        && !name.contains("rpm")
                        && !name.contains("Seconds")),
                "{name}: {value}"
            );
            compared += 1;
        }
    }
    assert!(compared > 25, "{compared}");
    assert_eq!(info["ASICModel"], "BM1370");
    assert_eq!((&info["temp"], &info["vrTemp"]), (&41.5.into(), &41.5.into()));
    assert!(info.get("smallCoreCount").is_none(), "the chip is borrowed: its cores are not there");
}

#[tokio::test]
async fn figures_are_sums_over_all_devices() {
    let rig = rig();
    let info = info(&rig, None).await;
    let rate = info["hashRate_1m"].as_f64().unwrap() / 4.294_967_296;
    assert!((rate - 2.0).abs() < 0.1, "{rate}");
    assert_eq!((&info["sharesAccepted"], &info["sharesRejected"]), (&120.into(), &0.into()));
    assert_eq!((&info["stratumURL"], &info["stratumPort"]), (&"pool.example".into(), &3333.into()));
    assert_eq!(info["macAddr"].as_str().unwrap().len(), 17);
    assert!(info.get("power").is_none() && info.get("temp").is_none(), "what is not known is left out");
}

#[tokio::test]
async fn the_root_page_has_the_word_that_readers_look_for_and_none_that_misleads_them() {
    let rig = rig();
    let (status, page) = ask(&rig, None, get("/")).await;
    assert_eq!(status, StatusCode::OK);
    assert!(page.contains("AxeOS"));
    for word in [
        "Avalon",
        "Nerd",
        "Proto OS",
        "amazeui",
        "AnthillOS",
        "Miner Web Dashboard",
        "/cgi-bin/luci",
        "cloud-box",
        "Braiins OS",
        "Luxor Firmware",
    ] {
        assert!(!page.contains(word), "{word}");
    }
}

#[tokio::test]
async fn nothing_is_written_and_no_foreign_page_reads() {
    let rig = rig();
    let patch = Request::patch("/api/system/info").header("host", "10.0.0.1").body(Body::from("{}")).unwrap();
    assert_eq!(ask(&rig, None, patch).await.0, StatusCode::FORBIDDEN);
    let (status, body) = ask(&rig, None, get("/api/system/restart")).await;
    assert_eq!((status, body.as_str()), (StatusCode::NOT_FOUND, "{\"error\":\"unknown route\"}"));
    for (name, value) in [("host", "evil.example"), ("host", "evil.example:80"), ("host", "")] {
        let foreign = Request::get("/api/system/info").header(name, value).body(Body::empty()).unwrap();
        assert_eq!(ask(&rig, None, foreign).await.0, StatusCode::FORBIDDEN, "{value}");
    }
    let mut own = get("/api/system/info");
    own.headers_mut().insert("origin", "http://evil.example".parse().unwrap());
    assert_eq!(ask(&rig, None, own).await.0, StatusCode::FORBIDDEN);
}
