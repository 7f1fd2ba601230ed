//! `adit ctl`: gives a running adit commands over its REST interface.

use std::fs;
use std::io;

use adit_telemetry::{Device, Password, Pool, Request};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::cli::{CtlArgs, Percent, PoolVerb, Verb};
use crate::client::{Client, Told};
use crate::failure::Failure;
use crate::output::{self, printable};

/// What is printed of a command.
#[derive(Debug, Serialize, Deserialize)]
struct Line {
    outcome: String,
    sentence: String,
}

pub(crate) fn run(args: &CtlArgs, json: bool) -> Result<(), Failure> {
    let client = Client::new(&args.at)?;
    match &args.verb {
        Verb::Pool(PoolVerb::List) => return list(&client, json),
        Verb::Audit => return audit(&client, json),
        _ => {}
    }
    let mut failed = false;
    for request in requests(args, &client)? {
        let line = give(&client, &request)?;
        failed |= line.outcome != "done";
        if json {
            output::json(&mut io::stdout().lock(), &line)?;
        } else {
            let what = printable(&line.sentence);
            if line.outcome == "done" { println(&what)? } else { eprintln!("adit: {request}: {what}") }
        }
    }
    if failed { Err(Failure::Told(1)) } else { Ok(()) }
}

fn println(line: &str) -> io::Result<()> {
    use io::Write;
    writeln!(io::stdout().lock(), "{line}")
}

/// One command for each device that is meant.
fn requests(args: &CtlArgs, client: &Client) -> Result<Vec<Request>, Failure> {
    let of = |device: &str, make: &dyn Fn(String) -> Request| {
        let names = if device == "all" { names(client)? } else { vec![device.to_owned()] };
        Ok(names.into_iter().map(make).collect())
    };
    match &args.verb {
        Verb::Pause(it) => of(&it.device, &|device| Request::Pause { device }),
        Verb::Resume(it) => of(&it.device, &|device| Request::Resume { device }),
        Verb::Frequency { device, megahertz } => {
            of(device, &|device| Request::Frequency { device, megahertz: *megahertz })
        }
        Verb::Voltage { device, volts } => of(device, &|device| Request::Voltage { device, volts: *volts }),
        Verb::Fan { device, percent: Percent(percent) } => {
            of(device, &|device| Request::Fan { device, percent: *percent })
        }
        Verb::Identify(it) => of(&it.device, &|device| Request::Identify { device }),
        Verb::Reset(it) => of(&it.device, &|device| Request::Reset { device }),
        Verb::ClearQuarantine(it) => of(&it.device, &|device| Request::ClearQuarantine { device }),
        Verb::Pool(verb) => Ok(of_pool(verb)?.into_iter().collect()),
        Verb::Reload => Ok(vec![Request::Reload {}]),
        Verb::Save => Ok(vec![Request::Save {}]),
        Verb::Audit => Ok(Vec::new()), // is read, not told
    }
}

fn of_pool(verb: &PoolVerb) -> Result<Option<Request>, Failure> {
    Ok(Some(match verb {
        PoolVerb::List => return Ok(None), // is read, not told
        PoolVerb::Add { url, user, pass_file, payout } => {
            let pass = pass_file.as_ref().map(|file| {
                let text = fs::read_to_string(file);
                text.map(|text| Password(text.trim_end_matches(['\r', '\n']).to_owned()))
                    .map_err(|why| Failure::usage(anyhow::anyhow!("--pass-file {}: {why}", file.display())))
            });
            Request::AddPool {
                url: url.clone(),
                user: user.clone(),
                pass: pass.transpose()?,
                payout: payout.clone(),
                user_is_address: false,
            }
        }
        PoolVerb::Remove { pool } => Request::RemovePool { pool: *pool },
        PoolVerb::Order { pools } => Request::OrderPools { pools: pools.clone() },
        PoolVerb::Enable { pool } => Request::EnablePool { pool: *pool },
        PoolVerb::Disable { pool } => Request::DisablePool { pool: *pool },
        PoolVerb::Switch { pool } => Request::SwitchPool { pool: *pool },
        PoolVerb::Quota { pool, quota } => Request::QuotaPool { pool: *pool, quota: *quota },
    }))
}

fn give(client: &Client, request: &Request) -> Result<Line, Failure> {
    let body = serde_json::to_string(request).map_err(Failure::run)?;
    let Told { status, body } = client.post("/api/v1/commands", &body).map_err(Failure::run)?;
    if status == 200 {
        return serde_json::from_value(body).map_err(Failure::run);
    }
    let text = |key: &str| body.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    if matches!(status, 401 | 403) {
        let detail = text("detail");
        return Err(Failure::run(anyhow::anyhow!("the adit at {} refuses the key: {detail}", client.api)));
    }
    let outcome = match (status, text("type").as_str()) {
        (404, _) => "unknown",
        (409, "/problems/unsupported") => "unsupported",
        (409 | 400, _) => "refused",
        _ => "silence",
    };
    Ok(Line { outcome: outcome.to_owned(), sentence: text("detail") })
}

fn names(client: &Client) -> Result<Vec<String>, Failure> {
    let devices: Vec<Device> = client.devices().map_err(Failure::run)?;
    Ok(devices.into_iter().map(|device| device.name).collect())
}

fn list(client: &Client, json: bool) -> Result<(), Failure> {
    let mut pools: Vec<Pool> = client.pools().map_err(Failure::run)?;
    pools.sort_by_key(|pool| pool.priority);
    for pool in pools {
        if json {
            output::json(&mut io::stdout().lock(), &pool)?;
        } else {
            println(&format!(
                "{:>3}  {:<9} {}  {}",
                pool.id,
                pool.state.name(),
                printable(&pool.url),
                printable(&pool.user)
            ))?;
        }
    }
    Ok(())
}

fn audit(client: &Client, json: bool) -> Result<(), Failure> {
    let Told { status, body } = client.get("/api/v1/audit?limit=500").map_err(Failure::run)?;
    if status != 200 {
        let detail = body["detail"].as_str().unwrap_or("no reason given").to_owned();
        return Err(Failure::run(anyhow::anyhow!("the audit log: {detail}")));
    }
    for row in body["commands"].as_array().into_iter().flatten().rev() {
        if json {
            output::json(&mut io::stdout().lock(), row)?;
        } else {
            let text = |key: &str| printable(row[key].as_str().unwrap_or_default());
            println(&format!("{:>5}  {}  {}: {}", row["id"], text("who"), text("what"), text("sentence")))?;
        }
    }
    Ok(())
}
