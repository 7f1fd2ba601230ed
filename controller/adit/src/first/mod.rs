//! The first start on a terminal: from nothing to a pool that works, in a few questions. No file is edited by hand.

mod ask;
#[cfg(test)]
mod tests;

use std::fs;
use std::io::{self, ErrorKind, IsTerminal, Write};
use std::path::Path;
use std::time::Duration;

use adit_link::{Found, Roots, Selector, scan};
use adit_upstream::PoolConfig;
use adit_upstream::io::{Finding, check_pool};
use tokio::runtime::Builder;
use toml_edit::{ArrayOfTables, DocumentMut, Item, value};

use self::ask::{Desk, Kind};
use crate::cli::PoolArg;
use crate::config::{self, Config, write};
use crate::failure::Failure;
use crate::output::printable;

/// Where the dashboard is where the user wants one.
const DASHBOARD: &str = "127.0.0.1:7785";
/// How long a pool may take to give work.
const PATIENCE: Duration = Duration::from_secs(15);
/// Where packages install the service of a user and that of the system.
const UNITS: [(&str, &str); 2] = [
    ("/usr/lib/systemd/user/adit.service", "systemctl --user enable adit && loginctl enable-linger"),
    ("/etc/systemd/user/adit.service", "systemctl --user enable adit && loginctl enable-linger"),
];

/// What there is to mine with.
#[derive(Clone, Copy)]
struct Devices<'a> {
    /// Those that the user has named.
    named: &'a [Selector],
    /// What is plugged in.
    found: &'a [Found],
}

/// What a user has decided.
#[derive(Debug)]
struct Decided {
    pool: PoolArg,
    dashboard: bool,
}

/// Whether there is somebody who can be asked.
pub(crate) fn somebody_is_there() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Asks whoever sits at the terminal, and keeps the answers in `file`. `named`: the devices of the command line.
pub(crate) fn start(file: &Path, named: &[Selector]) -> Result<(), Failure> {
    let (mut input, mut out) = (io::stdin().lock(), io::stderr());
    let devices = Devices { named, found: &scan(&Roots::default()) };
    let decided = talk(&mut Desk { input: &mut input, out: &mut out }, devices, &try_pool)?;
    keep(file, &decided)?;
    writeln!(out, "\nKept in {}, for you only. From now on `adit mine` is enough.", file.display())?;
    if let Some((_, command)) = UNITS.iter().find(|(unit, _)| Path::new(unit).exists()) {
        writeln!(out, "To have it start with the computer: {command}")?;
    }
    if decided.dashboard {
        writeln!(out, "The dashboard is at http://{DASHBOARD}/ while it runs.")?;
    }
    writeln!(out, "Mining begins; the first share that the pool accepts is announced. Ctrl-C stops it.\n")?;
    Ok(())
}

/// The conversation. `try_pool`: what a pool says when it is asked.
fn talk(
    desk: &mut Desk<'_>,
    devices: Devices<'_>,
    try_pool: &dyn Fn(&PoolConfig) -> Vec<Finding>,
) -> Result<Decided, Failure> {
    desk.say("adit knows no pool yet. A few questions, and it mines; Ctrl-C leaves everything as it is.\n")?;
    show(desk, devices)?;
    let pool = loop {
        let pool = ask_pool(desk)?;
        // invariant: it was checked when it was asked for.
        let Ok(config) = config::Pool::of_args(&pool).config() else { continue };
        desk.say("\nTrying the pool …")?;
        let findings = try_pool(&config);
        for finding in &findings {
            let mark = if finding.ok { "ok  " } else { "FAIL" };
            desk.say(&format!("  {mark} {}: {}", finding.check, printable(&finding.detail)))?;
        }
        let works = findings.iter().all(|finding| finding.ok);
        if works || desk.yes("It does not work yet. Keep it nevertheless", false)? {
            break pool;
        }
    };
    let dashboard = desk.yes(&format!("\nShow it in the browser too, at http://{DASHBOARD}/"), true)?;
    Ok(Decided { pool, dashboard })
}

