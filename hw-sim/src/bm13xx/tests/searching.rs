use std::collections::HashSet;

use adit_protocol::bm13xx::MidstateJob;
use adit_protocol::pow::{Target, VersionMask};

use super::*;

/// 525 MHz for a BM1370, 56.25 MHz for a BM1362.
const MHZ_525: u32 = 0x50d2_0240;

/// The header that an answer claims.
fn claimed(number: u32, answer: &NonceAnswer) -> Header {
    let bits = u32::from(answer.version.unwrap()) << 13;
    Header { version: header(number).version | bits, nonce: answer.number(), ..header(number) }
}

fn meets(header: &Header, ticket: f64) -> bool {
    Target::from_difficulty(EASED * ticket).unwrap().is_met_by(&header.hash())
}

#[test]
fn nothing_is_reported_before_all_that_it_takes_has_been_written() {
    let steps: [(u8, u32); 5] =
        [(0xa4, 0x9000_ffff), (0x18, 0xf000_c100), (0x10, 0x1eb5), (0x3c, 0x8000_82aa), (0x08, MHZ_525)];
    for missing in 0..4 {
        let mut bench = Bench::new("BM1370", 1);
        for (index, (register, value)) in steps.iter().enumerate() {
            if index != missing {
                bench.write(*register, *value);
            }
        }
        bench.send_frame(&header_job(0x18, 1));
        bench.pass(200);
        let solved = |answer: &NonceAnswer| answer.version.is_some() && meets(&claimed(1, answer), 1.0);
        // without A4 the job is taken for midstates: what is found then solves nothing
        let nonces = bench.nonces();
        assert!(!nonces.iter().any(|(_, answer)| solved(answer)), "without {:02x}", steps[missing].0);
        assert!(nonces.is_empty() || missing == 0, "without {:02x}", steps[missing].0);
    }
    let mut bench = Bench::new("BM1370", 1);
    steps.iter().for_each(|(register, value)| bench.write(*register, *value));
    bench.pass(200);
    assert!(bench.nonces().is_empty(), "without a job");
    bench.send_frame(&header_job(0x18, 1));
    bench.pass(200);
    assert!(bench.nonces().len() > 20);
    bench.write(0x10, 0);
    bench.nonces();
    bench.pass(200);
    assert!(bench.nonces().is_empty(), "a hash counting number of 0 pauses");
}

#[test]
fn nonces_are_valid_distinct_and_come_at_the_rate_of_the_clock() {
    for (chip, mhz, units, pll) in [
        ("BM1370", 525.0, 2_040.0, MHZ_525),
        ("BM1366", 525.0, 894.0, MHZ_525),
        ("BM1362", 525.0, 514.0, 0x40a8_0230),
        ("BM1368", 525.0, 1_276.0, MHZ_525),
    ] {
        let mut bench = Bench::new(chip, 1);
        bench.bring_up(2, pll, 0x0000_00c0, 0x0005_0000); // ticket 4
        bench.send_frame(&header_job(0x18, 7));
        bench.pass(4_000);
        let nonces = bench.nonces();
        let mut seen = HashSet::new();
        for (_, answer) in &nonces {
            assert!(meets(&claimed(7, answer), 4.0), "{chip}: {answer:?}");
            assert!(seen.insert((answer.nonce, answer.version)), "{chip}: twice {answer:?}");
        }
        let expected = mhz * 1e6 * units * 4.0 / (4.0 * 2_f64.powi(32));
        let off = (nonces.len() as f64 - expected) / expected.sqrt();
        assert!(off.abs() < 4.0, "{chip}: {} nonces, {expected} expected", nonces.len());
        let hashes = bench.truth().hashes;
        assert!((hashes / (mhz * 1e6 * units * 4.0) - 1.0).abs() < 1e-6, "{chip}: {hashes}");
    }
}

#[test]
fn the_id_byte_names_job_and_sub_core_and_the_counter_its_version() {
    let mut bench = Bench::new("BM1370", 1);
    bench.bring_up(2, MHZ_525, 0, 0x1eb5);
    bench.send_frame(&header_job(0x48, 2));
    bench.pass(500);
    for (_, answer) in bench.nonces() {
        assert_eq!((answer.id & 0xf0) >> 1, 0x48);
        assert_eq!(u16::from(answer.id & 0xf), answer.version.unwrap() & 0xf, "low bits are the sub-core");
    }
    let mut bench = Bench::new("BM1366", 1);
    bench.bring_up(2, MHZ_525, 0, 0x151c);
    bench.send_frame(&header_job(0xa8, 2));
    bench.pass(500);
    for (_, answer) in bench.nonces() {
        assert_eq!(answer.id & 0xf8, 0xa8);
        assert_eq!(u16::from(answer.id & 7), answer.version.unwrap() & 7);
    }
}

