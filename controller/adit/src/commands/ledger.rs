//! `adit ledger`: reads the books that a running adit, or one that ran, has left in its history file.

use std::fs;
use std::time::SystemTime;

use adit_telemetry::{By, Day, Ledgered, Line, csv, ledger_of};
use toml_edit::{ArrayOfTables, DocumentMut, Item, Table, value};

use crate::cli::{CreditArgs, LedgerArgs, LedgerPart, LedgerVerb};
use crate::config::{Config, write};
use crate::failure::Failure;
use crate::output::{self, printable};

/// Days of a report where nobody says which: today and those before.
const USUAL_DAYS: i64 = 30;
/// What stands for something unknown.
const UNKNOWN: &str = "?";
/// What stands for no device and no pool.
const NOBODY: &str = "(none)";

pub(crate) fn run(args: &LedgerArgs, json: bool) -> Result<(), Failure> {
    let by_day = By { day: true, ..By::NOTHING };
    let (part, by, is_report) = match &args.verb {
        LedgerVerb::Report(part) => (part, by_day, true),
        LedgerVerb::Export { part, .. } => (part, By::ALL, false),
        LedgerVerb::Credit(args) => return write_down(args),
    };
    let config =
        part.config.as_deref().map(Config::read).transpose().map_err(Failure::usage)?.unwrap_or_default();
    let by = part.by.unwrap_or(by);
    let ledger = read(part, &config, by, is_report)?;
    if ledger.missed_shares > 0 {
        eprintln!("adit: {} shares of these days could not be kept and are missing", ledger.missed_shares);
    }
    let text = match (json, is_report) {
        (true, _) => {
            let mut text = Vec::new();
            ledger.lines.iter().try_for_each(|line| output::json(&mut text, line))?;
            text
        }
        (false, false) => csv(&ledger.lines).into_bytes(),
        (false, true) => table(&ledger.lines, by).into_bytes(),
    };
    output::deliver(text)
}

fn read(part: &LedgerPart, config: &Config, by: By, is_report: bool) -> Result<Ledgered, Failure> {
    let file = part.history.as_deref().or(config.read.history()).ok_or_else(|| {
        Failure::usage(anyhow::anyhow!(
            "the configuration names no history: add `history = \"FILE\"` to [read], or say --history FILE"
        ))
    })?;
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let earliest = match is_report {
        true => Day::of_unix_s(now.as_secs_f64()).before(USUAL_DAYS),
        false => Day::first(),
    };
    let (from, to) = (part.from.unwrap_or(earliest), part.to.unwrap_or(Day::last()));
    ledger_of(file, from, to, by, &config.ledger)
        .map_err(|why| Failure::run(anyhow::anyhow!("history {}: {why}", file.display())))
}

/// Adds a `[[ledger.credit]]` to the configuration; everything else in it stays as it is.
fn write_down(args: &CreditArgs) -> Result<(), Failure> {
    let CreditArgs { config: file, pool, day, sats, note } = args;
    let refuse = |why: String| Failure::usage(anyhow::anyhow!("{}: {why}", file.display()));
    let text = fs::read_to_string(file).map_err(|why| refuse(why.to_string()))?;
    let mut document: DocumentMut = text.parse().map_err(|_| refuse("it is not TOML".to_owned()))?;
    let ledger = document.entry("ledger").or_insert_with(|| {
        let mut table = Table::new();
        table.set_implicit(true);
        Item::Table(table)
    });
    let credits = ledger
        .as_table_mut()
        .map(|ledger| ledger.entry("credit").or_insert_with(|| Item::ArrayOfTables(ArrayOfTables::new())));
    let Some(credits) = credits.and_then(Item::as_array_of_tables_mut) else {
        return Err(refuse("its credits are not written as [[ledger.credit]] tables".to_owned()));
    };
    let mut table = Table::new();
    table.insert("day", value(day.to_string()));
    table.insert("pool", value(pool));
    table.insert("sats", value(i64::try_from(*sats).unwrap_or(i64::MAX))); // more than there are: refused below
    if let Some(note) = note {
        table.insert("note", value(note));
    }
    credits.push(table);
    let text = document.to_string();
    Config::parse(&text, file).map_err(Failure::usage)?;
    write::replace(file, text.as_bytes()).map_err(|why| refuse(why.to_string()))
}

