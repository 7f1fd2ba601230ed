//! Registers, clocks, nonces and ids of the BM13xx family, against its vectors.

use adit_protocol::bm13xx::{
    Chip, Command, CoreAccess, CoreRegister, DriveStrength, FastUart, Frame, Generation, HeaderJob, Identity,
    Job, Layout, MiscControl1387, MiscControl1397, Pll, PllEncoding, Register, Split, Ticket, UartRelay,
    VersionRolling, baud, bm1397_hash_rate, hash_count, next_version, offset, offset_register,
    rolled_versions, scan_time, sensor_celsius, slice, stepped_version, stride, version_epoch,
};
use adit_protocol::hex;
use adit_protocol::pow::{Hash, Header, Target, VersionMask};
use adit_protocol::units::Hertz;
use adit_protocol::wire::Side;
use proptest::prelude::*;
use serde_json::Value;

use crate::bm13xx::{decode, of_kind};
use crate::vectors::{array, bytes, number, text};

fn float(value: &Value) -> f64 {
    value.as_f64().unwrap()
}

fn small(value: &Value) -> u16 {
    value.as_u64().unwrap() as u16
}

fn chip(entry: &Value) -> Chip {
    let name = text(&entry["chip"]).split(' ').next().unwrap();
    Chip::from_name(name).unwrap_or_else(|| panic!("no chip {name}"))
}

fn pll(entry: &Value) -> Pll {
    let field = |name: &str| entry[name].as_u64().unwrap() as u8;
    Pll {
        feedback: small(&entry["fb"]),
        reference: field("ref"),
        post1: field("postdiv1"),
        post2: field("postdiv2"),
    }
}

#[test]
fn every_chip_stands_in_its_own_row() {
    for chip in Chip::ALL {
        let facts = chip.facts();
        assert_eq!(facts.chip, chip);
        assert_eq!(Chip::from_name(facts.name), Some(chip));
        for id in facts.ids {
            assert_eq!(Chip::from_id(*id), Some(chip));
        }
    }
    assert_eq!(Chip::from_id(0x1398), None);
}

#[test]
fn pll_words_read_as_the_vectors_say() {
    for entry in of_kind("pll_decode", 14) {
        let encoding = match text(&entry["scheme"]) {
            scheme if scheme.starts_with("direct") => PllEncoding::Direct,
            _ => PllEncoding::MinusOne,
        };
        let found = Pll::from_word(encoding, number(&entry["register"])).unwrap();
        assert_eq!(found, pll(&entry), "{entry}");
        assert!((found.frequency().mhz() - float(&entry["mhz"])).abs() < 1e-6);
        assert!((found.vco_mhz() - float(&entry["vco_mhz"])).abs() < 1e-6);
    }
}

#[test]
fn the_solver_gives_the_words_of_the_vectors_and_says_the_clock_they_really_make() {
    for entry in of_kind("pll_solve", 30) {
        let chip = chip(&entry);
        let found = Pll::solve(chip, Hertz::from_mhz(float(&entry["target_mhz"])));
        assert_eq!(found, pll(&entry), "{entry}");
        assert_eq!(found.word(chip), number(&entry["register"]), "{entry}");
        assert!((found.frequency().mhz() - float(&entry["actual_mhz"])).abs() < 1e-6);
    }
}

#[test]
fn the_solver_gives_the_words_of_factory_firmware() {
    for (mhz, word) in [(56.25, 0x40a2_0255), (525.0, 0x40a8_0230)] {
        assert_eq!(Pll::solve(Chip::Bm1362, Hertz::from_mhz(mhz)).word(Chip::Bm1362), word);
    }
}

/// A driver that checks only the feedback divider lets the oscillator run at up to 5975 MHz for 218 of these targets.
#[test]
fn no_oscillator_leaves_its_limits_for_any_target() {
    for chip in Chip::ALL {
        let limits = &chip.facts().pll;
        for mhz in 50..=1000 {
            let found = Pll::solve(chip, Hertz::from_mhz(f64::from(mhz)));
            assert!(found.is_within(limits), "{chip:?} at {mhz} MHz: {found:?}");
            let again = Pll::from_word(limits.encoding, found.word(chip));
            assert_eq!(again, Some(found), "{chip:?} at {mhz} MHz");
        }
    }
    let runaway = Pll { feedback: 239, reference: 1, post1: 7, post2: 1 };
    assert!(!runaway.is_within(&Chip::Bm1370.facts().pll));
}

