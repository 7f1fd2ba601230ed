//! Questions and answers, a line each.

use std::io::{self, BufRead, Read, Write};

use crate::failure::Failure;

/// Longest answer that is read.
const LONGEST: u64 = 1_000;

/// What can be mined for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Address,
    Account,
    Node,
}

impl Kind {
    /// What its URL is asked with.
    pub(super) const fn place(self) -> &'static str {
        match self {
            Self::Address | Self::Account => "Pool, such as stratum+tcp://pool.example:3333",
            Self::Node => "Node, as http://USER:PASSWORD@127.0.0.1:8332",
        }
    }
}

/// Where questions go and answers come from.
pub(super) struct Desk<'a> {
    pub(super) input: &'a mut dyn BufRead,
    pub(super) out: &'a mut dyn Write,
}

impl Desk<'_> {
    pub(super) fn say(&mut self, line: &str) -> io::Result<()> {
        writeln!(self.out, "{line}")
    }

    /// Asks until `check` takes the answer. An empty answer is `usual`.
    pub(super) fn until<T>(
        &mut self,
        question: &str,
        usual: Option<&str>,
        check: impl Fn(&str) -> Result<T, String>,
    ) -> Result<T, Failure> {
        loop {
            let hint = usual.filter(|usual| !usual.is_empty()).map(|usual| format!(" [{usual}]"));
            write!(self.out, "{question}{}: ", hint.unwrap_or_default())?;
            self.out.flush()?;
            let line = self.line()?;
            match check(if line.is_empty() { usual.unwrap_or_default() } else { &line }) {
                Ok(answer) => return Ok(answer),
                Err(why) => self.say(&format!("  {}", crate::output::printable(&why)))?,
            }
        }
    }

    pub(super) fn yes(&mut self, question: &str, usual: bool) -> Result<bool, Failure> {
        let choice = if usual { "[Y/n]" } else { "[y/N]" };
        self.until(&format!("{question}? {choice}"), Some(""), |text| match text.to_lowercase().as_str() {
            "" => Ok(usual),
            "y" | "yes" => Ok(true),
            "n" | "no" => Ok(false),
            _ => Err("y or n".to_owned()),
        })
    }

    fn line(&mut self) -> Result<String, Failure> {
        let mut line = Vec::new();
        let read = Read::take(&mut *self.input, LONGEST).read_until(b'\n', &mut line)?;
        if read == 0 {
            self.say("")?; // the question stands there without an end
            return Err(Failure::usage(anyhow::anyhow!("no pool given: the questions were left unanswered")));
        }
        Ok(String::from_utf8_lossy(&line).trim().to_owned())
    }
}
