//! What is it? Asked with jobs whose solutions are known (`docs/protocols/icarus.md §3.4`).

use std::collections::VecDeque;
use std::time::Duration;

use adit_driver::script::{Act, Answer, Ask, Script};
use adit_driver::{Fault, LinkError};
use adit_protocol::devices::Model;
use adit_protocol::icarus::{
    Chip, Codec, Dialect, Division, Frame, Job, Nonce, RboxProduct, RboxRecord, RecordKind, golden,
    rbox_clock_code,
};
use adit_protocol::units::Hertz;
use adit_protocol::wire::{Codec as _, Line, Port, Side, Step};

use crate::boards::{Board, Control};
use crate::burst::Burst;
use crate::control;
use crate::options::Options;

pub(crate) const PORT: Port = Port(0);

/// Silence that ends draining, and how often something may break it.
const CALM: Duration = Duration::from_millis(50);
const RESTLESS: u8 = 20;
const GOLDEN_WAIT: Duration = Duration::from_millis(300);
const GOLDEN_TRIES: u8 = 2;
const RBOX_WAIT: Duration = Duration::from_millis(100);
const RBOX_CHIPS: u8 = 4;
const DIVISION_WAIT: Duration = Duration::from_secs(1);
/// After a voltage or a clock has been set.
pub(crate) const SETTLE: Duration = Duration::from_millis(500);

/// A model the device may be, and how to speak to it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Candidate {
    pub model: &'static Model,
    pub board: &'static Board,
}

impl Candidate {
    /// Hashes per second of `engines` engines at the default clock.
    pub(crate) fn nominal(&self, engines: u16) -> f64 {
        self.model.nominal.0 * f64::from(engines) / f64::from(self.model.chips.count.max(1))
    }
}

/// What answered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Found {
    /// The model it is.
    pub candidate: Candidate,
    /// How its engines share the nonce range.
    pub division: Division,
    /// What an R-BOX says it is.
    pub product: Option<RboxProduct>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Stage {
    Line,
    Purge,
    Drain { left: u8 },
    Golden { left: u8 },
    Rbox { chip: u8 },
    Division { dialect: Dialect, left: u8 },
}

/// The detection script.
#[derive(Debug)]
pub(crate) struct Detect {
    candidates: Vec<Candidate>,
    options: Options,
    stage: Stage,
    /// Asked next, before anything else is decided.
    planned: VecDeque<Ask<Found>>,
    within: Duration,
    waited: Duration,
    /// Something answered, but nothing that is known.
    stranger: bool,
    tried_golden: bool,
    tried_rbox: bool,
    tried_waking: bool,
}

impl Detect {
    /// `candidates`: what it may be, never none.
    pub(crate) fn new(candidates: Vec<Candidate>, options: Options) -> Self {
        Self {
            candidates,
            options,
            stage: Stage::Line,
            planned: VecDeque::new(),
            within: Duration::ZERO,
            waited: Duration::ZERO,
            stranger: false,
            tried_golden: false,
            tried_rbox: false,
            tried_waking: false,
        }
    }

    fn may_be(&self, fits: impl Fn(&Board) -> bool) -> bool {
        self.candidates.iter().any(|candidate| fits(candidate.board))
    }

    fn ask(&mut self, stage: Stage, bytes: Vec<u8>, within: Duration) -> Ask<Found> {
        (self.stage, self.within) = (stage, within);
        self.planned.push_back(Ask::Expect { within });
        Ask::Send { port: PORT, bytes }
    }

    fn ask_golden(&mut self, left: u8) -> Ask<Found> {
        self.tried_golden = true;
        let job = golden::BLOCK_171874.job().to_icarus_bytes().to_vec();
        self.ask(Stage::Golden { left }, job, GOLDEN_WAIT)
    }

    fn ask_rbox(&mut self, chip: u8) -> Ask<Found> {
        self.tried_rbox = true;
        let slowest = self.candidates.iter().find(|candidate| candidate.board.dialect == Dialect::Rbox);
        let mhz = slowest.and_then(|candidate| candidate.model.clock).map_or(200.0, |[low, ..]| low.mhz());
        let job = golden::BLOCK_171874.job().for_rbox(rbox_clock_code(mhz as u16), chip);
        self.ask(Stage::Rbox { chip }, job.to_rbox_bytes().to_vec(), RBOX_WAIT)
    }

    fn ask_division(&mut self, dialect: Dialect, left: u8) -> Ask<Found> {
        let job = golden::DIVISION_PROBE.job().to_icarus_bytes().to_vec();
        self.ask(Stage::Division { dialect, left }, job, DIVISION_WAIT)
    }

