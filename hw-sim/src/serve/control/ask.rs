//! What a request asks for, checked.

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::problem::Refusal;

/// A part of the path, the query or the body, checked.
pub(super) struct Asked<T>(pub(super) T);

/// The query of a request. A name or a value that makes no sense is refused.
impl<T: DeserializeOwned, S: Sync> FromRequestParts<S> for Asked<Query<T>> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refusal> {
        let query =
            Query::try_from_uri(&parts.uri).map_err(|error| Refusal::bad_request(error.body_text()))?;
        Ok(Self(query))
    }
}

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Asked<Path<T>> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let path = Path::<T>::from_request_parts(parts, state).await;
        path.map(Self).map_err(|error| Refusal::bad_request(error.body_text()))
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Asked<Json<T>> {
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refusal> {
        // an object and nothing else: serde would also take the fields from a list
        let object = Json::<Map<String, Value>>::from_request(request, state).await.map_err(|error| {
            let status = match &error {
                JsonRejection::MissingJsonContentType(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
                error if error.status() == StatusCode::PAYLOAD_TOO_LARGE => StatusCode::PAYLOAD_TOO_LARGE,
                _ => StatusCode::BAD_REQUEST,
            };
            Refusal::new(status, error.body_text())
        })?;
        let body = serde_json::from_value(Value::Object(object.0));
        body.map(|body| Self(Json(body))).map_err(|error| Refusal::bad_request(error.to_string()))
    }
}
