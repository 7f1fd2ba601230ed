//! How it looks.

use adit_telemetry::{Device, DeviceState, Event, Pool, PoolState, Severity, Trouble};
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Borders, Cell, Paragraph, Row, Table, TableState, Wrap};

use super::screen::Screen;
use super::words::{UNKNOWN, bars, difficulty, measured, percent, plain, rate, span, window};

const DIM: Style = Style::new().fg(Color::DarkGray);
const GOOD: Style = Style::new().fg(Color::Green);
const POOR: Style = Style::new().fg(Color::Yellow);
const BAD: Style = Style::new().fg(Color::Red);
const BOLD: Style = Style::new().add_modifier(Modifier::BOLD);

/// Troubles shown at most where the devices need the room, and on a screen lower than `HIGH`.
const TROUBLES: usize = 3;
const TROUBLES_LOW: usize = 1;
const HIGH: u16 = 30;
/// Pools shown at most.
const POOLS: usize = 3;
/// Width from which a device's place is shown, too.
const WIDE: u16 = 120;

/// The whole screen.
pub(super) fn draw(frame: &mut Frame<'_>, screen: &Screen) {
    let (troubles, pools) = (&screen.picture.summary.troubles, &screen.picture.pools);
    let height = frame.area().height;
    let details_of = screen.device().filter(|_| screen.details);
    // The details of a device say what is wrong with it.
    let wrong_lines = match details_of {
        Some(_) => Vec::new(),
        None => {
            let most = if height < HIGH { TROUBLES_LOW } else { TROUBLES };
            of_troubles(troubles, most, usize::from(frame.area().width))
        }
    };
    let event_lines = if screen.more_events { height / 2 } else { (height / 5).clamp(3, 12) };
    let [head, pool, wrong, devices, events, keys] = Layout::vertical([
        Constraint::Length(3),
        Constraint::Length(pools.len().min(POOLS) as u16),
        Constraint::Length(wrong_lines.len() as u16),
        Constraint::Min(4),
        Constraint::Length(event_lines),
        Constraint::Length(1),
    ])
    .areas(frame.area());
    frame.render_widget(Paragraph::new(summary(screen)), head);
    frame.render_widget(Paragraph::new(pools.iter().take(POOLS).map(of_pool).collect::<Vec<_>>()), pool);
    frame.render_widget(Paragraph::new(wrong_lines), wrong);
    match details_of {
        Some(device) => details(frame, screen, device, devices),
        None => table(frame, screen, devices),
    }
    frame.render_widget(of_events(&screen.picture.events, screen.picture.summary.at_unix_s), events);
    frame.render_widget(Paragraph::new(keys_line(screen)), keys);
}

fn summary(screen: &Screen) -> Vec<Line<'static>> {
    let summary = &screen.picture.summary;
    let mut first = vec![
        Span::styled(format!("adit {}", plain(&summary.version)), BOLD),
        Span::raw(format!("  up {}  ", span(summary.uptime_s))),
        Span::styled(screen.api.to_string(), DIM),
    ];
    if summary.eased {
        first.push(Span::styled("  simulated, targets eased", POOR));
    }
    if let Some(unread) = &screen.unread {
        first.push(Span::styled(format!("  old: {}", plain(unread)), BAD));
    }
    let longer = ["15m", "1h", "24h"].into_iter().filter_map(|name| window(&summary.hashrate, name));
    // A window that reaches back no further than a shorter one says nothing new.
    let longer = longer.filter(|window| window.span_s * 2.0 >= window.window_s);
    let longer: String = longer.map(|window| format!("  {} {}", window.window, rate(Some(window)))).collect();
    let second = Line::from(vec![
        Span::styled(rate(window(&summary.hashrate, "1m")), BOLD),
        Span::styled(" in 1 min", DIM),
        Span::raw(format!(" of {}", adit_protocol::units::HashRate(summary.nominal_hs))),
        Span::styled(longer, DIM),
    ]);
    let (shares, devices) = (&summary.shares, &summary.devices);
    let refused = shares.rejected + shares.stale;
    let third = Line::from(vec![
        Span::styled(
            format!("{}/{} hashing", devices.hashing, devices.total),
            if devices.hashing == devices.total { GOOD } else { POOR },
        ),
        Span::raw(format!("  accepted {}  ", shares.accepted)),
        Span::styled(format!("refused {refused}"), if refused > 0 { POOR } else { Style::new() }),
        Span::raw(format!(
            "  HW {}  best {}{}",
            percent(summary.hardware_error_ratio),
            difficulty(summary.best_difficulty_session),
            summary
                .best_difficulty_ever
                .map_or_else(String::new, |ever| format!(" (ever {})", difficulty(Some(ever)))),
        )),
        Span::raw(match summary.power_watts.value {
            Some(_) => format!(
                "  {}  {}",
                measured(&summary.power_watts, " W"),
                measured(&summary.efficiency_joules_per_terahash, " J/TH")
            ),
            None => String::new(),
        }),
        Span::styled(
            if summary.blocks > 0 { format!("  {} BLOCK(S)", summary.blocks) } else { String::new() },
            GOOD,
        ),
    ]);
    vec![Line::from(first), second, third]
}

