//! The ledger as comma-separated values (RFC 4180).

use super::Line;

/// Column names, in their order. They do not change; new ones come at the end.
const COLUMNS: &str = "day,device,pool,accepted,rejected,stale,lost,accepted_difficulty,rejected_difficulty,stale_difficulty,\
lost_difficulty,blocks,hashing_hours,unmeasured_hours,energy_kwh,energy_cost,estimated_sats,estimated_income,estimated_margin,\
currency,credited_sats,credited_income";
/// What stands for something unknown.
const UNKNOWN: &str = "?";
/// What stands for a sum over all days, devices or pools.
const ALL: &str = "*";

/// A header and a row for each line, each ended by CR LF. Numbers have a decimal point and no grouping.
pub fn csv(lines: &[Line]) -> String {
    let mut text = format!("{COLUMNS}\r\n");
    for line in lines {
        let known = |number: Option<f64>| number.map_or_else(|| UNKNOWN.to_owned(), decimal);
        let all = |name: &Option<String>| name.as_deref().map_or_else(|| ALL.to_owned(), field);
        let fields = [
            line.day.map_or_else(|| ALL.to_owned(), |day| day.to_string()),
            all(&line.device),
            all(&line.pool),
            line.accepted.to_string(),
            line.rejected.to_string(),
            line.stale.to_string(),
            line.lost.to_string(),
            decimal(line.accepted_difficulty),
            decimal(line.rejected_difficulty),
            decimal(line.stale_difficulty),
            decimal(line.lost_difficulty),
            line.blocks.to_string(),
            decimal(line.hashing_hours),
            decimal(line.unmeasured_hours),
            known(line.energy_kwh),
            known(line.energy_cost),
            known(line.estimated_sats),
            known(line.estimated_income),
            known(line.estimated_margin),
            field(line.currency.as_deref().unwrap_or_default()),
            line.credited_sats.map_or_else(|| UNKNOWN.to_owned(), |sats| sats.to_string()),
            known(line.credited_income),
        ];
        text += &fields.join(",");
        text += "\r\n";
    }
    text
}

/// To the millionth, and without an exponent.
fn decimal(number: f64) -> String {
    if number.is_finite() { format!("{number:.6}") } else { UNKNOWN.to_owned() }
}

/// In quotes where it needs them. What a spreadsheet would take for a formula gets an apostrophe in front.
fn field(text: &str) -> String {
    let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let text = format!("{}{text}", if formula { "'" } else { "" });
    match text.contains([',', '"', '\r', '\n']) {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_quoted_as_rfc_4180_says_and_unknown_is_a_question_mark() {
        let line = Line {
            device: Some("icarus:a,\"b\"\r\nc".into()),
            pool: Some("=1+1".into()),
            accepted_difficulty: 1e20,
            energy_kwh: Some(0.25),
            estimated_margin: Some(-0.5),
            ..Line::default()
        };
        let text = csv(&[line]);
        let (head, row) = text.split_once("\r\n").unwrap();
        assert_eq!(head, COLUMNS);
        assert_eq!(
            row,
            "*,\"icarus:a,\"\"b\"\"\r\nc\",'=1+1,0,0,0,0,100000000000000000000.000000,0.000000,0.000000,0.000000,0,0.000000,0.000000,\
             0.250000,?,?,?,-0.500000,,?,?\r\n"
        );
        assert_eq!(head.split(',').count(), 22);
    }
}
