use std::net::IpAddr;
use std::sync::Arc;

use adit_core::{Answer, RejectKind};
use adit_driver::Fault;
use proptest::prelude::*;
use serde_json::Value as Json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::access::Access;
use super::commands::{COMMANDS, answer, refusal};
use super::record::{Record, Value};
use super::reply::{Body, Form, Letterhead, Reply, Severity, joined};
use super::report::Seen;
use super::request::{Arrived, arrived, parse};
use super::server::{Served, serve};
use crate::testing::Rig;

/// Groups of the captured runs.
const GROUPS: &str = "P:switchpool:enablepool:addpool:disablepool:removepool:poolpriority:*";

fn vectors(kind: &str) -> Vec<Json> {
    let all: Json = serde_json::from_str(include_str!("../../vectors/cgminer-api.json")).unwrap();
    let found: Vec<Json> =
        all["vectors"].as_array().unwrap().iter().filter(|vector| vector["kind"] == kind).cloned().collect();
    assert!(!found.is_empty(), "{kind}");
    found
}

fn text<'a>(vector: &'a Json, field: &str) -> &'a str {
    vector[field].as_str().unwrap_or_else(|| panic!("{field} of {vector}"))
}

/// What a client of `group` is answered to `request`, with the zero byte at the end.
fn ask(rig: &Rig, request: &[u8], access: &Access, group: char, description: &str) -> String {
    let seen = Seen::of(&mut rig.board.ledger());
    let head = Letterhead { when: seen.now(), description };
    let mut reply = match parse(request) {
        Ok(request) => answer(&request, &seen, access, group, head),
        Err((form, reply)) => refusal(form, &reply, head),
    };
    reply.push('\0');
    reply
}

fn ask_all(rig: &Rig, request: &str) -> String {
    ask(rig, request.as_bytes(), &Access::default(), 'R', "adit")
}

/// The pools of run A, and no device.
fn captured_rig() -> Rig {
    let mut rig = Rig::with(None, [("127.0.0.79:3333", "user,one|x"), ("127.0.0.79:3334", "u2\"q\\b")]);
    rig.second();
    rig
}

/// `reply` with every number replaced: numbers change from run to run, names, order and texts do not.
fn shape(reply: &str) -> String {
    let mut shape = String::new();
    let mut rest = reply.chars().peekable();
    let mut before = ' ';
    while let Some(c) = rest.next() {
        if c.is_ascii_digit() && "=:,".contains(before) || c == '-' && "=:".contains(before) {
            while rest.next_if(|c| c.is_ascii_digit() || *c == '.').is_some() {}
            shape.push('#');
        } else {
            shape.push(c);
        }
        before = c;
    }
    shape
}

/// What adit says on purpose in another way than the original.
fn ours(reply: &str) -> String {
    let version = env!("CARGO_PKG_VERSION");
    reply
        .replace(&format!(",Miner=adit {version}"), "")
        .replace(&format!(",\"Miner\":\"adit {version}\""), "")
        .replace(",GHS 5s=#,GHS av=#,MHS 20s=#", "")
        .replace(",\"GHS 5s\":#,\"GHS av\":#,\"MHS 20s\":#", "")
}

/// Captured exchanges that adit answers as the original did: reports and refusals. Left out are commands that change something
/// (everybody is refused), defects that are not to be copied, and what stands beside each here.
fn is_same(vector: &Json) -> bool {
    let left_out = [
        "rpc-A-003",
        "rpc-A-004",
        "rpc-A-058", // the drivers of that build
        "rpc-A-015", // figures that adit does not count
        "rpc-A-027", // the block of that moment
        "rpc-A-053",
        "rpc-A-054", // a line end after a command is no mistake
        "rpc-A-100", // pools that were added
        "rpc-A-040",
        "rpc-A-042",
        "rpc-A-033",
        "rpc-A-034", // group W and P may change nothing here
    ];
    let request = text(vector, "request");
    let first = request.trim_start_matches("{\"command\":\"").split(['|', '+', '"', '\0']).next().unwrap();
    let changes = COMMANDS.iter().any(|command| command.writes && command.name == first);
    let denied = vector["expect"]["code"] == 45;
    let run_b_pools = text(vector, "run") == "B" && request.contains("pools");
    vector["quirk"].is_null()
        && vector["reply"].is_string()
        && (!changes || denied)
        && !run_b_pools
        && !left_out.contains(&text(vector, "id"))
}