fn of_pool(pool: &Pool) -> Line<'static> {
    let (mark, style) = match pool.state {
        PoolState::Working => ("● ", GOOD),
        PoolState::Standby => ("○ ", Style::new()),
        PoolState::Down => ("✗ ", BAD),
        PoolState::Disabled => ("– ", DIM),
    };
    let latency =
        pool.latency_s.map_or_else(|| UNKNOWN.to_owned(), |latency| format!("{:.1} ms", latency * 1e3));
    Line::from(vec![
        Span::styled(mark, style),
        Span::raw(plain(&pool.pool)),
        Span::styled(
            format!(
                "  diff {}  answers in {latency}  acc {}  refused {}  lost {}",
                difficulty(pool.difficulty),
                pool.shares.accepted,
                pool.shares.rejected + pool.shares.stale,
                pool.shares.lost
            ),
            DIM,
        ),
    ])
}

/// What is wrong and what to do with the first `most`, broken into lines of `width` characters.
fn of_troubles(troubles: &[Trouble], most: usize, width: usize) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    for trouble in troubles.iter().take(most) {
        let subject =
            trouble.subject.as_ref().map_or_else(String::new, |subject| format!("{}: ", plain(subject)));
        let what = format!("{subject}{}", plain(&trouble.what));
        for (first, style, text) in [("✗ ", BAD, what), ("  → ", Style::new(), plain(&trouble.fix))] {
            for (number, part) in broken(&text, width.saturating_sub(4)).into_iter().enumerate() {
                let mark = if number == 0 { first } else { "    " };
                lines.push(Line::from(vec![Span::styled(mark, style), Span::styled(part, style)]));
            }
        }
    }
    if troubles.len() > most {
        lines.push(Line::styled(format!("  and {} more: s sorts by trouble", troubles.len() - most), DIM));
    }
    lines
}

/// `text` in lines of at most `width` characters, broken between words where that is possible.
fn broken(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let line = lines.len() - 1;
        let length = lines[line].chars().count();
        if length > 0 && length + 1 + word.chars().count() > width {
            lines.push(word.to_owned());
        } else {
            let gap = if length > 0 { " " } else { "" };
            lines[line] += &format!("{gap}{word}");
        }
    }
    lines
}

fn table(frame: &mut Frame<'_>, screen: &Screen, area: Rect) {
    let devices = screen.devices();
    let wide = area.width >= WIDE;
    let name_width =
        devices.iter().map(|device| device.name.chars().count()).max().unwrap_or(0).clamp(6, 24) as u16;
    // What the other columns and the gaps between them leave.
    let bar_width: u16 = if wide { 30 } else { area.width.saturating_sub(name_width + 60).clamp(4, 30) };
    let mut heads = vec!["device", "state", "rate in 1 min", "of clock", "work", "acc", "ref", "HW", "temp"];
    let mut widths = [name_width, 9, 17, 8, bar_width, 5, 3, 5, 5].map(Constraint::Length).to_vec();
    if wide {
        heads.extend(["last nonce", "where"]);
        widths.extend([Constraint::Length(12), Constraint::Fill(1)]);
    }
    let now = screen.picture.summary.at_unix_s;
    let rows = devices.iter().map(|device| row(screen, device, usize::from(bar_width), now, wide));
    let shown = match (screen.filter.is_empty(), devices.len()) {
        (true, shown) => format!(" {shown} devices by {} ", screen.sort.name()),
        (false, shown) => {
            format!(" {shown} of {} devices by {} ", screen.picture.devices.len(), screen.sort.name())
        }
    };
    let table = Table::new(rows, widths)
        .header(Row::new(heads).style(DIM))
        .row_highlight_style(Style::new().add_modifier(Modifier::REVERSED))
        .block(Block::new().borders(Borders::TOP).title(shown).border_style(DIM));
    let mut state = TableState::new().with_selected((!devices.is_empty()).then(|| screen.place()));
    frame.render_stateful_widget(table, area, &mut state);
}

