//! Broken boxes.

use std::time::Duration;

use adit_protocol::icarus::golden::KNOWN_JOBS;
use adit_protocol::icarus::{Codec, Dialect, Frame, RboxProduct, RboxRecord, RecordKind, rbox_clock_code};
use adit_protocol::wire::{Codec as _, Micros, Side, Step};

use super::{Hears, Pieces, Says, at_once, finds};

fn record(bytes: &[u8]) -> Option<RboxRecord> {
    match Codec::new(Dialect::Rbox, Side::Device).decode(bytes, true) {
        Step::Frame { frame: Frame::Record(record), used: 8 } => Some(record),
        _ => None,
    }
}

fn say(record: RboxRecord) -> Vec<u8> {
    Codec::new(Dialect::Rbox, Side::Host).encoded(&Frame::Record(record))
}

fn records(
    mut change: impl FnMut(RboxRecord) -> Pieces + Send,
) -> Says<impl FnMut(Micros, Vec<u8>) -> Pieces + Send> {
    Says(move |_, bytes: Vec<u8>| match record(&bytes) {
        Some(record) => change(record),
        None => at_once(bytes),
    })
}

#[test]
fn a_counter_that_is_off_by_too_much_is_found_by_the_detection_job() {
    let off = records(|record| match record.kind {
        RecordKind::Nonce(nonce) => {
            let kind = RecordKind::Nonce(nonce.swap_bytes().wrapping_add(7).swap_bytes());
            at_once(say(RboxRecord { kind, ..record }))
        }
        _ => at_once(say(record)),
    });
    finds("rbox", "detection-job", off);
}

#[test]
fn another_product_is_found_by_its_name() {
    finds(
        "rbox",
        "product",
        records(|record| at_once(say(RboxRecord { product: RboxProduct::T1, ..record }))),
    );
}

#[test]
fn a_dead_chip_is_found_by_asking_each() {
    let deaf = |_, bytes: &[u8]| match bytes.get(50) {
        Some(3) => Vec::new(),
        _ => bytes.to_vec(),
    };
    finds("rbox", "chips", Hears(deaf));
}

#[test]
fn a_temperature_that_cannot_be_is_found() {
    finds("rbox", "temperature", records(|record| at_once(say(RboxRecord { temperature: 127, ..record }))));
}

#[test]
fn a_slot_that_is_never_changed_is_found_by_two_jobs() {
    let stuck = records(|record| match record.kind {
        RecordKind::Nonce(_) => at_once(say(RboxRecord { slot: 0, ..record })),
        _ => at_once(say(record)),
    });
    finds("rbox", "task-slots", stuck);
}

#[test]
fn requests_that_are_repeated_are_found_by_counting() {
    let again = records(|record| {
        let mut pieces = at_once(say(record));
        let late = (Duration::from_millis(300), say(record));
        pieces.extend((record.kind == RecordKind::Request).then_some(late));
        pieces
    });
    finds("rockminer-t1", "requests", again);
}

#[test]
fn a_nonce_behind_the_end_of_its_task_is_found() {
    let mut last = None;
    let late = records(move |record| {
        let mut pieces = at_once(say(record));
        match record.kind {
            RecordKind::Nonce(nonce) => {
                let genesis = KNOWN_JOBS.iter().find(|known| known.id == "genesis").expect("known");
                last = genesis.nonces().any(|known| known == nonce).then_some(record);
            }
            RecordKind::Complete => {
                pieces.extend(last.take().map(|record| (Duration::from_millis(30), say(record))));
            }
            RecordKind::Request => {}
        }
        pieces
    });
    finds("rbox", "complete-once", late);
}

#[test]
fn an_ignored_clock_is_found_by_a_slower_one() {
    let code = rbox_clock_code(270);
    let fixed = move |_, bytes: &[u8]| {
        let mut bytes = bytes.to_vec();
        if bytes.len() == 64 {
            bytes[49] = code;
        }
        bytes
    };
    finds("rbox", "frequency", Hears(fixed));
}

#[test]
fn false_nonces_are_found_by_hashing() {
    let mut count = 0;
    let flip = records(move |record| match record.kind {
        RecordKind::Nonce(nonce) if !KNOWN_JOBS.iter().any(|known| known.nonces().any(|it| it == nonce)) => {
            count += 1;
            let kind = RecordKind::Nonce(nonce ^ if count % 3 == 0 { 0x100 } else { 0 });
            at_once(say(RboxRecord { kind, ..record }))
        }
        _ => at_once(say(record)),
    });
    finds("rbox", "nothing-false", flip);
}
