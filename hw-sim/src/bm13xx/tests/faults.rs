use super::*;

fn mining(chips: usize) -> Bench {
    let mut bench = Bench::new("BM1370", chips);
    bench.bring_up(2, 0x50d2_0240, 0, 0x1eb5);
    bench.send_frame(&header_job(0x18, 1));
    bench
}

fn is_solution(number: u32, answer: &NonceAnswer) -> bool {
    let bits = u32::from(answer.version.unwrap()) << 13;
    let solved = Header { version: 0x2000_0000 | bits, nonce: answer.number(), ..header(number) };
    adit_protocol::pow::Target::from_difficulty(EASED).unwrap().is_met_by(&solved.hash())
}

#[test]
fn a_late_nonce_comes_with_the_next_job_under_its_own_id() {
    let mut bench = mining(1);
    bench.fault(DeviceFault::LateNonce);
    bench.pass(100);
    bench.heard.clear();
    bench.send_frame(&header_job(0x30, 2));
    let late = bench.nonces().remove(0).1;
    assert_eq!((late.id & 0xf0) >> 1, 0x18);
    assert!(is_solution(1, &late));
}

#[test]
fn a_nonce_comes_under_another_job_once() {
    let mut bench = mining(1);
    bench.fault(DeviceFault::WrongWorkId);
    bench.pass(200);
    let wrong = |answer: &NonceAnswer| (answer.id & 0xf0) >> 1 != 0x18;
    let nonces = bench.nonces();
    assert!(nonces.len() > 10);
    assert_eq!(nonces.iter().filter(|(_, answer)| wrong(answer)).count(), 1);
}

#[test]
fn false_and_repeated_nonces_are_told_once_and_not_counted() {
    let mut bench = mining(1);
    bench.pass(100);
    bench.heard.clear();
    let before = bench.truth().nonces;
    bench.fault(DeviceFault::FalseNonce);
    let lie = bench.nonces().remove(0).1;
    assert!(!is_solution(1, &lie));
    assert_eq!(bench.truth().nonces, before);
    bench.fault(DeviceFault::DuplicateNonce);
    bench.pass(100);
    let nonces = bench.nonces();
    let twice = nonces.windows(2).filter(|pair| pair[0].1 == pair[1].1).count();
    assert_eq!(twice, 1);
    assert_eq!(bench.truth().nonces - before, nonces.len() as u64 - 1);
}

#[test]
fn a_lost_chip_cuts_off_those_behind_it_until_a_reset() {
    let mut bench = mining(8);
    bench.fault(DeviceFault::LostChip);
    let left = bench.read(0).len();
    assert!(left < 8);
    assert!(bench.read(0).iter().enumerate().all(|(index, answer)| usize::from(answer.chip) == 2 * index));
    bench.fault(DeviceFault::BrownOut);
    assert_eq!(bench.read(0).len(), 8);
}

#[test]
fn a_stalled_chain_is_deaf_and_mute_for_a_while() {
    let mut bench = mining(1);
    bench.fault(DeviceFault::Stall);
    bench.heard.clear();
    bench.pass(1_900);
    assert!(bench.read(0).is_empty() && bench.nonces().is_empty());
    bench.pass(20_000);
    bench.heard.clear();
    assert_eq!(bench.read(0).len(), 1);
}

#[test]
fn a_brown_out_takes_job_addresses_and_registers() {
    let mut bench = mining(2);
    bench.fault(DeviceFault::BrownOut);
    bench.heard.clear();
    bench.pass(500);
    assert!(bench.nonces().is_empty());
    let answers = bench.read(0);
    assert!(answers.iter().all(|answer| answer.chip == 0 && answer.extra.is_none()));
}

#[test]
fn results_go_wrong_at_the_rate_that_was_set_and_the_error_counter_says_so() {
    let mut bench = mining(1);
    bench.device.chain.err(bench.now, 0.25);
    bench.pass(4_000);
    let nonces = bench.nonces();
    let wrong = nonces.iter().filter(|(_, answer)| !is_solution(1, answer)).count() as f64;
    let share = wrong / nonces.len() as f64;
    assert!((0.18..0.32).contains(&share), "{share} of {}", nonces.len());
    let (all, bad) = (bench.read(0x8c)[0].value, bench.read(0x4c)[0].value);
    assert!((f64::from(bad) / f64::from(all) - 0.25).abs() < 0.01, "{bad} of {all}");
}

#[test]
fn anything_at_all_may_be_sent_to_a_chain() {
    let mut dice = crate::Dice::new(5, 0);
    for chip in ["BM1387", "BM1397", "BM1362", "BM1370", "BM1372"] {
        let mut bench = Bench::new(chip, 3);
        for _ in 0..300 {
            let mut bytes: Vec<u8> = (0..dice.between(1, 90)).map(|_| dice.roll() as u8).collect();
            if dice.chance(0.5) {
                // a write of anything to any register, with a good checksum
                let (register, value) = (Register(dice.roll() as u8), dice.roll() as u32);
                bytes.clear();
                let command = Frame::Command(Command::write_all(register, value));
                Codec::new(bench.generation, Side::Device).encode(&command, &mut bytes);
            }
            bench.input(DeviceInput::Bytes { port: Port(0), bytes: &bytes });
            bench.send_frame(&header_job(0, 1));
            for _ in 0..3 {
                bench.now = Micros(bench.now.0 + 1_000);
                bench.input(DeviceInput::Timer);
            }
            bench.heard.clear();
        }
    }
}
