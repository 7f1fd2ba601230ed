//! The description of the interface, generated from the code that serves it.

use std::sync::OnceLock;

use utoipa::openapi::schema::{AdditionalProperties, Schema};
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{RefOr, Server};
use utoipa::{Modify, OpenApi};

use super::problem::Problem;
use super::{api, money, past, steer};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "adit",
        description = "What can be read of a running adit, and asked of it. Field names end in the unit; what is not known is null. \
                       Errors are application/problem+json. Without TLS only the loopback interface is served.",
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
        money::ledger,
        steer::command,
        steer::audit,
        api::description,
        api::scrape,
        api::healthy,
        api::ready,
    ),
    components(schemas(Problem)),
    modifiers(&Keys)
)]
struct Interface;

/// How keys are sent.
struct Keys;

impl Modify for Keys {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let bearer = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("key", bearer);
        // A command takes no field that it does not know, also where it takes none.
        if let Some(RefOr::T(Schema::OneOf(commands))) = components.schemas.get_mut("Request") {
            for command in &mut commands.items {
                if let RefOr::T(Schema::Object(command)) = command {
                    command.additional_properties = Some(Box::new(AdditionalProperties::FreeForm(false)));
                }
            }
        }
    }
}

/// The document of an interface that is shown at the path `prefix`, as JSON.
pub(crate) fn document(prefix: &str) -> String {
    static DOCUMENT: OnceLock<utoipa::openapi::OpenApi> = OnceLock::new();
    let mut document = DOCUMENT.get_or_init(Interface::openapi).clone();
    if !prefix.is_empty() {
        document.servers = Some(vec![Server::new(prefix)]);
    }
    serde_json::to_string(&document).unwrap_or_default() // plain texts and numbers
}