/// Columns as wide as what stands in them, and a sum.
fn table(lines: &[Line], by: By) -> String {
    let Some((first, rest)) = lines.split_first() else {
        return "nothing was booked on these days\n".to_owned();
    };
    let sum = rest.iter().fold(first.clone(), |mut sum, line| {
        sum.add(line);
        sum
    });
    let money = |what: &str| match &sum.currency {
        Some(currency) => format!("{what} {}", printable(currency)),
        None => what.to_owned(),
    };
    let is_paid = sum.credited_sats.is_some();
    let mut heads = names(by, "day", "device", "pool").into_iter().map(str::to_owned).collect::<Vec<_>>();
    heads.extend(["accepted", "refused", "hours", "kWh"].map(str::to_owned));
    heads.extend([money("energy"), "est. sats".to_owned(), money("est. income"), money("est. margin")]);
    if is_paid {
        heads.extend(["paid sats".to_owned(), money("paid")]);
    }
    let mut rows = vec![heads];
    rows.extend(lines.iter().map(|line| cells(line, by, is_paid)));
    if lines.len() > 1 {
        let mut last = cells(&sum, by, is_paid);
        names(by, "day", "device", "pool").iter().zip(&mut last).for_each(|(_, cell)| cell.clear());
        last[0] = "sum".to_owned();
        rows.push(last);
    }
    let names = names(by, "", "", "").len();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<_> = (0..rows[0].len()).map(width).collect();
    let pad = |(column, cell): (usize, &String)| match column < names {
        true => format!("{cell:<width$}", width = widths[column]),
        false => format!("{cell:>width$}", width = widths[column]),
    };
    let line = |row: &Vec<String>| row.iter().enumerate().map(pad).collect::<Vec<_>>().join("  ") + "\n";
    let note = "Income is an estimate from difficulty, block subsidy and the pool's scheme; ? is not known (docs/ledger.md).\n";
    rows.iter().map(line).collect::<String>() + note
}

/// Those of three that have columns.
fn names<T>(by: By, day: T, device: T, pool: T) -> Vec<T> {
    let all = [(by.day, day), (by.device, device), (by.pool, pool)];
    all.into_iter().filter_map(|(is_there, name)| is_there.then_some(name)).collect()
}

fn cells(line: &Line, by: By, is_paid: bool) -> Vec<String> {
    let known = |number: Option<f64>, digits: usize| {
        number.map_or_else(|| UNKNOWN.to_owned(), |number| format!("{number:.digits$}"))
    };
    let named = |name: &Option<String>| match name.as_deref().unwrap_or_default() {
        "" => NOBODY.to_owned(),
        name => printable(name),
    };
    let day = line.day.map(|day| day.to_string()).unwrap_or_default();
    let mut cells = names(by, day, named(&line.device), named(&line.pool));
    cells.extend([
        line.accepted.to_string(),
        (line.rejected + line.stale + line.lost).to_string(),
        format!("{:.2}", line.hashing_hours),
        known(line.energy_kwh, 3),
        known(line.energy_cost, 4),
        known(line.estimated_sats, 3),
        known(line.estimated_income, 4),
        known(line.estimated_margin, 4),
    ]);
    if is_paid {
        // Where nothing is written down nothing is unknown either.
        let income = line.credited_sats.map(|_| known(line.credited_income, 4));
        cells
            .extend([line.credited_sats.map(|sats| sats.to_string()), income].map(Option::unwrap_or_default));
    }
    cells
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_has_columns_for_what_it_is_told_apart_by_and_a_sum_in_which_unknown_stays_unknown() {
        let line = |day: &str, energy_kwh| Line {
            day: Some(day.parse().unwrap()),
            pool: Some(String::new()),
            accepted: 2,
            stale: 1,
            hashing_hours: 24.0,
            energy_kwh,
            energy_cost: Some(0.1),
            currency: Some("EUR".into()),
            ..Line::default()
        };
        let by = By { day: true, pool: true, ..By::NOTHING };
        let text = table(&[line("2026-11-23", Some(0.5)), line("2026-11-24", None)], by);
        let rows: Vec<Vec<_>> = text.lines().map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(rows[1][..6], ["2026-11-23", "(none)", "2", "1", "24.00", "0.500"], "{text}");
        assert_eq!(rows[3], ["sum", "4", "2", "48.00", "?", "0.2000", "?", "?", "?"], "{text}");
        assert!(text.contains("energy EUR") && text.contains("estimate"), "{text}");
        assert!(!text.contains("paid"), "nobody has written down a credit: {text}");
        assert!(table(&[], by).contains("nothing was booked"));
        let paid = Line {
            credited_sats: Some(25_000),
            credited_income: Some(20.25),
            ..line("2026-11-25", Some(0.0))
        };
        let text = table(&[line("2026-11-24", None), paid], by);
        assert!(text.contains("paid sats  paid EUR"), "{text}");
        for row in [2, 3] {
            assert!(text.lines().nth(row).unwrap().ends_with("25000   20.2500"), "{text}");
        }
    }
}
