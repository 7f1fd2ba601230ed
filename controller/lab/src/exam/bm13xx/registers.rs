//! Checks of commands: identification, addresses, registers, the line.

use std::time::Duration;

use adit_protocol::bm13xx::{Chip, Command, FastUart, MiscControl1397, Register, Reject, To};
use adit_protocol::wire::Line;

use super::chain::{ANSWERED, Chain};
use crate::exam::desk::{Answer, Desk, Ending, ensure};

/// Silence after which a chip has forgotten a piece of a frame.
const FORGOTTEN: Duration = Duration::from_millis(200);
/// Divider of a rate that every chip of the family can (§2): 1,562,500 baud.
const FAST: (u8, u32) = (1, 1_562_500);
/// Divider after a reset.
const SLOW: u8 = 26;

pub(super) async fn identify(desk: Desk) -> Answer {
    let chain = Chain::new(desk).await?;
    if chain.chip.rolls_versions() {
        super::setup::enable_rolling(&chain).await; // answers have one length from now on (§5 (2))
    }
    let mut seen = String::new();
    for _ in 0..3 {
        let hearing = chain.read(To::All, Register::CHIP_ID).await;
        let ours = hearing.registers().filter(|answer| chain.is_ours(answer)).count();
        if ours > 0 {
            return Ok(format!("{} answers of {}", ours, chain.chip.facts().name));
        }
        seen = match hearing.registers().next() {
            Some(other) => format!("chip id {:04x}", other.value >> 16),
            None => format!("{hearing}; a chain that is at another baud rate needs its power cycled"),
        };
    }
    Err(Ending::Failed(format!("no answer of a {}: {seen}", chain.chip.facts().name)))
}

/// How many of the chips answer.
pub(in crate::exam) async fn answering(desk: Desk) -> Result<usize, Ending> {
    let chain = Chain::new(desk).await?;
    if chain.chip.rolls_versions() {
        super::setup::enable_rolling(&chain).await;
    }
    let hearing = chain.read(To::All, Register::CHIP_ID).await;
    Ok(hearing.registers().filter(|answer| chain.is_ours(answer)).count())
}

pub(super) async fn answers_have_good_crcs(desk: Desk) -> Answer {
    let chain = Chain::new(desk).await?;
    let mut answers = 0;
    for register in [Register::CHIP_ID, chain.chip.ticket_register(), chain.chip.misc_register()] {
        let hearing = chain.read(To::All, register).await;
        answers += hearing.registers().count();
        let bad = hearing.rejects.iter().find(|why| matches!(why, Reject::BadCrc5 { .. } | Reject::NoFrame));
        ensure(bad.is_none(), || format!("register {:02x}: {hearing}", register.0))?;
        ensure(hearing.registers().count() > 0, || format!("register {:02x}: {hearing}", register.0))?;
    }
    Ok(format!("{answers} answers of three registers"))
}

pub(super) async fn counts(desk: Desk) -> Answer {
    let chain = Chain::new(desk).await?;
    let hearing = chain.read(To::All, Register::CHIP_ID).await;
    let found = hearing.registers().filter(|answer| chain.is_ours(answer)).count();
    ensure(found == usize::from(chain.chips), || {
        format!("{found} chips instead of {}: {hearing}", chain.chips)
    })?;
    Ok(format!("{found} chips"))
}

pub(super) async fn take_addresses(desk: Desk) -> Answer {
    let chain = Chain::new(desk).await?;
    chain.give_addresses().await;
    let hearing = chain.read(To::All, Register::CHIP_ID).await;
    let mut found: Vec<u8> = hearing.registers().map(|answer| chain.address_of(answer)).collect();
    found.sort_unstable();
    ensure(found == chain.addresses(), || {
        format!("addresses {found:02x?} instead of {:02x?}", chain.addresses())
    })?;
    Ok(format!("{} addresses", found.len()))
}

pub(super) async fn answer_alone(desk: Desk) -> Answer {
    let chain = Chain::new(desk).await?;
    if chain.chip == Chip::Bm1372 {
        return Err(Ending::Skipped("sources disagree on how these chips are addressed (§5)".into()));
    }
    chain.give_addresses().await;
    for address in chain.addresses() {
        let hearing = chain.read(To::Chip(address), Register::CHIP_ID).await;
        let found: Vec<u8> = hearing.registers().map(|answer| chain.address_of(answer)).collect();
        ensure(found == [address], || format!("chip {address:02x} was asked and {found:02x?} answered"))?;
    }
    Ok(format!("{} chips one by one", chain.chips))
}

pub(super) async fn hold_what_was_written(desk: Desk) -> Answer {
    /// Ticket masks: any value may be written while nothing is searched.
    const VALUES: [u32; 2] = [0x0000_80ff, 0x0000_00fc];
    let chain = Chain::new(desk).await?;
    let register = chain.chip.ticket_register();
    for value in VALUES {
        chain.send(Command::write_all(register, value));
        let hearing = chain.read(To::All, register).await;
        let found: Vec<u32> = hearing.registers().map(|answer| answer.value).collect();
        ensure(found == vec![value; usize::from(chain.chips)], || {
            format!("{value:08x} was written and {found:08x?} read: {hearing}")
        })?;
    }
    Ok(format!("register {:02x} of {} chips", register.0, chain.chips))
}

