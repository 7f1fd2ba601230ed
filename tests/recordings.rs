//! Every recording in `tests/recordings` is played to the drivers of this build: whoever puts one there has a test.

use std::fs;
use std::path::{Path, PathBuf};

use adit_driver::replay::Replay;
use adit_lab::playback::{End, Playback};
use adit_protocol::trace::{Broken, Entry, Reader, Seen, Sight, Timeline, What};
use adit_protocol::wire::Micros;

fn recordings() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("recordings");
    let entries = fs::read_dir(folder).expect("the folder of recordings");
    let files: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    assert!(!files.is_empty());
    files
}

#[test]
fn the_drivers_do_what_they_did_when_they_were_recorded() {
    for path in recordings() {
        let mut replay = Replay::new(|detected, settings| {
            adit_catalog::start(detected, settings).map_err(|error| error.to_string())
        });
        let mut reader = Reader::default();
        let mut play = |entry: Result<Entry<'_>, Broken>| replay.play(&entry.expect("an undamaged line"));
        reader.feed(&fs::read(&path).expect("a readable file"), &mut play);
        reader.finish(&mut play);
        for (number, link) in replay.links() {
            assert_eq!(link.end, None, "{}: link {number}", path.display());
            assert!(link.actions > 0, "{}: link {number} does nothing", path.display());
        }
    }
}

/// `text`, played to simulated devices.
fn simulated(text: &[u8]) -> Playback {
    let (mut playback, mut reader) = (Playback::default(), Reader::default());
    let mut play = |entry: Result<Entry<'_>, Broken>| playback.play(&entry.expect("an undamaged line"));
    reader.feed(text, &mut play);
    reader.finish(&mut play);
    playback.finish();
    playback
}

#[test]
fn simulated_devices_say_what_was_said_when_it_was_recorded() {
    for path in recordings() {
        for (number, link) in simulated(&fs::read(&path).expect("a readable file")).links() {
            assert_eq!(link.end, None, "{}: link {number}", path.display());
            assert!(link.sent > 0 && link.same > 0, "{}: link {number} says nothing", path.display());
        }
    }
}

/// A tap's recording: bytes only. Block 171874, whose nonce is found after 10 ms (`docs/protocols/icarus.md §2.3`).
#[test]
fn the_first_byte_that_a_simulated_device_does_not_say_is_found() {
    let job = "4679ba4ec99876bf4bfe086082b400254df6c356451471139a3afa71e48f544a\
        000000000000000000000000000000000000000087320b1a1426674f2fa722ce";
    let end = |model: &str, rest: &str| {
        let text = format!("adit recording 1\n0 0 device {model} serial:./x\n100000 0 > {job}\n{rest}");
        let playback = simulated(text.as_bytes());
        let (_, link) = playback.links().next().expect("a link");
        (link.same, link.end.clone())
    };
    let diverged = |at: u64, offset, recorded, simulated| {
        Some(End::Diverged { at: Micros(at), offset, recorded, simulated })
    };
    assert_eq!(end("block-erupter", "112000 0 < 000187a2\n"), (4, None));
    assert_eq!(end("block-erupter", "900000 0 < 000187a2\n"), (4, None), "a slow computer is no difference");
    let (same, other) = end("block-erupter", "112000 0 < 000186a2\n");
    assert!(same == 2, "{other:?}");
    assert!(
        matches!(other, Some(End::Diverged { offset: 2, recorded: Some(0x86), simulated: Some(0x87), .. })),
        "{other:?}"
    );
    let more = end("block-erupter", "112000 0 < 000187a2\n113000 0 < ff\n");
    assert_eq!(more, (4, diverged(113_000, 4, Some(0xff), None)));
    let (same, less) = end("block-erupter", "112000 0 < 000187\n5000000 0 > 00\n");
    assert_eq!(same, 3);
    assert!(
        matches!(less, Some(End::Diverged { offset: 3, recorded: None, simulated: Some(0xa2), .. })),
        "{less:?}"
    );
    let missing = end("block-erupter", "112000 0 lost 3\n113000 0 < 000187a2\n");
    assert_eq!(missing.1, Some(End::Missing { at: Micros(112_000) }));
    let broken = end("block-erupter", "112000 0 < 000187a2\n18000000000000000000 0 < 00\n");
    assert_eq!(broken, (4, Some(End::Silent { at: Micros(18_000_000_000_000_000_000) })));
    for unclear in ["block-erupter,icarus", "toaster"] {
        assert!(matches!(end(unclear, "").1, Some(End::NotSimulated(_))), "{unclear}");
    }
}

#[test]
fn every_byte_of_a_recording_is_part_of_a_frame_or_skipped_with_a_reason() {
    for path in recordings() {
        let file = fs::read(&path).expect("a readable file");
        let (mut recorded, mut seen) = (0, 0);
        let (mut reader, mut timeline) = (Reader::default(), Timeline::default());
        let mut count = |sight: Sight<'_>| {
            if let Seen::Item { item, .. } = sight.what {
                seen += item.len;
            }
        };
        reader.feed(&file, &mut |entry| {
            let entry = entry.expect("an undamaged line");
            if let What::Bytes { bytes, .. } = entry.what {
                recorded += bytes.len();
            }
            timeline.feed(&entry, &mut count);
        });
        timeline.finish(&mut count);
        assert_eq!(seen, recorded, "{}", path.display());
    }
}