#[test]
fn captured_exchanges_are_answered_as_the_original_did() {
    let rig = captured_rig();
    let mut compared = 0;
    for vector in vectors("rpc_exchange").iter().filter(|vector| is_same(vector)) {
        let (allow, groups, description) = match text(vector, "run") {
            "A" => ("W:127.0.0.1,P:127.0.0.2,127.0.0.3/32", GROUPS, "cgminer 4.13.6"),
            _ => (
                "W:127.0.0.1,S:127.0.0.2,Z:127.0.0.3,R:127.0.0.6,Q:127.0.1/24",
                "s:save,Q:quit:restart:*",
                "rig \"7\", rack|2",
            ),
        };
        let access = Access::parse(allow, groups).unwrap();
        let group = access.group(text(vector, "client_ip").parse().unwrap()).unwrap();
        let reply = ask(&rig, text(vector, "request").as_bytes(), &access, group, description);
        let captured = shape(text(vector, "reply")).replace("\"Has Vmask\":true", "\"Has Vmask\":false");
        assert_eq!(ours(&shape(&reply)), captured, "{}", vector["id"]);
        compared += 1;
    }
    assert!(compared >= 40, "{compared} compared");
}

#[test]
fn every_captured_request_gets_an_answer_that_is_valid_in_its_form() {
    let rig = captured_rig();
    let access = Access::parse("W:0/0", "").unwrap();
    for vector in vectors("rpc_exchange") {
        let request = text(&vector, "request");
        let reply = ask(&rig, request.as_bytes(), &access, 'W', "a|b=c,\"d\"\\");
        is_valid(request, &reply);
        let severity = vector["expect"]["severity"].as_str();
        let denied = vector["expect"]["code"] == 45; // depends on who asks
        if severity == Some("E") && !denied && vector["quirk"].is_null() && !reply.contains("Access denied") {
            let code = vector["expect"]["code"].as_u64().unwrap();
            let line_end = request.ends_with('\n') && request.len() > 1;
            assert!(
                line_end
                    || reply.contains(&format!("Code={code},"))
                    || reply.contains(&format!("\"Code\":{code},")),
                "{request}: {reply}"
            );
        }
    }
}

/// One zero byte at the end; JSON where JSON was asked for, else records with a status.
fn is_valid(request: &str, reply: &str) {
    assert!(reply.ends_with('\0') && reply.matches('\0').count() == 1, "{reply:?}");
    let reply = &reply[..reply.len() - 1];
    if request.starts_with('{') {
        let json: Json =
            serde_json::from_str(reply).unwrap_or_else(|error| panic!("{error}: {request}: {reply}"));
        assert_eq!(json["id"], 1);
    } else if !reply.is_empty() {
        assert!(reply.starts_with("STATUS=") || reply.starts_with("CMD="), "{reply}");
        assert!(reply.ends_with('|') && !reply.chars().any(char::is_control), "{reply:?}");
    }
}

fn value(field: &Json) -> Value {
    let number = || field["value"].as_f64().unwrap();
    match text(field, "type") {
        "int" | "time" => Value::Whole(field["value"].as_i64().unwrap()),
        "elapsed" => Value::Elapsed(number()),
        "mhs" | "temp" | "util" | "freq" | "utility" => Value::Two(number()),
        "mhtotal" => Value::Four(number()),
        "dbl" | "double" => Value::Six(number()),
        "diff" => Value::Eight(number()),
        "pct" | "percent" => Value::Percent(number()),
        "bool" => Value::Bool(field["value"].as_bool().unwrap()),
        "hex32" => Value::Mask(u32::try_from(field["value"].as_u64().unwrap()).unwrap()),
        "str" | "esc" => Value::Text(text(field, "value").to_owned()),
        other => panic!("a value of kind {other}: {field}"),
    }
}

#[test]
fn replies_are_written_byte_for_byte_as_in_the_vectors() {
    let mut compared = 0;
    for vector in vectors("rpc_reply_format") {
        let Some(records) = vector["records"].as_array() else { continue };
        let status = &vector["status"];
        let records: Vec<Record> = records
            .iter()
            .map(|fields| {
                let fields = fields.as_array().unwrap().iter();
                Record(fields.map(|field| (text(field, "name").to_owned(), value(field))).collect())
            })
            .collect();
        let section: &'static str = String::leak(text(&vector, "section").to_owned());
        let one = ["VERSION", "SUMMARY", "ASC", "CONFIG", "COIN"].contains(&section);
        // The original writes no section word before `ASC=0`.
        let body = if one && section != "ASC" {
            Body::One(section, records[0].clone())
        } else {
            Body::List(section, records)
        };
        let reply = Reply {
            severity: Severity::Success,
            code: u16::try_from(status["code"].as_u64().unwrap()).unwrap(),
            message: text(status, "msg").to_owned(),
            body,
        };
        let head =
            Letterhead { when: status["when"].as_i64().unwrap(), description: text(status, "description") };
        let form = if text(&vector, "form") == "json" { Form::Json } else { Form::Text };
        let mut out = String::new();
        reply.write(form, head, &mut out);
        out.push('\0');
        assert_eq!(out, text(&vector, "reply"), "{}", vector["id"]);
        compared += 1;
    }
    assert!(compared >= 9, "{compared}");
}

