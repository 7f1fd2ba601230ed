//! The commands that change something, as the ones that everybody else gives (`docs/protocols/cgminer-api.md §6`).

use super::access::Access;
use super::reply::Reply;
use super::report::Seen;
use super::request::Request as Wire;
use crate::snapshot::{Device, DeviceState, Pool, PoolState};
use crate::steer::{Answer, Password, Request};

/// Commands that can be carried out here. The others that write are denied to everybody: `quit` and `restart` are for whoever
/// started adit, the rest means nothing here.
pub(super) const SUPPORTED: [&str; 13] = [
    "privileged",
    "ascenable",
    "ascdisable",
    "ascidentify",
    "ascset",
    "switchpool",
    "enablepool",
    "disablepool",
    "addpool",
    "removepool",
    "poolpriority",
    "poolquota",
    "save",
];

/// A command of cgminer, understood.
pub(super) struct Plan {
    pub(super) request: Request,
    /// What is answered when it is done.
    done: Reply,
    /// What is answered when it is not, with the reason.
    failed: fn(u64, &str) -> Reply,
    /// The device or pool, as the client numbers it.
    number: u64,
}

impl Plan {
    /// What the client is told.
    pub(super) fn reply(self, answer: &Answer) -> Reply {
        match answer {
            Answer::Done { .. } => self.done,
            failed => (self.failed)(self.number, failed.sentence()),
        }
    }
}

/// What a request that changes something means. `None`: it changes nothing, or nobody may give it here.
pub(super) fn plan(wire: &Wire, seen: &Seen, access: &Access, group: char) -> Option<Result<Plan, Reply>> {
    let name = SUPPORTED.into_iter().find(|name| *name == wire.command)?;
    access.may(group, name).then(|| understood(name, wire.parameter.as_deref().unwrap_or_default(), seen))
}

fn understood(name: &str, parameter: &str, seen: &Seen) -> Result<Plan, Reply> {
    match name {
        "privileged" => Err(Reply::success(46, "Privileged access OK", super::reply::Body::None)),
        "save" => Ok(save()),
        "addpool" => add_pool(parameter, seen),
        "poolpriority" => priority(parameter, seen),
        "poolquota" => quota(parameter, seen),
        "switchpool" | "enablepool" | "disablepool" | "removepool" => of_pool(name, parameter, seen),
        _ => of_device(name, parameter, seen),
    }
}

fn success(code: u16, message: String) -> Reply {
    Reply::success(code, message, super::reply::Body::None)
}

fn save() -> Plan {
    Plan {
        request: Request::Save {},
        done: success(44, "Configuration saved".to_owned()),
        failed: |_, why| Reply::error(43, format!("Can't open or create save file: {why}")),
        number: 0,
    }
}

fn number_of_pool<'a>(text: &str, seen: &'a Seen) -> Result<(usize, &'a Pool), Reply> {
    let pools = &seen.snapshot.pools;
    if pools.is_empty() {
        return Err(Reply::error(8, "No pools"));
    }
    if text.is_empty() {
        return Err(Reply::error(25, "Missing pool id parameter"));
    }
    let found = text.parse::<usize>().ok().and_then(|number| Some((number, pools.get(number)?)));
    found
        .ok_or_else(|| Reply::error(26, format!("Invalid pool id {text} - range is 0 - {}", pools.len() - 1)))
}

fn of_pool(name: &str, parameter: &str, seen: &Seen) -> Result<Plan, Reply> {
    let (number, pool) = number_of_pool(parameter, seen)?;
    let is = |code, what: &str| success(code, format!("{what} pool {number}:'{}'", pool.url));
    let disabled = pool.state == PoolState::Disabled;
    let pool_id = pool.id;
    let (request, done): (_, Reply) = match name {
        "switchpool" => (Request::SwitchPool { pool: pool_id }, is(27, "Switching to")),
        "enablepool" if !disabled => {
            return Err(Reply::info(49, format!("Pool {number}:'{}' already enabled", pool.url)));
        }
        "disablepool" if disabled => {
            return Err(Reply::info(50, format!("Pool {number}:'{}' already disabled", pool.url)));
        }
        "enablepool" => (Request::EnablePool { pool: pool_id }, is(47, "Enabling")),
        "disablepool" => (Request::DisablePool { pool: pool_id }, is(48, "Disabling")),
        _ if pool.state == PoolState::Working => {
            return Err(Reply::error(67, format!("Cannot remove active pool {number}:'{}'", pool.url)));
        }
        _ => (Request::RemovePool { pool: pool_id }, is(68, "Removed")),
    };
    let failed: fn(u64, &str) -> Reply = match name {
        "disablepool" => {
            |number, why| Reply::error(51, format!("Cannot disable last active pool {number}: {why}"))
        }
        "removepool" => |number, why| Reply::error(66, format!("Cannot remove last pool {number}: {why}")),
        _ => |number, why| Reply::error(26, format!("Invalid pool id {number}: {why}")),
    };
    Ok(Plan { request, done, failed, number: number as u64 })
}