#[test]
fn chips_split_the_nonces_by_address() {
    let mut bench = Bench::new("BM1366", 4);
    bench.bring_up(64, MHZ_525, 0, 0x0000_2000);
    bench.send_frame(&header_job(0, 3));
    bench.pass(400);
    let mut found = [0; 4];
    for (_, answer) in bench.nonces() {
        assert!(meets(&claimed(3, &answer), 1.0));
        let address = (answer.field_bits() >> 18 & 0x7f) * 2;
        found[address as usize / 64] += 1;
        assert!(answer.field_bits() >> 25 < 112, "core");
    }
    assert!(found.iter().all(|count| *count > 20), "{found:?}");

    let mut bench = Bench::new("BM1370", 65);
    bench.bring_up(2, MHZ_525, 0x0000_00f0, 0x0000_1eb5);
    for index in 0..65_u32 {
        let offset = (65_536 * index).div_ceil(65);
        bench.write_one(2 * index as u8, 0x0c, 0x8000_0000 | offset);
    }
    bench.send_frame(&header_job(0, 3));
    bench.pass(600);
    let mut found = [0; 65];
    for (_, answer) in bench.nonces() {
        found[(((answer.field_bits() >> 9 & 0xffff) * 65) >> 16) as usize] += 1;
    }
    assert!(found.iter().all(|count| *count > 0), "{found:?}");
}

#[test]
fn chips_with_the_same_address_find_the_same() {
    let mut bench = Bench::new("BM1368", 2);
    bench.bring_up(0, MHZ_525, 0, 0x1eb5);
    bench.send_frame(&header_job(0, 3));
    bench.pass(300);
    let nonces: Vec<_> =
        bench.nonces().into_iter().map(|(_, answer)| (answer.nonce, answer.version)).collect();
    let distinct: HashSet<_> = nonces.iter().collect();
    assert_eq!(nonces.len(), 2 * distinct.len());
}

#[test]
fn a_job_that_is_not_replaced_in_time_is_found_again() {
    let mut bench = Bench::new("BM1370", 1);
    bench.bring_up(0, MHZ_525, 0, 0x0100);
    // one epoch: 4096 sweeps of 256 + 130 ticks
    let epoch = 4_096 * (0x100 + 130) / 25;
    bench.send_frame(&header_job(0, 4));
    bench.pass(3 * epoch / 1_000);
    let nonces: Vec<_> =
        bench.nonces().into_iter().map(|(_, answer)| (answer.nonce, answer.version)).collect();
    let distinct: HashSet<_> = nonces.iter().collect();
    let ratio = nonces.len() as f64 / distinct.len() as f64;
    assert!((2.5..=3.0).contains(&ratio), "{} of {}", distinct.len(), nonces.len());
}

#[test]
fn versions_stay_within_the_mask_and_start_anew_with_each_job() {
    let mut bench = Bench::new("BM1370", 1);
    bench.bring_up(0, MHZ_525, 0, 0x000c_0000);
    bench.write(0xa4, 0x9000_00f0);
    let mask = VersionMask(0x00f0 << 13);
    for number in [1, 2] {
        bench.send_frame(&header_job(0, number));
        bench.pass(300);
        let nonces = bench.nonces();
        assert!(nonces.len() > 20);
        for (_, answer) in nonces {
            assert_eq!(u32::from(answer.version.unwrap()) << 13 & !mask.0, 0);
            assert!(meets(&claimed(number, &answer), 1.0));
        }
    }
    bench.write(0xa4, 0x9000_ffff);
    bench.write(0x10, 0x0000_1eb5);
    for number in 3..100 {
        bench.send_frame(&header_job(0, number));
        bench.pass(3);
    }
    let nonces = bench.nonces();
    assert!(nonces.len() > 40, "{}", nonces.len());
    assert!(nonces.iter().all(|(_, answer)| answer.version.unwrap() < 16 * 10), "counted from 0");
}

#[test]
fn masked_cores_hash_but_do_not_report() {
    let mut bench = Bench::new("BM1370", 1);
    bench.bring_up(0, MHZ_525, 0, 0x1eb5);
    bench.write(0x18, 0x2000_c100);
    bench.send_frame(&header_job(0, 3));
    bench.pass(500);
    let nonces = bench.nonces();
    assert!(nonces.len() > 20);
    assert!(nonces.iter().all(|(_, answer)| (32..64).contains(&(answer.field_bits() >> 25))));
    assert!((bench.truth().hashes / (525e6 * 2_040.0 * 0.5) - 1.0).abs() < 1e-6);
}