#[test]
fn joined_answers_are_arrays_that_hold_whole_answers() {
    let head = Letterhead { when: 1, description: "d" };
    let replies = [("version", Reply::info(22, "x")), ("a\"b", Reply::invalid_command())];
    let json: Json = serde_json::from_str(&joined(&replies, Form::Json, head)).unwrap();
    assert_eq!(json["version"][0]["id"], 1);
    assert_eq!(json["a\"b"][0]["STATUS"][0]["Code"], 14);
    assert_eq!(joined(&[], Form::Json, head), "{\"id\":1}");
}

#[test]
fn addresses_fall_into_the_groups_of_the_vectors() {
    for vector in vectors("access_list") {
        let groups =
            if text(&vector, "api_allow").contains("Q:") { "s:save,Q:quit:restart:*" } else { GROUPS };
        let access = Access::parse(text(&vector, "api_allow"), groups).unwrap();
        for result in vector["results"].as_array().unwrap() {
            let address: IpAddr = text(result, "ip").parse().unwrap();
            let group = access.group(address).map(String::from);
            assert_eq!(group.as_deref(), result["group"].as_str(), "{result}");
        }
    }
}

#[test]
fn lists_that_make_no_sense_are_refused_and_ipv6_is_understood() {
    for (allow, groups) in [
        ("toaster", ""),
        ("1.2.3.4/33", ""),
        ("1.2.3.4/0", ""),
        ("[::1", ""),
        ("[::1]/129", ""),
        ("[::1]x", ""),
        ("::1", ""),
        ("1.2.3.4.5", ""),
        ("127.0.0.1", "W:version"),
        ("127.0.0.1", "R:version"),
        ("127.0.0.1", "A"),
        ("127.0.0.1", "A:nosuch"),
        ("127.0.0.1", "A:version,a:config"),
        ("127.0.0.1", "AB:version"),
    ] {
        assert!(Access::parse(allow, groups).is_err(), "{allow} {groups}");
    }
    let access = Access::parse("[fe80::]/10,W:[::1]", "").unwrap();
    assert_eq!(access.group("fe80::5".parse().unwrap()), Some('R'));
    assert_eq!(access.group("::1".parse().unwrap()), Some('W'));
    assert_eq!(access.group("127.0.0.1".parse().unwrap()), None);
    assert!(Access::default().is_local() && !access.is_local());
    assert!(!Access::parse("0/0", "").unwrap().is_local());
}

#[test]
fn a_group_may_do_what_it_lists_and_nobody_changes_anything() {
    let rig = captured_rig();
    let access = Access::parse("A:127.0.0.1", "A:summary").unwrap();
    let may = |command: &str| !ask(&rig, command.as_bytes(), &access, 'A', "").contains("Access denied");
    assert!(may("summary") && !may("version") && !may("check|summary"));
    for command in COMMANDS.iter().filter(|command| command.writes) {
        assert!(!may(command.name), "{}", command.name);
    }
    assert!(ask_all(&rig, "check|switchpool").contains("CHECK,Exists=Y,Access=N|"));
    assert!(ask_all(&rig, "check|nosuch").contains("CHECK,Exists=N,Access=N|"));
}

/// Two sticks that have mined for a minute, one of them silent since.
fn rig() -> Rig {
    let mut rig = Rig::new();
    let (a, b) = (rig.stick("icarus", "A"), rig.stick("antminer-u2", "B"));
    rig.minute(&[a, b]);
    rig.nonce(a, true);
    rig.refuse(RejectKind::Stale, "too late");
    rig.wrong(a);
    rig.fail(b, Fault::Silent { seconds: 60 });
    rig.sample();
    rig
}

fn json(rig: &Rig, command: &str) -> Json {
    let reply = ask_all(rig, &format!("{{\"command\":\"{command}\"}}"));
    serde_json::from_str(reply.trim_end_matches('\0')).unwrap()
}

