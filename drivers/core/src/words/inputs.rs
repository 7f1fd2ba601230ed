//! What happens to a machine, in words and back.

use std::fmt::Write as _;
use std::str::FromStr;

use adit_protocol::hex;
use adit_protocol::units::{Hertz, Volts};
use adit_protocol::wire::{Micros, ModemLines, Port};

use super::WordsError;
use super::works::{describe_work, parse_work};
use crate::{Command, Input, LinkError, Reply, Ruling, Token, Verdict};

/// An [`Input`] that owns its bytes.
#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "read one at a time")]
pub enum Happening {
    /// [`Input::Bytes`].
    Bytes {
        /// Where.
        port: Port,
        /// What.
        bytes: Vec<u8>,
    },
    /// Any other.
    Other(Input<'static>),
}

impl Happening {
    /// What the machine is told.
    pub fn input(&self) -> Input<'_> {
        match self {
            Self::Bytes { port, bytes } => Input::Bytes { port: *port, bytes },
            Self::Other(input) => input.clone(),
        }
    }
}

impl FromStr for Happening {
    type Err = WordsError;

    fn from_str(line: &str) -> Result<Self, WordsError> {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        let rest = rest.trim();
        if let Some(on) = word.strip_prefix('<') {
            let port = if on.is_empty() { Port(0) } else { Port(number(on)?) };
            return Ok(Self::Bytes { port, bytes: parse_hex(rest)? });
        }
        Ok(Self::Other(match word {
            "up" => Input::LinkUp,
            "quiet" => Input::Quiet { port: if rest.is_empty() { Port(0) } else { Port(number(rest)?) } },
            "modem" => modem(rest)?,
            "done" => done(rest)?,
            "work" => Input::Work(parse_work(rest)?),
            "job" => Input::JobChanged { clean: rest == "clean" },
            "ruling" => Input::Ruling(ruling(rest)?),
            "identify" => Input::Command(Command::Identify),
            "frequency" => Input::Command(Command::Frequency(Hertz::from_mhz(number(rest)?))),
            "voltage" => Input::Command(Command::Voltage(Volts(number(rest)?))),
            "fan" if rest == "auto" => Input::Command(Command::Fan(None)),
            "fan" => Input::Command(Command::Fan(Some(number(rest)?))),
            "stop" => Input::Stop { by: Micros(if rest.is_empty() { u64::MAX } else { number(rest)? }) },
            "timer" => Input::Timer,
            "down" => Input::LinkDown { why: if rest.is_empty() { LinkError::Gone } else { why(rest)? } },
            _ => return Err(WordsError::Unknown(word.chars().take(40).collect())),
        }))
    }
}

/// The input in the words that [`Happening`] is parsed from. Commands in megahertz and volts keep every digit.
pub fn describe_input(input: &Input<'_>) -> String {
    match input {
        Input::LinkUp => "up".into(),
        Input::Bytes { port: Port(0), bytes } => format!("< {}", hex::encode(bytes)),
        Input::Bytes { port: Port(port), bytes } => format!("<{port} {}", hex::encode(bytes)),
        Input::Quiet { port: Port(0) } => "quiet".into(),
        Input::Quiet { port: Port(port) } => format!("quiet {port}"),
        Input::Modem { port, lines } => describe_modem(*port, *lines),
        Input::Done { token, result } => match result {
            Ok(Reply::Complete) => format!("done {}", token.0),
            Ok(Reply::Data(bytes)) => format!("done {} = {}", token.0, hex::encode(bytes)),
            Err(error) => format!("done {} {}", token.0, describe_why(*error)),
        },
        Input::Work(work) => describe_work(work),
        Input::JobChanged { clean: false } => "job".into(),
        Input::JobChanged { clean: true } => "job clean".into(),
        Input::Ruling(it) => {
            let mut line = format!("ruling {} {}", it.seq, it.verdict.name());
            if let Some(claim) = it.claim {
                let _ = write!(line, " {claim} {:?}", it.difficulty); // writing into a String cannot fail
            }
            line
        }
        Input::Command(Command::Identify) => "identify".into(),
        Input::Command(Command::Frequency(clock)) => format!("frequency {:?}", clock.0 / 1e6),
        Input::Command(Command::Voltage(volts)) => format!("voltage {:?}", volts.0),
        Input::Command(Command::Fan(None)) => "fan auto".into(),
        Input::Command(Command::Fan(Some(percent))) => format!("fan {percent}"),
        Input::Stop { by: Micros(u64::MAX) } => "stop".into(),
        Input::Stop { by } => format!("stop {}", by.0),
        Input::Timer => "timer".into(),
        Input::LinkDown { why: LinkError::Gone } => "down".into(),
        Input::LinkDown { why } => format!("down {}", describe_why(*why)),
    }
}

