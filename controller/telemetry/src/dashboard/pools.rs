//! `/pools`: who is worked for.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use maud::{Markup, html};
use serde::Deserialize;

use super::frame::{Place, frame};
use super::{answer, commands, words};
use crate::http::{Ask, Served};
use crate::snapshot::{Pool, Shares, Snapshot};

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct View {
    live: Option<String>,
}

pub(super) async fn page(State(served): State<Served>, Ask(view): Ask<View>) -> Response {
    let _ = view.live; // all of it is short
    let snapshot = served.snapshot();
    let main = html! {
        h1 { "Pools" }
        div #pools data-live { (list(&snapshot)) }
        (commands::of_pools(&served))
    };
    answer(StatusCode::OK, frame("pools", Place::Pools, &main))
}

fn list(snapshot: &Snapshot) -> Markup {
    let mut pools: Vec<&Pool> = snapshot.pools.iter().collect();
    pools.sort_by_key(|pool| pool.priority);
    let order: Vec<u16> = pools.iter().map(|pool| pool.id).collect();
    html! {
        @if pools.is_empty() { p { "There is no pool yet. " a href="./" { "Begin here." } } }
        @for pool in pools { (one(pool, &order, snapshot.summary.at_unix_s)) }
    }
}

fn one(pool: &Pool, order: &[u16], now: f64) -> Markup {
    let title = format!("pool-{}", pool.id);
    html! {
        section.card aria-labelledby=(title) {
            h2 id=(title) { (pool.pool) " " (words::pool_state(pool.state)) }
            dl.facts {
                div { dt { "User" } dd { (pool.user) } }
                div { dt { "URL" } dd { (pool.url) } }
                div { dt { "Number, place" } dd { (pool.id) ", " (pool.priority + 1) ". choice" } }
                div { dt { "Connected" } dd { @match pool.connected_s {
                    Some(seconds) => { "for " (words::span(seconds)) }
                    None => (words::none("no")),
                } } }
                div { dt { "Difficulty" } dd { (words::difficulty(pool.difficulty)) } }
                div { dt { "Shares" } dd { (shares(&pool.shares)) } }
                div { dt { "Last accepted" } dd { (words::ago(pool.last_share_unix_s, now)) } }
                div { dt { "Answers take" } dd { @match pool.latency_average_s {
                    Some(seconds) => { (words::number(seconds * 1e3, 0)) " ms on average" }
                    None => (words::none("no answer yet")),
                } } }
            }
            (super::commands::of_pool(pool, order))
        }
    }
}

fn shares(shares: &Shares) -> Markup {
    html! {
        (words::count(shares.accepted)) " accepted, " (words::count(shares.rejected)) " rejected, "
        (words::count(shares.stale)) " too late, " (words::count(shares.lost)) " lost"
    }
}