#[test]
fn reports_say_what_the_snapshot_says() {
    let rig = rig();
    let summary = &json(&rig, "summary")["SUMMARY"][0];
    assert_eq!(
        (&summary["Accepted"], &summary["Rejected"], &summary["Hardware Errors"]),
        (&120.into(), &1.into(), &1.into())
    );
    let average = summary["MHS av"].as_f64().unwrap();
    assert!((average / (121.0 * 4_294.967_296 / 70.0) - 1.0).abs() < 1e-3, "{average}");
    assert!(summary["GHS 5s"].is_number() && summary["MHS 20s"].is_number());
    let devs = json(&rig, "devs");
    assert_eq!(devs["STATUS"][0]["Msg"], "2 ASC(s)");
    assert_eq!((&devs["DEVS"][0]["Name"], &devs["DEVS"][0]["Status"]), (&"ICA".into(), &"Alive".into()));
    assert_eq!((&devs["DEVS"][1]["Name"], &devs["DEVS"][1]["Status"]), (&"AMU".into(), &"Sick".into()));
    let pools = json(&rig, "pools");
    assert_eq!(
        (&pools["POOLS"][0]["Status"], &pools["POOLS"][1]["Status"]),
        (&"Alive".into(), &"Dead".into())
    );
    assert_eq!(pools["POOLS"][1]["User"], "second,\"user\"|\t");
    let notify = json(&rig, "notify");
    assert_eq!(notify["NOTIFY"][1]["Reason Not Well"], "Device idle for 60s");
    assert_eq!(notify["NOTIFY"][1]["*Dev Sick Idle 60s"], 1);
    assert!(notify["NOTIFY"][1]["Last Not Well"].as_i64().unwrap() > 1_795_000_000);
    assert_eq!(notify["NOTIFY"][0]["Reason Not Well"], "None");
    assert_eq!(json(&rig, "coin")["COIN"][0]["Network Difficulty"], 1.0);
    assert_eq!(json(&rig, "stats")["STATS"][0]["Chip0Nonces"], 62);
    assert_eq!(json(&rig, "lcd")["LCD"][0]["Current Pool"], "stratum+tcp://pool.example:3333");
}

#[test]
fn no_report_holds_a_word_by_which_scanners_see_another_machine() {
    let rig = rig();
    let words = [
        "BOSMINER",
        "BOSER",
        "LUXMINER",
        "MARAFW",
        "KAONSU",
        "VNISH",
        "BITMICRO",
        "BTMINER",
        "HIVEON",
        "RWGLR",
        "ANTMINER",
        "BDMINER",
        "AVALON",
        "GCMINER",
        "FLUXOS",
        "INNOMINER",
        "BFGMINER",
        "KDAMINER",
        "INTCHAINS_QOMO",
    ];
    for command in ["version", "devdetails"] {
        let reply = ask_all(&rig, command).to_uppercase();
        assert!(words.iter().all(|word| !reply.contains(word)), "{reply}");
    }
}

#[test]
fn a_device_is_asked_for_by_a_number_and_by_nothing_else() {
    let rig = rig();
    assert!(ask_all(&rig, "asc|1").contains("Code=106,Msg=ASC1,"));
    assert!(ask_all(&rig, "{\"command\":\"asc\",\"parameter\":1}").contains("\"Code\":106"));
    for wrong in ["asc|2", "asc|-1", "asc|x", "asc|1x", "asc|1.7", "asc| 1"] {
        let reply = ask_all(&rig, wrong);
        assert!(reply.contains("Code=107") && reply.contains("range is 0 - 1"), "{reply}");
    }
    assert!(ask_all(&rig, "asc").contains("Code=15"));
    assert!(ask_all(&rig, "asc|").contains("Code=15"));
}

#[test]
fn a_request_is_whole_when_nothing_can_follow() {
    for (bytes, expected) in [
        (&b""[..], Arrived::Part),
        (b"version", Arrived::Maybe),
        (b"version\n", Arrived::All),
        (b"version\0", Arrived::All),
        (b"{\"command\":", Arrived::Part),
        (b"{\"command\":\n", Arrived::Part),
        (b"{\"command\":\"version\"}", Arrived::All),
        (b"{nonsense", Arrived::All),
        (b"{\"command\":\0", Arrived::All),
    ] {
        assert_eq!(arrived(bytes), expected, "{bytes:?}");
    }
    assert_eq!(arrived(&[b'{'; 70_000]), Arrived::All);
}

