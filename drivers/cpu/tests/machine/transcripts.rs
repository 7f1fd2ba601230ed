//! Every file of `transcripts/` is played to the machine and compared line by line. `UPDATE=1` writes what the machine does
//! into the files: read the difference before believing it.

use std::fs;
use std::path::Path;

use adit_driver::transcript::{check, rewrite};
use adit_driver_cpu::DRIVER;

#[test]
fn the_machine_does_what_the_transcripts_say() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("transcripts");
    let mut played = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let text = fs::read_to_string(&path).unwrap();
        if std::env::var_os("UPDATE").is_some() {
            fs::write(&path, rewrite(DRIVER.start, &text).unwrap()).unwrap();
        } else if let Err(mismatch) = check(DRIVER.start, &text) {
            panic!("{}: {mismatch}", path.display());
        }
        played += 1;
    }
    assert!(played >= 10, "{played} transcripts");
}