fn row(screen: &Screen, device: &Device, width: usize, now: f64, wide: bool) -> Row<'static> {
    let minute = window(&device.hashrate, "1m");
    // The longest window that says something: a slow stick finds a nonce every few seconds.
    let telling = ["1m", "5m", "15m"].into_iter().filter_map(|name| window(&device.hashrate, name));
    let telling = telling.clone().find(|window| window.certain).or(minute);
    let part = telling.and_then(|window| Some(window.hashrate_hs? / device.nominal_hs?));
    let full = device.nominal_hs.unwrap_or(0.0) * 1.5;
    let refused = device.shares.rejected + device.shares.stale;
    let sure = device.state == DeviceState::Hashing && minute.is_some_and(|minute| minute.certain);
    let mut cells = vec![
        Cell::from(plain(&device.name)),
        Cell::from(state(device)).style(state_style(device)),
        Cell::from(rate(minute)).style(if sure { Style::new() } else { DIM }),
        Cell::from(percent(part).replace(".0%", "%")),
        Cell::from(bars(screen.bars(device, width), full)).style(Style::new().fg(Color::Cyan)),
        Cell::from(device.shares.accepted.to_string()),
        Cell::from(refused.to_string()).style(if refused > 0 { POOR } else { Style::new() }),
        Cell::from(percent(device.hardware_error_ratio)).style(errors_style(device)),
        Cell::from(measured(&device.temperature_celsius, "°")),
    ];
    if wide {
        let last = device.last_nonce_unix_s.map_or_else(|| UNKNOWN.to_owned(), |at| span(now - at));
        cells.push(Cell::from(last));
        let called = device.worker.as_ref().map_or_else(String::new, |worker| format!("{} ", plain(worker)));
        cells.push(Cell::from(format!("{called}{}", plain(&device.location))).style(DIM));
    }
    Row::new(cells)
}

fn state(device: &Device) -> String {
    match device.retry_in_s {
        Some(seconds) => format!(
            "retry {}",
            if seconds < 60.0 { format!("{seconds:.0} s") } else { format!("{:.0} m", seconds / 60.0) }
        ),
        None => device.state.name().to_owned(),
    }
}

/// Wrong nonces that a healthy device does not have.
fn errors_style(device: &Device) -> Style {
    match device.hardware_error_ratio {
        Some(ratio) if ratio > 0.02 => BAD,
        _ => Style::new(),
    }
}

fn state_style(device: &Device) -> Style {
    match device.state {
        DeviceState::Hashing if device.trouble.is_none() => GOOD,
        DeviceState::Hashing | DeviceState::Idle | DeviceState::Opening | DeviceState::Detecting => POOR,
        _ => BAD,
    }
}

