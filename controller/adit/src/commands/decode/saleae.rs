//! UART bytes as Saleae's Logic software exports them: a table of text with one byte in each line.
//!
//! Logic 2 exports the table of its analysers (`name,type,start_time,duration,data,…`), Logic 1 and the analyser export of Logic 2
//! `Time [s],Value,Parity Error,Framing Error`. Columns are found by their headings; several analysers may be in one file.

use std::collections::BTreeSet;
use std::io;

use adit_protocol::devices::Model;
use adit_protocol::trace::{Entry, Sight, Timeline, What};
use adit_protocol::wire::{Micros, Port, Side};

use crate::commands::capture::Capture;
use crate::failure::Failure;
use crate::lines::{Line, Lines};

/// Longest line.
const LINE_LIMIT: usize = 4_096;

/// Which analyser heard whom.
#[derive(Debug)]
pub(super) struct Heard<'a> {
    /// The device whose wire it is.
    pub(super) model: &'static Model,
    /// Name of the analyser on the host's line; the others heard the device.
    pub(super) host: Option<&'a str>,
    /// Who is heard where the table names no analysers, or `host` is not given.
    pub(super) from: Side,
}

/// Hands everything in the table to `each`, in order. The lines that cannot be read are said on standard error.
pub(super) fn decode(
    capture: &mut Capture,
    heard: &Heard<'_>,
    each: &mut dyn FnMut(&Sight<'_>) -> io::Result<()>,
) -> Result<(), Failure> {
    let mut timeline = Timeline::default();
    let mut result = Ok(());
    let mut show = |sight: Sight<'_>| {
        if result.is_ok() {
            result = each(&sight);
        }
    };
    let device = What::Device { models: heard.model.key, location: "saleae" };
    timeline.feed(&Entry { at: Micros(0), link: 0, what: device }, &mut show);
    let mut table = Table::default();
    let (mut number, mut wrong) = (0_u64, false);
    let mut lines = Lines::new(&mut capture.input, LINE_LIMIT);
    let unreadable = loop {
        let line = match lines.next() {
            Ok(Some(line)) => line,
            Ok(None) => break None,
            Err(error) => break Some(error),
        };
        number += 1;
        let read = match line {
            Line::Whole(line) => {
                std::str::from_utf8(line).map_err(|_| Bad::NoText).and_then(|line| table.read(line))
            }
            Line::TooLong => Err(Bad::TooLong),
        };
        match read {
            Ok(Some(row)) => {
                let from = match (heard.host, &row.analyser) {
                    (Some(host), Some(name)) if host == name => Side::Host,
                    (Some(_), Some(_)) => Side::Device,
                    _ => heard.from,
                };
                let what = What::Bytes { from, port: Port(0), bytes: &[row.byte] };
                timeline.feed(&Entry { at: row.at, link: 0, what }, &mut show);
            }
            Ok(None) => {}
            Err(bad) => {
                wrong = true;
                eprintln!("adit: line {number}: {bad}");
                if number == 1 {
                    break None; // without headings nothing can be read
                }
            }
        }
    };
    if let Some(error) = unreadable {
        return Err(capture.unreadable(&error));
    }
    timeline.finish(&mut show);
    result?;
    table.remark(heard.host);
    if wrong { Err(Failure::Told(2)) } else { Ok(()) }
}

/// What is wrong with a line.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
enum Bad {
    #[error("not UTF-8 text")]
    NoText,
    #[error("longer than {LINE_LIMIT} bytes")]
    TooLong,
    #[error(
        "the first line of a Saleae export names its columns, among them start_time or Time [s], and data or Value"
    )]
    NoHeadings,
    #[error("{0:?} is no time in seconds; export with times in seconds, not as dates")]
    Time(String),
    #[error("{0:?} is no byte; export with the radix hexadecimal")]
    Byte(String),
    #[error("the line ends before the column {0:?}")]
    Short(&'static str),
}

/// A byte.
#[derive(Debug, PartialEq)]
struct Row {
    at: Micros,
    byte: u8,
    analyser: Option<String>,
}

/// A table that is being read.
#[derive(Debug, Default)]
struct Table {
    columns: Option<Columns>,
    /// Time of the first byte in seconds: a capture may begin before its trigger, at a negative time.
    first: Option<f64>,
    /// Bytes that the analyser doubts.
    doubtful: u64,
    names: BTreeSet<String>,
}

#[derive(Clone, Copy, Debug)]
struct Columns {
    time: usize,
    value: usize,
    name: Option<usize>,
    kind: Option<usize>,
    errors: [Option<usize>; 3],
}

impl Columns {
    fn of(headings: &[String]) -> Option<Self> {
        let find = |names: &[&str]| {
            let is = |heading: &String| names.contains(&heading.trim().to_ascii_lowercase().as_str());
            headings.iter().position(is)
        };
        Some(Self {
            time: find(&["start_time", "time [s]", "time[s]"])?,
            value: find(&["data", "value"])?,
            name: find(&["name", "analyzer name"]),
            kind: find(&["type"]),
            errors: [find(&["error"]), find(&["parity error"]), find(&["framing error"])],
        })
    }
}

