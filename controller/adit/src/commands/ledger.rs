//! `adit ledger`: reads the books that a running adit, or one that ran, has left in its history file.

use std::time::SystemTime;

use adit_telemetry::{By, Day, Ledgered, Line, csv, ledger_of};

use crate::cli::{LedgerArgs, LedgerPart, LedgerVerb};
use crate::config::Config;
use crate::failure::Failure;
use crate::output::{self, printable};

/// Days of a report where nobody says which: today and those before.
const USUAL_DAYS: i64 = 30;
/// What stands for something unknown.
const UNKNOWN: &str = "?";

pub(crate) fn run(args: &LedgerArgs, json: bool) -> Result<(), Failure> {
    let by_day = By { day: true, ..By::NOTHING };
    let (part, by, is_report) = match &args.verb {
        LedgerVerb::Report(part) => (part, by_day, true),
        LedgerVerb::Export { part, .. } => (part, By::ALL, false),
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
    let heads = names(by, "day", "device", "pool").into_iter().map(str::to_owned).chain(
        ["accepted", "refused", "hours", "kWh"].map(str::to_owned).into_iter().chain([
            money("energy"),
            "est. sats".to_owned(),
            money("est. income"),
            money("est. margin"),
        ]),
    );
    let mut rows = vec![heads.collect::<Vec<_>>()];
    rows.extend(lines.iter().map(|line| cells(line, by)));
    if lines.len() > 1 {
        let mut last = cells(&sum, by);
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

fn cells(line: &Line, by: By) -> Vec<String> {
    let known = |number: Option<f64>, digits: usize| {
        number.map_or_else(|| UNKNOWN.to_owned(), |number| format!("{number:.digits$}"))
    };
    let pool = line.pool.as_deref().unwrap_or_default();
    let mut cells = names(
        by,
        line.day.map(|day| day.to_string()).unwrap_or_default(),
        printable(line.device.as_deref().unwrap_or_default()),
        if pool.is_empty() { "(none)".to_owned() } else { printable(pool) },
    );
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
        assert!(table(&[], by).contains("nothing was booked"));
    }
}
