//! Parts of a line of text. Recordings have millions of lines: the machinery of `format!` would take longer than decoding.

use std::io::Write as _;

use adit_protocol::wire::Micros;

pub(super) fn words(words: &[&str], line: &mut Vec<u8>) {
    words.iter().for_each(|word| line.extend_from_slice(word.as_bytes()));
}

/// A number in a column of `width`, at its right edge.
pub(super) fn right(number: u64, width: usize, line: &mut Vec<u8>) {
    let mut digits = itoa::Buffer::new();
    let digits = digits.format(number);
    blanks(width.saturating_sub(digits.len()), line);
    line.extend_from_slice(digits.as_bytes());
}

/// A number in a column of `width`, at its left edge.
pub(super) fn left(number: u64, width: usize, line: &mut Vec<u8>) {
    let start = line.len();
    right(number, 0, line);
    blanks(width.saturating_sub(line.len() - start), line);
}

/// Seconds with six decimals in a column of `width`, at its right edge.
pub(super) fn seconds(at: Micros, width: usize, line: &mut Vec<u8>) {
    let (whole, part) = (at.0 / 1_000_000, at.0 % 1_000_000);
    right(whole, width.saturating_sub(7), line);
    let start = line.len();
    right(1_000_000 + part, 0, line); // all six digits, behind a 1 that becomes the point
    line[start] = b'.';
}

/// A positive number with three digits and an exponent: `1.80e1`.
pub(super) fn scientific(value: f64, line: &mut Vec<u8>) {
    let exponent = value.log10().floor();
    let digits = (value / 10_f64.powf(exponent) * 100.0).round();
    // Rounding may give a fourth digit, and a logarithm next to a whole number may be off by one.
    let (digits, exponent) =
        if digits >= 1_000.0 { (digits / 10.0, exponent + 1.0) } else { (digits, exponent) };
    if !(100.0..1_000.0).contains(&digits) {
        let _ = write!(line, "{value:.2e}"); // a Vec takes everything
        return;
    }
    let start = line.len();
    right(digits as u64, 0, line);
    line.insert(start + 1, b'.');
    line.push(b'e');
    line.extend((exponent < 0.0).then_some(b'-'));
    right(exponent.abs() as u64, 0, line);
}

fn blanks(count: usize, line: &mut Vec<u8>) {
    line.resize(line.len() + count, b' ');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(put: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut line = b"|".to_vec();
        put(&mut line);
        String::from_utf8(line).unwrap()
    }

    #[test]
    fn numbers_stand_in_their_columns_and_are_never_cut() {
        assert_eq!(text(|line| right(7, 3, line)), "|  7");
        assert_eq!(text(|line| left(7, 3, line)), "|7  ");
        assert_eq!(text(|line| right(12_345, 3, line)), "|12345");
        for micros in [0, 1, 999_999, 1_000_000, 12_000_034_567, u64::MAX] {
            let expected = format!("|{:>6}.{:06}", micros / 1_000_000, micros % 1_000_000);
            assert_eq!(text(|line| seconds(Micros(micros), 13, line)), expected);
        }
    }

    #[test]
    fn a_difficulty_has_three_digits() {
        let all = [
            1.0,
            9.994,
            9.996,
            18.04,
            99.95,
            99.96,
            1e-10,
            9.999e-8,
            2.328e-10,
            1e6,
            3.5e13,
            0.0,
            f64::INFINITY,
        ];
        for value in all {
            assert_eq!(text(|line| scientific(value, line)), format!("|{value:.2e}"));
        }
    }
}
