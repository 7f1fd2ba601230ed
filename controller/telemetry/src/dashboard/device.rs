//! `/device?name=…`: one device and its parts.

use adit_protocol::units::HashRate;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use maud::{Markup, html};
use serde::Deserialize;

use super::frame::{Place, frame};
use super::overview::form_urlencoded;
use super::words::{self, Range};
use super::{Past, answer, chart, commands};
use crate::http::{Ask, Served};
use crate::snapshot::{Device, Nonces, Unit};

/// Parts that are shown: a chain of chips has as many.
const UNITS: usize = 512;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct View {
    name: String,
    #[serde(default)]
    range: Range,
    live: Option<String>,
}

pub(super) async fn page(State(served): State<Served>, Ask(view): Ask<View>) -> Response {
    let snapshot = served.snapshot();
    let Some(device) = snapshot.devices.iter().find(|device| device.name == view.name) else {
        let main = html! {
            h1 { "There is no such device" }
            p { "None is called " strong { (view.name) } ". " a href="./" { "All devices" } }
        };
        return answer(StatusCode::NOT_FOUND, frame("no such device", Place::Device, &main));
    };
    let link = |range: Range| format!("device?name={}&range={}", form_urlencoded(&device.name), range.name());
    let charts = match &view.live {
        Some(_) => None,
        None => {
            let past = Past::read(&served, Some(device), view.range).await;
            Some(chart::charts(&past, view.range, &link, Some(device)))
        }
    };
    let now = snapshot.summary.at_unix_s;
    let main = html! {
        p { a href="./" { "← All devices" } }
        h1 { (device.name) }
        div #state data-live { (state(device)) }
        section #figures data-live aria-label="Figures" { (figures(device, now)) }
        @if let Some(charts) = charts { section #charts data-slow aria-labelledby="charts-title" { (charts) } }
        (commands::of_device(device, &served))
        section aria-labelledby="units-title" {
            h2 #units-title { "Parts" }
            div #units data-live { (units(&device.units)) }
        }
        section aria-labelledby="facts-title" {
            h2 #facts-title { "What it is" }
            (facts(device))
        }
    };
    answer(StatusCode::OK, frame(&device.name, Place::Device, &main))
}

fn state(device: &Device) -> Markup {
    html! {
        p { (words::device_state(device.state))
            @if let Some(seconds) = device.retry_in_s { "; tried again in " (words::span(seconds)) }
            @if device.eased { "; " strong { "simulated" } ", with an easier target" }
        }
        @if let Some(trouble) = &device.trouble {
            p.troubles { (words::prose(&trouble.what)) ". " span.fix { "→ " (words::prose(&trouble.fix)) } }
        }
    }
}

fn figures(device: &Device, now: f64) -> Markup {
    let shares = &device.shares;
    html! {
        dl.figures {
            div { dt { "Hash rate" }
                dd { (words::device_rate(device)) }
                dd.small {
                    @match device.nominal_hs {
                        Some(nominal) => { "nominal " (HashRate(nominal)) }
                        None => { "nominal not known" }
                    }
                } }
            div { dt { "Temperature" } dd { (words::measured(&device.temperature_celsius, "°C", 1)) }
                dd.small { "fan " (words::measured(&device.fan_rpm, "rpm", 0)) } }
            div { dt { "Power" } dd { (words::measured(&device.power_watts, "W", 1)) }
                dd.small { "efficiency " (words::measured(&device.efficiency_joules_per_terahash, "J/TH", 1)) } }
            div { dt { "Shares accepted" } dd { (words::count(shares.accepted)) }
                dd.small { (words::count(shares.rejected + shares.stale)) " refused; last "
                           (words::ago(device.last_share_unix_s, now)) } }
            div { dt { "Hardware errors" } dd { (words::ratio(device.hardware_error_ratio)) }
                dd.small { (words::count(device.nonces.hardware_error)) " of " (words::count(device.nonces.received))
                           " nonces; last nonce " (words::ago(device.last_nonce_unix_s, now)) } }
            div { dt { "Faults" } dd { (words::count(device.faults)) }
                dd.small {
                    @if let Some(fault) = &device.last_fault { (fault) ", " (words::ago(device.last_fault_unix_s, now)) }
                } }
        }
        details {
            summary { "Hash rate by window, nonces by verdict" }
            (rates(device))
            (verdicts(&device.nonces))
        }
    }
}

fn rates(device: &Device) -> Markup {
    html! {
        table {
            caption { "Hash rate of verified work" }
            thead { tr { th scope="col" { "Window" } th.number scope="col" { "Rate" }
                         th.number scope="col" { "Uncertainty" } th.number scope="col" { "Nonces" } } }
            tbody {
                @for window in &device.hashrate {
                    tr {
                        th scope="row" { (words::window(window)) }
                        td.number { @match window.hashrate_hs {
                            Some(rate) => (HashRate(rate)),
                            None => (words::none("too few nonces")),
                        } }
                        td.number { @match window.deviation_ratio {
                            Some(ratio) => { "± " (words::number(ratio * 100.0, 0)) " %" }
                            None => (words::none("no nonce")),
                        } }
                        td.number { (words::count(window.nonces)) }
                    }
                }
            }
        }
    }
}

fn verdicts(nonces: &Nonces) -> Markup {
    let rows = [
        ("share", nonces.share),
        ("below the pool's difficulty", nonces.below_share),
        ("block", nonces.block),
        ("stale", nonces.stale),
        ("duplicate", nonces.duplicate),
        ("unknown work", nonces.unknown_work),
        ("hardware error", nonces.hardware_error),
        ("all", nonces.received),
    ];
    html! {
        table {
            caption { "Nonces by verdict" }
            thead { tr { th scope="col" { "Verdict" } th.number scope="col" { "Nonces" } } }
            tbody { @for (name, number) in rows { tr { th scope="row" { (name) } td.number { (words::count(number)) } } } }
        }
    }
}

fn units(units: &[Unit]) -> Markup {
    let mut names: Vec<&str> =
        units.iter().flat_map(|unit| unit.readings.keys().map(String::as_str)).collect();
    names.sort_unstable();
    names.dedup();
    html! {
        @if units.is_empty() { p { "It tells no parts apart and measures nothing." } }
        @else {
            div.scroll tabindex="0" role="region" aria-label="List of parts" {
                table {
                    caption.hidden { "Nonces and readings by part" }
                    thead { tr {
                        th scope="col" { "Part" }
                        th.number scope="col" { "Nonces" }
                        th.number scope="col" { "Errors" }
                        @for name in &names { th.number scope="col" { (words::quantity(name).0) } }
                    } }
                    tbody {
                        @for unit in units.iter().take(UNITS) { tr {
                            th scope="row" { (unit.unit) }
                            td.number { (words::count(unit.nonces.received)) }
                            td.number { (words::ratio(unit.hardware_error_ratio)) }
                            @for name in &names { td.number { (reading(unit, name)) } }
                        } }
                    }
                }
            }
            @if units.len() > UNITS { p { (units.len() - UNITS) " more: " code { "/api/v1/chips" } } }
        }
    }
}

fn reading(unit: &Unit, name: &str) -> Markup {
    let (_, symbol, scale, decimals) = words::quantity(name);
    match unit.readings.get(name) {
        Some(measured) => {
            let scaled =
                crate::reading::Measured { value: measured.value.map(|value| value / scale), ..*measured };
            words::measured(&scaled, symbol, decimals)
        }
        None => html! { span aria-hidden="true" { "–" } span.hidden { "not of this part" } },
    }
}

fn facts(device: &Device) -> Markup {
    let unknown = || "not known".to_owned();
    let rows = [
        (
            "Model",
            device
                .model_name
                .as_ref()
                .map(|_| words::model(device).to_owned())
                .unwrap_or_else(|| format!("one of {}", device.candidates.join(", "))),
        ),
        ("Certain", if device.identified { "yes" } else { "no" }.to_owned()),
        ("Driver", device.driver.clone().unwrap_or_else(unknown)),
        (
            "Chips",
            match (device.chips, &device.chip) {
                (Some(count), Some(kind)) => format!("{count} × {kind}"),
                _ => unknown(),
            },
        ),
        ("Serial number", device.serial.clone().unwrap_or_else(|| "it has none".to_owned())),
        ("Place", device.location.clone()),
        ("Name in history", device.id.clone()),
    ];
    html! { dl.facts { @for (name, value) in rows { div { dt { (name) } dd { (value) } } } } }
}