    /// Voltage and clock, which a U3 needs before it answers. Only for one, by name or by the user's word.
    fn wake(&mut self) -> Ask<Found> {
        self.tried_waking = true;
        let clock = control::clock(Control::Bm138x(Chip::Bm1382), Hertz::from_mhz(100.0));
        let frames = [control::voltage(self.options.millivolts), clock.and_then(|clock| clock.frame)];
        for bytes in frames.into_iter().flatten() {
            self.planned.push_back(Ask::Send { port: PORT, bytes });
            self.planned.push_back(Ask::Pause(SETTLE));
        }
        self.stage = Stage::Golden { left: GOLDEN_TRIES };
        self.planned.pop_front().unwrap_or(Ask::Pause(SETTLE))
    }

    /// Nothing useful has come from the last question: the next one, or the end.
    fn next_probe(&mut self) -> Ask<Found> {
        let only_rbox = !self.may_be(|board| board.dialect != Dialect::Rbox);
        let is_u3 = |board: &Board| board.control == Control::Bm138x(Chip::Bm1382);
        let waking_allowed = self.may_be(is_u3) && (self.options.wake_u3 || self.candidates.len() == 1);
        if !self.tried_golden && !only_rbox {
            self.ask_golden(GOLDEN_TRIES - 1)
        } else if !self.tried_rbox && self.may_be(|board| board.dialect == Dialect::Rbox) {
            self.ask_rbox(0)
        } else if !self.tried_golden {
            self.ask_golden(0)
        } else if !self.tried_waking && !self.stranger && waking_allowed {
            self.wake()
        } else if self.stranger {
            Ask::Fail(self.wrong())
        } else {
            Ask::Fail(Fault::NoAnswer {
                waited_ms: u32::try_from(self.waited.as_millis()).unwrap_or(u32::MAX),
            })
        }
    }

    fn wrong(&self) -> Fault {
        let expected = match self.candidates.as_slice() {
            [only] => only.model.name,
            _ => "any device of the Icarus family",
        };
        Fault::WrongDevice { expected }
    }

    fn answered(&mut self, dialect: Dialect, product: Option<RboxProduct>) -> Ask<Found> {
        if !self.may_be(|board| board.dialect == dialect) {
            return Ask::Fail(self.wrong());
        }
        if dialect == Dialect::Rbox {
            return self.found(dialect, Some(Division::ONE), None, product);
        }
        match self.options.division {
            Some(division) => self.found(dialect, Some(division), None, None),
            None => self.ask_division(dialect, 1),
        }
    }

    /// The model whose facts fit best to what was seen.
    fn found(
        &self,
        dialect: Dialect,
        division: Option<Division>,
        rate: Option<f64>,
        product: Option<RboxProduct>,
    ) -> Ask<Found> {
        // Bitstreams differ in their engines: what the user names is that, and only the division is learnt.
        let named = self.candidates.len() == 1 && dialect == Dialect::Icarus;
        let has = |candidate: &Candidate| {
            named || division.is_none_or(|division| candidate.board.divisions.contains(&division.parts()))
        };
        let fits = |candidate: &&Candidate| {
            candidate.board.dialect == dialect
                && product.is_none_or(|product| is_product(candidate.model, product))
                && (self.options.division.is_some() || has(candidate))
        };
        let unlikely = |candidate: &Candidate| {
            let engines = division.map_or(1, Division::parts);
            let off = rate.map_or(0.0, |rate| (rate / candidate.nominal(engines)).ln().abs());
            if has(candidate) { off } else { f64::INFINITY }
        };
        let best =
            self.candidates.iter().filter(fits).copied().min_by(|a, b| unlikely(a).total_cmp(&unlikely(b)));
        let Some(candidate) = best else { return Ask::Fail(self.wrong()) };
        let assumed =
            candidate.board.divisions.first().copied().and_then(Division::new).unwrap_or(Division::ONE);
        Ask::Done(Found { candidate, division: division.unwrap_or(assumed), product })
    }

    fn on_division(&mut self, dialect: Dialect, left: u8, burst: Option<Burst>) -> Ask<Found> {
        let first = burst.as_ref().and_then(|burst| first_nonce(dialect, &burst.bytes));
        let division = first.and_then(|nonce| Division::from_probe(nonce.counter()));
        match (division, first, burst) {
            (Some(division), Some(nonce), Some(burst)) => {
                let hashes = division.hashes(nonce.counter(), division.parts()) as f64;
                let searching = burst.after.saturating_sub(self.options.job_time());
                self.found(dialect, Some(division), Some(hashes / searching.as_secs_f64().max(1e-4)), None)
            }
            _ if left > 0 => self.ask_division(dialect, left - 1),
            // The clock words of one chip are too fast for another: never guess.
            _ if dialect == Dialect::Icarus5 => {
                Ask::Fail(Fault::NoAnswer { waited_ms: DIVISION_WAIT.as_millis() as u32 })
            }
            _ => self.found(dialect, None, None, None),
        }
    }

