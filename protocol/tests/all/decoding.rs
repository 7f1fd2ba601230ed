//! What the registry's decoders print: one line for each frame or skipped piece.

use adit_protocol::hex;
use adit_protocol::protocols::{PROTOCOLS, protocol};
use adit_protocol::wire::Side;
use serde_json::{Value, json};

/// Items of a stream of bursts, as the lines they become.
fn lines(name: &str, from: Side, bursts: &[&str]) -> Vec<Value> {
    let mut decoder = protocol(name).unwrap().decoder(from);
    let mut lines = Vec::new();
    for burst in bursts {
        let bytes = hex::decode(burst).unwrap();
        decoder.feed(&bytes, true, &mut |item| lines.push(serde_json::to_value(item).unwrap()));
    }
    lines
}

const MIDSTATE: &str = "4679ba4ec99876bf4bfe086082b400254df6c356451471139a3afa71e48f544a";
const TAIL: &str = "87320b1a1426674f2fa722ce";

#[test]
fn what_a_host_sends_to_bm138x_chips_is_listed_with_its_position() {
    let zeros = "00".repeat(32);
    let job = format!("{MIDSTATE}{}05{TAIL}", "00".repeat(19));
    let found = lines(
        "icarus5",
        Side::Host,
        &["aab775de8208821c", &job, &format!("{zeros}8001010c"), "84000400", "8208821d"],
    );
    let ok = |offset: u64, len: u64, frame: Value| json!({"offset": offset, "len": len, "ok": true, "from": "host", "frame": frame});
    let expected = [
        ok(0, 4, json!({"type": "command", "command": "set_voltage", "value": 0x775, "millivolts": 775})),
        ok(4, 4, json!({"type": "command", "command": "set_pll", "value": 0x0882})),
        ok(
            8,
            64,
            json!({
                "type": "job",
                "midstate": "e48f544a9a3afa71451471134df6c35682b400254bfe0860c99876bf4679ba4e",
                "merkle_tail": "2fa722ce",
                "ntime": 0x4f67_2614,
                "nbits": 0x1a0b_3287,
                "job_id": 5,
            }),
        ),
        ok(72, 36, json!({"type": "command", "command": "identify"})),
        ok(
            108,
            4,
            json!({"type": "command", "command": "read_register", "chip": 0, "register": 4, "all": true}),
        ),
        json!({"offset": 112, "len": 4, "ok": false,
               "reason": "not a command: CRC5 of the first 27 bits is 1c, byte 3 is 1d"}),
    ];
    assert_eq!(found, expected);
}

#[test]
fn what_devices_answer_is_listed_as_numbers() {
    let frames = |name, burst| {
        let lines = lines(name, Side::Device, &[burst]);
        lines.into_iter().map(|line| line["frame"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(frames("icarus", "000187a2"), [json!({"type": "nonce", "nonce": 0xa287_0100_u32})]);
    assert_eq!(
        frames("icarus5", "000187a285801700031a"),
        [
            json!({"type": "nonce", "nonce": 0xa287_0100_u32, "job_id": 5}),
            json!({"type": "register", "value": 0x8017_0003_u32}),
        ]
    );
    let seen = json!({"product": "t1", "chip": 3, "slot": 1, "status": 0, "temperature_celsius": null});
    let mut complete = seen.clone();
    complete["type"] = json!("task_complete");
    let mut nonce = seen;
    nonce["type"] = json!("nonce");
    nonce["nonce"] = json!(0xa287_0100_u32);
    assert_eq!(frames("rbox", "0000000001430180000187a200430180"), [complete, nonce]);
}

#[test]
fn control_requests_and_their_answers_are_spelled_out() {
    let frames = |name: &str, from: Side, burst: &str| {
        let lines = lines(name, from, &[burst]);
        lines.into_iter().map(|line| line["frame"].clone()).collect::<Vec<_>>()
    };
    let head = |id: u8, page: u8, command: u8, data: &str| json!({"type": "request", "id": id, "page": page, "command": command, "data": data});
    let with = |mut head: Value, more: Value| {
        head.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        head
    };
    assert_eq!(
        frames("bitaxe-raw", Side::Host, "070001000600010900040005404cfd01060007000801"),
        [
            with(head(1, 6, 0, "01"), json!({"operation": "gpio_set", "pin": 0, "level": true})),
            with(
                head(4, 5, 0x40, "4cfd01"),
                json!({"operation": "i2c_write_read", "address": 0x4c, "bytes": "fd", "count": 1})
            ),
            head(7, 8, 1, ""),
        ]
    );
    let nack = "170004ff49324320577269746552656164204572726f72";
    let error = json!({"type": "error", "id": 4, "code": 255, "text": "I2C WriteRead Error"});
    for (name, success) in
        [("bitaxe-raw-v0", "01000416"), ("bitaxe-raw-v1", "0500040016"), ("bitaxe-raw-bonanza", "04000416")]
    {
        let both = frames(name, Side::Device, &format!("{nack}{success}"));
        assert_eq!(both, [error.clone(), json!({"type": "reply", "id": 4, "data": "16"})], "{name}");
    }
    let lines = lines("bitaxe-raw", Side::Device, &["010004"]);
    assert_eq!(lines[0]["reason"], "neither a success nor an error");
}

#[test]
fn names_are_found_and_nothing_else() {
    for entry in PROTOCOLS {
        assert_eq!(protocol(entry.name).unwrap().about, entry.about);
    }
    assert!(protocol("ICARUS").is_none() && protocol("").is_none());
}
