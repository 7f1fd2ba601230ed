//! The description of the interface, generated from the code that serves it.

use std::sync::OnceLock;

use utoipa::OpenApi;

use super::problem::Problem;
use super::{api, past};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "adit",
        description = "What can be read of a running adit. Field names end in the unit; what is not known is null. \
                       Errors are application/problem+json. Only the loopback interface is served.",
    ),
    paths(
        api::summary,
        api::pools,
        api::devices,
        api::device,
        api::chips,
        api::shares,
        api::events,
        past::history,
        api::description,
        api::scrape,
        api::healthy,
        api::ready,
    ),
    components(schemas(Problem))
)]
struct Interface;

/// The document, as JSON.
pub(crate) fn document() -> &'static str {
    static DOCUMENT: OnceLock<String> = OnceLock::new();
    DOCUMENT.get_or_init(|| serde_json::to_string(&Interface::openapi()).unwrap_or_default())
}
