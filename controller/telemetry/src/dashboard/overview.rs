//! `/`: what is hashing, what is wrong and what to do.

use adit_protocol::units::HashRate;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use maud::{Markup, html};
use serde::Deserialize;

use super::frame::{Place, frame};
use super::words::{self, Range};
use super::{Past, answer, chart, events, first};
use crate::http::{Ask, Served};
use crate::snapshot::{Device, DeviceState, PoolState, Snapshot, Trouble};

/// Rows of one page of the list of devices.
const ROWS: usize = 50;
/// Troubles that are shown; how many more there are is said.
const TROUBLES: usize = 8;
/// The newest events that are shown.
const EVENTS: usize = 6;

/// What is to be seen of the list of devices and of the past.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct View {
    q: String,
    show: Show,
    page: usize,
    range: Range,
    /// Only what changes from second to second.
    live: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Show {
    #[default]
    All,
    Trouble,
    Hashing,
    Other,
}

impl Show {
    const ALL: [(Self, &str, &str); 4] = [
        (Self::All, "all", "all devices"),
        (Self::Trouble, "trouble", "in trouble"),
        (Self::Hashing, "hashing", "hashing"),
        (Self::Other, "other", "not hashing"),
    ];

    fn name(self) -> &'static str {
        Self::ALL.into_iter().find(|(show, ..)| *show == self).map_or("all", |(_, name, _)| name)
    }

    fn shows(self, device: &Device) -> bool {
        match self {
            Self::All => true,
            Self::Trouble => device.trouble.is_some(),
            Self::Hashing => device.state == DeviceState::Hashing,
            Self::Other => device.state != DeviceState::Hashing,
        }
    }
}

impl View {
    fn shows(&self, device: &Device) -> bool {
        let q = self.q.trim().to_lowercase();
        let words =
            [Some(&device.name), device.model_name.as_ref(), Some(&device.location), device.serial.as_ref()];
        self.show.shows(device)
            && (q.is_empty() || words.into_iter().flatten().any(|word| word.to_lowercase().contains(&q)))
    }

    /// The same with another page or range.
    fn link(&self, page: usize, range: Range) -> String {
        let q: String = form_urlencoded(&self.q);
        format!("./?q={q}&show={}&page={page}&range={}", self.show.name(), range.name())
    }
}

/// As the value of a query.
pub(super) fn form_urlencoded(text: &str) -> String {
    let byte = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' => char::from(byte).to_string(),
        other => format!("%{other:02X}"),
    };
    text.bytes().map(byte).collect()
}

