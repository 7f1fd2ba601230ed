use proptest::prelude::*;

use super::{Broken, Entry, HEADING, LINE_LIMIT, Reader, Seen, Timeline, What, Why};
use crate::wire::{Micros, Port, Side};

/// What a reader makes of the parts of a recording, one line of text per item.
fn read<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> Vec<String> {
    let mut items = Vec::new();
    let mut each = |item: Result<Entry<'_>, Broken>| match item {
        Ok(entry) => items.push(format!("{entry:?}")),
        Err(broken) => items.push(broken.to_string()),
    };
    let mut reader = Reader::default();
    for part in parts {
        reader.feed(part, &mut each);
    }
    reader.finish(&mut each);
    items
}

fn recording(entries: &[Entry<'_>]) -> Vec<u8> {
    let mut file = format!("{HEADING}\n").into_bytes();
    for entry in entries {
        assert!(entry.write(&mut file));
    }
    file
}

#[derive(Clone, Debug)]
enum Owned {
    Device(String, String),
    Bytes(bool, u8, Vec<u8>),
    Lost(u64),
    Words(String),
}

fn owned() -> impl Strategy<Value = (u64, u32, Owned)> {
    let what = prop_oneof![
        ("[a-z0-9,-]{1,20}", "[!-~]{1,30}").prop_map(|(models, location)| Owned::Device(models, location)),
        (any::<bool>(), any::<u8>(), prop::collection::vec(any::<u8>(), 1..90))
            .prop_map(|(host, port, bytes)| Owned::Bytes(host, port, bytes)),
        any::<u64>().prop_map(Owned::Lost),
        "(!|work|ruling|timer)( [a-z0-9*]{1,9}){0,4}".prop_map(Owned::Words),
    ];
    (any::<u64>(), any::<u32>(), what)
}

fn entry((at, link, what): &(u64, u32, Owned)) -> Entry<'_> {
    let what = match what {
        Owned::Device(models, location) => What::Device { models, location },
        Owned::Bytes(host, port, bytes) => {
            What::Bytes { from: if *host { Side::Host } else { Side::Device }, port: Port(*port), bytes }
        }
        Owned::Lost(lines) => What::Lost(*lines),
        Owned::Words(words) => What::Words(words),
    };
    Entry { at: Micros(*at), link: *link, what }
}