    fn on_burst(&mut self, burst: &Burst) -> Ask<Found> {
        match classify(&burst.bytes) {
            Some((dialect, product)) => self.answered(dialect, product),
            None => {
                self.stranger = true;
                self.repeat()
            }
        }
    }

    /// No answer, or none that can be read: once more, or something else.
    fn repeat(&mut self) -> Ask<Found> {
        match self.stage {
            Stage::Golden { left: left @ 1.. } => self.ask_golden(left - 1),
            Stage::Rbox { chip } if chip + 1 < RBOX_CHIPS => self.ask_rbox(chip + 1),
            _ => self.next_probe(),
        }
    }
}

impl Script for Detect {
    type Frame = Burst;
    type Output = Found;

    fn next(&mut self, last: Answer<Burst>) -> Ask<Found> {
        if let Some(planned) = self.planned.pop_front() {
            return planned;
        }
        match (self.stage, last) {
            (Stage::Line, Answer::Begin) if self.options.line != Line::at(115_200) => {
                Ask::Act(Act::Line(PORT, self.options.line))
            }
            (Stage::Line, Answer::Begin | Answer::Done(Ok(_) | Err(LinkError::Unsupported))) => {
                self.stage = Stage::Purge;
                Ask::Act(Act::Purge(PORT))
            }
            (Stage::Purge, Answer::Done(Ok(_) | Err(LinkError::Unsupported))) => {
                self.stage = Stage::Drain { left: RESTLESS };
                Ask::Expect { within: CALM }
            }
            (_, Answer::Done(Err(error))) => Ask::Fail(Fault::Link(error)),
            (Stage::Drain { left: left @ 1.. }, Answer::Frame(_)) => {
                self.stage = Stage::Drain { left: left - 1 };
                Ask::Expect { within: CALM }
            }
            (Stage::Division { dialect, left }, Answer::Frame(burst)) => {
                self.on_division(dialect, left, Some(burst))
            }
            (Stage::Division { dialect, left }, _) => self.on_division(dialect, left, None),
            (Stage::Golden { .. } | Stage::Rbox { .. }, Answer::Frame(burst)) => self.on_burst(&burst),
            (Stage::Golden { .. } | Stage::Rbox { .. }, Answer::Silence) => {
                self.waited += self.within;
                self.repeat()
            }
            (Stage::Golden { left: 1.. }, Answer::Paused) => self.repeat(), // woken
            _ => self.next_probe(),
        }
    }
}

fn is_product(model: &Model, product: RboxProduct) -> bool {
    // Larger boxes than the T1 speak its language and are not in the table.
    (model.key == "rbox") == (product == RboxProduct::Rbox)
}

/// Decides by content, whatever packets it came in.
fn classify(bytes: &[u8]) -> Option<(Dialect, Option<RboxProduct>)> {
    let golden = |dialect| first_nonce(dialect, bytes).is_some_and(|nonce| is_golden(nonce.nonce));
    match bytes.len() {
        4 if golden(Dialect::Icarus) => Some((Dialect::Icarus, None)),
        5 if golden(Dialect::Icarus5) => Some((Dialect::Icarus5, None)),
        _ => rbox_product(bytes).map(|product| (Dialect::Rbox, Some(product))),
    }
}

fn is_golden(nonce: u32) -> bool {
    let job: Job = golden::BLOCK_171874.job();
    job.is_solved_by(nonce)
}

/// The product that all these records of an R-BOX name.
fn rbox_product(bytes: &[u8]) -> Option<RboxProduct> {
    if bytes.is_empty() || !bytes.len().is_multiple_of(RboxRecord::SIZE) {
        return None;
    }
    let mut codec = Codec::new(Dialect::Rbox, Side::Device);
    let mut product = None;
    for chunk in bytes.chunks(RboxRecord::SIZE) {
        let Step::Frame { frame: Frame::Record(record), .. } = codec.decode(chunk, true) else { return None };
        let plausible = match record.kind {
            RecordKind::Nonce(nonce) => is_golden(nonce),
            RecordKind::Complete | RecordKind::Request => true,
        };
        if !plausible || product.is_some_and(|product| product != record.product) {
            return None;
        }
        product = Some(record.product);
    }
    product
}

/// The record at the front of `bytes`, read as a nonce.
pub(crate) fn first_nonce(dialect: Dialect, bytes: &[u8]) -> Option<Nonce> {
    match Codec::new(dialect, Side::Device).decode(bytes, false) {
        Step::Frame { frame: Frame::Nonce(nonce), .. } => Some(nonce),
        Step::Frame { frame: Frame::Register(register), .. } => Some(register.as_nonce()),
        _ => None,
    }
}
