use adit_protocol::devices::model;
use adit_protocol::hex;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::*;
use crate::serve::Place;
use crate::{Bench, Build};

struct Rig {
    address: SocketAddr,
    served: Vec<Served>,
    _task: JoinHandle<()>,
}

async fn rig(key: &str, count: u64) -> Rig {
    let socket = ControlSocket::bind(([127, 0, 0, 1], 0).into()).await.unwrap();
    let mut served = Vec::new();
    for seed in 0..count {
        let build = Build { seed, ..Build::default() };
        let bench = Bench::new(model(key).unwrap(), &build).unwrap().with_journal(50);
        let places = vec![Place::Tcp(([127, 0, 0, 1], 0).into()); bench.model().ports.len()];
        served.push(Served::start_bench(bench, places).await.unwrap());
    }
    let controlled = served.iter().enumerate().map(|(index, one)| Controlled::new(one, index, None));
    let address = socket.address();
    Rig { address, _task: socket.serve(controlled.collect()), served }
}

impl Rig {
    /// Status, headers and body of what a raw request is answered with.
    async fn raw(&self, request: &str) -> (u16, String, Value) {
        let mut socket = TcpStream::connect(self.address).await.unwrap();
        socket.write_all(request.as_bytes()).await.unwrap();
        let mut text = String::new();
        socket.read_to_string(&mut text).await.unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, head.to_lowercase(), serde_json::from_str(body).unwrap_or_default())
    }

    async fn get(&self, path: &str) -> (u16, Value) {
        let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        let (status, _, body) = self.raw(&request).await;
        (status, body)
    }

    async fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        let body = body.to_string();
        let request = format!(
            "POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let (status, _, body) = self.raw(&request).await;
        (status, body)
    }
}

#[tokio::test]
async fn devices_are_listed_and_looked_into() {
    let rig = rig("bitaxe-gamma", 2).await;
    let (status, list) = rig.get("/api/v1/devices").await;
    assert_eq!((status, list["devices"].as_array().unwrap().len()), (200, 2));
    assert_eq!(list["devices"][1]["name"], "bitaxe-gamma-1");
    assert_eq!(list["devices"][1]["ports"][0]["name"], "control");
    let (_, one) = rig.get("/api/v1/devices/bitaxe-gamma-0").await;
    assert_eq!(one["plugged"], true);
    assert_eq!(one["insides"]["ambient_celsius"], 25.0);
    assert_eq!(one["insides"]["i2c"][1], json!({ "address": 0x4c, "part": "EMC2101" }));
    let (_, read) = rig.get("/api/v1/devices/bitaxe-gamma-0/i2c/76?register=253").await;
    assert_eq!(read["bytes"], "16");
    let (_, chip) = rig.get("/api/v1/devices/bitaxe-gamma-0/chips/0").await;
    assert_eq!(chip["registers"][0]["value"].as_u64().unwrap() >> 16, 0x1370);
    for missing in ["bitaxe-gamma-2", "bitaxe-gamma-0/chips/1", "bitaxe-gamma-0/i2c/3?register=0"] {
        assert_eq!(rig.get(&format!("/api/v1/devices/{missing}")).await.0, 404, "{missing}");
    }
}

#[tokio::test]
async fn a_command_to_one_device_is_obeyed_by_it_alone_and_one_to_all_by_all() {
    let rig = rig("icarus", 2).await;
    let chance = json!({ "do": "chance", "fault": "flip_bit", "probability": 0.25 });
    let (status, obeyed) = rig.post("/api/v1/devices/icarus-1/commands", &chance).await;
    assert_eq!((status, obeyed), (200, json!({ "devices": ["icarus-1"] })));
    let (_, list) = rig.get("/api/v1/devices").await;
    assert_eq!(list["devices"][0]["faults"], json!([]));
    assert_eq!(list["devices"][1]["faults"], json!([{ "fault": "flip_bit", "probability": 0.25 }]));
    let (status, obeyed) = rig.post("/api/v1/commands", &json!({ "do": "unplug" })).await;
    assert_eq!((status, obeyed), (200, json!({ "devices": ["icarus-0", "icarus-1"] })));
    let (_, list) = rig.get("/api/v1/devices").await;
    assert_eq!([&list["devices"][0]["plugged"], &list["devices"][1]["plugged"]], [false, false]);
    let stall = json!({ "do": "fault", "fault": "stall" });
    let (status, problem) = rig.post("/api/v1/devices/icarus-0/commands", &stall).await;
    assert_eq!((status, &problem["detail"]), (409, &"the device is unplugged".into()));
    assert_eq!(rig.post("/api/v1/commands", &json!({ "do": "replug" })).await.0, 200);
    assert_eq!(rig.get("/api/v1/devices/icarus-0").await.1["plugged"], true);
}