/// One host misses the exact word in 15 of the 76 steps of its ramp.
#[test]
fn every_step_of_a_ramp_in_6_25_mhz_is_exact() {
    for chip in [Chip::Bm1362, Chip::Bm1370] {
        for step in 9..=84 {
            let wanted = f64::from(step) * 6.25;
            let found = Pll::solve(chip, Hertz::from_mhz(wanted)).frequency().mhz();
            assert!((found - wanted).abs() < 1e-9, "{chip:?}: {found} for {wanted}");
        }
    }
}

/// The words of a running host decode as here and carry the bit of the high range where they must.
#[test]
fn captured_ramp_words_carry_the_bit_of_the_high_range_as_ours_would() {
    let frames = of_kind("host_frames", 1).remove(0)["frames"].as_array().unwrap().clone();
    let mut words = 0;
    for frame in &frames {
        let Frame::Command(Command::Write { register: Register::PLL0, value, .. }) =
            decode(Generation::V2, Side::Host, &bytes(frame))
        else {
            continue;
        };
        let found = Pll::from_word(PllEncoding::MinusOne, value).unwrap();
        assert_eq!(found.word(Chip::Bm1370), value);
        words += 1;
    }
    assert_eq!(words, 76);
}

#[test]
fn ticket_masks_are_those_of_the_vectors() {
    for entry in of_kind("ticket_mask", 9) {
        let difficulty = float(&entry["difficulty"]);
        let ticket = Ticket::from_difficulty(difficulty);
        assert_eq!(ticket.difficulty(), difficulty);
        assert_eq!(ticket.register(), number(&entry["register_value"]));
        assert_eq!(Ticket::from_register(ticket.register()), Some(ticket));
        let frame = decode(Generation::V2, Side::Host, &bytes(&entry["frame_v2"]));
        assert_eq!(frame, Frame::Command(Command::write_all(Register::TICKET_MASK, ticket.register())));
    }
    assert_eq!(Ticket::from_register(0x0000_00fe), Some(Ticket::from_difficulty(128.0)));
    assert_eq!(Ticket::from_register(0x0000_007f), None);
}

#[test]
fn a_ticket_reports_exactly_the_hashes_below_its_power_of_two() {
    let ticket = Ticket::from_difficulty(256.0); // 2^216
    let mut least_too_big = [0; 32];
    least_too_big[27] = 1;
    let mut greatest = [0xff; 32];
    greatest[27..].fill(0);
    assert!(!ticket.target().is_met_by(&Hash(least_too_big)));
    assert!(ticket.target().is_met_by(&Hash(greatest)));
    assert_eq!(Ticket::from_difficulty(1.0).target(), Target::TOP32_ZERO);
    assert!((ticket.target().expected_hashes() / ticket.hashes() - 1.0).abs() < 1e-12);
    for difficulty in [f64::NAN, -1.0, 0.0, 0.5] {
        assert_eq!(Ticket::from_difficulty(difficulty).bits(), 0);
    }
    assert_eq!(Ticket::from_difficulty(f64::INFINITY).bits(), Ticket::MAX_BITS);
    assert_eq!(Ticket::from_bits(32).register(), u32::MAX);
}

#[test]
fn sweeps_are_as_long_as_the_vectors_say() {
    for entry in of_kind("hash_counting_number", 6) {
        let (chip, chips) = (chip(&entry), small(&entry["chips"]));
        let split = Split::Addresses { stride: stride(chips) };
        let nonces = slice(chip, split, chips);
        assert_eq!(Some(nonces), entry["slice"].as_u64(), "{entry}");
        let guard = entry["guard"].as_u64().unwrap() as u32;
        assert_eq!(hash_count(nonces, &pll(&entry), guard), number(&entry["register"]));
    }
    assert_eq!(slice(Chip::Bm1370, Split::Offsets, 65), (1 << 25) / 65);
}