impl Table {
    /// The byte in a line; `None` where there is none.
    fn read(&mut self, line: &str) -> Result<Option<Row>, Bad> {
        let line = line.trim_start_matches('\u{feff}').trim_end();
        if line.is_empty() {
            return Ok(None);
        }
        let cells = cells(line);
        let Some(columns) = self.columns else {
            self.columns = Some(Columns::of(&cells).ok_or(Bad::NoHeadings)?);
            return Ok(None);
        };
        let cell = |column: usize| cells.get(column).map(|cell| cell.trim());
        if columns.kind.and_then(cell).is_some_and(|kind| kind != "data") {
            return Ok(None); // a break, or a frame of another analyser's
        }
        let time = cell(columns.time).ok_or(Bad::Short("time"))?;
        let value = cell(columns.value).ok_or(Bad::Short("value"))?;
        let seconds: f64 =
            time.parse().ok().filter(|it: &f64| it.is_finite()).ok_or_else(|| Bad::Time(time.into()))?;
        let byte = byte(value).ok_or_else(|| Bad::Byte(value.into()))?;
        let marked = columns.errors.into_iter().flatten().filter_map(cell);
        self.doubtful += u64::from(
            marked.filter(|mark| !mark.is_empty() && !mark.eq_ignore_ascii_case("false")).count() > 0,
        );
        let analyser = columns.name.and_then(cell).map(str::to_owned);
        if let Some(name) =
            analyser.as_ref().filter(|name| self.names.len() < 16 && !self.names.contains(*name))
        {
            self.names.insert(name.clone());
        }
        let passed = seconds - *self.first.get_or_insert(seconds);
        Ok(Some(Row { at: Micros((passed.max(0.0) * 1e6).round() as u64), byte, analyser }))
    }

    /// Says what a user should know of the whole.
    fn remark(&self, host: Option<&str>) {
        if self.doubtful > 0 {
            eprintln!("adit: the analyser doubts {} of these bytes (parity or framing)", self.doubtful);
        }
        let names = || self.names.iter().map(|name| format!("{name:?}")).collect::<Vec<_>>().join(", ");
        match host {
            Some(host) if !self.names.contains(host) => {
                eprintln!("adit: no analyser is called {host:?}; there are {}", names());
            }
            None if self.names.len() > 1 => {
                eprintln!(
                    "adit: the table holds the analysers {}; say with --host which one is on the host's line",
                    names()
                );
            }
            _ => {}
        }
    }
}

/// The cells of a line; a cell in quotation marks may hold commas.
fn cells(line: &str) -> Vec<String> {
    let (mut cells, mut cell, mut quoted) = (Vec::new(), String::new(), false);
    for c in line.chars() {
        match c {
            '"' => quoted = !quoted,
            ',' if !quoted => cells.push(std::mem::take(&mut cell)),
            c => cell.push(c),
        }
    }
    cells.push(cell);
    cells
}

/// A byte in hexadecimal, binary or decimal.
fn byte(text: &str) -> Option<u8> {
    match (text.strip_prefix("0x"), text.strip_prefix("0b")) {
        (Some(digits), _) => u8::from_str_radix(digits, 16).ok(),
        (_, Some(digits)) => u8::from_str_radix(digits, 2).ok(),
        _ => text.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<Result<Option<Row>, Bad>> {
        let mut table = Table::default();
        text.lines().map(|line| table.read(line)).collect()
    }

    fn row(at: u64, byte: u8, analyser: Option<&str>) -> Result<Option<Row>, Bad> {
        Ok(Some(Row { at: Micros(at), byte, analyser: analyser.map(str::to_owned) }))
    }

    #[test]
    fn a_table_of_logic_2_names_its_analysers() {
        let rows = read(
            "name,type,start_time,duration,\"data\",\"error\"\n\
             \"Async Serial\",\"data\",-0.001,8.6e-05,0x55,\n\
             \"RX, chips\",\"data\",-0.0009,8.6e-05,0xAA,\n\
             \"Async Serial\",\"break\",0.1,8.6e-05,,\n",
        );
        let expected =
            [Ok(None), row(0, 0x55, Some("Async Serial")), row(100, 0xaa, Some("RX, chips")), Ok(None)];
        assert_eq!(rows, expected);
    }

    #[test]
    fn a_table_of_logic_1_has_only_times_and_values() {
        let rows = read(
            "Time [s],Value,Parity Error,Framing Error\r\n0.5,0x01,,\r\n0.500087,135,,\n0.6,0b11,,Error\n",
        );
        assert_eq!(rows, [Ok(None), row(0, 1, None), row(87, 0x87, None), row(100_000, 3, None)]);
    }

    #[test]
    fn what_cannot_be_read_has_its_sentence() {
        assert_eq!(read("hello,world\n"), [Err(Bad::NoHeadings)]);
        let rows = read("Time [s],Value\n2021-05-01T00:00:00,0x01\n0.1,'U'\n0.1,0x100\n0.2\nNaN,0x01\n");
        assert!(matches!(rows[1], Err(Bad::Time(_))));
        assert!(matches!(rows[2], Err(Bad::Byte(_))) && matches!(rows[3], Err(Bad::Byte(_))));
        assert_eq!(rows[4], Err(Bad::Short("value")));
        assert!(matches!(rows[5], Err(Bad::Time(_))));
    }
}
