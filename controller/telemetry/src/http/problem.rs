//! Errors as RFC 9457 says: `application/problem+json`.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::{IntoResponses, ToSchema};

/// Why a request was refused.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct Problem {
    /// A URI that names the kind of problem; `about:blank` where the status says it all.
    #[serde(rename = "type")]
    pub kind: String,
    /// The status in words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What is wrong, in one sentence.
    pub detail: String,
    /// Path that was asked for.
    pub instance: String,
    /// The id of the request, as in the header `X-Request-Id`.
    pub request_id: String,
}

/// A refusal on its way out. The outermost layer knows path and request id and makes a [`Problem`] of it.
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    status: StatusCode,
    kind: &'static str,
    detail: String,
}

impl Refusal {
    pub(crate) fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self::kind(status, "about:blank", detail)
    }

    pub(crate) fn kind(status: StatusCode, kind: &'static str, detail: impl Into<String>) -> Self {
        Self { status, kind, detail: detail.into() }
    }

    pub(crate) fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, detail)
    }

    pub(crate) fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, detail)
    }

    /// A key would help.
    pub(crate) fn wants_key(&self) -> bool {
        self.status == StatusCode::UNAUTHORIZED
    }

    /// The answer to the request `id` for `path`.
    pub(crate) fn answer(self, path: &str, id: &str) -> Response {
        let problem = Problem {
            kind: self.kind.to_owned(),
            title: self.status.canonical_reason().unwrap_or("Error").to_owned(),
            status: self.status.as_u16(),
            detail: self.detail,
            instance: path.to_owned(),
            request_id: id.to_owned(),
        };
        let body = serde_json::to_vec(&problem).unwrap_or_default();
        let json = HeaderValue::from_static("application/problem+json");
        let mut response = (self.status, [(header::CONTENT_TYPE, json)], body).into_response();
        if self.status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// What every path may answer beside its own.
#[derive(IntoResponses)]
#[allow(dead_code, reason = "a description; the answers themselves are made by `Refusal`")]
pub(crate) enum Refusals {
    /// The request makes no sense: a parameter that is not known, or a value that it cannot take.
    #[response(status = 400, content_type = "application/problem+json")]
    BadRequest(Problem),
    /// There is no key, or one that is not known or has expired.
    #[response(status = 401, content_type = "application/problem+json")]
    Unauthorized(Problem),
    /// The header `Host` or `Origin` names somebody else: a web page of another site must not read this. Or the key does not allow
    /// this.
    #[response(status = 403, content_type = "application/problem+json")]
    Forbidden(Problem),
    /// There is no such thing.
    #[response(status = 404, content_type = "application/problem+json")]
    NotFound(Problem),
    /// This path knows other methods only.
    #[response(status = 405, content_type = "application/problem+json")]
    MethodNotAllowed(Problem),
    /// The request carries a body that is too long.
    #[response(status = 413, content_type = "application/problem+json")]
    TooLong(Problem),
    /// Too many requests; `Retry-After` says when to come back. Only where others than this machine may ask.
    #[response(status = 429, content_type = "application/problem+json")]
    TooMany(Problem),
    /// Nothing is known yet, or too many are asking at once.
    #[response(status = 503, content_type = "application/problem+json")]
    Unavailable(Problem),
}

/// What a path that needs a key may answer as well.
#[derive(IntoResponses)]
#[allow(dead_code, reason = "a description; the answers themselves are made by `Refusal`")]
pub(crate) enum CommandRefusals {
    /// The body did not arrive in time.
    #[response(status = 408, content_type = "application/problem+json")]
    TooSlow(Problem),
    /// It was not done: `type` is `/problems/refused` where this cannot be done now or must not be, and `/problems/unsupported` where
    /// the device cannot do it at all.
    #[response(status = 409, content_type = "application/problem+json")]
    Refused(Problem),
    /// The body is not JSON.
    #[response(status = 415, content_type = "application/problem+json")]
    NotJson(Problem),
    /// No answer came in time: what became of the command is not known.
    #[response(status = 504, content_type = "application/problem+json")]
    Silence(Problem),
}
