//! Every file of `transcripts/` is played to a machine of this driver and compared line by line. `UPDATE=1` writes what the
//! machine does into the files: read the difference before believing it.

use std::path::{Path, PathBuf};

use adit_driver::transcript::{check_folder, read_folder};
use adit_driver_bitaxe::DRIVER;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("transcripts")
}

#[test]
fn the_machine_does_what_the_transcripts_say() {
    let wrong = check_folder(&DRIVER, &folder()).expect("readable transcripts");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Of every transcript that ends well: the last that a board hears is reset, then off, then its fan.
#[test]
fn every_transcript_ends_with_the_chips_in_reset() {
    for (path, text) in read_folder(&folder()).expect("the folder of transcripts") {
        let last: Vec<&str> = text.lines().filter(|line| line.starts_with("> ")).rev().take(8).collect();
        let reset = |line: &&str| line.starts_with("> 0700") && line.ends_with("060000");
        assert!(last.iter().any(reset), "{}: {last:?}", path.display());
    }
}
