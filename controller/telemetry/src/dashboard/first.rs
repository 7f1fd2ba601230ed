//! The first start: from nothing to the first accepted share, without a file edited by hand.

use maud::{Markup, html};

use super::commands::needs;
use super::words;
use crate::http::Served;
use crate::snapshot::{DeviceState, PoolState, Snapshot};

/// What is shown while there is no pool.
pub(super) fn start(served: &Served, snapshot: &Snapshot) -> Markup {
    html! {
        h1 { "First start" }
        p { "adit knows no pool yet. Two steps, and it mines." }
        section aria-labelledby="found-title" {
            h2 #found-title { "1. Your devices" }
            div #found data-live { (found(snapshot)) }
        }
        section aria-labelledby="whom-title" {
            h2 #whom-title { "2. Whom to mine for" }
            (needs(served))
            div.needs-js { (forms()) }
        }
        section aria-labelledby="later-title" {
            h2 #later-title { "From then on" }
            p {
                "The pool is kept in adit's configuration, and so is the address of this page where there was no configuration yet: "
                code { "adit mine" } " finds both. What else stood on the command line is not kept."
            }
            p {
                "To have it start with the computer: " code { "sudo systemctl enable adit" } ", or for yourself alone "
                code { "systemctl --user enable adit && loginctl enable-linger" } "."
            }
        }
    }
}

fn found(snapshot: &Snapshot) -> Markup {
    let unused = &snapshot.summary.unused;
    html! {
        @if snapshot.devices.is_empty() && unused.is_empty() {
            p { "No device is plugged in. Plug one in: it appears here by itself." }
        }
        ul.plain {
            @for device in &snapshot.devices {
                li {
                    (words::device_state(device.state)) " " strong { (device.name) } " "
                    (words::model(device)) " at " code { (device.location) }
                    @if let Some(trouble) = &device.trouble {
                        ": " (words::prose(&trouble.what)) ". " span.fix { "→ " (words::prose(&trouble.fix)) }
                    }
                }
            }
            @for found in unused {
                li {
                    span.state.bad { span aria-hidden="true" { "▲" } " " (found.access) } " "
                    strong { (found.name) } " at " code { (found.location) }
                    @if let Some(fix) = &found.fix { ". " span.fix { "→ " (words::prose(fix)) } }
                }
            }
        }
    }
}

/// One form for each kind of pool: each asks for what it needs and nothing else.
fn forms() -> Markup {
    html! {
        details.card name="kind" open {
            summary { "A pool that pays to a Bitcoin address" }
            p.small { "The user name is your address. No account is needed; most pools for single sticks and solo pools work so." }
            form.fields data-command="add_pool" data-then="save" {
                label for="a-url" { "Pool" }
                input #a-url name="url" required maxlength="300" placeholder="stratum+tcp://pool.example:3333";
                label for="a-address" { "Your Bitcoin address" }
                input #a-address name="address" required maxlength="100" autocomplete="off" spellcheck="false"
                    aria-describedby="a-why";
                p #a-why.small { "Its checksum is verified before anything is mined." }
                label for="a-worker" { "Name of this worker (optional)" }
                input #a-worker name="worker" maxlength="60" autocomplete="off";
                button { "Begin to mine" }
            }
        }
        details.card name="kind" {
            summary { "A pool where you have an account" }
            form.fields data-command="add_pool" data-then="save" {
                label for="p-url" { "Pool" }
                input #p-url name="url" required maxlength="300" placeholder="stratum+tcp://pool.example:3333";
                label for="p-user" { "Account or worker" }
                input #p-user name="user" required maxlength="200" autocomplete="off" placeholder="account.worker";
                label for="p-pass" { "Password (many pools want none)" }
                input #p-pass name="pass" type="password" maxlength="200" autocomplete="off";
                button { "Begin to mine" }
            }
        }
        details.card name="kind" {
            summary { "Your own Bitcoin node (solo)" }
            p.small { "You get whole blocks or nothing." }
            form.fields data-command="add_pool" data-then="save" {
                label for="n-url" { "Node, with user and password of its RPC" }
                input #n-url name="url" required maxlength="300" autocomplete="off" placeholder="http://USER:PASSWORD@127.0.0.1:8332";
                label for="n-payout" { "Address that blocks are to pay" }
                input #n-payout name="payout" required maxlength="100" autocomplete="off" spellcheck="false";
                button { "Begin to mine" }
            }
        }
    }
}

/// How far it is to the first accepted share; nothing once there is one.
pub(super) fn progress(snapshot: &Snapshot) -> Markup {
    let shares = &snapshot.summary.shares;
    if shares.accepted > 0 {
        return html! {};
    }
    let connected =
        snapshot.pools.iter().any(|pool| matches!(pool.state, PoolState::Working | PoolState::Standby));
    let hashing = snapshot.devices.iter().any(|device| device.state == DeviceState::Hashing);
    let found = snapshot.summary.nonces.received > snapshot.summary.nonces.hardware_error;
    let steps = [
        (connected, "the pool is connected and gives work"),
        (hashing, "a device is hashing"),
        (found, "a right nonce was found"),
        (shares.submitted > 0, "a share was sent to the pool"),
        (false, "the pool has accepted a share"),
    ];
    html! {
        section.card aria-labelledby="progress-title" {
            h2 #progress-title { "On the way to the first share" }
            ol.steps {
                @for (done, what) in steps {
                    li { span aria-hidden="true" { (if done { "✓" } else { "○" }) } " " (what)
                         span.hidden { (if done { ": yes" } else { ": not yet" }) } }
                }
            }
            @if let Some(wait) = expected_wait(snapshot) {
                p.small {
                    @if wait < 1.0 { "At this difficulty several shares are to be expected every second." }
                    @else { "At this difficulty a share is to be expected every " (words::span(wait)) "." }
                }
            }
        }
    }
}

/// Seconds between shares at the pool that is worked for.
fn expected_wait(snapshot: &Snapshot) -> Option<f64> {
    let difficulty = snapshot.pools.iter().find(|pool| pool.state == PoolState::Working)?.difficulty?;
    let rate = Some(snapshot.summary.nominal_hs).filter(|rate| *rate > 0.0)?;
    Some(difficulty * 4_294_967_296.0 / rate)
}