#[test]
fn version_epochs_and_scans_last_as_long_as_the_vectors_say() {
    for entry in of_kind("version_epoch", 3) {
        let epoch = version_epoch(0x1_0000, small(&entry["subcores"]), number(&entry["hcn"]));
        assert!((epoch.as_secs_f64() - float(&entry["seconds"])).abs() < 1e-5, "{entry}");
    }
    let entry = of_kind("full_scan_time_ms", 2).remove(0);
    let scan = scan_time(Chip::Bm1397, small(&entry["chips"]), 4, Hertz::from_mhz(float(&entry["mhz"])));
    assert!((scan.as_secs_f64() * 1e3 * float(&entry["fraction"]) - float(&entry["ms"])).abs() < 1e-3);
}

#[test]
fn nonce_offsets_are_those_of_captures_and_name_the_chip() {
    for entry in of_kind("chip_nonce_offset", 3) {
        let chips = small(&entry["chips"]);
        for (index, expected) in (0..chips).zip(entry["offsets"].as_array().unwrap()) {
            assert_eq!(u32::from(offset(index, chips)), number(expected));
            let start = (u32::from(offset(index, chips)) << 9 | 0xfe00_0000).to_be_bytes();
            assert_eq!(Layout::EightBits.chip_index(start, Split::Offsets, chips), Some(index));
        }
        for (index, expected) in (0..chips).zip(entry["register_values"].as_array().unwrap()) {
            assert_eq!(offset_register(index, chips), number(expected));
        }
    }
    for entry in of_kind("nonce_to_chip_bm1370", 4) {
        let nonce = array(&entry["nonce_msb_first"]);
        let found = Layout::EightBits.chip_index(nonce, Split::Offsets, small(&entry["chips"]));
        assert_eq!(found, Some(small(&entry["chip_index"])), "{entry}");
    }
}

#[test]
fn nonces_name_core_job_sub_core_and_version_as_the_vectors_say() {
    let mut compared = 0;
    for entry in of_kind("nonce_response", 11) {
        let name = text(&entry["chip"]).split(' ').next().unwrap();
        let Some(chip) = Chip::from_name(name) else { continue }; // BM1391: frames only
        let generation = chip.facts().generation;
        let Frame::Nonce(answer) = decode(generation, Side::Device, &bytes(&entry["hex"])) else { panic!() };
        let (decoded, layout) = (&entry["decoded"], chip.facts().layout);
        let id = chip.answer_id(answer.id, 4);
        let same = |field: &str, found: u32, hex: bool| match decoded.get(field) {
            Some(value) if hex => assert_eq!(found, number(value), "{entry}"),
            Some(value) => assert_eq!(Some(u64::from(found)), value.as_u64(), "{entry}"),
            None => {}
        };
        same("job_byte", u32::from(id.job_byte), true);
        same("subcore", u32::from(id.index), false);
        same("midstate_index", u32::from(id.index), false);
        same("core_id", u32::from(layout.core(answer.nonce)), false);
        same("core", u32::from(layout.core(answer.nonce)), false);
        same("chip_addr", u32::from(layout.address(answer.nonce)), true);
        if let Some(index) = decoded.get("chip_index") {
            let found = layout.chip_index(answer.nonce, Split::Addresses { stride: 4 }, 63);
            assert_eq!(found.map(u64::from), index.as_u64());
        }
        if let Some(counter) = answer.version {
            let [in_place, scattered] = rolled_versions(0x2000_0000, VersionMask::BIP320, counter);
            assert_eq!(in_place, 0x2000_0000 | number(&decoded["version_bits"]));
            assert_eq!(scattered, in_place, "a full mask has one reading");
        }
        if chip != Chip::Bm1387 {
            assert_eq!(chip.id_byte(id.job_byte, id.index), answer.id);
        }
        compared += 1;
    }
    assert_eq!(compared, 6);
}

