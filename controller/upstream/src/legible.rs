//! Making text of a pool fit for a terminal and a log.

use adit_protocol::stratum::Refusal;

/// Longest text shown.
const LIMIT: usize = 256;

/// The first 256 characters of `text`, control and direction characters escaped.
pub(crate) fn legible(text: &str) -> String {
    text.chars().take(LIMIT).fold(String::new(), |mut shown, c| {
        match c {
            '"' | '\'' | '\\' => shown.push(c),
            _ => shown.extend(c.escape_debug()),
        }
        shown
    })
}

/// The same for the text of a refusal.
pub(crate) fn legible_refusal(refusal: Refusal) -> Refusal {
    Refusal { message: refusal.message.map(|text| legible(&text)), ..refusal }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_a_pool_says_can_steer_a_terminal() {
        assert_eq!(legible("hello \u{1b}[31mred\r\n"), r"hello \u{1b}[31mred\r\n");
        assert_eq!(legible("it's \u{202e}\"fine\"\\"), r#"it's \u{202e}"fine"\"#);
        assert_eq!(legible(&"x".repeat(1000)).len(), 256);
    }
}
