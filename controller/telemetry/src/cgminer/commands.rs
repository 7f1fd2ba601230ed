//! The commands: which there are, who answers them.

use super::access::Access;
use super::record::Record;
use super::reply::{Body, Form, Letterhead, Reply, joined};
use super::report::{self, Seen};
use super::request::Request;
use super::steer::SUPPORTED;

/// One command.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Command {
    pub(crate) name: &'static str,
    /// It changes something.
    pub(crate) writes: bool,
    /// It may be joined with others.
    joins: bool,
}

const fn reads(name: &'static str) -> Command {
    Command { name, writes: false, joins: true }
}

const fn reads_one(name: &'static str) -> Command {
    Command { name, writes: false, joins: false }
}

const fn writes(name: &'static str) -> Command {
    Command { name, writes: true, joins: false }
}

/// All commands that a build for ASICs knows.
pub(crate) const COMMANDS: &[Command] = &[
    reads("version"),
    reads("config"),
    reads("summary"),
    reads("pools"),
    reads("devs"),
    reads("edevs"),
    reads("devdetails"),
    reads("notify"),
    reads("stats"),
    reads("estats"),
    reads("dbgstats"),
    reads("coin"),
    reads("usbstats"),
    reads("lcd"),
    reads("asccount"),
    reads("pgacount"),
    reads_one("asc"),
    reads_one("check"),
    writes("ascenable"),
    writes("ascdisable"),
    writes("ascidentify"),
    writes("ascset"),
    writes("switchpool"),
    writes("enablepool"),
    writes("disablepool"),
    writes("addpool"),
    writes("removepool"),
    writes("poolpriority"),
    writes("poolquota"),
    writes("save"),
    writes("quit"),
    writes("restart"),
    Command { name: "privileged", writes: true, joins: true },
    writes("failover-only"),
    writes("setconfig"),
    writes("debug"),
    writes("zero"),
    writes("hotplug"),
    Command { name: "lockstats", writes: true, joins: true },
];

/// The command of this name.
pub(crate) fn find(name: &str) -> Option<&'static Command> {
    COMMANDS.iter().find(|command| command.name == name)
}

/// The whole answer, without the zero byte at its end.
pub(crate) fn answer(
    request: &Request,
    seen: &Seen,
    access: &Access,
    group: char,
    head: Letterhead<'_>,
) -> String {
    if request.command.contains('+') {
        let mut replies: Vec<(&str, Reply)> = Vec::new();
        for name in request.command.split('+').filter(|name| !name.is_empty()) {
            if replies.len() < COMMANDS.len() && replies.iter().all(|(known, _)| *known != name) {
                let joins = find(name).is_none_or(|command| command.joins);
                let reply = if joins { single(name, None, seen, access, group) } else { Reply::denied(name) };
                replies.push((name, reply));
            }
        }
        return joined(&replies, request.form, head);
    }
    let reply = single(&request.command, request.parameter.as_deref(), seen, access, group);
    let mut out = String::new();
    reply.write(request.form, head, &mut out);
    out
}

/// The answer to something that is no request.
pub(crate) fn refusal(form: Form, reply: &Reply, head: Letterhead<'_>) -> String {
    let mut out = String::new();
    reply.write(form, head, &mut out);
    out
}

fn single(name: &str, parameter: Option<&str>, seen: &Seen, access: &Access, group: char) -> Reply {
    let Some(command) = find(name) else { return Reply::invalid_command() };
    // What changes something and may be done goes another way.
    if command.writes || !access.may(group, name) {
        return Reply::denied(name);
    }
    match name {
        "version" => report::version(),
        "config" => report::config(seen),
        "summary" => report::summary(seen),
        "pools" => report::pools(seen),
        "devs" | "edevs" => report::devs(seen),
        "devdetails" => report::devdetails(seen),
        "notify" => report::notify(seen),
        "stats" => report::stats(seen, true),
        "estats" | "dbgstats" => report::stats(seen, false),
        "coin" => report::coin(seen),
        "usbstats" => Reply::info(88, "No USB Statistics"),
        "lcd" => report::lcd(seen),
        "asccount" => report::count(104, "ASC count", "ASCS", seen.snapshot.devices.len() as u64),
        "pgacount" => report::count(59, "PGA count", "PGAS", 0),
        "asc" => report::asc(seen, parameter),
        "check" => check(parameter, access, group),
        _ => Reply::invalid_command(),
    }
}

fn check(parameter: Option<&str>, access: &Access, group: char) -> Reply {
    let Some(name) = parameter.filter(|name| !name.is_empty()) else {
        return Reply::error(71, "Missing check cmd");
    };
    let found = find(name);
    let allowed = found
        .is_some_and(|command| (!command.writes || SUPPORTED.contains(&name)) && access.may(group, name));
    let answer = |yes: bool| if yes { "Y" } else { "N" };
    let record = Record::default().with("Exists", answer(found.is_some())).with("Access", answer(allowed));
    Reply::success(72, "Check command", Body::One("CHECK", record))
}
