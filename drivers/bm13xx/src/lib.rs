//! The engine for chains of BM13xx chips, and the driver of such a chain on a plain serial port
//! (`docs/protocols/bm13xx.md`).
//!
//! # For whoever embeds a chain
//!
//! A board owns its ports, reset lines and voltages; the chain owns the data port. A board keeps one [`Chain`] for each data
//! port beside its [`Outbox`](adit_driver::Outbox) and passes on what concerns it:
//!
//! | what happens | what the board calls |
//! |---|---|
//! | chips have power and were released from reset | [`Chain::count`] |
//! | [`Status::Counted`]: type and number are known | checks them, sets the voltage, then [`Chain::bring_up`] |
//! | bytes or silence on [`Chain::port`] | [`Chain::on_bytes`], [`Chain::on_quiet`] |
//! | work, another job, a ruling | [`Chain::on_work`], [`Chain::on_job_changed`], [`Chain::on_ruling`] |
//! | a link action was answered, time has passed | [`Chain::on_done`], [`Chain::on_timer`], due at [`Chain::deadline`] |
//! | too warm, cool again, tuning | [`Chain::set_clock`]; at once [`Chain::rest`] and [`Chain::resume`] |
//! | before the supply is switched off | [`Chain::slow_down`], then reset low, voltage off, [`Chain::shut`] |
//! | before the link is closed, where there is no reset and no supply to switch | [`Chain::hand_over`] |
//! | [`Status::Failed`] | resets the chips and calls [`Chain::count`] again, or gives up |
//!
//! After each call the board looks at [`Chain::status`]. `Ready`, `Room`, nonces and readings are put into the outbox by the
//! chain itself; `Identified`, `Stopped` and the failure of the link are the board's. Nonces are numbered from 0 over all
//! resets. Two chains in one device need two machines: works and rulings do not say which chain they are for.
//!
//! # What it does
//!
//! Chips are counted, given addresses and asked for them, so that a missing one is named; set up as the firmware of their type
//! does; moved to a faster baud rate, or left at the slower when they are not heard there. The clock rises in steps while
//! they already work. Each chip searches nonces of its own: by address, or by nonce offset where a chain of BM1370 has several.
//! A job is replaced before its versions are used up. Half of the job bytes are retired at any time, so that late answers are
//! recognised. Every ten seconds each chip is asked for its clock and its hash counters (`CountedHashrateHs` for each chip,
//! `DomainHashrateHs` for each of the four parts of a V2 chip); a chip that does not answer three times is missing, one whose
//! clock has fallen back was reset. Bytes that are no frame cost themselves and nothing behind them.
//!
//! # The driver `bm13xx`
//!
//! Models `bm1387-chain`, `bm1397-chain`, `bm1362-chain`, `bm1366-chain`, `bm1368-chain`, `bm1370-chain`, `bm1372-chain`: a
//! chain on a USB-UART adapter, or on the UART of somebody's board. Nothing but the serial port is known of it: its supply,
//! its reset and its cooling are its owner's. When adit stops, the chain is set to its slowest clock, silenced and set to the baud
//! rate it has after a reset. One that was left at work by a host that died is found at the rate of `baud`.
//!
//! | setting | meaning |
//! |---|---|
//! | `target-difficulty` | eases a *simulated* chain: it reports hashes of so much times its ticket's difficulty |
//! | `chips` | how many there must be; as many as answer when absent |
//! | `domains` | voltage domains in series, each of the same number of chips; 1 when absent |
//! | `frequency` | chip clock in MHz, within the limits of the model |
//! | `ramp-step` | milliseconds for each step of 6.25 MHz, 100 when absent |
//! | `baud` | baud rate to work at; the usual one of the chip type when absent, 115200 to leave it alone |
//! | `ticket-difficulty` | difficulty of reported nonces, rounded down to a power of two; about two nonces a second when absent |

mod baud;
mod bring_up;
mod chain;
mod claims;
mod count;
mod counters;
mod health;
mod machine;
mod mining;
mod options;
mod plan;
mod ramp;
mod ring;
mod sequence;
mod setup;
mod wire;

use adit_driver::{Detected, Driver, Machine, Settings, SettingsError, StartError};
use adit_protocol::bm13xx::Chip;
use adit_protocol::devices::Model;
use adit_protocol::units::Hertz;
use adit_protocol::wire::Port;

pub use chain::Chain;
pub use health::{Advice, Health};
pub use setup::{Census, RESET_BAUD, Setup, Status};

use machine::BareChain;
use options::Options;

/// The entry of this driver in the catalog.
pub const DRIVER: Driver = Driver { name: "bm13xx", start };

/// Makes a machine for a bare chain that may be one of this driver's models.
///
/// # Errors
/// [`StartError::NotMine`] when none of the candidates is one; [`StartError::Settings`] for a setting that is unknown or
/// cannot be read.
pub fn start(detected: &Detected, settings: Settings) -> Result<Box<dyn Machine>, StartError> {
    let options = Options::from_settings(settings)?;
    let models: Vec<&'static Model> =
        detected.candidates.iter().copied().filter(|model| model.driver == DRIVER.name).collect();
    let Some(first) = models.first() else { return Err(StartError::NotMine { driver: DRIVER.name }) };
    let setup = setup(first, models.len(), &options)?;
    Ok(Box::new(BareChain::new(models, setup, options.frequency)))
}

/// What is known of a chain that is `model`, or one of `candidates` models.
fn setup(model: &Model, candidates: usize, options: &Options) -> Result<Setup, SettingsError> {
    let [low, default, high] = model.clock.unwrap_or([Hertz::from_mhz(50.0); 3]);
    let clock = options.frequency.unwrap_or(default);
    if candidates == 1 && !(low..=high).contains(&clock) {
        let value = clock.mhz().to_string();
        let expected = "a clock in MHz, within the limits of the model";
        return Err(SettingsError::Malformed { key: "frequency", value, expected });
    }
    Ok(Setup {
        chip: if candidates == 1 { Chip::from_name(model.chips.kind) } else { None },
        chips: options.chips,
        domains: options.domains,
        ramp_step: options.ramp_step,
        baud: options.baud,
        ticket: options.ticket,
        easing: options.easing,
        ..Setup::new(Port(0), clock)
    })
}
