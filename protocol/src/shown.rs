//! A frame as people and programs are shown it: its kind, and members with a name each.
//!
//! Building one costs one allocation, and byte strings one each: recordings have millions of frames.

use std::fmt;

use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};
use serde_json::Value;

use crate::hex;

/// A frame as it is shown. Serializes to an object whose first member is `type`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// What it is: `job`, `nonce` …
    pub kind: &'static str,
    members: Vec<(&'static str, Member)>,
}

/// What stands behind a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Member {
    /// `null`.
    Nothing,
    /// True or false.
    Flag(bool),
    /// A number.
    Number(u64),
    /// A word of ours.
    Word(&'static str),
    /// A text of the device's.
    Text(String),
    /// Bytes; lower-case hex.
    Bytes(Vec<u8>),
    /// Several byte strings.
    List(Vec<Vec<u8>>),
    /// What came as JSON.
    Json(Value),
}

/// Room for the members of most frames.
const MEMBERS: usize = 8;

impl Shown {
    /// A frame of a kind, without members.
    pub fn new(kind: &'static str) -> Self {
        Self { kind, members: Vec::with_capacity(MEMBERS) }
    }

    /// The same with one more member.
    #[must_use]
    pub fn with(mut self, name: &'static str, member: impl Into<Member>) -> Self {
        self.members.push((name, member.into()));
        self
    }

    /// The members in order.
    pub fn members(&self) -> impl Iterator<Item = (&'static str, &Member)> {
        self.members.iter().map(|(name, member)| (*name, member))
    }

    /// The member called `name`.
    pub fn get(&self, name: &str) -> Option<&Member> {
        self.members().find(|(known, _)| *known == name).map(|(_, member)| member)
    }
}

impl Serialize for Shown {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_map(Some(self.members.len() + 1))?;
        object.serialize_entry("type", self.kind)?;
        for (name, member) in &self.members {
            object.serialize_entry(name, member)?;
        }
        object.end()
    }
}

impl Serialize for Member {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Nothing => serializer.serialize_unit(),
            Self::Flag(flag) => serializer.serialize_bool(*flag),
            Self::Number(number) => serializer.serialize_u64(*number),
            Self::Word(word) => serializer.serialize_str(word),
            Self::Text(text) => serializer.serialize_str(text),
            Self::Bytes(bytes) => Hex(bytes).serialize(serializer),
            Self::Json(value) => value.serialize(serializer),
            Self::List(all) => {
                let mut list = serializer.serialize_seq(Some(all.len()))?;
                all.iter().try_for_each(|bytes| list.serialize_element(&Hex(bytes)))?;
                list.end()
            }
        }
    }
}

impl Member {
    /// Puts it behind `text` as people are shown it: UTF-8.
    pub fn append(&self, text: &mut Vec<u8>) {
        match self {
            Self::Nothing => text.extend(b"null"),
            Self::Flag(flag) => text.extend(if *flag { "true" } else { "false" }.as_bytes()),
            Self::Number(number) => text.extend(itoa::Buffer::new().format(*number).as_bytes()),
            Self::Word(word) => text.extend(word.as_bytes()),
            Self::Text(own) | Self::Json(Value::String(own)) => text.extend(own.as_bytes()),
            Self::Bytes(bytes) => hex::append(bytes, text),
            Self::Json(value) => text.extend(value.to_string().as_bytes()),
            Self::List(all) => {
                for (at, bytes) in all.iter().enumerate() {
                    text.extend((at > 0).then_some(b','));
                    hex::append(bytes, text);
                }
            }
        }
    }
}

/// Bytes in lower-case hex, without a text of their own.
struct Hex<'a>(&'a [u8]);

/// Digits written at once.
const PIECE: usize = 128;

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut piece = [0; PIECE];
        for bytes in self.0.chunks(PIECE / 2) {
            for (pair, byte) in piece.chunks_exact_mut(2).zip(bytes) {
                pair[0] = DIGITS[usize::from(byte >> 4)];
                pair[1] = DIGITS[usize::from(byte & 15)];
            }
            let digits = piece.get(..2 * bytes.len()).and_then(|digits| std::str::from_utf8(digits).ok());
            f.write_str(digits.unwrap_or_default())?;
        }
        Ok(())
    }
}

impl Serialize for Hex<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

macro_rules! numbers {
    ($($number:ty),*) => {
        $(impl From<$number> for Member {
            fn from(number: $number) -> Self {
                Self::Number(number.into())
            }
        })*
    };
}
numbers!(u8, u16, u32, u64);

impl From<bool> for Member {
    fn from(flag: bool) -> Self {
        Self::Flag(flag)
    }
}

impl From<&'static str> for Member {
    fn from(word: &'static str) -> Self {
        Self::Word(word)
    }
}

impl From<String> for Member {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&[u8]> for Member {
    fn from(bytes: &[u8]) -> Self {
        Self::Bytes(bytes.to_vec())
    }
}

impl From<Value> for Member {
    fn from(value: Value) -> Self {
        Self::Json(value)
    }
}

impl From<Vec<Vec<u8>>> for Member {
    fn from(all: Vec<Vec<u8>>) -> Self {
        Self::List(all)
    }
}

impl<M: Into<Self>> From<Option<M>> for Member {
    fn from(member: Option<M>) -> Self {
        member.map_or(Self::Nothing, Into::into)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_an_object_that_begins_with_its_type() {
        let long: Vec<u8> = (0..=255).collect();
        let shown = Shown::new("job")
            .with("job_id", 7_u8)
            .with("merkle_tail", [0x0a, 0xff].as_slice())
            .with("midstates", vec![vec![1], vec![2, 3]])
            .with("all", false)
            .with("temperature_celsius", None::<u8>)
            .with("text", "no \"such\" page".to_owned())
            .with("long", long.as_slice());
        let json = serde_json::to_string(&shown).unwrap();
        let start = r#"{"type":"job","job_id":7,"merkle_tail":"0aff","midstates":["01","0203"],"all":false,"#;
        assert!(json.starts_with(start), "{json}");
        assert!(
            json.contains(r#""temperature_celsius":null,"text":"no \"such\" page","long":"0001"#),
            "{json}"
        );
        let text = |name: &str| {
            let mut text = Vec::new();
            shown.get(name).unwrap().append(&mut text);
            String::from_utf8(text).unwrap()
        };
        assert_eq!(text("long"), hex::encode(&long));
        assert_eq!(text("midstates"), "01,0203");
        assert_eq!(
            (text("job_id"), text("all"), text("temperature_celsius")),
            ("7".into(), "false".into(), "null".into())
        );
        assert_eq!(shown.get("other"), None);
    }
}