fn details(frame: &mut Frame<'_>, screen: &Screen, device: &Device, area: Rect) {
    let now = screen.picture.summary.at_unix_s;
    let ago = |at: Option<f64>| at.map_or_else(|| "never".to_owned(), |at| format!("{} ago", span(now - at)));
    let text = |value: &Option<String>| value.as_ref().map_or_else(|| UNKNOWN.to_owned(), |text| plain(text));
    let named = |name: &'static str, value: String| {
        Line::from(vec![Span::styled(format!("{name:<12}"), DIM), Span::raw(value)])
    };
    let chips = device.chips.map_or_else(String::new, |chips| format!(", {chips} × {}", text(&device.chip)));
    let faults = match &device.last_fault {
        Some(fault) => {
            format!("{} fault(s), last {}: {}", device.faults, ago(device.last_fault_unix_s), plain(fault))
        }
        None => "no fault so far".to_owned(),
    };
    let mut lines = vec![
        named(
            "what",
            format!(
                "{}{chips}{}",
                text(&device.model_name),
                if device.identified { "" } else { " (not yet certain)" }
            ),
        ),
        named(
            "where",
            format!("{}  serial {}  {}", plain(&device.location), text(&device.serial), plain(&device.id)),
        ),
        named("state", format!("{}  {faults}", state(device))),
    ];
    if device.worker.is_some() || device.agent.is_some() {
        lines.insert(2, named("calls itself", format!("{}  {}", text(&device.worker), text(&device.agent))));
    }
    if let Some(trouble) = &device.trouble {
        lines.push(Line::from(vec![
            Span::styled(format!("{:<12}", "wrong"), BAD),
            Span::styled(plain(&trouble.what), BAD),
        ]));
        lines.push(named("do", plain(&trouble.fix)));
    }
    let rates: Vec<String> =
        device.hashrate.iter().map(|window| format!("{} {}", window.window, rate(Some(window)))).collect();
    let nonces = &device.nonces;
    lines.extend([
        named("rate", rates[..rates.len().min(3)].join("   ")),
        named("", rates[rates.len().min(3)..].join("   ")),
        named(
            "nonces",
            format!(
                "{} received: {} shares, {} below, {} stale, {} duplicate, {} unknown, {} wrong ({})",
                nonces.received,
                nonces.share + nonces.block,
                nonces.below_share,
                nonces.stale,
                nonces.duplicate,
                nonces.unknown_work,
                nonces.hardware_error,
                percent(device.hardware_error_ratio)
            ),
        ),
        named(
            "shares",
            format!(
                "{} accepted, {} rejected, {} stale, {} lost; best {}, last nonce {}, last share {}",
                device.shares.accepted,
                device.shares.rejected,
                device.shares.stale,
                device.shares.lost,
                difficulty(device.best_difficulty),
                ago(device.last_nonce_unix_s),
                ago(device.last_share_unix_s)
            ),
        ),
    ]);
    for unit in &device.units {
        let readings: Vec<String> = unit
            .readings
            .iter()
            .map(|(name, reading)| format!("{} {}", plain(name), measured(reading, "")))
            .collect();
        lines.push(Line::from(vec![
            Span::styled(format!("{:<12}", format!("unit {}", unit.unit)), DIM),
            Span::raw(format!(
                "{} nonces, {} wrong  {}",
                unit.nonces.received,
                percent(unit.hardware_error_ratio),
                readings.join("  ")
            )),
        ]));
    }
    let title = format!(" {} (Esc: back) ", plain(&device.name));
    let block = Block::new().borders(Borders::TOP).title(title).border_style(DIM);
    frame.render_widget(Paragraph::new(lines).wrap(Wrap { trim: false }).block(block), area);
}

fn of_events(events: &[Event], now: f64) -> Paragraph<'static> {
    let line = |event: &Event| {
        let style = match event.severity {
            Severity::Info => Style::new(),
            Severity::Warning => POOR,
            Severity::Error => BAD,
        };
        Line::from(vec![
            Span::styled(format!("{:>12} ago  ", span(now - event.at_unix_s)), DIM),
            Span::styled(plain(&event.sentence), style),
        ])
    };
    let block = Block::new().borders(Borders::TOP).title(" events, newest first ").border_style(DIM);
    Paragraph::new(events.iter().map(line).collect::<Vec<_>>()).block(block)
}

fn keys_line(screen: &Screen) -> Line<'static> {
    if screen.typing {
        return Line::from(vec![
            Span::styled("filter: ", BOLD),
            Span::raw(format!("{}▏", screen.filter)),
            Span::styled("  Enter: keep  Esc: none", DIM),
        ]);
    }
    let filter =
        if screen.filter.is_empty() { String::new() } else { format!("  filter: {}", screen.filter) };
    Line::styled(format!("↑↓ choose  Enter details  s sort  / filter  e events  q end{filter}"), DIM)
}
