//! `adit devices`: what is plugged in, and what could be.

use std::io::{self, Write};

use adit_link::{Change, Found, Roots, Watch, scan};
use adit_protocol::devices::{Model, models};
use serde::Serialize;
use tokio::signal::unix::{SignalKind, signal};

use crate::cli::DevicesArgs;
use crate::failure::Failure;
use crate::output;

#[derive(Serialize)]
struct Row<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    change: Option<&'static str>,
    model: Option<&'static str>,
    candidates: Vec<&'static str>,
    name: String,
    location: &'a str,
    serial: Option<&'a str>,
    driver: Option<&'static str>,
    access: &'static str,
    fix: Option<&'a str>,
}

impl<'a> Row<'a> {
    fn of(found: &'a Found, change: Option<&'static str>) -> Self {
        Self {
            change,
            model: found.model().map(|model| model.key),
            candidates: found.candidates.iter().map(|model| model.key).collect(),
            name: output::printable(&found.name),
            location: &found.location,
            serial: found.usb.serial.as_deref(),
            driver: found.driver(),
            access: found.access.name(),
            fix: found.fix.as_deref(),
        }
    }

    fn print(&self, out: &mut impl Write, json: bool) -> io::Result<()> {
        if json {
            return output::json(out, self);
        }
        if let Some(change) = self.change {
            write!(out, "{change:8} ")?;
        }
        let is = self.model.map_or_else(|| format!("one of {}", self.candidates.join(", ")), str::to_owned);
        writeln!(out, "{:28} {:10} {} ({is})", self.location, self.access, self.name)?;
        match self.fix {
            Some(fix) => writeln!(out, "{:28} -> {}", "", output::printable(fix)),
            None => Ok(()),
        }
    }
}

pub(crate) fn run(args: &DevicesArgs, json: bool) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    if args.supported {
        return models().try_for_each(|model| print_model(&mut out, model, json)).map_err(Failure::from);
    }
    if args.watch {
        drop(out);
        return tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(watch(json));
    }
    let found = scan(&Roots::default());
    for device in found.iter().chain(&Found::cpu()) {
        Row::of(device, None).print(&mut out, json)?;
    }
    if found.is_empty() && !json {
        writeln!(
            out,
            "No device that adit knows is plugged in. `adit devices --supported` lists what it knows, `adit demo` needs none."
        )?;
    }
    Ok(())
}

/// Until interrupted.
async fn watch(json: bool) -> Result<(), Failure> {
    let (mut interrupted, mut terminated) =
        (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let mut watch = Watch::new(Roots::default());
    if !json {
        writeln!(io::stderr(), "Watching what is plugged in and out; Ctrl-C ends it.")?;
    }
    loop {
        let change = tokio::select! {
            change = watch.next() => change,
            _ = interrupted.recv() => return Ok(()),
            _ = terminated.recv() => return Ok(()),
        };
        let (name, found) = match &change {
            Change::Arrived(found) => ("arrived", found),
            Change::Left(found) => ("left", found),
            Change::Access(found) => ("access", found),
        };
        let mut out = io::stdout().lock();
        Row::of(found, Some(name)).print(&mut out, json)?;
        out.flush()?;
    }
}

#[derive(Serialize)]
struct Supported {
    model: &'static str,
    vendor: &'static str,
    name: &'static str,
    driver: &'static str,
    chip: &'static str,
    chips: u16,
    nominal_hs: f64,
    usb: Vec<String>,
    source: &'static str,
}

fn print_model(out: &mut impl Write, model: &'static Model, json: bool) -> io::Result<()> {
    let usb = model.usb.iter().map(|usb| format!("{:04x}:{:04x}", usb.vid, usb.pid)).collect::<Vec<_>>();
    if json {
        let row = Supported {
            model: model.key,
            vendor: model.vendor,
            name: model.name,
            driver: model.driver,
            chip: model.chips.kind,
            chips: model.chips.count,
            nominal_hs: model.nominal.0,
            usb,
            source: model.source,
        };
        return output::json(out, &row);
    }
    let chips = format!("{} x {}", model.chips.count, model.chips.kind);
    let nominal = model.nominal.to_string();
    writeln!(
        out,
        "{:15} {:11} {:18} {:13} {:>12}  {}",
        model.key,
        model.vendor,
        model.name,
        chips,
        nominal,
        usb.join(" ")
    )
}