pub(super) async fn ignore_a_bad_crc(desk: Desk) -> Answer {
    let chain = Chain::new(desk).await?;
    let mut bytes = chain.encoded(Command::read_all(Register::CHIP_ID));
    if let Some(last) = bytes.last_mut() {
        *last ^= 0x15;
    }
    let by = chain.bytes(&bytes) + FORGOTTEN;
    let hearing = chain.listen(by, |_| false).await;
    ensure(hearing.registers().count() == 0, || format!("a read with a bad CRC5 was answered: {hearing}"))?;
    Ok("a register read was not answered".into())
}

/// The chain answers a read of its ids.
async fn answers(chain: &Chain, after: &str) -> Result<(), Ending> {
    let hearing = chain.read(To::All, Register::CHIP_ID).await;
    let found = hearing.registers().filter(|answer| chain.is_ours(answer)).count();
    ensure(found > 0, || format!("no answer after {after}: {hearing}"))
}

pub(super) async fn forget_garbage(desk: Desk) -> Answer {
    let chain = Chain::new(desk).await?;
    for count in [1, 50, 200] {
        let noise = chain.desk.noise(count);
        chain.bytes(&noise);
        chain.desk.calm(FORGOTTEN, Duration::from_secs(1)).await;
        answers(&chain, &format!("{count} bytes of garbage and a pause")).await?;
    }
    Ok("1, 50 and 200 bytes".into())
}

pub(super) async fn forget_half_a_frame(desk: Desk) -> Answer {
    let chain = Chain::new(desk).await?;
    let whole = chain.encoded(Command::write_all(chain.chip.ticket_register(), 0));
    for length in [2, whole.len() - 1] {
        chain.bytes(&whole[..length]);
        chain.desk.calm(FORGOTTEN, Duration::from_secs(1)).await;
        answers(&chain, &format!("{length} bytes of a command and a pause")).await?;
    }
    Ok(format!("2 and {} of {} bytes", whole.len() - 1, whole.len()))
}

pub(super) async fn answer_after_reopening(desk: Desk) -> Answer {
    let chain = Chain::new(desk).await?;
    let whole = chain.encoded(Command::read_all(Register::CHIP_ID));
    chain.bytes(&whole[..3]);
    chain.desk.pause(Duration::from_millis(5)).await;
    let reopened = chain.desk.reopen().await;
    reopened.map_err(|why| Ending::Skipped(format!("the port cannot be reopened: {why}")))?;
    chain.desk.calm(FORGOTTEN, Duration::from_secs(1)).await;
    answers(&chain, "closing the port inside a command").await?;
    Ok("closed after 3 bytes of a command, opened, asked".into())
}

/// What sets every chip to a rate, `divider` of 3,125,000 less one (§8).
fn baud_command(chip: Chip, divider: u8) -> Command {
    match chip {
        Chip::Bm1387 => Command::write_all(Register::V0_MISC_CONTROL, 0x0020_8080 | u32::from(divider) << 8),
        Chip::Bm1397 => {
            let misc = MiscControl1397::with_divider(divider.into());
            Command::write_all(Register::MISC_CONTROL, misc.bits())
        }
        _ => Command::write_all(Register::FAST_UART, FastUart { divider, old: true }.bits()),
    }
}

pub(super) async fn follow_the_baud_rate(desk: Desk) -> Answer {
    let chain = Chain::new(desk).await?;
    if chain.chip == Chip::Bm1372 {
        return Err(Ending::Skipped("there is no way back from the fast rate of these chips (§8)".into()));
    }
    let port = chain.port;
    let Some(old) = chain.desk.line(port) else { return Err(Ending::Skipped("it has no line".into())) };
    chain.send(baud_command(chain.chip, FAST.0));
    chain.desk.pause(Duration::from_millis(50)).await;
    let set = chain.desk.set_line(port, Line { baud: FAST.1, ..old }).await;
    set.map_err(|why| Ending::Skipped(format!("this port cannot do {} baud: {why}", FAST.1)))?;
    let at_fast = answers(&chain, &format!("the change to {} baud", FAST.1)).await;
    chain.send(baud_command(chain.chip, SLOW));
    chain.desk.pause(Duration::from_millis(50)).await;
    let set = chain.desk.set_line(port, old).await;
    set.map_err(|why| Ending::Failed(format!("the port does not go back to {} baud: {why}", old.baud)))?;
    chain.desk.calm(FORGOTTEN, ANSWERED).await;
    at_fast?;
    answers(&chain, &format!("the change back to {} baud", old.baud)).await?;
    Ok(format!("{} baud and back", FAST.1))
}