#[test]
fn hash_counters_count_in_units_of_two_to_the_32_and_are_cleared() {
    let mut bench = Bench::new("BM1370", 2);
    bench.bring_up(2, MHZ_525, 0x0000_ffff, 0x1eb5);
    bench.send_frame(&header_job(0, 3));
    bench.pass(10_000);
    let expected = 525e6 * 2_040.0 * 10.0 / 2_f64.powi(32);
    let answers = bench.read(0x8c);
    assert_eq!(answers.len(), 2);
    for answer in answers {
        assert!((f64::from(answer.value) - expected).abs() <= 1.0, "{}", answer.value);
    }
    let domains: u32 = (0x88..=0x8b).map(|register| bench.read(register)[0].value).sum();
    assert!((f64::from(domains) - expected).abs() <= 1.0);
    bench.write(0x8c, 0);
    assert_eq!(bench.read(0x8c)[0].value, 0);
    assert_eq!(bench.read(0x4c)[0].value, 0);
}

#[test]
fn a_bm1397_searches_midstates_and_says_which() {
    let versions = [0x2000_0000, 0x2000_2000, 0x2000_4000, 0x2000_6000];
    let mut bench = Bench::new("BM1397", 2);
    bench.bring_up(128, 0x4048_0221, 0, 0);
    let (mut indexes, mut chips, mut count) = (HashSet::new(), HashSet::new(), 0);
    for number in 0..20 {
        let job = MidstateJob::new(0x24, &header(number), &versions);
        bench.send_frame(&Frame::Job(Job::Midstates(job)));
        bench.pass(18); // both chips finish their halves in 18.6 ms
        let mut seen = HashSet::new();
        for (_, answer) in bench.nonces() {
            assert_eq!((answer.version, answer.id & 0xfc), (None, 0x24), "9 bytes");
            let version = versions[usize::from(answer.id & 3)];
            assert!(meets(&Header { version, nonce: answer.number(), ..header(number) }, 1.0));
            assert!(seen.insert((answer.nonce, answer.id)));
            indexes.insert(answer.id & 3);
            chips.insert((answer.field_bits() >> 14 & 0xff) / 128);
            count += 1;
        }
    }
    let expected = 2.0 * 450e6 * 672.0 * 0.018 * 20.0 / 2_f64.powi(32);
    assert!((f64::from(count) - expected).abs() < 4.0 * expected.sqrt(), "{count}, {expected} expected");
    assert_eq!((indexes.len(), chips.len()), (4, 2));
}

/// Such as those that a fast old chain gets every few milliseconds: too short for a single try that is really made.
#[test]
fn many_short_jobs_find_as_many_nonces_as_a_few_long_ones() {
    let mut bench = Bench::of("BM1370", 8, Some(2_f64.powi(-31)));
    bench.bring_up(32, MHZ_525, 0, 0x1eb5);
    let mut count = 0;
    for number in 0..5_000 {
        bench.send_frame(&header_job(0, number));
        bench.now = Micros(bench.now.0 + 200); // a tenth of a try for each chip
        bench.input(DeviceInput::Timer);
        count += bench.nonces().len();
    }
    let expected = 8.0 * 525e6 * 2_040.0 / 2_f64.powi(32);
    assert!((count as f64 - expected).abs() < 4.0 * expected.sqrt(), "{count}, {expected} expected");
}

#[test]
fn chips_without_versions_go_through_all_addresses_up_to_the_next_chip_once() {
    let mut bench = Bench::new("BM1397", 3);
    bench.bring_up(85, 0x4048_0221, 0, 0);
    let versions = [0x2000_0000, 0x2000_2000, 0x2000_4000, 0x2000_6000];
    let mut nonces = Vec::new();
    for number in 0..20 {
        bench.send_frame(&Frame::Job(Job::Midstates(MidstateJob::new(0, &header(number), &versions))));
        bench.pass(12); // 85 of 256 addresses take 12.4 ms
        nonces.extend(bench.nonces().into_iter().map(|(_, answer)| (number, answer.nonce, answer.id)));
    }
    let distinct: HashSet<_> = nonces.iter().collect();
    assert_eq!(distinct.len(), nonces.len());
    assert!(nonces.len() > 40, "{}", nonces.len());
}

