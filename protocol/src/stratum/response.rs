//! Responses, and the many ways of saying no (§1).

use std::fmt;

use serde_json::{Map, Value};

use super::fields::quote;
use super::message::take;
use super::{Id, Message};

/// The answer to a request, members as they were sent; null where missing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Response {
    /// Id of the request.
    pub id: Id,
    /// `result`.
    pub result: Value,
    /// `error`.
    pub error: Value,
    /// `reject-reason`, which some pools write beside `"result":false`.
    pub reject_reason: Option<String>,
}

/// Why a request was refused, in the words of the other side.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refusal {
    /// Error code.
    pub code: Option<i64>,
    /// Text.
    pub message: Option<String>,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.message, self.code) {
            (Some(message), _) => f.write_str(message),
            (None, Some(code)) => write!(f, "error {code}"),
            (None, None) => f.write_str("no reason given"),
        }
    }
}

impl Response {
    /// Success: `result`, no error.
    pub fn ok(id: Id, result: impl Into<Value>) -> Self {
        Self { id, result: result.into(), ..Self::default() }
    }

    /// Refusal in the common form `[code, "text", null]`.
    pub fn error(id: Id, code: i64, message: &str) -> Self {
        Self { id, error: Value::Array(vec![code.into(), message.into(), Value::Null]), ..Self::default() }
    }

    /// Whether a share was accepted: `result` is true, whatever `error` says.
    pub fn accepted(&self) -> Result<(), Refusal> {
        if self.result == Value::Bool(true) { Ok(()) } else { Err(self.refusal().unwrap_or_default()) }
    }

    /// Whether a login or another request was granted: no error, and `result` is not false. Null is success: some pools
    /// answer `mining.authorize` so.
    pub fn granted(&self) -> Result<(), Refusal> {
        match self.refusal() {
            Some(refusal) => Err(refusal),
            None if self.result == Value::Bool(false) => Err(Refusal::default()),
            None => Ok(()),
        }
    }

    /// The error in any of its forms; `None` where there is none. `reject-reason` wins over the other texts.
    pub fn refusal(&self) -> Option<Refusal> {
        let mut refusal = refusal_of(&self.error);
        if let Some(reason) = &self.reject_reason {
            refusal.get_or_insert_default().message = Some(reason.clone());
        }
        refusal
    }

    pub(super) fn from_object(id: Id, mut object: Map<String, Value>) -> Self {
        let reject_reason = object.get("reject-reason").and_then(text_of);
        Self { id, result: take(&mut object, "result"), error: take(&mut object, "error"), reject_reason }
    }

    pub(super) fn line(&self) -> String {
        let reason = self.reject_reason.as_deref().map(|text| format!(",\"reject-reason\":{}", quote(text)));
        let reason = reason.unwrap_or_default();
        format!("{{\"id\":{},\"result\":{},\"error\":{}{reason}}}\n", self.id.0, self.result, self.error)
    }
}

impl<C> From<Response> for Message<C> {
    fn from(response: Response) -> Self {
        Self::Response(response)
    }
}

fn refusal_of(error: &Value) -> Option<Refusal> {
    match error {
        Value::Null | Value::Bool(false) => None,
        Value::Bool(true) => Some(Refusal::default()),
        Value::Number(number) => {
            let code = number.as_i64().filter(|code| *code != 0)?;
            Some(Refusal { code: Some(code), message: None })
        }
        Value::String(text) => {
            (!text.is_empty()).then(|| Refusal { code: None, message: Some(text.clone()) })
        }
        Value::Array(parts) if parts.len() < 2 => None,
        Value::Array(parts) => Some(Refusal { code: code_of(&parts[0]), message: text_of(&parts[1]) }),
        Value::Object(parts) => {
            let code = parts.get("code").and_then(code_of);
            let message = parts.get("message").and_then(text_of);
            (code.is_some() || message.is_some()).then_some(Refusal { code, message })
        }
    }
}

fn code_of(value: &Value) -> Option<i64> {
    match value {
        Value::String(text) => text.trim().parse().ok(),
        _ => value.as_i64(),
    }
}

fn text_of(value: &Value) -> Option<String> {
    value.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
}
