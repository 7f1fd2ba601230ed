//! What is wrong with a configuration file: where, and which key; never a value, for it may be a password.

use std::path::{Path, PathBuf};

use serde_path_to_error::{Path as Key, Segment};

/// Why a file cannot be used. Shows no value that stands in it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    /// It cannot be read.
    #[error("configuration {}: {why}", path.display())]
    Unreadable { path: PathBuf, why: std::io::Error },
    /// It is not what it should be.
    #[error("configuration {}, line {line}: {why}", path.display())]
    Malformed { path: PathBuf, line: usize, why: String },
    /// Prices that make no sense; none of them is secret.
    #[error("configuration {}: {why}", path.display())]
    Prices { path: PathBuf, why: adit_telemetry::PricesError },
    /// A device is named in two ways, or in none.
    #[error("configuration {}: [[device]] number {number} needs `select`, or else `model` or `serial`", path.display())]
    WhichDevice { path: PathBuf, number: usize },
}

impl ConfigError {
    /// serde's complaint about `text`, where it is known with the key whose value it is about.
    pub(super) fn malformed(path: &Path, text: &str, error: &toml::de::Error, key: Option<&Key>) -> Self {
        let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        Self::Malformed { path: path.to_owned(), line, why: complaint(error.message(), key) }
    }
}

/// What is wrong, in one line: what serde says, with the key instead of the value, which may be secret.
fn complaint(message: &str, key: Option<&Key>) -> String {
    let message = message.trim().replace('\n', "; ");
    if ["unknown field ", "missing field "].iter().any(|it| message.starts_with(it)) {
        return message; // names a key, and no value
    }
    let is_about_a_value = ["invalid type: ", "invalid value: ", "unknown variant "];
    let why = match message.rsplit_once(", expected ") {
        Some((what, expected)) if is_about_a_value.iter().any(|it| what.starts_with(it)) => {
            format!("expected {}", in_plain_words(expected))
        }
        _ => message,
    };
    match key.map(name) {
        Some(key) if !key.is_empty() => format!("`{key}`: {why}"),
        _ => why,
    }
}

fn in_plain_words(expected: &str) -> &str {
    match expected {
        "a string" => "text in quotes",
        "a boolean" => "true or false",
        "u32" | "u64" => "a whole number",
        "f64" => "a number",
        "a sequence" => "tables under a name in double brackets",
        other => other,
    }
}

/// `pool.url`: which pool it is, the line says.
fn name(key: &Key) -> String {
    let parts = key.iter().filter_map(|part| match part {
        Segment::Map { key } => Some(key.as_str()),
        _ => None,
    });
    parts.collect::<Vec<_>>().join(".")
}

#[cfg(test)]
mod tests {
    use super::super::Config;
    use super::*;

    #[test]
    fn a_value_of_the_wrong_type_is_named_by_its_key_and_not_shown() {
        let table = [
            ("[[pool]]\nurl = \"a:1\"\npass = 31337\n", "line 3: `pool.pass`: expected text in quotes"),
            ("[[pool]]\nurl = \"a:1\"\npass = [\"31337\"]\n", "line 3: `pool.pass`: expected text in quotes"),
            ("[[pool]]\nurl = 31337.5\n", "line 2: `pool.url`: expected text in quotes"),
            ("[mine]\nshares = \"31337\"\n", "line 2: `mine.shares`: expected a whole number"),
            ("[mine]\nattempts = -31337\n", "line 2: `mine.attempts`: expected a whole number"),
            ("[mine]\nattempts = 31337000000\n", "line 2: `mine.attempts`: expected a whole number"),
            ("[mine]\nquarantine_s = \"31337\"\n", "line 2: `mine.quarantine_s`: expected a number"),
            (
                "[[pool]]\nurl = \"a:1\"\nredirect = \"31337\"\n",
                "line 3: `pool.redirect`: expected one of `never`",
            ),
            ("[[pool]]\nurl = \"a:1\"\npass = 31337x\n", "line 3: "),
            ("[[pool]]\nurl = \"a:1\"\npass = \"31337\npas = 1\n", "line 3: "),
            ("[[pool]]\nurl = \"a:1\"\npass = '31337' 'x'\n", "line 3: "),
            ("[[pool]]\nurl = \"a:1\"\npass = '31337'\npass = '31337'\n", "line 4: "),
            ("[[pool]]\nurl = \"a:1\"\npass = hush31337\n", "line 3: "),
            (
                "[mine]\nshares = \"unknown field `, expected 31337\"\n",
                "line 2: `mine.shares`: expected a whole number",
            ),
            ("pool = 31337\n", "line 1: `pool`: expected tables"),
            (
                "[[device]]\nselect = \"model=icarus\"\nsettings = { a = [31337] }\n",
                "line 3: `device.settings.a`: expected a text",
            ),
        ];
        for (text, sentence) in table {
            let error = Config::parse(text, Path::new("adit.toml")).unwrap_err().to_string();
            assert!(error.contains(sentence) && !error.contains("31337") && !error.contains('\n'), "{error}");
        }
    }
}
