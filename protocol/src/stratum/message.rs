//! The frame of all messages: what is a call, what is a response, what is neither.

use serde_json::{Map, Value};

use super::fields::quote;
use super::{Id, Response};

/// A line that is no message, or a call that makes no sense.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum BadLine {
    /// The line is not JSON.
    #[error("a line is not JSON")]
    NotJson,
    /// The line is JSON but not an object.
    #[error("a line is not a JSON object")]
    NotAnObject,
    /// A call of a known method has parameters that make no sense.
    #[error("{method}: {why}")]
    Params {
        /// Id of the call; answer it unless null.
        id: Id,
        /// The method, as we write it.
        method: &'static str,
        /// What is wrong.
        why: BadParams,
    },
}

/// The parameter of a call that makes no sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field} is missing or malformed")]
pub struct BadParams {
    /// Which.
    pub field: &'static str,
}

/// The calls of one side.
pub trait Call: Sized {
    /// The call of `method`, compared without regard to case. `None`: not a method of this side.
    fn parse(method: &str, params: &[Value]) -> Option<(&'static str, Result<Self, BadParams>)>;

    /// A call of a method that is not known.
    fn unknown(method: &str) -> Self;

    /// The method as it is written.
    fn method(&self) -> &str;

    /// JSON text of the parameters: an array.
    fn params(&self) -> String;
}

/// One line. `C` is the [`Call`] of the side that sends it.
#[derive(Clone, Debug, PartialEq)]
pub enum Message<C> {
    /// A request; a notification when the id is null.
    Call {
        /// To be echoed in the response.
        id: Id,
        /// What is asked or told.
        call: C,
    },
    /// The answer to a request.
    Response(Response),
}

impl<C: Call> Message<C> {
    /// Reads a line without its LF. Anything with a string `method` is a call, other objects are responses.
    pub fn decode(line: &str) -> Result<Self, BadLine> {
        let value: Value = serde_json::from_str(line).map_err(|_| BadLine::NotJson)?;
        let Value::Object(mut object) = value else { return Err(BadLine::NotAnObject) };
        let id = Id(take(&mut object, "id"));
        let Some(method) = object.get("method").and_then(Value::as_str) else {
            return Ok(Self::Response(Response::from_object(id, object)));
        };
        let params = object.get("params").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        match C::parse(method, params) {
            Some((_, Ok(call))) => Ok(Self::Call { id, call }),
            Some((method, Err(why))) => Err(BadLine::Params { id, method, why }),
            None => Ok(Self::Call { id, call: C::unknown(method) }),
        }
    }

    /// The line with its LF.
    pub fn encode(&self) -> Vec<u8> {
        let line = match self {
            Self::Call { id, call } => {
                format!(
                    "{{\"id\":{},\"method\":{},\"params\":{}}}\n",
                    id.0,
                    quote(call.method()),
                    call.params()
                )
            }
            Self::Response(response) => response.line(),
        };
        line.into_bytes()
    }
}

/// Takes a member out of an object; null where there is none.
pub(super) fn take(object: &mut Map<String, Value>, key: &str) -> Value {
    object.remove(key).unwrap_or(Value::Null)
}

/// The parameter at `index`; null where there is none.
pub(super) fn param(params: &[Value], index: usize) -> &Value {
    params.get(index).unwrap_or(&Value::Null)
}

/// `value`, or the fact that `field` makes no sense.
pub(super) fn need<T>(value: Option<T>, field: &'static str) -> Result<T, BadParams> {
    value.ok_or(BadParams { field })
}