pub(super) async fn page(State(served): State<Served>, Ask(view): Ask<View>) -> Response {
    let snapshot = served.snapshot();
    if snapshot.pools.is_empty() {
        return answer(
            StatusCode::OK,
            frame("first start", Place::Overview, &first::start(&served, &snapshot)),
        );
    }
    let charts = match &view.live {
        Some(_) => None,
        None => {
            let past = Past::read(&served, None, view.range).await;
            Some(chart::charts(&past, view.range, &|range| view.link(view.page, range), None))
        }
    };
    let newest: Vec<_> = served.board.ledger().events_before(u64::MAX).take(EVENTS).cloned().collect();
    let main = html! {
        h1 { "Overview" }
        div #progress data-live { (first::progress(&snapshot)) }
        section #wrong data-live aria-labelledby="wrong-title" { (troubles(&snapshot)) }
        section #figures data-live aria-label="Figures" { (figures(&snapshot)) }
        @if let Some(charts) = charts { section #charts data-slow aria-labelledby="charts-title" { (charts) } }
        section aria-labelledby="devices-title" {
            h2 #devices-title { "Devices" }
            (filter(&view))
            div #devices data-live { (devices(&snapshot, &view)) }
        }
        section aria-labelledby="pools-title" {
            h2 #pools-title { "Pools" }
            div #pools data-live { (pools(&snapshot)) }
        }
        section aria-labelledby="newest-title" {
            h2 #newest-title { "Newest events" }
            div #newest data-live { (events::list(&newest, snapshot.summary.at_unix_s)) }
            p { a href="events" { "All events" } }
        }
    };
    answer(StatusCode::OK, frame("overview", Place::Overview, &main))
}

fn troubles(snapshot: &Snapshot) -> Markup {
    let all = &snapshot.summary.troubles;
    html! {
        @if all.is_empty() {
            h2.good #wrong-title { span aria-hidden="true" { "✓" } " Nothing is wrong" }
        } @else {
            h2 #wrong-title { "What is wrong, and what to do" }
            ul.troubles { @for trouble in all.iter().take(TROUBLES) { (trouble_row(snapshot, trouble)) } }
            @if all.len() > TROUBLES {
                p { a href="./?show=trouble" { "and " (all.len() - TROUBLES) " more" } }
            }
        }
    }
}

fn trouble_row(snapshot: &Snapshot, trouble: &Trouble) -> Markup {
    let subject = trouble.subject.as_deref();
    let is_device = subject.is_some_and(|name| snapshot.devices.iter().any(|device| device.name == name));
    html! {
        li {
            @match subject {
                Some(name) if is_device => { strong { (device_link(name, "wrong")) } ": " }
                Some(name) => { strong { (name) } ": " }
                None => {}
            }
            (words::prose(&trouble.what)) ". "
            span.fix { "→ " (words::prose(&trouble.fix)) }
        }
    }
}

/// A link to the page of a device. `from`: where it stands, so that its id is its own.
fn device_link(name: &str, from: &str) -> Markup {
    html! { a id=(format!("{from}-{name}")) href=(format!("device?name={}", form_urlencoded(name))) { (name) } }
}

fn figures(snapshot: &Snapshot) -> Markup {
    let summary = &snapshot.summary;
    let devices = &summary.devices;
    let shares = &summary.shares;
    let refused = shares.rejected + shares.stale;
    let window = words::telling(&summary.hashrate);
    html! {
        dl.figures {
            div { dt { "Hash rate" }
                dd { (words::rate(&summary.hashrate)) }
                dd.small {
                    @if let Some(window) = window { "over " (words::window(window)) ", " }
                    @if summary.nominal_hs > 0.0 { "nominal " (HashRate(summary.nominal_hs)) }
                    @if summary.eased { " " strong { "(simulated)" } }
                } }
            div { dt { "Devices hashing" }
                dd { (devices.hashing) " of " (devices.total) }
                dd.small {
                    @for (number, what) in [(devices.faulted, "failed"), (devices.starting, "starting"), (devices.idle, "idle"),
                                            (devices.away, "away"), (devices.stopped, "paused or stopped")] {
                        @if number > 0 { (number) " " (what) " " }
                    }
                } }
            div { dt { "Shares accepted" }
                dd { (words::count(shares.accepted)) }
                dd.small { (words::count(refused)) " refused, " (words::count(shares.lost)) " lost, "
                           (words::ratio(summary.hardware_error_ratio)) " hardware errors" } }
            div { dt { "Power" }
                dd { (words::measured(&summary.power_watts, "W", 1)) }
                @if summary.power_watts.value.is_none() { (known_power(snapshot)) }
                dd.small { "efficiency " (words::measured(&summary.efficiency_joules_per_terahash, "J/TH", 1)) } }
            div { dt { "Hottest" }
                dd { (hottest(snapshot)) }
                dd.small { (hottest_name(snapshot).unwrap_or_default()) } }
            div { dt { "Best share" }
                dd { (words::difficulty(summary.best_difficulty_session)) }
                dd.small { (words::count(summary.blocks)) " blocks found; running for " (words::span(summary.uptime_s)) } }
        }
    }
}

/// What is known of the power where not all of it is.
fn known_power(snapshot: &Snapshot) -> Markup {
    let known = || snapshot.devices.iter().filter_map(|device| device.power_watts.value);
    let all = snapshot.devices.len();
    html! {
        @if known().next().is_some() {
            dd.small { (known().count()) " of " (all) " devices measure it: " (words::number(known().sum(), 1)) " W" }
        }
    }
}

fn hottest_device(snapshot: &Snapshot) -> Option<&Device> {
    let known = snapshot.devices.iter().filter(|device| device.temperature_celsius.value.is_some());
    known.max_by(|a, b| {
        let of = |device: &Device| device.temperature_celsius.value.unwrap_or_default();
        of(a).total_cmp(&of(b))
    })
}

fn hottest(snapshot: &Snapshot) -> Markup {
    let at_work = |device: &&Device| device.state == DeviceState::Hashing;
    let unmeasured = snapshot.devices.iter().find(at_work).or(snapshot.devices.first());
    match hottest_device(snapshot).or(unmeasured) {
        Some(device) => words::measured(&device.temperature_celsius, "°C", 1),
        None => words::none("no device"),
    }
}

fn hottest_name(snapshot: &Snapshot) -> Option<&str> {
    hottest_device(snapshot).map(|device| device.name.as_str())
}

fn filter(view: &View) -> Markup {
    html! {
        form.filter method="get" action="./" role="search" {
            label for="q" { "Find" }
            input #q name="q" type="search" value=(view.q) placeholder="name, model, place, serial" maxlength="100";
            label for="show" { "Show" }
            select #show name="show" {
                @for (show, name, text) in Show::ALL {
                    option value=(name) selected[show == view.show] { (text) }
                }
            }
            input type="hidden" name="range" value=(view.range.name());
            button { "Apply" }
        }
    }
}

