//! The description of the interface, generated from the code that serves it.

use std::sync::OnceLock;

use utoipa::OpenApi;

use super::api;
use super::problem::Problem;
use crate::Command;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "adit-sim",
        description = "Simulated mining hardware: break it, repair it, look into it, hurry it. Field names end in the unit; what \
                       a device does not have is null. Errors are application/problem+json. Only the loopback interface is served.",
    ),
    paths(
        api::devices,
        api::device,
        api::chip,
        api::i2c,
        api::said,
        api::command,
        api::command_all,
        api::faults,
        api::time,
        api::set_time,
        api::description,
    ),
    components(schemas(Problem, Command))
)]
struct Interface;

/// The document, as JSON.
pub(super) fn document() -> &'static str {
    static DOCUMENT: OnceLock<String> = OnceLock::new();
    DOCUMENT.get_or_init(|| serde_json::to_string(&Interface::openapi()).unwrap_or_default())
}
