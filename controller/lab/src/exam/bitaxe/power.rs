//! Voltage for the chips: how it comes on, that it stays within limits, and that it is off in the end.

use std::time::Duration;

use adit_protocol::bitaxe_raw::{Firmware, Operation, pin};
use adit_protocol::i2c::ds4432u::{self, Feedback};
use adit_protocol::i2c::pmbus::{self, Status, VoutMode};
use adit_protocol::i2c::tps546::{self, Wiring};
use adit_protocol::i2c::{ina260, tmp451};
use adit_protocol::units::Volts;

use super::board::Board;
use super::parts::Part;
use crate::exam::bm13xx;
use crate::exam::desk::{Answer, Desk, Ending, ensure};

/// From switching on to a steady output, and from reset to chips and thermometers that can be asked (§6.1, §8).
const RISE: Duration = Duration::from_millis(500);
const WAKING: Duration = Duration::from_millis(600);
const RESET: Duration = Duration::from_millis(100);
/// How far a core voltage may be from what was set.
const TOLERANCE: f64 = 0.05;
/// What chips may show while they are examined, in degrees Celsius (§8: protection begins at 75).
const COOL: std::ops::RangeInclusive<f64> = 1.0..=70.0;
/// All the current that a trim has, downwards: as low as a regulator goes that cannot be switched off.
const LOWEST_TRIM: u8 = 0xff;

fn wiring(key: &str) -> Wiring {
    match key {
        "bitaxe-gamma-turbo" => Wiring::Stack,
        "bitaxe-hex" | "bitaxe-suprahex" => Wiring::Series,
        _ => Wiring::Five,
    }
}

fn feedback(key: &str) -> Feedback {
    if key == "emberone00" { ds4432u::EMBERONE } else { ds4432u::BITAXE }
}

/// The voltage that the model table gives the chips.
fn usual(desk: &Desk) -> Result<Volts, Ending> {
    let supply = desk.subject.model.supply;
    let missing = || Ending::Skipped("the model table knows no voltage for it".into());
    supply.map(|supply| supply.core[1]).ok_or_else(missing)
}

/// What switches supplies, in the order in which they come on.
const fn enables(firmware: Firmware) -> &'static [u8] {
    match firmware {
        Firmware::EmberOne => &[pin::EMBERONE_POWER, pin::EMBERONE_IO_SUPPLY],
        Firmware::Fan => &[pin::FAN_IO_SUPPLY, pin::FAN_CORE_ENABLE],
        _ => &[],
    }
}

/// The chips have voltage, and are cool; else they have none any more.
pub(super) async fn ready(desk: Desk) -> Answer {
    if !desk.is_powered() {
        return Err(Ending::Skipped("its chips have no voltage".into()));
    }
    let mut board = Board::new(desk).await?;
    let parts = board.parts().await?;
    let shown = board.temperatures(parts).await;
    if let Ok(shown) = &shown
        && shown.iter().all(|celsius| COOL.contains(celsius))
    {
        return Ok(String::new());
    }
    switch_off(&mut board).await;
    Err(Ending::Failed(match shown {
        Ok(shown) => format!("its thermometers show {shown:.1?} °C: switched off"),
        Err(_) => "its thermometers show nothing any more: switched off".into(),
    }))
}

async fn switch_on(board: &mut Board, parts: &[Part]) -> Result<(), Ending> {
    let core = usual(&board.desk)?;
    board.set_pin(pin::RESET, false).await?;
    board.full_fan(parts).await?;
    if parts.contains(&Part::Tmp451) {
        // what corrects the diode of the first chip (§6.4)
        board.write(tmp451::ADDRESS, &[tmp451::REMOTE_OFFSET_HIGH, (-7_i8) as u8]).await?;
    }
    board.desk.note_powered(true);
    let key = board.desk.subject.model.key;
    if parts.contains(&Part::Tps546) {
        let wiring = wiring(key);
        board.write(tps546::ADDRESS, &[pmbus::OPERATION, pmbus::OFF]).await?;
        let [mode] = board.read(tps546::ADDRESS, pmbus::VOUT_MODE).await?;
        for bytes in wiring.configuration(VoutMode(mode), Volts(core.0 * wiring.series())) {
            board.write(tps546::ADDRESS, &bytes).await?;
        }
        board.write(tps546::ADDRESS, &[pmbus::OPERATION, pmbus::ON]).await?;
    } else {
        let code = feedback(key).code(core);
        let code = code.ok_or_else(|| Ending::Skipped(format!("{core} is beyond the trim of this board")))?;
        board.write(ds4432u::ADDRESS, &[ds4432u::OUTPUT_0, code]).await?;
    }
    for pin in enables(board.firmware) {
        // Versions of a firmware number these pins differently: one of them may not exist.
        board.ask(&Operation::GpioSet { pin: *pin, high: true }).await?;
    }
    board.desk.pause(RISE).await;
    release(board).await
}

