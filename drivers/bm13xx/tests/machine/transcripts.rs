//! Every file of `transcripts/` is played to a machine of this driver and compared line by line. `UPDATE=1` writes what the
//! machine does into the files: read the difference before believing it.

use std::path::Path;

use adit_driver::transcript::check_folder;
use adit_driver_bm13xx::DRIVER;

#[test]
fn the_machine_does_what_the_transcripts_say() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("transcripts");
    let wrong = check_folder(&DRIVER, &folder).expect("readable transcripts");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