#[test]
fn a_bm1387_hashes_with_the_cores_that_were_opened() {
    let mut bench = Bench::new("BM1387", 2);
    bench.bring_up(4, 0x0068_0221, 0, 0);
    let open = Header { nbits: 0xffff_ffff, ntime: 0, ..header(0) };
    let quiet = Header { nbits: 0x1702_5048, ..header(6) };
    bench.send_frame(&Frame::Job(Job::Midstates(MidstateJob::new(0, &quiet, &[]))));
    bench.pass(20);
    assert!(bench.nonces().is_empty(), "no core is open");
    for _ in 0..114 {
        bench.send_frame(&Frame::Job(Job::Midstates(MidstateJob::new(0, &open, &[]))));
    }
    bench.heard.clear();
    let versions = [0x2000_0000, 0x2000_2000, 0x2000_4000, 0x2000_6000];
    let (hashes, mut count) = (bench.truth().hashes, 0);
    for ntime in 0..200 {
        let header = Header { ntime, ..quiet };
        bench.send_frame(&Frame::Job(Job::Midstates(MidstateJob::new(0x14, &header, &versions))));
        bench.pass(3);
        for (_, answer) in bench.nonces() {
            let version = versions[usize::from(answer.id & 3)];
            assert!(meets(&Header { version, nonce: answer.number(), ..header }, 1.0));
            assert!([0, 1].contains(&(answer.number() >> 2 & 0x3f)), "chip");
            assert!((answer.number() >> 24 & 0x7f) < 114, "core");
            count += 1;
        }
    }
    assert!((8..36).contains(&count), "{count}, 20.7 expected");
    assert!(((bench.truth().hashes - hashes) / (650e6 * 228.0 * 0.6) - 1.0).abs() < 1e-6);
}

#[test]
fn a_new_ticket_mask_takes_effect_while_hashing_and_nothing_is_found_twice() {
    let mut bench = Bench::new("BM1370", 1);
    bench.bring_up(0, MHZ_525, 0x0000_00c0, 0x000c_0000);
    bench.send_frame(&header_job(0, 8));
    bench.pass(500);
    bench.write(0x14, 0);
    bench.pass(500);
    let nonces = bench.nonces();
    let distinct: HashSet<_> = nonces.iter().map(|(_, answer)| (answer.nonce, answer.version)).collect();
    assert_eq!(distinct.len(), nonces.len());
    let (early, late) = nonces.split_at(nonces.iter().filter(|(at, _)| at.0 < 1_500_000).count());
    assert!(late.len() > 2 * early.len(), "{} then {}", early.len(), late.len());
}

/// Jobs of real blocks, from the vectors, to a chain that reports what the hardware reports.
#[test]
fn known_jobs_are_answered_at_the_real_ticket_mask_as_the_vectors_say() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../protocol/vectors/bm13xx.json");
    let file: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let mut answered = 0;
    for entry in file["vectors"].as_array().unwrap().iter().filter(|entry| entry["kind"] == "round_trip") {
        let text = |field: &str| entry[field].as_str().unwrap().to_owned();
        let id = text("id");
        if !(id.starts_with("block") || id.starts_with("esp-nonce1")) {
            continue;
        }
        let chip = text("chip");
        let mut bench = Bench::of(chip.split(' ').next().unwrap(), 1, None);
        let ticket = if id.starts_with("esp") { 0x0000_00f0 } else { 0x0000_00ff };
        let ticket = if entry["expected"]["ticket_mask_difficulty"] == 128 { 0xfe } else { ticket };
        let pll = if bench.generation == Generation::V2 { MHZ_525 } else { 0x4048_0221 };
        bench.bring_up(0, pll, ticket, 0x1eb5);
        let open = Header { nbits: 0xffff_ffff, ..header(0) };
        if bench.generation == Generation::V0 {
            bench.send_frame(&Frame::Job(Job::Midstates(MidstateJob::new(0, &open, &[]))));
        }
        bench.send(&text("job_hex"));
        bench.pass(99);
        assert!(bench.heard().is_empty(), "{id}");
        bench.pass(1_000);
        assert_eq!(bench.heard(), [text("response_hex")], "{id}");
        assert_eq!(bench.truth().nonces, 1);
        answered += 1;
        if id.starts_with("esp") {
            bench.write(0x14, 0x0000_00f8);
            bench.send(&text("job_hex"));
            bench.pass(1_000);
            assert!(bench.heard().is_empty(), "{id}: one bit more than it has");
        }
    }
    assert_eq!(answered, 11);
}
