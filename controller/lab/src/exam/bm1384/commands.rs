//! Checks of commands: identification, addresses, registers, the line.

use std::time::Duration;

use adit_protocol::bm13xx::{Bm1384Command, Bm1384Frame};
use adit_protocol::gekko::{self, PLL_REGISTER};

use super::chips::{Chips, SLACK};
use crate::exam::desk::{Answer, Desk, Ending, ensure};

const CHIP_ID: u8 = 0;
/// Silence after which a chip has forgotten a piece of a frame.
const FORGOTTEN: Duration = Duration::from_millis(250);

pub(super) async fn identify(desk: Desk) -> Answer {
    let chips = Chips::new(desk).await?;
    let mut seen = String::new();
    for _ in 0..3 {
        let hearing = chips.read(None, CHIP_ID).await;
        if hearing.ours() > 0 {
            return Ok(format!("{} answers of BM1384", hearing.ours()));
        }
        seen = match hearing.registers().next() {
            Some(other) => format!("chip id {:04x}", other >> 16),
            None => hearing.to_string(),
        };
    }
    Err(Ending::Failed(format!("no answer of a BM1384: {seen}")))
}

pub(super) async fn count(desk: Desk) -> Answer {
    let chips = Chips::new(desk).await?;
    let hearing = chips.read(None, CHIP_ID).await;
    let found = hearing.ours();
    ensure(found == usize::from(chips.count), || {
        format!("{found} chips instead of {}: {hearing}", chips.count)
    })?;
    Ok(format!("{found} chips"))
}

pub(super) async fn take_addresses(desk: Desk) -> Answer {
    let chips = Chips::new(desk).await?;
    chips.give_addresses().await;
    let given: Vec<u8> = (0..chips.count).map(|index| chips.address(index)).collect();
    let nobody = (0..=u8::MAX).find(|address| !given.contains(address));
    for (address, wanted) in given.iter().map(|it| (*it, 1)).chain(nobody.map(|it| (it, 0))) {
        let found = chips.read(Some(address), CHIP_ID).await.ours();
        ensure(found == wanted, || format!("{found} chips answer at address {address:02x}, not {wanted}"))?;
    }
    Ok(format!("{given:02x?}"))
}

pub(super) async fn say_their_clock(desk: Desk) -> Answer {
    let chips = Chips::new(desk).await?;
    let hearing = chips.read(None, PLL_REGISTER).await;
    let clocks: Vec<_> = hearing.clocks().collect();
    ensure(clocks.len() == usize::from(chips.count), || {
        format!("{} chips of {} say a clock: {hearing}", clocks.len(), chips.count)
    })?;
    ensure(clocks.windows(2).all(|two| two[0] == two[1]), || format!("different clocks: {clocks:x?}"))?;
    Ok(clocks.first().map_or_else(String::new, |(_, clock)| format!("{:.2} MHz", clock.mhz())))
}

pub(super) async fn ignore_a_bad_crc(desk: Desk) -> Answer {
    let chips = Chips::new(desk).await?;
    let read = Bm1384Command::Read { chip: None, register: CHIP_ID };
    let mut bytes = chips.encoded(&Bm1384Frame::Command(read));
    bytes[3] ^= 0x15;
    let by = chips.bytes(&bytes) + SLACK;
    let hearing = chips.listen(by, |_| false).await;
    ensure(hearing.registers().count() == 0, || format!("a read with a bad CRC5 was answered: {hearing}"))?;
    Ok("a register read was not answered".into())
}

/// The chips answer a read of their ids.
async fn answer(chips: &Chips, after: &str) -> Result<(), Ending> {
    let hearing = chips.read(None, CHIP_ID).await;
    ensure(hearing.ours() > 0, || format!("no answer after {after}: {hearing}"))
}

pub(super) async fn forget_garbage(desk: Desk) -> Answer {
    /// No command begins with a byte that has this bit: nothing is set by accident.
    const NO_COMMAND: u8 = 0x40;
    let chips = Chips::new(desk).await?;
    for count in [1, 63, 101] {
        let noise: Vec<u8> = chips.desk.noise(count).iter().map(|byte| byte | NO_COMMAND).collect();
        chips.bytes(&noise);
        chips.desk.calm(FORGOTTEN, Duration::from_secs(1)).await;
        answer(&chips, &format!("{count} bytes of garbage and a pause")).await?;
    }
    Ok("1, 63 and 101 bytes".into())
}

pub(super) async fn forget_half_a_work(desk: Desk) -> Answer {
    let chips = Chips::new(desk).await?;
    let whole = chips.encoded(&Bm1384Frame::Work(gekko::opening_work(1)));
    chips.bytes(&whole[..32]);
    chips.desk.calm(FORGOTTEN, Duration::from_secs(1)).await;
    answer(&chips, "half a work and a pause").await?;
    Ok("32 bytes, then 250 ms of silence".into())
}

pub(super) async fn answer_after_reopening(desk: Desk) -> Answer {
    let chips = Chips::new(desk).await?;
    let whole = chips.encoded(&Bm1384Frame::Work(gekko::opening_work(1)));
    chips.bytes(&whole[..20]);
    chips.desk.pause(Duration::from_millis(5)).await;
    let reopened = chips.desk.reopen().await;
    reopened.map_err(|why| Ending::Skipped(format!("the port cannot be reopened: {why}")))?;
    chips.desk.calm(FORGOTTEN, Duration::from_secs(1)).await;
    answer(&chips, "closing the port inside a work").await?;
    Ok("closed after 20 bytes of a work, opened, asked".into())
}
