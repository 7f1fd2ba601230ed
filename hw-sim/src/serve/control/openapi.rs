//! The description of the interface, generated from the code that serves it.

use std::sync::OnceLock;

use serde_json::Value;
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
    DOCUMENT.get_or_init(|| {
        let mut document = serde_json::to_value(Interface::openapi()).unwrap_or_default();
        // a command takes no other fields than its own, which the derived schema of an enum does not say
        let commands =
            document.pointer_mut("/components/schemas/Command/oneOf").and_then(Value::as_array_mut);
        for command in commands.into_iter().flatten().filter_map(Value::as_object_mut) {
            command.insert("additionalProperties".into(), false.into());
        }
        document.to_string()
    })
}