/// Chips out of reset.
async fn release(board: &mut Board) -> Result<(), Ending> {
    board.set_pin(pin::RESET, true).await?;
    board.desk.pause(WAKING).await;
    Ok(())
}

/// Chips into reset, and their voltage off, or as low as it goes. Every step is tried, whatever becomes of those before.
async fn switch_off(board: &mut Board) {
    board.desk.note_powered(false);
    let mut steps = vec![Operation::GpioSet { pin: pin::RESET, high: false }];
    if let Ok(parts) = board.parts().await {
        steps.push(if parts.contains(&Part::Tps546) {
            Operation::write(tps546::ADDRESS, &[pmbus::OPERATION, pmbus::OFF])
        } else {
            Operation::write(ds4432u::ADDRESS, &[ds4432u::OUTPUT_0, LOWEST_TRIM])
        });
    }
    steps.extend(
        enables(board.firmware).iter().rev().map(|pin| Operation::GpioSet { pin: *pin, high: false }),
    );
    for step in steps {
        for _ in 0..2 {
            if board.ask(&step).await.is_ok() {
                break;
            }
        }
    }
}

/// The chips slow, in reset and without voltage. The fan goes on: what was hot cools down.
pub(super) async fn leave(desk: Desk) -> Answer {
    if desk.is_powered() {
        let _ = bm13xx::leave(desk.clone()).await; // they are switched off all the same
        switch_off(&mut Board::new(desk).await?).await;
    }
    Ok(String::new())
}

pub(super) async fn comes_on(desk: Desk) -> Answer {
    let mut board = Board::new(desk).await?;
    let parts = board.parts().await?;
    let result = match switch_on(&mut board, parts).await {
        Ok(()) => gives_its_voltage(&mut board, parts).await,
        Err(ending) => Err(ending),
    };
    if result.is_err() {
        switch_off(&mut board).await;
    }
    result
}

/// What measures the voltage says what it should.
async fn gives_its_voltage(board: &mut Board, parts: &[Part]) -> Answer {
    if parts.contains(&Part::Ina260) {
        let word = u16::from_be_bytes(board.read(ina260::ADDRESS, ina260::VOLTAGE).await?);
        let volts = ina260::voltage(word).0;
        let [low, high] = board.desk.subject.model.supply.and_then(|supply| supply.input).unwrap_or_default();
        ensure((low.0..=high.0).contains(&volts), || {
            format!("a supply of {volts:.2} V, not {low} to {high}")
        })?;
        return Ok(format!("a supply of {volts:.2} V"));
    }
    if !parts.contains(&Part::Tps546) {
        return Ok("it was set; nothing on this board measures it".into());
    }
    let core = usual(&board.desk)?.0 * wiring(board.desk.subject.model.key).series();
    let [mode] = board.read(tps546::ADDRESS, pmbus::VOUT_MODE).await?;
    let status = Status(u16::from_le_bytes(board.read(tps546::ADDRESS, pmbus::STATUS_WORD).await?));
    let word = u16::from_le_bytes(board.read(tps546::ADDRESS, pmbus::READ_VOUT).await?);
    let volts = VoutMode(mode).value(word);
    ensure(!status.any(Status::FATAL), || {
        format!("its status is {:04x}: {}", status.0, status.words().collect::<Vec<_>>().join(", "))
    })?;
    ensure((volts / core - 1.0).abs() <= TOLERANCE, || format!("{volts:.3} V instead of {core:.3}"))?;
    Ok(format!("{volts:.3} V"))
}

pub(super) async fn shows_its_temperature(desk: Desk) -> Answer {
    let mut board = Board::new(desk).await?;
    let parts = board.parts().await?;
    let shown = board.temperatures(parts).await?;
    let words: Vec<_> = shown.iter().map(|celsius| format!("{celsius:.1} °C")).collect();
    ensure(shown.iter().all(|celsius| COOL.contains(celsius)), || words.join(", "))?;
    Ok(words.join(", "))
}

pub(super) async fn obeys_the_reset_pin(desk: Desk) -> Answer {
    let mut board = Board::new(desk).await?;
    if bm13xx::answering(board.desk.clone()).await? == 0 {
        return Err(Ending::Skipped("whether its chips answer at all is another check's".into()));
    }
    board.set_pin(pin::RESET, false).await?;
    board.desk.pause(RESET).await;
    let in_reset = bm13xx::answering(board.desk.clone()).await?;
    release(&mut board).await?;
    ensure(in_reset == 0, || format!("{in_reset} chips answer while their reset pin is low"))?;
    let out_of_reset = bm13xx::answering(board.desk.clone()).await?;
    ensure(out_of_reset > 0, || "no chip answers after its reset pin was low and high again".into())?;
    Ok(format!("{out_of_reset} chips answer after it"))
}