#[tokio::test]
async fn what_the_host_did_is_listed_decoded_and_page_by_page() {
    let rig = rig("block-erupter", 1).await;
    let super::super::Address::Tcp(port) = rig.served[0].addresses()[0].clone() else {
        panic!("TCP was asked for")
    };
    let mut host = TcpStream::connect(port).await.unwrap();
    let job = "4679ba4ec99876bf4bfe086082b400254df6c356451471139a3afa71e48f544a\
               000000000000000000000000000000000000000087320b1a1426674f2fa722ce";
    host.write_all(&hex::decode(job).unwrap()).await.unwrap();
    let mut nonce = [0; 4];
    host.read_exact(&mut nonce).await.unwrap();
    let (_, first) = rig.get("/api/v1/devices/block-erupter-0/said?limit=2").await;
    assert_eq!(first["said"][0]["event"], "plugged in");
    assert_eq!(
        (&first["said"][1]["from"], &first["said"][1]["frame"]["type"]),
        (&"host".into(), &"job".into())
    );
    let rest = format!("/api/v1/devices/block-erupter-0/said?after={}", first["next"]);
    let (_, rest) = rig.get(&rest).await;
    assert_eq!(rest["said"][0]["from"], "device");
    assert!(rest["said"][0]["solves"]["difficulty"].as_f64().unwrap() > 1.0);
    let (_, host) = rig.get("/api/v1/devices/block-erupter-0/said?from=host").await;
    assert!(host["said"].as_array().unwrap().iter().all(|line| line["from"] != "device"));
}

#[tokio::test]
async fn time_is_stepped_and_held() {
    let rig = rig("icarus", 1).await;
    assert_eq!(rig.get("/api/v1/time").await.1, json!({ "speed": 1.0 }));
    let (status, held) = rig.post("/api/v1/time", &json!({ "step_seconds": 3600, "speed": 0 })).await;
    assert_eq!((status, held), (200, json!({ "speed": 0.0 })));
    let time = rig.get("/api/v1/devices/icarus-0").await.1["time_us"].as_u64().unwrap();
    assert!((3_600_000_000..3_700_000_000).contains(&time), "{time}");
    assert_eq!(rig.get("/api/v1/devices/icarus-0").await.1["time_us"], time);
    for wrong in [json!({ "speed": -1 }), json!({ "step_seconds": 1e9 }), json!({ "hurry": 1 })] {
        assert_eq!(rig.post("/api/v1/time", &wrong).await.0, 400, "{wrong}");
    }
}

#[tokio::test]
async fn what_makes_no_sense_is_a_problem_in_one_sentence() {
    let rig = rig("icarus", 1).await;
    let path = "/api/v1/devices/icarus-0/commands";
    for (wanted, body, sentence) in [
        (400, json!({ "do": "dance" }), "unknown variant `dance`"),
        (
            400,
            json!({ "do": "fault", "fault": "gremlin" }),
            "there is no fault \"gremlin\"; there are drop_byte",
        ),
        (
            409,
            json!({ "do": "fault", "fault": "nak" }),
            "nak cannot happen here (icarus); what can: drop_byte",
        ),
        (400, json!({ "do": "clear", "colour": 1 }), "unknown field `colour`"),
        (400, json!({ "do": "ambient", "celsius": 300 }), "celsius is a number from -55 to 200, not 300"),
        (409, json!({ "do": "ambient", "celsius": 20 }), "a simulated icarus has no temperature"),
    ] {
        let (status, problem) = rig.post(path, &body).await;
        assert_eq!(status, wanted, "{body}");
        assert!(problem["detail"].as_str().unwrap().contains(sentence), "{problem}");
        assert_eq!(problem["instance"], path);
    }
    assert_eq!(rig.get("/api/v1/devices?colour=1").await.0, 400);
    assert_eq!(rig.get("/api/v1/devices/icarus-0/said?limit=501").await.0, 400);
    assert_eq!(rig.get("/api/v1/devices/icarus-0/said?after=9007199254740992").await.0, 400);
    assert_eq!(rig.get("/nowhere").await.0, 404);
    assert_eq!(rig.post("/api/v1/devices", &json!({})).await.0, 405);
}

#[tokio::test]
async fn pages_of_other_sites_and_names_that_point_here_are_turned_away() {
    let rig = rig("icarus", 1).await;
    let get = |headers: &str| format!("GET /api/v1/devices HTTP/1.1\r\n{headers}Connection: close\r\n\r\n");
    let (status, head, _) = rig.raw(&get("Host: evil.example\r\n")).await;
    assert_eq!(status, 403);
    assert!(head.contains("content-type: application/problem+json"), "{head}");
    assert_eq!(rig.raw(&get("Host: localhost\r\nOrigin: https://evil.example\r\n")).await.0, 403);
    assert_eq!(rig.raw(&get("")).await.0, 400);
    let (status, head, _) = rig.raw(&get("Host: localhost\r\nX-Request-Id: mine\r\n")).await;
    assert!(status == 200 && head.contains("x-request-id: mine") && head.contains("no-store"), "{head}");
    let body = "{\"do\":\"clear\"}";
    let form = format!(
        "POST /api/v1/commands HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: text/plain\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    assert_eq!(rig.raw(&form).await.0, 415, "a page could send this without asking");
    let refused = ControlSocket::bind(([192, 0, 2, 1], 4_000).into()).await.unwrap_err();
    assert!(refused.to_string().contains("only the loopback interface"), "{refused}");
}

#[tokio::test]
async fn the_description_names_every_path_and_every_command() {
    let rig = rig("icarus", 1).await;
    let (_, document) = rig.get("/api/v1/openapi.json").await;
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    assert_eq!(document["paths"].as_object().unwrap().len(), 10);
    let commands = document["components"]["schemas"]["Command"]["oneOf"].as_array().unwrap();
    assert_eq!(commands.len(), 7);
    assert!(commands.iter().all(|command| command["additionalProperties"] == false), "{commands:?}");
    let (_, faults) = rig.get("/api/v1/faults").await;
    let flip = faults["faults"].as_array().unwrap().iter().find(|fault| fault["name"] == "flip_bit").unwrap();
    assert_eq!(flip["devices"], json!(["icarus-0"]));
}
