//! What is recorded can be played again, and a full disk or a slow one stops nobody.

use std::fs;
use std::path::Path;

use adit_driver::replay::{End, Replay};
use adit_driver::{Action, Detected, Event, Input, Machine, Outbox, Settings};
use adit_protocol::devices::model;
use adit_protocol::trace::{Broken, Entry, Reader, What};
use adit_protocol::wire::{Micros, Port};

use crate::testing::{PORT, echo, start};
use crate::{Recorder, memory};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const LIMIT: u64 = 1 << 20;

fn stick() -> Detected {
    let candidates = vec![model("block-erupter").unwrap()];
    Detected { location: "serial:./stick 0".into(), socket: None, usb: None, candidates, chosen: true }
}

fn settings() -> Settings {
    let mut settings = Settings::default();
    settings.set("target-difficulty", "1e-6");
    settings
}

fn read(path: &Path, mut each: impl FnMut(Result<Entry<'_>, Broken>)) {
    let mut reader = Reader::default();
    reader.feed(&fs::read(path).unwrap(), &mut each);
    reader.finish(&mut each);
}

fn lines(path: &Path) -> Vec<String> {
    let text = fs::read_to_string(path).unwrap();
    let content = |line: &str| {
        let words = line.splitn(3, ' ').nth(2)?;
        Some(words.rsplit_once(" *")?.0.to_owned())
    };
    text.lines().filter_map(content).collect()
}

/// Writes back what it gets, with a mistake if `wrong`.
struct Echo {
    outbox: Outbox,
    wrong: bool,
}

impl Machine for Echo {
    fn on_input(&mut self, _now: Micros, input: Input<'_>) {
        match input {
            Input::Bytes { port, bytes } if self.wrong => self.outbox.write(port, [bytes, &[0]].concat()),
            Input::Bytes { port, bytes } => self.outbox.write(port, bytes.to_vec()),
            Input::Stop { .. } => self.outbox.emit(Event::Stopped),
            _ => {}
        }
    }

    fn next_action(&mut self) -> Option<Action> {
        self.outbox.pop()
    }

    fn deadline(&self) -> Option<Micros> {
        None
    }
}

fn right(detected: &Detected, settings: Settings) -> Result<Box<dyn Machine>, String> {
    assert_eq!((detected, &settings), (&stick(), &self::settings()));
    Ok(Box::new(Echo { outbox: Outbox::default(), wrong: false }))
}

fn wrong(_: &Detected, _: Settings) -> Result<Box<dyn Machine>, String> {
    Ok(Box::new(Echo { outbox: Outbox::default(), wrong: true }))
}

/// Records a device that is asked and answers, and is stopped.
async fn record(path: &Path) {
    let recorder = Recorder::create(path, LIMIT).unwrap();
    let (link, mut ends) = memory(&[PORT]);
    let tap = recorder.link(Micros(0), &stick(), &settings());
    let mut running = start(link.recorded(tap), 8, echo);
    for bytes in [&[0x55, 0xaa, 1][..], &[2, 3]] {
        ends[0].bytes.write_all(bytes).await.unwrap();
        let mut answer = vec![0; bytes.len()];
        ends[0].bytes.read_exact(&mut answer).await.unwrap();
    }
    running.stop_within(std::time::Duration::from_secs(1)).await;
    running.rest().await;
    recorder.close().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_recording_says_what_happened_and_plays_without_a_difference() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.rec");
    record(&path).await;
    let lines = lines(&path);
    assert_eq!(
        lines[..4],
        ["device block-erupter serial:./stick 0", "chosen", "set target-difficulty 1e-6", "up"]
    );
    let bytes: Vec<_> = lines.iter().filter(|line| line.starts_with(['<', '>'])).collect();
    assert_eq!(bytes, ["< 55aa01", "> 55aa01", "< 0203", "> 0203"]);

    let mut replay = Replay::new(right);
    read(&path, |entry| replay.play(&entry.unwrap()));
    let (_, link) = replay.links().next().unwrap();
    assert_eq!((link.actions, link.end.clone()), (3, None), "two echoes and `stopped`");
}

#[tokio::test(start_paused = true)]
async fn a_machine_that_does_something_else_is_shown_the_first_difference() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.rec");
    record(&path).await;
    let mut replay = Replay::new(wrong);
    read(&path, |entry| replay.play(&entry.unwrap()));
    let (_, link) = replay.links().next().unwrap();
    let Some(End::Diverged { recorded, found, .. }) = &link.end else { panic!("{:?}", link.end) };
    assert_eq!((recorded.as_str(), found.as_deref()), ("> 55aa01", Some("> 55aa0100")));
}

#[test]
fn a_recording_stays_below_its_limit_and_every_file_names_its_links() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.rec");
    let recorder = Recorder::create(&path, 20_000).unwrap();
    let mut tap = recorder.link(Micros(0), &stick(), &settings());
    for at in 0..2_000 {
        tap.input(Micros(at), &Input::Bytes { port: Port(0), bytes: &[7; 32] });
    }
    drop(tap);
    recorder.close().unwrap();
    let old = folder.path().join("run.rec.1");
    for file in [&path, &old] {
        assert!(fs::metadata(file).unwrap().len() <= 10_000);
        let mut count = 0;
        read(file, |entry| {
            let entry = entry.unwrap();
            if count == 0 {
                assert!(matches!(entry.what, What::Device { models: "block-erupter", .. }), "{entry:?}");
            }
            count += 1;
        });
    }
    let mut replay = Replay::new(right);
    read(&path, |entry| replay.play(&entry.unwrap()));
    let (_, link) = replay.links().next().unwrap();
    assert!(matches!(link.end, Some(End::Missing { .. })), "{:?}", link.end);
}

#[test]
fn a_disk_that_does_not_move_loses_lines_and_holds_up_nobody() {
    use rustix::fs::{CWD, FileType, Mode, mknodat};
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pipe");
    mknodat(CWD, &path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    // Whoever opens it for both keeps it from closing, and never reads.
    let _reader = fs::File::options().read(true).write(true).open(&path).unwrap();
    let recorder = Recorder::create(&path, LIMIT).unwrap();
    let mut tap = recorder.link(Micros(0), &stick(), &settings());
    for at in 0..20_000 {
        tap.input(Micros(at), &Input::Bytes { port: Port(0), bytes: &[7; 32] });
    }
    assert!(tap.lost() > 0);
    let error = recorder.close().unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::TimedOut);
}

#[test]
fn a_place_where_no_file_can_be_and_a_full_disk_are_refused() {
    assert!(Recorder::create(Path::new("/dev/full"), LIMIT).is_err());
    assert!(Recorder::create(Path::new("/nowhere/run.rec"), LIMIT).is_err());
}