proptest! {
    #[test]
    fn whatever_is_asked_the_answer_is_valid(request in "\\PC{0,40}", json in any::<bool>()) {
        let rig = captured_rig();
        let request = if json { serde_json::json!({ "command": request }).to_string() } else { request };
        is_valid(&request, &ask_all(&rig, &request));
    }

    #[test]
    fn whatever_bytes_come_nothing_breaks(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let rig = captured_rig();
        arrived(&bytes);
        let reply = ask(&rig, &bytes, &Access::default(), 'R', "adit");
        prop_assert!(reply.ends_with('\0'));
    }
}

/// Every command is done.
async fn served(access: Access) -> std::net::SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let board = Arc::clone(&rig().board);
    let (desk, mut commands) = crate::steer::desk(Arc::clone(&board));
    tokio::spawn(async move {
        while let Some(asked) = commands.recv().await {
            let _ = asked.reply.send(crate::steer::Answer::done("done"));
        }
    });
    let served = Served { board, access, desk, description: "adit".into() };
    tokio::spawn(serve(listener, served));
    address
}

async fn rest(mut socket: TcpStream) -> Vec<u8> {
    let mut all = Vec::new();
    let _ = socket.read_to_end(&mut all).await; // a reset is an end, too
    all
}

#[tokio::test]
async fn only_those_whom_the_user_has_named_change_anything() {
    for (access, pause, quit) in
        [(Access::default(), 45, 45), (Access::parse("W:127.0.0.1", "").unwrap(), 111, 45)]
    {
        let address = served(access).await;
        for (command, code) in [("ascdisable|0", pause), ("quit", quit), ("restart", quit)] {
            let mut socket = TcpStream::connect(address).await.unwrap();
            socket.write_all(format!("{command}\n").as_bytes()).await.unwrap();
            let reply = String::from_utf8(rest(socket).await).unwrap();
            assert!(reply.contains(&format!("Code={code},")), "{command}: {reply}");
        }
    }
}

#[tokio::test]
async fn a_request_in_pieces_is_one_request_and_nobody_waits_for_a_silent_client() {
    let address = served(Access::default()).await;
    let _silent = TcpStream::connect(address).await.unwrap();
    for pieces in
        [&["{\"comm", "and\":\"ver", "sion\"}"][..], &["ver", "sion"], &["version\n"], &["version\0"]]
    {
        let mut socket = TcpStream::connect(address).await.unwrap();
        socket.set_nodelay(true).unwrap();
        for piece in pieces {
            socket.write_all(piece.as_bytes()).await.unwrap();
            tokio::task::yield_now().await;
        }
        let reply = rest(socket).await;
        let reply = String::from_utf8(reply).unwrap();
        assert!(reply.contains("CGMiner versions") && reply.ends_with('\0'), "{pieces:?}: {reply}");
    }
}

#[tokio::test]
async fn whoever_is_not_allowed_gets_not_a_byte() {
    let address = served(Access::parse("10.0.0.0/8", "").unwrap()).await;
    let mut socket = TcpStream::connect(address).await.unwrap();
    let _ = socket.write_all(b"version").await; // it may be closed already
    assert!(rest(socket).await.is_empty());
}

// Time stands still and jumps to the next deadline whenever nobody has anything to do.
#[tokio::test(start_paused = true)]
async fn a_client_that_says_nothing_or_never_ends_is_hung_up_on() {
    let address = served(Access::default()).await;
    let silent = TcpStream::connect(address).await.unwrap();
    assert!(rest(silent).await.is_empty());
    let mut half = TcpStream::connect(address).await.unwrap();
    half.write_all(b"{\"command\":").await.unwrap();
    let reply = rest(half).await;
    assert!(
        String::from_utf8_lossy(&reply).contains("\"Code\":23"),
        "half a request is answered as what it is"
    );
}

#[tokio::test]
async fn a_flood_is_cut_off() {
    let address = served(Access::default()).await;
    let mut socket = TcpStream::connect(address).await.unwrap();
    let _ = socket.write_all(&[b'x'; 200_000]).await; // it may hang up before the end
    let reply = rest(socket).await;
    assert!(reply.is_empty() || String::from_utf8_lossy(&reply).contains("Code=14"));
}

#[test]
fn answers_of_pools_that_were_lost_are_not_counted_as_refused() {
    let mut rig = Rig::new();
    let device = rig.stick("icarus", "A");
    rig.nonce(device, true);
    rig.answer(&Answer::Lost);
    rig.sample();
    assert_eq!(json(&rig, "summary")["SUMMARY"][0]["Rejected"], 0);
}