pub(super) fn number<T: FromStr>(text: &str) -> Result<T, WordsError> {
    text.parse().or_else(|_| WordsError::expected("a number", text))
}

fn parse_hex(text: &str) -> Result<Vec<u8>, WordsError> {
    let digits: String = text.split_ascii_whitespace().collect();
    hex::decode(&digits).map_or_else(|| WordsError::expected("bytes in hex", text), Ok)
}

fn ruling(rest: &str) -> Result<Ruling, WordsError> {
    let mut words = rest.split_ascii_whitespace();
    let (Some(seq), Some(name)) = (words.next(), words.next()) else {
        return WordsError::expected("SEQ VERDICT [CLAIM [DIFFICULTY]]", rest);
    };
    let Some(verdict) = Verdict::ALL.into_iter().find(|verdict| verdict.name() == name) else {
        return WordsError::expected("a verdict", name);
    };
    let claim = words.next().map_or(Ok(0), number)?;
    let difficulty = words.next().map_or(Ok(1.0), number)?;
    Ok(Ruling { seq: number(seq)?, claim: verdict.is_valid().then_some(claim), verdict, difficulty })
}

fn done(rest: &str) -> Result<Input<'static>, WordsError> {
    let (token, rest) = rest.split_once(' ').unwrap_or((rest, ""));
    let result = match rest.strip_prefix('=') {
        Some(data) => Ok(Reply::Data(parse_hex(data)?)),
        None if rest.is_empty() => Ok(Reply::Complete),
        None => Err(why(rest)?),
    };
    Ok(Input::Done { token: Token(number(token)?), result })
}

fn modem(rest: &str) -> Result<Input<'static>, WordsError> {
    let (port, rest) = rest.split_once(' ').unwrap_or((rest, ""));
    let mut lines = ModemLines::default();
    for word in rest.split_ascii_whitespace() {
        match word {
            "cts" => lines.cts = true,
            "dsr" => lines.dsr = true,
            "dcd" => lines.dcd = true,
            "ri" => lines.ri = true,
            _ => return WordsError::expected("cts, dsr, dcd or ri", word),
        }
    }
    Ok(Input::Modem { port: Port(number(port)?), lines })
}

fn describe_modem(port: Port, lines: ModemLines) -> String {
    let names = [(lines.cts, " cts"), (lines.dsr, " dsr"), (lines.dcd, " dcd"), (lines.ri, " ri")];
    names.into_iter().filter(|(is, _)| *is).fold(format!("modem {}", port.0), |line, (_, name)| line + name)
}

/// Errors of a link that have a word of their own.
const WHYS: [(LinkError, &str); 7] = [
    (LinkError::Gone, "gone"),
    (LinkError::Busy, "busy"),
    (LinkError::Denied, "denied"),
    (LinkError::NotFound, "not-found"),
    (LinkError::NotADevice, "not-a-device"),
    (LinkError::Timeout, "timeout"),
    (LinkError::Unsupported, "unsupported"),
];

fn why(word: &str) -> Result<LinkError, WordsError> {
    if let Some(os) = word.strip_prefix("os-") {
        return Ok(LinkError::Os(number(os)?));
    }
    let known = WHYS.into_iter().find(|(_, name)| *name == word);
    known.map_or_else(|| WordsError::expected("why a link cannot", word), |(error, _)| Ok(error))
}

fn describe_why(error: LinkError) -> String {
    match error {
        LinkError::Os(number) => format!("os-{number}"),
        _ => WHYS.into_iter().find(|(it, _)| *it == error).map_or("gone", |(_, name)| name).into(),
    }
}
