//! Every file of `transcripts/` is played to a machine of this driver and compared line by line. `UPDATE=1` writes what the
//! machine does into the files: read the difference before believing it.

use std::path::{Path, PathBuf};

use adit_driver::transcript::{check, check_folder, read_folder};
use adit_driver_gekko::DRIVER;
use adit_protocol::devices::models;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("transcripts")
}

fn transcripts() -> Vec<(PathBuf, String)> {
    read_folder(&folder()).expect("the folder of transcripts")
}

#[test]
fn the_machine_does_what_the_transcripts_say() {
    assert!(!transcripts().is_empty());
    let wrong = check_folder(DRIVER.start, &folder()).expect("readable transcripts");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_model_has_a_transcript_of_its_own() {
    let texts: Vec<String> = transcripts().into_iter().map(|(_, text)| text).collect();
    for model in models().filter(|model| model.driver == DRIVER.name) {
        let line = format!("! identified {}", model.key);
        assert!(texts.iter().any(|text| text.contains(&line)), "{}", model.key);
    }
}

#[test]
fn a_transcript_that_says_something_else_is_noticed() {
    let (_, text) = transcripts().into_iter().find(|(path, _)| path.ends_with("compac.txt")).unwrap();
    let spoilt = text.replacen("! identified compac", "! identified 2pac", 1);
    assert_ne!(text, spoilt);
    assert!(check(DRIVER.start, &spoilt).is_err());
    let shortened = text.replacen("! purge\n", "", 1);
    assert_ne!(text, shortened);
    assert!(check(DRIVER.start, &shortened).is_err());
}
