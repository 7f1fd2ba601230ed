//! Requests: when one is complete, and what it asks for (`docs/protocols/cgminer-api.md §1, §2`).

use serde_json::Value;

use super::reply::{Form, Reply};

/// Longest request.
pub(super) const LONGEST: usize = 64 * 1_024;

/// How much of a request has arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arrived {
    /// All of it.
    All,
    /// A text: complete unless more follows at once.
    Maybe,
    /// Certainly not all.
    Part,
}

/// Whether `bytes` are a whole request.
pub(crate) fn arrived(bytes: &[u8]) -> Arrived {
    let Some(first) = bytes.first() else { return Arrived::Part };
    if bytes.len() >= LONGEST || bytes.iter().any(|byte| [0, b'\n'].contains(byte) && *first != b'{') {
        return Arrived::All;
    }
    if *first != b'{' {
        return Arrived::Maybe;
    }
    let value = serde_json::Deserializer::from_slice(bytes).into_iter::<Value>().next();
    match value {
        Some(Err(error)) if error.is_eof() && !bytes.contains(&0) => Arrived::Part,
        _ => Arrived::All, // a value, or something that will never be one
    }
}

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Request {
    pub(crate) form: Form,
    pub(crate) command: String,
    pub(crate) parameter: Option<String>,
}

/// Reads a whole request. `Err`: what to answer, and in which form.
pub(crate) fn parse(bytes: &[u8]) -> Result<Request, (Form, Reply)> {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    let text = String::from_utf8_lossy(&bytes[..end]);
    if text.starts_with('{') { json(&text) } else { Ok(plain(&text)) }
}

/// `command` or `command|parameter`. Line ends after it are not part of it, though the original thinks so.
fn plain(text: &str) -> Request {
    let text = text.trim_end_matches(['\r', '\n']);
    let (command, parameter) = match text.split_once('|') {
        Some((command, parameter)) => (command, Some(parameter.to_owned())),
        None => (text, None),
    };
    Request { form: Form::Text, command: command.to_owned(), parameter }
}

fn json(text: &str) -> Result<Request, (Form, Reply)> {
    let refuse = |reply| Err((Form::Json, reply));
    let Ok(Value::Object(request)) = serde_json::from_str::<Value>(text) else {
        return refuse(Reply::error(23, "Invalid JSON"));
    };
    let command = match request.get("command") {
        Some(Value::String(command)) => command.clone(),
        Some(_) => return refuse(Reply::invalid_command()),
        None => return refuse(Reply::error(24, "Missing JSON 'command'")),
    };
    let parameter = match request.get("parameter") {
        Some(Value::String(text)) => Some(text.clone()),
        Some(Value::Number(number)) if number.is_f64() => number.as_f64().map(|real| format!("{real:.6}")),
        Some(Value::Number(number)) => Some(number.to_string()),
        _ => None,
    };
    Ok(Request { form: Form::Json, command, parameter })
}
