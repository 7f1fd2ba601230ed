//! What a pool tells or asks a client (§4).

use serde_json::Value;

use super::fields::{self, decimal, quote};
use super::message::{need, param};
use super::{BadParams, Call, Notify};
use crate::hex;
use crate::pow::VersionMask;

/// A call from the pool.
#[derive(Clone, Debug, PartialEq)]
pub enum ServerCall {
    /// `mining.notify`: a job.
    Notify(Notify),
    /// `mining.set_difficulty`: of the jobs announced after it. Positive and finite.
    SetDifficulty(f64),
    /// `mining.set_extranonce`: from the next job on. A part that is missing stays as it is.
    SetExtranonce {
        /// The pool's part.
        extranonce1: Option<Vec<u8>>,
        /// Bytes of our part.
        extranonce2_size: Option<u8>,
    },
    /// `mining.set_version_mask`: version bits that may be rolled, from now on.
    SetVersionMask(VersionMask),
    /// `client.reconnect`.
    Reconnect(Reconnect),
    /// `client.show_message`: text for the user, not to be trusted.
    ShowMessage(String),
    /// `client.get_version`: wants the user agent.
    GetVersion,
    /// `mining.ping`: wants `"pong"`.
    Ping,
    /// `mining.set_goal`: of no consequence.
    SetGoal,
    /// Any other method.
    Unknown {
        /// As it was written.
        method: String,
    },
}

/// Where a client is to connect to, and when (§12).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reconnect {
    /// `None`: the same host.
    pub host: Option<String>,
    /// `None`: the same port.
    pub port: Option<u16>,
    /// Seconds to wait before.
    pub wait_seconds: u64,
}

impl Reconnect {
    fn parse(params: &[Value]) -> Result<Self, BadParams> {
        let host = match param(params, 0) {
            Value::Null => None,
            Value::String(host) if host.is_empty() => None,
            Value::String(host) => Some(host.clone()),
            _ => return Err(BadParams { field: "host" }),
        };
        let port = match param(params, 1) {
            Value::Null => 0,
            Value::String(text) if text.is_empty() => 0,
            value => need(fields::integer(value).and_then(|port| u16::try_from(port).ok()), "port")?,
        };
        let wait_seconds = fields::number(param(params, 2)).map_or(0, |wait| wait as u64);
        Ok(Self { host, port: (port != 0).then_some(port), wait_seconds })
    }

    fn params(&self) -> String {
        match self {
            Self { host: None, port: None, wait_seconds: 0 } => "[]".into(),
            Self { host, port, wait_seconds } => {
                format!("[{},{},{wait_seconds}]", quote(host.as_deref().unwrap_or("")), port.unwrap_or(0))
            }
        }
    }
}

impl Call for ServerCall {
    fn parse(method: &str, params: &[Value]) -> Option<(&'static str, Result<Self, BadParams>)> {
        let first = param(params, 0);
        let call = match method.to_ascii_lowercase().as_str() {
            "mining.notify" => ("mining.notify", Notify::parse(params).map(Self::Notify)),
            "mining.set_difficulty" => (
                "mining.set_difficulty",
                need(fields::difficulty(first), "difficulty").map(Self::SetDifficulty),
            ),
            "mining.set_extranonce" => ("mining.set_extranonce", set_extranonce(params)),
            "mining.set_version_mask" => {
                let mask = need(fields::mask(first), "mask");
                ("mining.set_version_mask", mask.map(|mask| Self::SetVersionMask(VersionMask(mask))))
            }
            "client.reconnect" => ("client.reconnect", Reconnect::parse(params).map(Self::Reconnect)),
            "client.show_message" => {
                let text = need(first.as_str(), "text");
                ("client.show_message", text.map(|text| Self::ShowMessage(text.to_owned())))
            }
            "client.get_version" => ("client.get_version", Ok(Self::GetVersion)),
            "mining.ping" => ("mining.ping", Ok(Self::Ping)),
            "mining.set_goal" => ("mining.set_goal", Ok(Self::SetGoal)),
            _ => return None,
        };
        Some(call)
    }

    fn unknown(method: &str) -> Self {
        Self::Unknown { method: method.to_owned() }
    }

    fn method(&self) -> &str {
        match self {
            Self::Notify(_) => "mining.notify",
            Self::SetDifficulty(_) => "mining.set_difficulty",
            Self::SetExtranonce { .. } => "mining.set_extranonce",
            Self::SetVersionMask(_) => "mining.set_version_mask",
            Self::Reconnect(_) => "client.reconnect",
            Self::ShowMessage(_) => "client.show_message",
            Self::GetVersion => "client.get_version",
            Self::Ping => "mining.ping",
            Self::SetGoal => "mining.set_goal",
            Self::Unknown { method } => method,
        }
    }

    fn params(&self) -> String {
        match self {
            Self::Notify(notify) => notify.params(),
            Self::SetDifficulty(difficulty) => format!("[{}]", decimal(*difficulty)),
            Self::SetExtranonce { extranonce1, extranonce2_size } => {
                let extranonce1 = Value::from(extranonce1.as_deref().map(hex::encode));
                format!("[{extranonce1},{}]", Value::from(*extranonce2_size))
            }
            Self::SetVersionMask(mask) => format!("[\"{:08x}\"]", mask.0),
            Self::Reconnect(reconnect) => reconnect.params(),
            Self::ShowMessage(text) => format!("[{}]", quote(text)),
            Self::GetVersion | Self::Ping | Self::SetGoal | Self::Unknown { .. } => "[]".into(),
        }
    }
}

fn set_extranonce(params: &[Value]) -> Result<ServerCall, BadParams> {
    let optional = |index| Some(param(params, index)).filter(|value| !value.is_null());
    let extranonce1 = optional(0).map(|value| need(fields::extranonce1(value), "extranonce1")).transpose()?;
    let extranonce2_size =
        optional(1).map(|value| need(fields::extranonce2_size(value), "extranonce2 size")).transpose()?;
    Ok(ServerCall::SetExtranonce { extranonce1, extranonce2_size })
}