fn devices(snapshot: &Snapshot, view: &View) -> Markup {
    let found: Vec<&Device> = snapshot.devices.iter().filter(|device| view.shows(device)).collect();
    let last = found.len().saturating_sub(1) / ROWS;
    let page = view.page.min(last);
    html! {
        @if found.is_empty() {
            p { @if snapshot.devices.is_empty() { "No device is there." } @else { "No device is like this." } }
        } @else {
            div.scroll tabindex="0" role="region" aria-label="List of devices" {
                table {
                    caption.hidden { "Devices, " (found.len()) " in all" }
                    thead { tr {
                        th scope="col" { "Device" }
                        th scope="col" { "State" }
                        th.number scope="col" { "Hash rate" }
                        th.number scope="col" { "Temperature" }
                        th.number.wide scope="col" { "Power" }
                        th.number.wide scope="col" { "Accepted" }
                        th.number.wide scope="col" { "Errors" }
                        th.wide scope="col" { "Model" }
                    } }
                    tbody { @for device in found.iter().skip(page * ROWS).take(ROWS) { (device_row(device)) } }
                }
            }
            @if last > 0 { (pages(view, page, last, found.len())) }
        }
    }
}

fn device_row(device: &Device) -> Markup {
    html! {
        tr {
            th scope="row" { (device_link(&device.name, "row")) }
            td { (words::device_state(device.state)) @if device.eased { " " span.small { "(simulated)" } } }
            td.number { (words::device_rate(device)) }
            td.number { (words::measured(&device.temperature_celsius, "°C", 1)) }
            td.number.wide { (words::measured(&device.power_watts, "W", 1)) }
            td.number.wide { (words::count(device.shares.accepted)) }
            td.number.wide { (words::ratio(device.hardware_error_ratio)) }
            td.wide { (words::model(device)) }
        }
    }
}

fn pages(view: &View, page: usize, last: usize, found: usize) -> Markup {
    let (first_row, last_row) = (page * ROWS + 1, found.min((page + 1) * ROWS));
    html! {
        nav.pages aria-label="Pages of the list" {
            @if page > 0 { a #page-before href=(view.link(page - 1, view.range)) rel="prev" { "← before" } }
            span { (first_row) " to " (last_row) " of " (found) }
            @if page < last { a #page-after href=(view.link(page + 1, view.range)) rel="next" { "after →" } }
        }
    }
}

fn pools(snapshot: &Snapshot) -> Markup {
    html! {
        ul.plain {
            @for pool in &snapshot.pools {
                li {
                    (words::pool_state(pool.state)) " " strong { (pool.pool) } " as " (pool.user) ": "
                    (words::count(pool.shares.accepted)) " accepted"
                    @if pool.state == PoolState::Working { ", difficulty " (words::difficulty(pool.difficulty)) }
                }
            }
        }
        p { a #to-pools href="pools" { "Pools in detail" } }
    }
}
