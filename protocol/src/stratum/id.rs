//! Ids of messages and of jobs: the other side chose them, so they keep their JSON type.

use std::fmt;

use serde_json::Value;

/// Id of a call and of the response to it, echoed with its JSON type. Null: nobody waits for a response.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Id(pub Value);

impl Id {
    /// The id of a notification.
    pub const NULL: Self = Self(Value::Null);

    /// Whether it is null or was missing.
    pub fn is_null(&self) -> bool {
        self.0.is_null()
    }

    /// The number it stands for: an integer, a numeric string, or a float without fraction (§1).
    pub fn number(&self) -> Option<u64> {
        match &self.0 {
            Value::Number(number) => number.as_u64().or_else(|| {
                let float = number.as_f64()?;
                let whole = float.fract() == 0.0 && (0.0..9e15).contains(&float);
                whole.then_some(float as u64)
            }),
            Value::String(text) => text.parse().ok(),
            _ => None,
        }
    }
}

impl From<u64> for Id {
    fn from(number: u64) -> Self {
        Self(number.into())
    }
}

/// Id of a job as the pool wrote it: a string, at some pools a number.
#[derive(Clone, Debug, PartialEq)]
pub struct JobId(Value);

impl JobId {
    /// Longest accepted id as JSON text. Real ones have at most 39 digits; a share must fit into a client's line.
    pub const LIMIT: usize = 256;

    /// `None` for anything but a string or a number, and beyond [`Self::LIMIT`].
    pub fn from_value(value: &Value) -> Option<Self> {
        let scalar = value.is_string() || value.is_number();
        (scalar && value.to_string().len() <= Self::LIMIT).then(|| Self(value.clone()))
    }

    /// The JSON value, for echoing.
    pub fn value(&self) -> &Value {
        &self.0
    }
}

impl From<&str> for JobId {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_str() {
            Some(text) => f.write_str(text),
            None => self.0.fmt(f),
        }
    }
}