proptest! {
    /// Frames of real devices, damaged anywhere: nothing panics, and where it broke is said, by the file's lines or by the wire's
    /// skips. The same items come out however the file is cut.
    #[test]
    fn a_damaged_recording_of_any_device_is_decoded_to_its_end(
        key in prop::sample::select(vec!["icarus", "antminer-u1", "rbox", "bm1387-chain", "bm1370-chain", "bitaxe-gamma", "cpu"]),
        chunks in prop::collection::vec((any::<bool>(), 0_u8..3, prop::collection::vec(any::<u8>(), 1..40)), 1..30),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        end in any::<prop::sample::Index>(),
        cut in 1_usize..200,
    ) {
        let golden = crate::devices::model(key).and_then(|model| crate::protocols::protocol(model.ports[0].protocol));
        let header = crate::pow::Header::from_bytes(&[7; 80]);
        let frames = golden.map_or(Vec::new(), |protocol| protocol.golden(&header));
        let good = frames.iter().flat_map(|it| [(true, 0, it.job.clone()), (false, 0, it.answer.clone())]);
        let all: Vec<_> = good.chain(chunks).collect();
        let entries = (0..).zip(&all).map(|(at, (host, port, bytes))| {
            let from = if *host { Side::Host } else { Side::Device };
            Entry { at: Micros::from_millis(at * 9), link: 1, what: What::Bytes { from, port: Port(*port), bytes } }
        });
        let device = Entry { at: Micros(0), link: 1, what: What::Device { models: key, location: "x" } };
        let mut file = recording(&std::iter::once(device).chain(entries).collect::<Vec<_>>());
        for (at, value) in damage {
            let at = at.index(file.len());
            file[at] ^= value;
        }
        file.truncate(end.index(file.len()) + 1);
        let decode = |size: usize| {
            let (mut reader, mut timeline, mut seen) = (Reader::default(), Timeline::default(), Vec::new());
            let mut broken = Vec::new();
            let mut each = |entry: Result<Entry<'_>, Broken>| match entry {
                Ok(entry) => timeline.feed(&entry, &mut |sight| seen.push(format!("{sight:?}"))),
                Err(why) => broken.push(why),
            };
            file.chunks(size).for_each(|part| reader.feed(part, &mut each));
            reader.finish(&mut each);
            timeline.finish(&mut |sight| seen.push(format!("{sight:?}")));
            (seen, broken)
        };
        let whole = decode(file.len());
        prop_assert!(whole.1.iter().all(|it| it.offset <= file.len() as u64 && it.line >= 1));
        prop_assert_eq!(decode(cut), whole);
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read_however_the_file_is_cut(
        entries in prop::collection::vec(owned(), 0..12),
        size in 1_usize..200,
    ) {
        let entries: Vec<_> = entries.iter().map(entry).collect();
        let file = recording(&entries);
        let expected: Vec<_> = entries.iter().map(|entry| format!("{entry:?}")).collect();
        prop_assert_eq!(read(file.chunks(size)), expected);
    }

    #[test]
    fn a_damaged_byte_costs_at_most_two_lines_and_is_noticed(
        entries in prop::collection::vec(owned(), 1..8),
        at: prop::sample::Index,
        flip in 1_u8..=255,
    ) {
        let entries: Vec<_> = entries.iter().map(entry).collect();
        let mut file = recording(&entries);
        let heading = HEADING.len() + 1;
        let at = heading + at.index(file.len() - heading);
        file[at] ^= flip;
        let items = read([&file[..]]);
        let right: Vec<_> = entries.iter().map(|entry| format!("{entry:?}")).collect();
        let intact = items.iter().filter(|item| right.contains(item)).count();
        prop_assert!(intact + 2 >= entries.len(), "{items:?}");
        // A blank before the checksum that is lost takes the checksum with it; then the line must differ visibly.
        prop_assert!(items != right, "the damage at {at} was not noticed");
    }

    #[test]
    fn garbage_is_read_to_the_end(junk in prop::collection::vec(any::<u8>(), 0..400), size in 1_usize..64) {
        let whole = [HEADING.as_bytes(), b"\n", &junk].concat();
        prop_assert_eq!(read(whole.chunks(size)), read([&whole[..]]));
        prop_assert_eq!(read(junk.chunks(size)), read([&junk[..]]));
    }
}

fn broken(line: u64, offset: u64, why: Why) -> String {
    Broken { line, offset, why }.to_string()
}

#[test]
fn a_file_that_is_no_recording_is_refused_once() {
    assert_eq!(read([&b"GIF89a\n\n\nmore\n"[..]]), [broken(1, 0, Why::NoRecording)]);
    assert_eq!(read([&b""[..]]), [broken(1, 0, Why::NoRecording)]);
    assert_eq!(read([HEADING.as_bytes()]), Vec::<String>::new());
}

#[test]
fn a_recording_that_was_cut_says_where() {
    let mut file = recording(&[
        Entry { at: Micros(1), link: 0, what: What::Lost(3) },
        Entry { at: Micros(2), link: 0, what: What::Lost(4) },
    ]);
    file.truncate(file.len() - 3);
    let items = read([&file[..]]);
    assert_eq!(items.len(), 2);
    assert_eq!(items[1], broken(3, 34, Why::CutOff));
}

#[test]
fn a_line_written_by_hand_needs_no_checksum_and_comments_are_passed_over() {
    let file = format!("{HEADING}\r\n# a stick\r\n\r\n5 0 >1 55AA\r\n");
    let bytes = What::Bytes { from: Side::Host, port: Port(1), bytes: &[0x55, 0xaa] };
    assert_eq!(read([file.as_bytes()]), [format!("{:?}", Entry { at: Micros(5), link: 0, what: bytes })]);
}

#[test]
fn each_kind_of_damage_has_its_sentence_and_the_next_line_is_read() {
    let lines: [(&str, Why); 5] = [
        ("5 0", Why::Malformed),
        ("5 0 > 5", Why::NoHex),
        ("5 0 >", Why::NoHex),
        ("5 0 >x 55", Why::Malformed),
        ("5 0 lost 1 *0000", Why::Checksum { written: 0, computed: crate::bm13xx::crc16(b"5 0 lost 1") }),
    ];
    for (line, why) in lines {
        let file = format!("{HEADING}\n{line}\n6 0 timer\n");
        let next = Entry { at: Micros(6), link: 0, what: What::Words("timer") };
        assert_eq!(read([file.as_bytes()]), [broken(2, 17, why), format!("{next:?}")], "{line}");
    }
}

