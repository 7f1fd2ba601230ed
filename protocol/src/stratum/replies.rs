//! Results of the requests that open a session.

use serde_json::{Map, Value, json};

use super::Response;
use super::fields;
use crate::hex;
use crate::pow::VersionMask;

/// The result of a subscription makes no sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the reply to mining.subscribe has a missing or malformed {field}")]
pub struct BadReply {
    /// Which part.
    pub field: &'static str,
}

/// Result of `mining.subscribe` (§3.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscription {
    /// The pool's part of the extranonce; may be empty.
    pub extranonce1: Vec<u8>,
    /// Bytes of our part, 0 to 32.
    pub extranonce2_size: u8,
    /// Names the session when it is resumed: the id paired with `mining.notify`.
    pub session: Option<String>,
}

impl Subscription {
    /// Reads the result of a response that is no refusal.
    pub fn from_result(result: &Value) -> Result<Self, BadReply> {
        let part = |index: usize| result.get(index).unwrap_or(&Value::Null);
        Ok(Self {
            extranonce1: fields::extranonce1(part(1)).ok_or(BadReply { field: "extranonce1" })?,
            extranonce2_size: fields::extranonce2_size(part(2))
                .ok_or(BadReply { field: "extranonce2 size" })?,
            session: session_id(part(0)),
        })
    }

    /// The result in its usual form.
    pub fn to_result(&self) -> Value {
        let subscriptions = match &self.session {
            Some(session) => json!([["mining.set_difficulty", session], ["mining.notify", session]]),
            None => json!([]),
        };
        json!([subscriptions, hex::encode(&self.extranonce1), self.extranonce2_size])
    }
}

/// The id paired with `mining.notify`, in a list of pairs or in a single pair.
fn session_id(subscriptions: &Value) -> Option<String> {
    let of_pair = |pair: &Value| {
        let method = pair.get(0)?.as_str()?;
        if method.eq_ignore_ascii_case("mining.notify") {
            pair.get(1)?.as_str().map(str::to_owned)
        } else {
            None
        }
    };
    of_pair(subscriptions).or_else(|| subscriptions.as_array()?.iter().find_map(of_pair))
}

/// What a pool says to one extension.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Grant {
    /// Nothing.
    #[default]
    Absent,
    /// Yes.
    Granted,
    /// No; with an error text where there is one.
    Refused(Option<String>),
}

impl Grant {
    /// Whether the answer is yes.
    pub fn is_granted(&self) -> bool {
        *self == Self::Granted
    }

    fn from_member(value: Option<&Value>) -> Self {
        match value {
            None | Some(Value::Null) => Self::Absent,
            Some(Value::Bool(true)) => Self::Granted,
            Some(Value::String(text)) => Self::Refused(Some(text.clone())),
            Some(_) => Self::Refused(None),
        }
    }

    fn to_value(&self) -> Option<Value> {
        match self {
            Self::Absent => None,
            Self::Granted => Some(true.into()),
            Self::Refused(None) => Some(false.into()),
            Self::Refused(Some(text)) => Some(text.as_str().into()),
        }
    }
}

/// Result of `mining.configure` (§3.1).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Configured {
    /// `version-rolling`.
    pub version_rolling: Grant,
    /// `version-rolling.mask`. Missing: wait for `mining.set_version_mask`.
    pub mask: Option<VersionMask>,
    /// `minimum-difficulty`.
    pub minimum_difficulty: Grant,
    /// `subscribe-extranonce`.
    pub subscribe_extranonce: Grant,
}

impl Configured {
    /// Reads a response; a refusal or a result of another shape grants nothing.
    pub fn from_response(response: &Response) -> Self {
        match (&response.result, response.refusal()) {
            (Value::Object(result), None) => Self {
                version_rolling: Grant::from_member(result.get("version-rolling")),
                mask: result.get("version-rolling.mask").and_then(fields::mask).map(VersionMask),
                minimum_difficulty: Grant::from_member(result.get("minimum-difficulty")),
                subscribe_extranonce: Grant::from_member(result.get("subscribe-extranonce")),
            },
            _ => Self::default(),
        }
    }

    /// The result a pool writes.
    pub fn to_result(&self) -> Value {
        let mut result = Map::new();
        let members = [
            ("version-rolling", self.version_rolling.to_value()),
            ("version-rolling.mask", self.mask.map(|mask| format!("{:08x}", mask.0).into())),
            ("minimum-difficulty", self.minimum_difficulty.to_value()),
            ("subscribe-extranonce", self.subscribe_extranonce.to_value()),
        ];
        result.extend(members.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))));
        Value::Object(result)
    }
}