fn priority(parameter: &str, seen: &Seen) -> Result<Plan, Reply> {
    let mut pools = Vec::new();
    for entry in parameter.split(',') {
        let (number, pool) = number_of_pool(entry.trim(), seen)?;
        let id = u32::from(pool.id);
        if pools.contains(&id) {
            return Err(Reply::error(74, format!("Duplicate pool specified {number}")));
        }
        pools.push(id);
    }
    Ok(Plan {
        request: Request::OrderPools { pools },
        done: success(73, "Changed pool priorities".to_owned()),
        failed: |_, why| Reply::error(26, format!("Invalid pool id: {why}")),
        number: 0,
    })
}

fn quota(parameter: &str, seen: &Seen) -> Result<Plan, Reply> {
    let (number, value) = parameter.split_once(',').unwrap_or((parameter, ""));
    let (_, pool) = number_of_pool(number.trim(), seen)?;
    let refuse = || Reply::error(121, format!("Invalid negative number ({value}) for '{number}'"));
    let quota = value.trim().parse().map_err(|_| refuse())?;
    Ok(Plan {
        request: Request::QuotaPool { pool: pool.id, quota },
        done: success(122, format!("Set pool '{}' to quota {quota}", pool.url)),
        failed: |_, why| Reply::error(26, format!("Invalid pool id: {why}")),
        number: 0,
    })
}

fn add_pool(parameter: &str, seen: &Seen) -> Result<Plan, Reply> {
    if parameter.is_empty() {
        return Err(Reply::error(52, "Missing addpool details"));
    }
    let fields = fields(parameter);
    let [url, user, pass, ..] = fields.as_slice() else { return Err(invalid_details()) };
    if url.is_empty() || pass.is_empty() {
        return Err(invalid_details());
    }
    let number = seen.snapshot.pools.len() as u64; // it will be the last
    let some = |text: &String| (!text.is_empty()).then(|| text.clone());
    Ok(Plan {
        request: Request::AddPool {
            url: url.clone(),
            user: some(user),
            pass: Some(Password(pass.clone())),
            payout: None,
            user_is_address: false,
        },
        done: success(55, format!("Added pool {number}")),
        failed: |_, why| Reply::error(53, format!("Invalid addpool details: {why}")),
        number,
    })
}

/// Without the details: they hold a password.
fn invalid_details() -> Reply {
    Reply::error(53, "Invalid addpool details")
}

/// Parts between commas; a backslash takes the next character as it is.
fn fields(text: &str) -> Vec<String> {
    let mut fields = vec![String::new()];
    let mut rest = text.chars();
    while let Some(letter) = rest.next() {
        let letter = match letter {
            ',' => {
                fields.push(String::new());
                continue;
            }
            '\\' => rest.next().unwrap_or('\\'),
            letter => letter,
        };
        if let Some(field) = fields.last_mut() {
            field.push(letter);
        }
    }
    fields
}

fn number_of_device<'a>(text: &str, seen: &'a Seen) -> Result<(u64, &'a Device), Reply> {
    let devices = &seen.snapshot.devices;
    if devices.is_empty() {
        return Err(Reply::error(105, "No ASCs"));
    }
    if text.is_empty() {
        return Err(Reply::error(15, "Missing device id parameter"));
    }
    let found = text.parse::<usize>().ok().and_then(|number| Some((number as u64, devices.get(number)?)));
    found.ok_or_else(|| {
        Reply::error(107, format!("Invalid ASC id {text} - range is 0 - {}", devices.len() - 1))
    })
}

fn of_device(name: &str, parameter: &str, seen: &Seen) -> Result<Plan, Reply> {
    let (id, option) = parameter.split_once(',').map_or((parameter, None), |(id, option)| (id, Some(option)));
    let (number, device) = number_of_device(id.trim(), seen)?;
    let paused = device.state == DeviceState::Paused;
    let named = device.name.clone();
    let (request, done, failed): (_, _, fn(u64, &str) -> Reply) = match name {
        "ascenable" if !paused => return Err(Reply::info(108, format!("ASC {number} already enabled"))),
        "ascdisable" if paused => return Err(Reply::info(109, format!("ASC {number} already disabled"))),
        "ascenable" => (
            Request::Resume { device: named },
            success(110, format!("ASC {number} sent enable message")),
            |number, why| {
                Reply::error(112, format!("ASC {number} is not flagged WELL, cannot enable: {why}"))
            },
        ),
        "ascdisable" => (
            Request::Pause { device: named },
            success(111, format!("ASC {number} set disable flag")),
            |number, why| Reply::error(115, format!("ASC{number} has no device: {why}")),
        ),
        "ascidentify" => (
            Request::Identify { device: named },
            success(113, format!("Identify command sent to ASC{number}")),
            |number, why| Reply::error(114, format!("ASC{number} does not support identify: {why}")),
        ),
        _ => {
            (setting(number, named, option)?, success(119, format!("ASC {number} set OK")), |number, why| {
                Reply::error(120, format!("ASC {number} set failed: {why}"))
            })
        }
    };
    Ok(Plan { request, done, failed, number })
}