#[test]
fn a_line_without_end_takes_no_memory() {
    let mut reader = Reader::default();
    let mut items = Vec::new();
    reader.feed(format!("{HEADING}\n").as_bytes(), &mut |item| items.push(item.is_ok()));
    for _ in 0..100 {
        reader.feed(&[b'5'; 65_536], &mut |item| items.push(item.is_ok()));
        assert!(reader.kept() <= LINE_LIMIT);
    }
    reader.feed(b"\n6 0 timer\n", &mut |item| items.push(item.is_ok()));
    assert_eq!(items, [false, true]);
}

/// What a timeline shows of bytes at the given times: link, microseconds, sender, bytes in hex.
fn shown(lines: &[(u32, u64, char, &str)]) -> Vec<String> {
    let (mut timeline, mut seen) = (Timeline::default(), Vec::new());
    let mut each = |sight: super::Sight<'_>| {
        let Seen::Item { item, .. } = sight.what else { return };
        let found = item.found.map_or_else(|why| why, |frame| frame.kind.to_owned());
        seen.push(format!(
            "{} {} {:?} {found} @{}+{}",
            sight.at.0, sight.link, item.from, item.offset, item.len
        ));
    };
    for link in [0, 1] {
        let what = What::Device { models: "icarus,antminer-u2", location: "serial:./x" };
        timeline.feed(&Entry { at: Micros(0), link, what }, &mut each);
    }
    for (link, at, from, hex) in lines {
        let bytes = crate::hex::decode(hex);
        let what = match from {
            '!' => What::Words(hex),
            _ => What::Bytes {
                from: if *from == '>' { Side::Host } else { Side::Device },
                port: Port(0),
                bytes: bytes.as_deref().unwrap(),
            },
        };
        timeline.feed(&Entry { at: Micros(*at), link: *link, what }, &mut each);
    }
    timeline.finish(&mut each);
    seen
}

#[test]
fn both_directions_of_every_link_are_decoded_apart_in_the_order_of_time() {
    let job = "00".repeat(64);
    let lines = [(0, 10, '>', &*job), (1, 11, '<', "0001"), (0, 12, '<', "000187a2"), (1, 13, '<', "87a2")];
    assert_eq!(shown(&lines), ["10 0 Host job @0+64", "12 0 Device nonce @0+4", "13 1 Device nonce @0+4"]);
}

#[test]
fn silence_ends_a_message_and_is_heard_at_the_next_line() {
    let lines = [(0, 10, '<', "00"), (0, 30_010, '<', "000187a2")];
    assert_eq!(shown(&lines), ["10 0 Device silence after 1 of 4 bytes @0+1", "30010 0 Device nonce @1+4"]);
}

#[test]
fn where_silences_are_written_down_they_alone_end_a_message() {
    let late = [(0, 5, '!', "up"), (0, 10, '<', "00"), (0, 30_010, '<', "0187a2")];
    assert_eq!(shown(&late), ["30010 0 Device nonce @0+4"]);
    let quiet =
        [(0, 5, '!', "up"), (0, 10, '<', "00"), (0, 20_010, '!', "quiet"), (0, 30_010, '<', "000187a2")];
    assert_eq!(shown(&quiet), ["10 0 Device silence after 1 of 4 bytes @0+1", "30010 0 Device nonce @1+4"]);
}

#[test]
fn a_device_that_turns_out_to_be_another_model_is_decoded_as_that() {
    let lines =
        [(0, 10, '<', "000187a2"), (0, 20, '!', "! identified antminer-u2"), (0, 30, '<', "000187a201")];
    assert_eq!(shown(&lines), ["10 0 Device nonce @0+4", "30 0 Device nonce @0+5"]);
}

#[test]
fn bytes_of_an_unknown_model_are_shown_as_such() {
    let mut seen = Vec::new();
    let what = What::Bytes { from: Side::Host, port: Port(3), bytes: &[1, 2] };
    Timeline::default().feed(&Entry { at: Micros(1), link: 9, what }, &mut |sight| {
        if let Seen::Item { port, item, .. } = sight.what {
            seen.push((port, item.len, item.found.is_err()));
        }
    });
    assert_eq!(seen, [(Port(3), 2, true)]);
}

