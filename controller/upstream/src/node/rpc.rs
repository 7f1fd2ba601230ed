//! Calls to a node and what can become of them (`docs/protocols/getblocktemplate.md §1`).

use std::time::Duration;

use serde_json::{Value, json};

#[cfg(any(test, feature = "io"))]
use super::http::HttpResponse;
use crate::ConnectError;
#[cfg(any(test, feature = "io"))]
use crate::legible::legible;

/// A response that is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadHttp {
    /// It begins otherwise, or its lengths make no sense.
    #[error("what answers does not speak HTTP")]
    Malformed,
    /// More than anyone needs.
    #[error("its answer is longer than {limit} bytes")]
    TooLong {
        /// How much is read at most.
        limit: usize,
    },
}

/// A call that brought no result.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RpcFault {
    /// The node cannot be reached.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// It did not answer in time.
    #[error("the node does not answer")]
    TimedOut,
    /// It hung up.
    #[error("the node closed the connection")]
    Closed,
    /// It answers something else.
    #[error(transparent)]
    Http(#[from] BadHttp),
    /// User and password, or the cookie, are wrong.
    #[error("the node refuses the login; check user and password in the URL, or the cookie file")]
    LoginRefused,
    /// Our address is not allowed.
    #[error("the node does not serve this computer; allow it with its option -rpcallowip")]
    Forbidden,
    /// An answer without a result.
    #[error("the node answers with status {0}")]
    Status(u16),
    /// The cookie cannot be read.
    #[error("the node's cookie file cannot be read; is the node running, and may adit read the file?")]
    NoCookie,
    /// The node's own error.
    #[error("the node says: {message} ({code})")]
    Error {
        /// Its code.
        code: i64,
        /// Its words, made legible.
        message: String,
    },
}

impl RpcFault {
    /// Whether the same call may succeed a little later.
    pub(super) fn is_passing(&self) -> bool {
        !matches!(self, Self::Error { code, .. } if !matches!(code, -28 | -9 | -10))
    }

    /// How long to stay away at least.
    pub(super) fn shortest_pause(&self) -> Duration {
        match self {
            Self::Error { code: -28, .. } => Duration::from_secs(5),
            Self::Error { code: -9 | -10, .. } => Duration::from_secs(10),
            Self::LoginRefused | Self::Forbidden => Duration::from_secs(30),
            _ => Duration::ZERO,
        }
    }
}

/// The body of a call.
pub(super) fn request(id: u64, method: &str, params: &Value) -> Vec<u8> {
    json!({ "jsonrpc": "1.0", "id": id, "method": method, "params": params }).to_string().into_bytes()
}

/// What an HTTP response says.
#[cfg(any(test, feature = "io"))]
pub(crate) fn outcome(response: &HttpResponse) -> Result<Value, RpcFault> {
    match response.status {
        401 => return Err(RpcFault::LoginRefused),
        403 => return Err(RpcFault::Forbidden),
        _ => {}
    }
    let status = Err(RpcFault::Status(response.status));
    let Ok(Value::Object(mut reply)) = serde_json::from_slice::<Value>(&response.body) else { return status };
    match reply.get("error") {
        None | Some(Value::Null) => match reply.remove("result") {
            Some(result) if response.status == 200 => Ok(result),
            _ => status,
        },
        Some(error) => Err(RpcFault::Error {
            code: error["code"].as_i64().unwrap_or(0),
            message: legible(error["message"].as_str().unwrap_or_default()),
        }),
    }
}
