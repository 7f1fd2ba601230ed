//! A running adit on a terminal: what it serves is fetched once a second, drawn, and looked at by keys.

mod client;
mod draw;
mod screen;
#[cfg(test)]
mod tests;
pub(crate) mod words;

use std::io;
use std::time::Duration;

use ratatui::crossterm::event::{self, Event, KeyEventKind};

pub(crate) use client::Feed;

use crate::client::Client;
use screen::{Next, Screen};

/// How long a key is waited for before the screen is drawn anew.
const GLANCE: Duration = Duration::from_millis(200);

/// Shows what the adit that `client` asks serves, until the user has seen enough or `updates` have come.
pub(crate) fn show(client: Client, updates: Option<u64>) -> anyhow::Result<()> {
    let api = client.api.to_string();
    let feed = Feed::start(client);
    let first = feed.wait()?; // nobody there is a sentence, not an empty screen
    let mut screen = Screen::new(api, first);
    let mut terminal = ratatui::try_init()?;
    let ended = run(&mut terminal, &feed, &mut screen, updates);
    ratatui::restore();
    Ok(ended?)
}

fn run(
    terminal: &mut ratatui::DefaultTerminal,
    feed: &Feed,
    screen: &mut Screen,
    updates: Option<u64>,
) -> io::Result<()> {
    let mut seen = 1;
    loop {
        terminal.draw(|frame| draw::draw(frame, screen))?;
        if updates.is_some_and(|most| seen >= most) {
            return Ok(());
        }
        if event::poll(GLANCE)?
            && let Event::Key(key) = event::read()?
            && key.kind == KeyEventKind::Press
            && screen.on_key(key) == Next::End
        {
            return Ok(());
        }
        while let Some(update) = feed.newest() {
            seen += 1;
            screen.on_update(update);
        }
    }
}
