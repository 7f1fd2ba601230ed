//! From the JSON of cgminer and BFGMiner to our TOML. Options are known by their documented names.

mod devices;
mod options;
mod pools;
#[cfg(test)]
mod tests;

use std::path::Path;

use serde::Serialize;
use serde_json::{Map, Value};
use toml_edit::{ArrayOfTables, DocumentMut, Item, Table, value};

use crate::config::{Config, write};

/// Longest name of an option that is repeated.
const NAME: usize = 80;

/// Why a file is not taken over. Shows nothing that stands in it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ImportError {
    /// Theirs are one JSON object.
    #[error("line {line}, column {column}: it is not the JSON that cgminer and BFGMiner write")]
    NotJson { line: usize, column: usize },
    /// JSON, but something else.
    #[error("it is JSON, but no object with options")]
    NotAnObject,
    /// What was made of it is not read by adit itself.
    #[error("what became of it is no configuration of adit; please report this: {0}")]
    Unreadable(String),
}

/// What became of an option.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Outcome {
    /// It means the same here.
    Taken,
    /// It means something alike.
    Changed,
    /// It has no counterpart.
    LeftOut,
}

/// One option.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Row {
    pub(crate) option: String,
    /// Where it stands, where that is clear.
    pub(crate) line: Option<usize>,
    pub(crate) outcome: Outcome,
    /// Its name here.
    #[serde(rename = "as")]
    pub(crate) to: Option<String>,
    pub(crate) why: Option<String>,
}

/// A configuration that was taken over.
#[derive(Debug)]
pub(crate) struct Import {
    pub(crate) toml: String,
    pub(crate) rows: Vec<Row>,
}

impl Import {
    pub(crate) fn of(text: &str) -> Result<Self, ImportError> {
        let text = text.trim_start_matches('\u{feff}'); // as editors of Windows leave it
        let whole: Value = serde_json::from_str(text)
            .map_err(|error| ImportError::NotJson { line: error.line(), column: error.column() })?;
        let Value::Object(options) = whole else { return Err(ImportError::NotAnObject) };
        let mut draft = Draft::new(text);
        pools::take(&mut draft, &options);
        options::take(&mut draft, &options);
        devices::take(&mut draft, &options);
        draft.leave_the_rest(&options);
        let toml = draft.document();
        Config::parse(&toml, Path::new("adit.toml"))
            .map_err(|error| ImportError::Unreadable(error.to_string()))?;
        Ok(Self { toml, rows: draft.rows })
    }
}

/// What is made so far.
struct Draft<'a> {
    text: &'a str,
    log: Option<&'static str>,
    mine: Table,
    read: Table,
    listen: Table,
    pools: Vec<Table>,
    devices: Vec<Table>,
    rows: Vec<Row>,
}

impl<'a> Draft<'a> {
    fn new(text: &'a str) -> Self {
        let (mine, read, listen) = (Table::new(), Table::new(), Table::new());
        Self { text, log: None, mine, read, listen, pools: Vec::new(), devices: Vec::new(), rows: Vec::new() }
    }

    fn taken(&mut self, option: &str, to: impl Into<String>) {
        self.row(option, Outcome::Taken, Some(to.into()), None);
    }

    fn changed(&mut self, option: &str, to: impl Into<String>, why: impl Into<String>) {
        self.row(option, Outcome::Changed, Some(to.into()), Some(why.into()));
    }

    fn left_out(&mut self, option: &str, why: impl Into<String>) {
        self.row(option, Outcome::LeftOut, None, Some(why.into()));
    }

    fn row(&mut self, option: &str, outcome: Outcome, to: Option<String>, why: Option<String>) {
        let line = self.line_of(option.split('[').next().unwrap_or(option));
        let option = option.chars().take(NAME).collect();
        self.rows.push(Row { option, line, outcome, to, why });
    }

    /// The line of the only place where `option` is a name.
    fn line_of(&self, option: &str) -> Option<usize> {
        let quoted = serde_json::to_string(option).ok()?;
        let mut places = self.text.match_indices(&quoted).filter(|(at, name)| {
            self.text.get(at + name.len()..).is_some_and(|rest| rest.trim_start().starts_with(':'))
        });
        let (at, _) = places.next()?;
        places.next().is_none().then(|| self.text.get(..at).unwrap_or_default().matches('\n').count() + 1)
    }

    /// Every option is told of once.
    fn leave_the_rest(&mut self, options: &Map<String, Value>) {
        for option in options.keys() {
            let told = |row: &Row| row.option.split('[').next() == Some(option.as_str());
            let name: String = option.chars().take(NAME).collect();
            if !self.rows.iter().any(|row| told(row) || row.option == name) {
                let why = options::why_not(option);
                self.left_out(option, why);
            }
        }
    }

    fn document(&self) -> String {
        let mut document: DocumentMut = DocumentMut::new();
        if let Some(log) = self.log {
            document.insert("log", value(log));
        }
        for (name, table) in [("mine", &self.mine), ("read", &self.read), ("listen", &self.listen)] {
            if !table.is_empty() {
                document.insert(name, Item::Table(table.clone()));
            }
        }
        for (name, tables) in [("pool", &self.pools), ("device", &self.devices)] {
            if !tables.is_empty() {
                let all: ArrayOfTables = tables.iter().cloned().collect();
                document.insert(name, Item::ArrayOfTables(all));
            }
        }
        format!("{}{document}", write::fresh(None))
    }
}

/// What an option says, as text: theirs are written now as texts, now as numbers.
fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.trim().to_owned()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(on) => Some(on.to_string()),
        _ => None,
    }
}

fn number_of(value: &Value) -> Option<f64> {
    text_of(value)?.parse().ok().filter(|number: &f64| number.is_finite())
}

/// A switch is on where it is written at all, unless it says otherwise.
fn is_on(value: &Value) -> bool {
    !matches!(text_of(value).as_deref(), Some("false" | "0"))
}

#[cfg(test)]
impl Import {
    /// What became of `option`.
    fn row(&self, option: &str) -> &Row {
        self.rows
            .iter()
            .find(|row| row.option == option)
            .unwrap_or_else(|| panic!("no {option}: {:?}", self.rows))
    }
}