/// What is plugged in, and what to do about what cannot be used.
fn show(desk: &mut Desk<'_>, Devices { named, found }: Devices<'_>) -> io::Result<()> {
    desk.say("Devices:")?;
    for selector in named {
        desk.say(&format!(
            "  {}: as you have named it, opened when mining begins",
            printable(&selector.to_string())
        ))?;
    }
    if named.is_empty() && found.is_empty() {
        desk.say("  none is plugged in yet; one that is plugged in later is used by itself")?;
    }
    for device in found {
        let is = if device.automatic() { "ready" } else { device.access.name() };
        desk.say(&format!("  {} at {}: {is}", printable(&device.name), device.location))?;
        if let Some(fix) = device.fix.as_deref().filter(|_| !device.automatic()) {
            let what =
                if is == "ambiguous" { "it may be a miner; then start adit mine with --device " } else { "" };
            desk.say(&format!("    -> {what}{}", printable(fix)))?;
        }
    }
    desk.say("")
}

/// A pool whose configuration is right, as far as that can be told without asking it.
fn ask_pool(desk: &mut Desk<'_>) -> Result<PoolArg, Failure> {
    desk.say("Whom to mine for:")?;
    desk.say("  1  a pool that pays to a Bitcoin address")?;
    desk.say("  2  a pool where you have an account")?;
    desk.say("  3  your own Bitcoin node (solo)")?;
    let kind = desk.until("Choose", Some("1"), |text| match text {
        "1" => Ok(Kind::Address),
        "2" => Ok(Kind::Account),
        "3" => Ok(Kind::Node),
        _ => Err("1, 2 or 3".to_owned()),
    })?;
    let address =
        |text: &str| config::address_of(text).map(|it| it.text().to_owned()).map_err(|why| why.to_string());
    loop {
        let url = desk.until(kind.place(), None, |text| match text {
            "" => Err("every pool says it on its page".to_owned()),
            url => Ok(url.to_owned()),
        })?;
        let mut pool = PoolArg { url, ..PoolArg::default() };
        match kind {
            Kind::Address => {
                let address = desk.until("Your Bitcoin address", None, address)?;
                let worker = desk.until("Name of this worker (may stay empty)", Some(""), one_word)?;
                pool.user = Some(if worker.is_empty() { address } else { format!("{address}.{worker}") });
            }
            Kind::Account => {
                pool.user = Some(desk.until("Account or worker", None, |text| match text {
                    "" => Err("the pool has to know whom to pay".to_owned()),
                    user => Ok(user.to_owned()),
                })?);
                let pass =
                    desk.until("Password (many pools want none)", Some("x"), |text| Ok(text.to_owned()))?;
                pool.pass = Some(pass);
            }
            Kind::Node => pool.payout = Some(desk.until("Address that blocks are to pay", None, address)?),
        }
        match config::Pool::of_args(&pool).config() {
            Ok(_) => return Ok(pool),
            Err(why) => desk.say(&format!("  {}", printable(&why.to_string())))?,
        }
    }
}

fn one_word(text: &str) -> Result<String, String> {
    match text.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c)) {
        true => Ok(text.to_owned()),
        false => Err("letters, digits, - and _".to_owned()),
    }
}

fn try_pool(pool: &PoolConfig) -> Vec<Finding> {
    let runtime = Builder::new_current_thread().enable_all().build();
    runtime.map(|runtime| runtime.block_on(check_pool(pool, PATIENCE))).unwrap_or_default()
}

/// Writes the pool, and the dashboard where it is wanted, into `file`; what stands there stays.
fn keep(file: &Path, decided: &Decided) -> Result<(), Failure> {
    let refuse = |why: String| Failure::usage(anyhow::anyhow!("{}: {why}", file.display()));
    let text = match fs::read_to_string(file) {
        Ok(text) => text,
        Err(why) if why.kind() == ErrorKind::NotFound => write::fresh(None),
        Err(why) => return Err(refuse(why.to_string())),
    };
    let mut document: DocumentMut = text.parse().map_err(|_| refuse("it is not TOML".to_owned()))?;
    let PoolArg { url, user, pass, payout } = &decided.pool;
    let mut pools = ArrayOfTables::new();
    pools.push(write::pool(url, user.as_deref(), pass.as_deref(), payout.as_deref()));
    document.insert("pool", Item::ArrayOfTables(pools));
    if decided.dashboard {
        let read = document.entry("read").or_insert_with(toml_edit::table);
        if let Some(read) = read.as_table_like_mut().filter(|read| !read.contains_key("api")) {
            read.insert("api", value(DASHBOARD));
        }
    }
    let text = document.to_string();
    Config::parse(&text, file).map_err(Failure::usage)?;
    write::replace(file, text.as_bytes()).map_err(|why| refuse(why.to_string()))
}