/// The job of the detection of a Block Erupter and its nonce, as they stand in `vectors/icarus.json`.
const JOB: &str = "4679ba4ec99876bf4bfe086082b400254df6c356451471139a3afa71e48f544a000000000000000000000000000000000000000087320b1a1426674f2fa722ce";

fn summed(lines: &[(u64, What<'_>)]) -> Vec<(u32, super::Figures)> {
    let (mut timeline, mut summary) = (Timeline::default(), super::Summary::default());
    for (at, what) in lines {
        timeline.feed(&Entry { at: Micros(*at), link: 4, what: *what }, &mut |sight| summary.count(&sight));
    }
    timeline.finish(&mut |sight| summary.count(&sight));
    summary.figures().collect()
}

#[test]
fn a_nonce_is_shown_with_the_job_that_it_solves() {
    let job = crate::hex::decode(JOB).unwrap();
    let other = [[7; 52].as_slice(), &job[52..]].concat();
    let mut timeline = Timeline::default();
    let mut solved = Vec::new();
    let device = What::Device { models: "block-erupter", location: "x" };
    let sent = |bytes| What::Bytes { from: Side::Host, port: Port(0), bytes };
    let nonce = What::Bytes { from: Side::Device, port: Port(0), bytes: &[0x00, 0x01, 0x87, 0xa2] };
    for (at, what) in [(0, device), (1, nonce), (10, sent(&job)), (20, sent(&other)), (30, nonce)] {
        timeline.feed(&Entry { at: Micros(at), link: 0, what }, &mut |sight| {
            if let Seen::Item { solves, item, .. } = sight.what
                && item.from == Side::Device
            {
                solved.push(solves);
            }
        });
    }
    assert_eq!(solved[0], None, "no job was seen");
    let solution = solved[1].unwrap();
    assert_eq!((solution.job_at, solution.job_offset), (Micros(10), 0));
    assert!(solution.difficulty >= 1.0, "{solution:?}");
}

#[test]
fn a_summary_counts_frames_skips_nonces_duplicates_units_and_verdicts() {
    let job = crate::hex::decode(JOB).unwrap();
    let device = What::Device { models: "icarus,block-erupter", location: "serial:./x" };
    let sent = What::Bytes { from: Side::Host, port: Port(0), bytes: &job };
    let nonce = What::Bytes { from: Side::Device, port: Port(0), bytes: &[0x00, 0x01, 0x87, 0xa2] };
    let half = What::Bytes { from: Side::Device, port: Port(0), bytes: &[0x00, 0x01] };
    let figures = summed(&[
        (0, device),
        (0, nonce),
        (1_000, sent),
        (2_000, What::Words("! identified block-erupter")),
        (2_000_000, nonce),
        (2_000_001, What::Words("! nonce 0 unit 3 of 1:000187a2")),
        (2_000_002, What::Words("ruling 0 share 0 1.5")),
        (3_000_000, half),
        (4_000_000, nonce),
        (4_000_000, What::Lost(5)),
    ]);
    let [(4, it)] = &figures[..] else { panic!("{figures:?}") };
    assert_eq!(
        (&it.models[..], it.location.as_str(), it.seconds),
        (&["block-erupter".to_owned()][..], "serial:./x", 4.0)
    );
    assert_eq!(it.frames, [("device nonce".into(), 3), ("host job".into(), 1)].into());
    assert_eq!(it.skipped_bytes, [("silence after of bytes".into(), 2)].into());
    assert_eq!((it.nonces, it.duplicates, it.unpaired, it.lost_lines), (2, 1, 1, 5));
    assert_eq!((it.units.clone(), it.verdicts.clone()), ([(3, 1)].into(), [("share".into(), 1)].into()));
    assert_eq!((it.lowest_difficulty, it.nonce_rate_hz), (it.highest_difficulty, Some(0.5)));
    assert_eq!(it.hashrate_hs, None, "two nonces tell no rate");
}

#[test]
fn an_empty_summary_invents_nothing() {
    let figures = summed(&[(0, What::Device { models: "icarus", location: "x" })]);
    let json = serde_json::to_value(&figures[0].1).unwrap();
    for key in ["lowest_difficulty", "highest_difficulty", "nonce_rate_hz", "hashrate_hs"] {
        assert!(json[key].is_null(), "{key}: {json}");
    }
}