/// Job, answer and header of every round trip: the header that is rebuilt from the two gives the hash.
#[test]
fn every_round_trip_of_the_vectors_rebuilds_the_header_that_was_hashed() {
    for entry in of_kind("round_trip", 13) {
        let chip = chip(&entry);
        let generation = chip.facts().generation;
        let Frame::Job(job) = decode(generation, Side::Host, &bytes(&entry["job_hex"])) else { panic!() };
        let answer = decode(generation, Side::Device, &bytes(&entry["response_hex"]));
        let Frame::Nonce(answer) = answer else { panic!("{answer:?}") };
        let expected = &entry["expected"];
        let hash = match job {
            Job::Header(HeaderJob { job_byte, header, .. }) => {
                let id = chip.answer_id(answer.id, 1);
                assert_eq!(id.job_byte, job_byte);
                let mask = VersionMask::BIP320;
                let counter = answer.version.unwrap();
                let [version, _] = rolled_versions(header.version & !mask.0, mask, counter);
                let version = if counter == 0 { header.version } else { version };
                let rebuilt = Header { version, nonce: answer.number(), ..header };
                assert_eq!(rebuilt.to_bytes()[..], bytes(&expected["header"])[..], "{entry}");
                let zeros = rebuilt.hash().0.iter().rev().take_while(|byte| **byte == 0).count() * 8;
                if let Some(excess) = expected.get("excess_half_bits") {
                    assert_eq!(Some(u64::from(answer.detail)), excess.as_u64());
                    let ticket = Ticket::from_difficulty(float(&expected["ticket_mask_difficulty"]));
                    let claimed = 32 + usize::from(ticket.bits()) + usize::from(answer.excess_bits());
                    assert!((zeros..zeros + 8).contains(&claimed), "{entry}");
                }
                rebuilt.hash()
            }
            Job::Midstates(job) => {
                let id = chip.answer_id(answer.id, job.count);
                assert_eq!(id.job_byte, job.job_byte);
                let hash = job.hash(id.index, answer.nonce).unwrap();
                if let Some(header) = expected.get("header") {
                    assert_eq!(Header::from_bytes(&array(header)).hash(), hash);
                }
                hash
            }
        };
        assert_eq!(hash.to_string(), text(&expected["hash_display"]), "{entry}");
    }
}

#[test]
fn versions_step_through_the_mask() {
    for entry in of_kind("version_increment", 2) {
        let (base, mask) = (number(&entry["base"]), VersionMask(number(&entry["mask"])));
        let mut version = base;
        for (index, expected) in (1..).zip(entry["sequence"].as_array().unwrap()) {
            version = next_version(version, mask);
            assert_eq!(version, number(expected));
            assert_eq!(stepped_version(base, mask, index), version);
        }
    }
    let holes = VersionMask(0x00c0_2000);
    let steps: Vec<u32> = std::iter::successors(Some(0), |version| Some(next_version(*version, holes)))
        .skip(1)
        .take(8)
        .collect();
    assert_eq!(steps, [0x2000, 0x40_0000, 0x40_2000, 0x80_0000, 0x80_2000, 0xc0_0000, 0xc0_2000, 0]);
}

#[test]
fn a_mask_with_holes_has_two_readings() {
    let [in_place, scattered] = rolled_versions(0x2000_0000, VersionMask(0x00c0_0000), 2);
    assert_eq!((in_place, scattered), (0x2000_0000, 0x2080_0000));
}

#[test]
fn registers_are_the_values_that_hosts_write() {
    assert_eq!(VersionRolling::rolling(VersionMask::BIP320).bits(), 0x9000_ffff);
    assert_eq!(CoreAccess::write_all(CoreRegister::ENABLE, 0xaa).bits(), 0x8000_82aa);
    assert_eq!(CoreAccess::write_all(CoreRegister::OVERFLOW, 0xee).bits(), 0x8000_8dee);
    assert_eq!(MiscControl1397::with_divider(26).bits(), 0x0000_7a31);
    assert_eq!(MiscControl1397::with_divider(0).bits(), 0x0000_6031);
    let s9 = MiscControl1387::from_bits(0x0020_8180);
    assert!(s9.invert_clock && s9.gate_block && s9.multi_midstate && !s9.keep_baud);
    assert_eq!(s9.divider, 1);
    assert_eq!(DriveStrength(0x0211_1111).with_clock(0xf).0, 0x0211_f111);
    assert_eq!(UartRelay::of_domain(0, 11, 10).bits(), 0x007c_0003);
    assert_eq!(UartRelay::of_domain(12, 13, 5).bits() >> 16, 0x13);
    assert_eq!(Identity::from_bits(0x1397_1800), Identity { id: 0x1397, cores: 0x18, address: 0 });
    assert_eq!(FastUart { divider: 2, old: true }.bits(), 0x1130_0200);
    assert_eq!(sensor_celsius(0x0000_ffff), None);
    assert!((sensor_celsius(0x8000_0000 | 2040).unwrap() - 50.02).abs() < 0.01);
    assert_eq!(bm1397_hash_rate(0x8000_0000), None);
    assert_eq!(bm1397_hash_rate(0x007f_ffff), None);
}

