//! The pages as a browser gets them.

use axum::body::Body;
use axum::http::{Request, Response, StatusCode};
use http_body_util::BodyExt;
use tower::ServiceExt;

use crate::history;
use crate::http::{Beyond, Door, Served, router};
use crate::snapshot::Unused;
use crate::steer::desk;
use crate::testing::Rig;

async fn ask(rig: &Rig, door: Door, path: &str, key: Option<&str>) -> Response<Body> {
    let (history, _) = history::start(history::Store::open(&history::Kept::default()).unwrap()).unwrap();
    let (desk, _) = desk(rig.board.clone());
    let served = Served::new(rig.board.clone(), history, desk, door);
    let mut request = Request::get(path).header("host", "localhost");
    if let Some(key) = key {
        request = request.header("authorization", format!("Bearer {key}"));
    }
    router(served).oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
}

async fn text(response: Response<Body>) -> String {
    String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
}

async fn page(rig: &Rig, path: &str) -> String {
    let response = ask(rig, Door::default(), path, None).await;
    assert_eq!(response.status(), StatusCode::OK, "{path}");
    text(response).await
}

#[tokio::test]
async fn what_a_device_or_a_pool_calls_itself_is_shown_as_text() {
    let evil = "<script>alert(1)</script>\" onload='x'";
    let mut rig = Rig::with(None, [("pool.example:3333", evil), ("<b>:1", "second")]);
    rig.stick("icarus", evil);
    rig.second();
    rig.board.ledger().unused = vec![Unused {
        name: evil.to_owned(),
        location: evil.to_owned(),
        access: "denied".to_owned(),
        fix: Some(evil.to_owned()),
    }];
    rig.second();
    for path in ["/", "/?q=%3Cscript%3E", "/device?name=icarus-1", "/pools", "/events"] {
        let page = page(&rig, path).await;
        assert!(!page.contains("<script>alert") && !page.contains("<b>:1"), "{path}: {page}");
        assert!(!page.contains("\" onload"), "{path}: a value ends its attribute");
    }
    assert!(page(&rig, "/pools").await.contains("&lt;script&gt;alert(1)&lt;/script&gt;"));
    let missing = ask(&rig, Door::default(), "/device?name=%3Cscript%3E", None).await;
    assert_eq!(missing.status(), StatusCode::NOT_FOUND);
    assert!(text(missing).await.contains("&lt;script&gt;"));
}

#[tokio::test]
async fn a_page_may_load_and_run_nothing_but_what_this_interface_serves() {
    let mut rig = Rig::new();
    rig.stick("icarus", "A1");
    rig.second();
    for path in ["/", "/device?name=icarus-1", "/pools", "/events"] {
        let response = ask(&rig, Door::default(), path, None).await;
        let policy = response.headers()["content-security-policy"].to_str().unwrap().to_owned();
        assert!(policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self'"), "{policy}");
        assert!(!policy.contains("unsafe"), "{policy}");
        let page = text(response).await;
        for inline in [" style=\"", "<style", " onclick", "javascript:", "https://"] {
            assert!(!page.contains(inline), "{path}: {inline}");
        }
        // Absolute paths would leave the folder of a reverse proxy.
        for absolute in ["href=\"/", "src=\"/", "action=\"/"] {
            assert!(!page.contains(absolute), "{path}: {absolute}");
        }
    }
}

#[tokio::test]
async fn what_is_not_known_is_shown_with_its_reason_and_never_as_zero() {
    let mut rig = Rig::new();
    rig.stick("icarus", "A1");
    rig.second();
    let page = page(&rig, "/device?name=icarus-1").await;
    assert!(page.contains("no sensor") && page.contains("not known yet"), "{page}");
    for invented in ["0.0 °C", "0.0 W", "0 rpm", "0.00 H/s", "NaN"] {
        assert!(!page.contains(invented), "{invented}");
    }
}

#[tokio::test]
async fn a_device_in_trouble_is_shown_first_with_what_to_do() {
    let mut rig = Rig::new();
    let stick = rig.stick("icarus", "A1");
    rig.fail(stick, adit_driver::Fault::Silent { seconds: 60 });
    rig.board.ledger().unused = vec![Unused {
        name: "CP2102".to_owned(),
        location: "serial:/dev/ttyUSB9".to_owned(),
        access: "denied".to_owned(),
        fix: Some("sudo usermod -aG dialout $USER".to_owned()),
    }];
    rig.sample();
    let page = page(&rig, "/").await;
    let wrong = page.find("What is wrong, and what to do").unwrap();
    assert!(wrong < page.find("Hash rate").unwrap());
    assert!(page.contains("check its power supply, then plug it in again"), "{page}");
    assert!(page.contains("CP2102 at serial:/dev/ttyUSB9") && page.contains("sudo usermod -aG dialout"));
}

#[tokio::test]
async fn a_thousand_devices_come_in_pages_and_are_found_by_name() {
    let mut rig = Rig::new();
    for number in 0..1_000 {
        rig.stick("icarus", &format!("S{number}"));
    }
    rig.second();
    let first = page(&rig, "/").await;
    let rows = |page: &str| page.matches("id=\"row-icarus-").count();
    assert_eq!(rows(&first), 50);
    assert!(first.contains("1 to 50 of 1000") && first.len() < 100_000, "{}", first.len());
    assert!(page(&rig, "/?page=19").await.contains("951 to 1000 of 1000"));
    assert_eq!(rows(&page(&rig, "/?page=999999999999").await), 50);
    let found = page(&rig, "/?q=S77&show=hashing").await;
    assert!(found.contains("icarus-78") && rows(&found) == 11);
    assert_eq!(rows(&page(&rig, "/?show=trouble").await), 0);
}

#[tokio::test]
async fn without_a_pool_the_first_start_is_shown() {
    let rig = Rig::new();
    let sample = crate::sample::Sample { at: rig.now, devices: Vec::new(), pools: Vec::new() };
    rig.board.ledger().take(std::sync::Arc::new(sample));
    let page = page(&rig, "/").await;
    assert!(page.contains("First start") && page.contains("Your Bitcoin address"), "{page}");
}

#[tokio::test]
async fn beyond_this_machine_a_page_without_key_shows_the_way_in_and_nothing_else() {
    let mut rig = Rig::new();
    rig.stick("icarus", "A1");
    rig.second();
    let door = || Door::new(None, None, Some(Beyond::default()));
    for path in ["/", "/device?name=icarus-1", "/pools", "/events"] {
        for key in [None, Some("adit_wrong_key")] {
            let response = ask(&rig, door(), path, key).await;
            assert_eq!(response.status(), StatusCode::UNAUTHORIZED, "{path}");
            assert!(!text(response).await.contains("icarus"), "{path}");
        }
        assert!(text(ask(&rig, door(), path, None).await).await.contains("A key is needed"));
    }
    for (path, status) in
        [("/dashboard.css", 200), ("/dashboard.js", 200), ("/icon.svg", 200), ("/live", 401)]
    {
        assert_eq!(ask(&rig, door(), path, None).await.status(), status, "{path}");
    }
    assert_eq!(ask(&rig, door(), "/api/v1/summary", None).await.status(), StatusCode::UNAUTHORIZED);
}
