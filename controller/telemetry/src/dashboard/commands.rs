//! Forms that give commands. `dashboard.js` sends them to `/api/v1/commands` with the key; without it they are not shown.

use adit_protocol::devices::model;
use maud::{Markup, html};

use super::frame::key_form;
use crate::http::Served;
use crate::reading::Missing;
use crate::snapshot::{Device, Pool};

/// What a device can be told.
pub(super) fn of_device(device: &Device, served: &Served) -> Markup {
    let known = device.model.as_deref().and_then(model);
    let clock = known.and_then(|known| known.clock);
    let core = known.and_then(|known| known.supply).map(|supply| supply.core);
    let plain = [
        ("pause", "Pause", None),
        ("resume", "Resume", None),
        ("identify", "Identify", None),
        ("reset", "Reset", None),
        ("clear_quarantine", "Clear quarantine", Some("Try it again although it rests for its safety?")),
    ];
    html! {
        section aria-labelledby="commands-title" {
            h2 #commands-title { "Commands" }
            (needs(served))
            div.commands.needs-js {
                div.buttons {
                    @for (command, text, ask) in plain {
                        form data-command=(command) data-device=(device.name) data-ask=[ask] { button { (text) } }
                    }
                }
                @match clock {
                    Some([low, default, high]) => (number(device, "frequency", "megahertz", "Clock in MHz",
                        (low.mhz(), default.mhz(), high.mhz()))),
                    None => p.small { "The clock of this model is fixed." },
                }
                @if let Some([low, default, high]) = core {
                    (number(device, "voltage", "volts", "Core voltage in V", (low.0, default.0, high.0)))
                }
                @if device.fan_rpm.missing != Some(Missing::NotFitted) { form data-command="fan" data-device=(device.name) {
                    label for="fan-percent" { "Fan in % (empty: as the temperature asks)" }
                    input #fan-percent name="percent" type="number" min="0" max="100" step="1" inputmode="numeric";
                    button { "Set" }
                } }
            }
        }
    }
}

fn number(
    device: &Device,
    command: &str,
    field: &str,
    text: &str,
    (low, default, high): (f64, f64, f64),
) -> Markup {
    let id = format!("{command}-{field}");
    html! {
        form data-command=(command) data-device=(device.name) {
            label for=(id) { (text) ", " (low) " to " (high) ", usually " (default) }
            input id=(id) name=(field) type="number" min=(low) max=(high) step="any" required inputmode="decimal";
            button { "Set" }
        }
    }
}

/// What a pool can be told. `order`: the numbers of all pools, best first.
pub(super) fn of_pool(pool: &Pool, order: &[u16]) -> Markup {
    let button = |command: &str, text: &str, ask: Option<&str>| {
        html! { form data-command=(command) data-pool=(pool.id) data-ask=[ask] { button { (text) } } }
    };
    let mut sooner: Vec<u16> = order.to_vec();
    let place = order.iter().position(|id| *id == pool.id).unwrap_or_default();
    if place > 0 {
        sooner.swap(place, place - 1);
    }
    let sooner = sooner.iter().map(u16::to_string).collect::<Vec<_>>().join(",");
    let is_disabled = pool.state == crate::snapshot::PoolState::Disabled;
    html! {
        div.buttons.needs-js {
            (button("switch_pool", "Work for it now", None))
            @if is_disabled { (button("enable_pool", "Enable", None)) }
            @else { (button("disable_pool", "Disable", None)) }
            @if place > 0 { form data-command="order_pools" data-pools=(sooner) { button { "Sooner" } } }
            (button("remove_pool", "Remove", Some("Work for this pool no more, and forget it?")))
        }
    }
}

/// What all pools can be told.
pub(super) fn of_pools(served: &Served) -> Markup {
    html! {
        section aria-labelledby="commands-title" {
            h2 #commands-title { "Another pool" }
            (needs(served))
            form.fields.needs-js data-command="add_pool" {
                label for="add-url" { "URL" }
                input #add-url name="url" required maxlength="300" placeholder="stratum+tcp://pool.example:3333";
                label for="add-user" { "User or worker" }
                input #add-user name="user" maxlength="200" autocomplete="off";
                label for="add-pass" { "Password (many pools want none)" }
                input #add-pass name="pass" type="password" maxlength="200" autocomplete="off";
                button { "Add" }
            }
            div.buttons.needs-js {
                form data-command="save" { button { "Save the pools to the configuration" } }
                form data-command="reload" { button { "Read the configuration again" } }
            }
        }
    }
}

/// What has to be there before a command can be given.
pub(super) fn needs(served: &Served) -> Markup {
    html! {
        noscript { p { "Commands need JavaScript here; " code { "adit ctl" } " gives them too." } }
        div.key.needs-js {
            (key_form())
            @if let Some(file) = &served.door.local_file {
                p.small #key-hint {
                    "The key of this run: " code { "cat " (file.display()) } ", with " code { "sudo" } " where adit runs as a service."
                }
            }
        }
    }
}
