//! Every recording in `tests/recordings` is played to the drivers of this build: whoever puts one there has a test.

use std::fs;
use std::path::{Path, PathBuf};

use adit_driver::replay::Replay;
use adit_protocol::trace::{Broken, Entry, Reader, Seen, Sight, Timeline, What};

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