/// `freq,N`, `corev,N`, `setfan,N`, `reset`.
fn setting(number: u64, device: String, option: Option<&str>) -> Result<Request, Reply> {
    const HELP: &str = "freq: MHz, corev: mV, setfan: 0-100 or auto, reset";
    let Some(option) = option.filter(|option| !option.is_empty()) else {
        return Err(Reply::error(116, "Missing option after ASC number"));
    };
    let (name, value) = option.split_once(',').unwrap_or((option, ""));
    let wrong = || Reply::error(120, format!("ASC {number} set failed: {HELP}"));
    let real = || value.trim().parse::<f64>().map_err(|_| wrong());
    match name {
        "help" => Err(Reply::info(118, format!("ASC {number} set help: {HELP}"))),
        "freq" | "clock" => Ok(Request::Frequency { device, megahertz: real()? }),
        "corev" | "millivolts" => Ok(Request::Voltage { device, volts: real()? / 1e3 }),
        "setfan" if value == "auto" => Ok(Request::Fan { device, percent: None }),
        "setfan" => Ok(Request::Fan { device, percent: Some(value.trim().parse().map_err(|_| wrong())?) }),
        "reset" => Ok(Request::Reset { device }),
        _ => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::request::parse;
    use super::*;
    use crate::testing::Rig;

    /// What is asked of adit, or what the client is told at once.
    fn asked(text: &str) -> Result<Request, String> {
        let mut rig = Rig::new();
        rig.stick("icarus", "A");
        rig.second();
        let seen = Seen::of(&mut rig.board.ledger());
        let access = Access::parse("W:127.0.0.1", "").unwrap();
        let wire = parse(text.as_bytes()).unwrap();
        match plan(&wire, &seen, &access, 'W').unwrap_or_else(|| panic!("{text} is denied")) {
            Ok(plan) => Ok(plan.request),
            Err(reply) => Err(format!("{} {}", reply.code, reply.message)),
        }
    }

    #[test]
    fn commands_of_cgminer_are_those_of_everybody() {
        let device = || "icarus-1".to_owned();
        for (text, request) in [
            ("ascdisable|0", Request::Pause { device: device() }),
            ("ascidentify|0", Request::Identify { device: device() }),
            ("ascset|0,freq,412.5", Request::Frequency { device: device(), megahertz: 412.5 }),
            ("ascset|0,corev,1100", Request::Voltage { device: device(), volts: 1.1 }),
            ("ascset|0,setfan,80", Request::Fan { device: device(), percent: Some(80) }),
            ("ascset|0,reset", Request::Reset { device: device() }),
            ("switchpool|1", Request::SwitchPool { pool: 1 }),
            ("disablepool|0", Request::DisablePool { pool: 0 }),
            ("removepool|1", Request::RemovePool { pool: 1 }),
            ("poolpriority|1,0", Request::OrderPools { pools: vec![1, 0] }),
            ("poolquota|1,7", Request::QuotaPool { pool: 1, quota: 7 }),
            ("save", Request::Save {}),
            (
                "addpool|stratum+tcp://h:1,a\\,b,x\\\\y,rest",
                Request::AddPool {
                    url: "stratum+tcp://h:1".to_owned(),
                    user: Some("a,b".to_owned()),
                    pass: Some(Password("x\\y".to_owned())),
                    payout: None,
                    user_is_address: false,
                },
            ),
        ] {
            assert_eq!(asked(text), Ok(request), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_meant_is_answered_as_cgminer_does() {
        for (text, reply) in [
            ("privileged", "46 Privileged access OK"),
            ("ascenable|0", "108 ASC 0 already enabled"),
            ("ascdisable|x", "107 Invalid ASC id x - range is 0 - 0"),
            ("ascdisable|", "15 Missing device id parameter"),
            ("ascset|0", "116 Missing option after ASC number"),
            (
                "ascset|0,freq,fast",
                "120 ASC 0 set failed: freq: MHz, corev: mV, setfan: 0-100 or auto, reset",
            ),
            ("switchpool|1.7", "26 Invalid pool id 1.7 - range is 0 - 1"),
            ("switchpool|", "25 Missing pool id parameter"),
            ("enablepool|0", "49 Pool 0:'stratum+tcp://pool.example:3333' already enabled"),
            ("removepool|0", "67 Cannot remove active pool 0:'stratum+tcp://pool.example:3333'"),
            ("poolpriority|1,1", "74 Duplicate pool specified 1"),
            ("poolquota|1,-3", "121 Invalid negative number (-3) for '1'"),
            ("addpool|", "52 Missing addpool details"),
            ("addpool|stratum+tcp://h:1,hush,", "53 Invalid addpool details"),
        ] {
            assert_eq!(asked(text), Err(reply.to_owned()), "{text}");
        }
    }
}
