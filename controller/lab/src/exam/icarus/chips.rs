//! Checks of what only some of the family have: clocks, registers, work ids.

use std::time::Duration;

use adit_protocol::icarus::golden::{BLOCK_171874, GENESIS};
use adit_protocol::icarus::{
    CairnsmoreCommand, Chip, ChipCommand, Codec, Command, Dialect, Frame, PllWord, VoltageCode,
};
use adit_protocol::units::Hertz;
use adit_protocol::wire::{Codec as _, Side};

use super::stick::{SLACK, Stick};
use crate::exam::desk::{Answer, Desk, ensure};

/// Pause that sources keep after a change of clock or voltage (§7.6).
const SETTLED: Duration = Duration::from_millis(500);
/// Core voltage of a U3 that hosts use unasked (§7.4).
const U3_MILLIVOLTS: u16 = 775;

/// Sets what a device needs before it answers, if that is allowed.
pub(super) async fn prepare(desk: Desk) -> Answer {
    if !desk.subject.writes || desk.subject.model.clock.is_none() {
        return Ok(String::new());
    }
    let stick = Stick::new(desk).await?;
    if stick.desk.subject.model.key == "antminer-u3"
        && let Some(code) = VoltageCode::from_millivolts(U3_MILLIVOLTS)
    {
        stick.send(&ChipCommand::Voltage(code).to_bytes());
        stick.desk.pause(SETTLED).await;
    }
    restore(&stick).await;
    Ok(String::new())
}

/// Leaves the clock as its model has it.
pub(super) async fn leave(desk: Desk) -> Answer {
    if desk.subject.writes && desk.subject.model.clock.is_some() {
        restore(&Stick::new(desk).await?).await;
    }
    Ok(String::new())
}

async fn restore(stick: &Stick) {
    if let Some([_, default, _]) = stick.desk.subject.model.clock {
        set_clock(stick, default).await;
    }
}

fn chip(stick: &Stick) -> Chip {
    if stick.desk.subject.model.key == "antminer-u3" { Chip::Bm1382 } else { Chip::Bm1380 }
}

/// Sets the clock, and gives the one that the command really means.
async fn set_clock(stick: &Stick, wanted: Hertz) -> Hertz {
    let (bytes, clock) = if stick.dialect == Dialect::Icarus5 {
        let word = PllWord::for_frequency(chip(stick), wanted);
        (ChipCommand::SetPll(word).to_bytes().to_vec(), word.frequency(chip(stick)))
    } else {
        let multiplier = (wanted.mhz() / 2.5).round() as u8;
        let command = Frame::Command(Command::Cairnsmore(CairnsmoreCommand::clock(multiplier)));
        let bytes = Codec::new(Dialect::Icarus, Side::Device).encoded(&command);
        (bytes, CairnsmoreCommand::clock_of(multiplier))
    };
    stick.send(&bytes);
    stick.desk.calm(SETTLED, SETTLED).await;
    clock
}

/// Measures the search at the default clock and at a lower one.
pub(super) async fn follows_its_clock(desk: Desk) -> Answer {
    let stick = Stick::new(desk).await?;
    let Some([low, default, _]) = stick.desk.subject.model.clock else { return Ok("it has none".into()) };
    let slower = Hertz(low.0.max(default.0 * 0.6));
    let mut took = Vec::new();
    let mut clocks = Vec::new();
    for wanted in [default, slower] {
        clocks.push(set_clock(&stick, wanted).await);
        let longest = stick.search(&GENESIS).mul_f64(1.5 * default.0 / slower.0) + SLACK;
        took.push(shortest_search(&stick, longest).await);
    }
    restore(&stick).await;
    let ([Some(before), Some(after)], [fast, slow]) = (took.as_slice(), clocks.as_slice()) else {
        return ensure(false, || format!("no answer to job {} at one of the clocks", GENESIS.id))
            .map(|()| String::new());
    };
    let (seen, expected) = (after / before, fast.0 / slow.0);
    ensure((seen / expected - 1.0).abs() < 0.12, || {
        format!(
            "{:.1} MHz instead of {:.1} made the search {seen:.2} times as long, not {expected:.2}",
            slow.mhz(),
            fast.mhz()
        )
    })?;
    Ok(format!("{:.1} and {:.1} MHz: {seen:.2} times as long", fast.mhz(), slow.mhz()))
}

/// Seconds until a known nonce is found: the shortest of three searches, since a busy host only makes them longer.
async fn shortest_search(stick: &Stick, longest: Duration) -> Option<f64> {
    let mut shortest: Option<f64> = None;
    for _ in 0..3 {
        let given = stick.give(&GENESIS);
        let hearing =
            stick.listen(given + longest, |records| records.iter().any(|it| it.solves(&GENESIS))).await;
        let took =
            hearing.records.iter().find(|record| record.solves(&GENESIS))?.at.since(given).as_secs_f64();
        shortest = Some(shortest.map_or(took, |shortest| shortest.min(took)));
    }
    shortest
}

const READ_PLL: ChipCommand = ChipCommand::ReadRegister { chip: 0, register: 4 };

pub(super) async fn answers_register_reads(desk: Desk) -> Answer {
    let stick = Stick::new(desk).await?;
    let by = stick.send(&READ_PLL.to_bytes()) + SLACK;
    let hearing = stick.listen(by, |_| false).await;
    let wanted = usize::from(stick.desk.subject.count());
    let words: Vec<_> = hearing.records.iter().filter_map(|record| record.register()).collect();
    ensure(words.len() == wanted, || {
        format!("{} register answers of {wanted} chips with a good CRC5: {hearing}", words.len())
    })?;
    let decoded = words.iter().filter_map(|word| word.pll_word(chip(&stick))).next();
    let Some(word) = decoded else {
        return ensure(false, || format!("no clock in {hearing}")).map(|()| String::new());
    };
    Ok(format!("{wanted} chips, {:.1} MHz", word.frequency(chip(&stick)).mhz()))
}

pub(super) async fn ignores_a_bad_crc(desk: Desk) -> Answer {
    let stick = Stick::new(desk).await?;
    let mut bytes = READ_PLL.to_bytes();
    bytes[3] ^= 0x15;
    let by = stick.send(&bytes) + SLACK;
    let hearing = stick.listen(by, |_| false).await;
    ensure(hearing.records.iter().all(|record| record.register().is_none()), || {
        format!("a read with a bad CRC5 was answered: {hearing}")
    })?;
    stick.desk.pause(SLACK).await;
    Ok("a register read was not answered".into())
}

pub(super) async fn returns_work_ids(desk: Desk) -> Answer {
    let stick = Stick::new(desk).await?;
    for id in [1, 19, 30] {
        let given = stick.send(&stick.bytes(&BLOCK_171874.job().with_work_id(id)));
        let (_, record) = stick.solution(&BLOCK_171874, given, SLACK).await?;
        let found = record.work_id().unwrap_or(0);
        ensure(found == id, || format!("the answer to job id {id} carries id {found}"))?;
    }
    Ok("ids 1, 19 and 30".into())
}