#[test]
fn baud_dividers_are_those_of_the_vectors() {
    for entry in of_kind("baud_divider", 4) {
        let divider = small(&entry["divider"]);
        assert_eq!(Some(u64::from(baud(divider))), entry["baud_floor"].as_u64());
        let uart = FastUart { divider: divider as u8, old: false };
        assert_eq!(uart.bits(), number(&entry["reg28_v2"]));
        assert_eq!(FastUart::divider(uart.bits()), Some(divider as u8));
        assert_eq!(MiscControl1397::with_divider(divider).bits(), number(&entry["misc18_v1"]));
    }
    assert_eq!(FastUart::divider(0x1560_0700), None, "a PLL makes this baud rate");
}

proptest! {
    #[test]
    fn job_bytes_come_back_from_every_chip(k in any::<u8>(), index in any::<u8>(), which in 0_usize..7) {
        let chip = Chip::ALL[which];
        let midstates = 4;
        let sent = chip.job_byte(k, midstates);
        let places = if chip.rolls_versions() { chip.facts().subcores as u8 } else { midstates };
        let found = chip.answer_id(chip.id_byte(sent, index % places), midstates);
        prop_assert_eq!((found.job_byte, found.index), (sent, index % places));
    }

    #[test]
    fn every_chip_has_a_slice_of_its_own(chips in 1_u16..=128, counter in any::<u32>(), core in any::<u32>()) {
        for chip in [Chip::Bm1362, Chip::Bm1366, Chip::Bm1368] {
            let (layout, stride) = (chip.facts().layout, stride(chips));
            let split = Split::Addresses { stride };
            let length = slice(chip, split, chips);
            for index in [0, chips / 2, chips - 1] {
                // Where this chip starts, and any place of its sweep.
                let start = u64::from(index) * u64::from(stride) * (1 << 17);
                let at = start + u64::from(counter) % length;
                prop_assert!(at < 1 << 25);
                let nonce = (core << 25 | at as u32).to_be_bytes();
                prop_assert_eq!(layout.chip_index(nonce, split, chips), Some(index));
            }
        }
    }

    #[test]
    fn registers_come_back_from_their_bits(bits in any::<u32>()) {
        prop_assert_eq!(Identity::from_bits(bits).bits(), bits);
        prop_assert_eq!(VersionRolling::from_bits(bits & 0xf000_ffff).bits(), bits & 0xf000_ffff);
        let misc = MiscControl1397::from_bits(bits);
        prop_assert_eq!(MiscControl1397::from_bits(misc.bits()), misc);
        let misc = MiscControl1387::from_bits(bits);
        prop_assert_eq!(MiscControl1387::from_bits(misc.bits()), misc);
        let access = CoreAccess::from_bits(bits);
        prop_assert_eq!(CoreAccess::from_bits(access.bits()), access);
    }

    #[test]
    fn a_clock_is_never_further_away_than_one_step_of_the_dividers(mhz in 60.0_f64..700.0) {
        for chip in [Chip::Bm1362, Chip::Bm1366, Chip::Bm1368, Chip::Bm1370] {
            let found = Pll::solve(chip, Hertz::from_mhz(mhz)).frequency().mhz();
            prop_assert!((found / mhz - 1.0).abs() < 0.004, "{:?}: {} for {}", chip, found, mhz);
        }
    }
}

#[test]
fn the_captured_block_hash_is_met_by_its_ticket() {
    let header: [u8; 80] = hex::decode_array(
        "04000020fc102bd0ea11470daf05a8e133a8a8505e21a2122b7f010000000000000000006d0359c451434605c52a5a9ce074340b\
         e47c2c63840731f9edf1db3f26b1cdd9a9f16f643aae051747896e27",
    )
    .unwrap();
    let hash = Header::from_bytes(&header).hash();
    assert!(Ticket::from_difficulty(16.0).target().is_met_by(&hash));
    assert!(!Ticket::from_difficulty(32.0).target().is_met_by(&hash));
}
