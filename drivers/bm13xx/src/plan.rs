//! The numbers of a chain: what follows from chip type, count, clock and pool.

use std::time::Duration;

use adit_driver::{Capability, Reach};
use adit_protocol::bm13xx::{
    Chip, OVERSHOOT_TICKS, Pll, Split, Ticket, hash_count, scan_time, slice, stride, version_epoch,
};
use adit_protocol::pow::{Target, VersionMask};
use adit_protocol::units::{HashRate, Hertz};
use adit_protocol::wire::Line;

use crate::setup::{Census, Setup};

/// Reports that a chain of its own accord makes each second, about.
const REPORTS_PER_SECOND: f64 = 2.0;
/// Part of the line that answers may take.
const LINE_SHARE: f64 = 0.25;
/// Bytes of the longest answer.
const ANSWER: usize = 11;
/// A job is replaced after so long at the latest, though there may be more to search: header times grow old.
const OLDEST_JOB: Duration = Duration::from_secs(5);
/// A job is replaced before everything has been searched, for the next one takes time.
const EARLY: f64 = 0.9;
/// Versions that a midstate job searches.
const MIDSTATE_BITS: u32 = 2;
/// Sweep of BM1372 in every firmware: with the general formula these chips overlap (§9.2).
const BM1372_HASH_COUNT: u32 = 0x1eb5;
/// Nonces that a core of a BM1387 tries for each midstate on a chain of 63, at whose pace works are sent (§11.7).
const BM1387_NONCES: f64 = (1 << 19) as f64;
/// Of the addresses up to the next chip's, half are waited for on a shorter chain: a host of sticks with two and with twelve
/// chips does so and finds what their clock promises (`docs/protocols/gekko.md §11, §23`).
const BM1387_NONCES_PER_ADDRESS: f64 = (1 << 17) as f64 / 2.0;
/// Distance of the addresses of a BM1372 (§5).
const BM1372_STRIDE: u16 = 0x10;

/// Numbers of a chain that has been counted.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Plan {
    pub chip: Chip,
    pub chips: u16,
    /// Baud rate it works at.
    pub baud: u32,
    pub split: Split,
    /// What answers are held against.
    pub ticket: Ticket,
    /// With this one the chain reports a few nonces each second.
    usual: Ticket,
    /// Easiest ticket whose answers fit on the line.
    easiest: Ticket,
    easing: Option<f64>,
    /// Part of the units that hash.
    share: f64,
    pub domains: u16,
}

impl Plan {
    pub(crate) fn new(setup: &Setup, census: &Census) -> Self {
        let Census { chip, chips, .. } = *census;
        let wanted = setup.baud.unwrap_or(crate::baud::usual(chip));
        let possible = census.can_change_baud && crate::baud::is_possible(chip, wanted);
        let baud = if possible { wanted } else { census.baud };
        let rate = chip.hash_rate(setup.clock, chips).0 * setup.share;
        let per_second = |reports: f64| Ticket::from_difficulty(rate / 2_f64.powi(32) / reports);
        let line = LINE_SHARE / Line::at(baud).duration(ANSWER).as_secs_f64();
        // Rounded up: an answer more than fits is lost.
        let easiest = Ticket::from_bits((rate / 2_f64.powi(32) / line).max(1.0).log2().ceil() as u8);
        let usual = per_second(REPORTS_PER_SECOND).max(easiest);
        let ticket = setup.ticket.unwrap_or(usual);
        let split = match chip {
            Chip::Bm1370 if chips > 1 => Split::Offsets,
            _ => Split::Addresses { stride: stride_of(chip, chips) },
        };
        Self {
            chip,
            chips,
            baud,
            split,
            ticket,
            usual,
            easiest,
            easing: setup.easing,
            share: setup.share,
            domains: setup.domains.max(1),
        }
    }

    /// Address of chip `index`.
    pub(crate) fn address(&self, index: u16) -> u8 {
        index.saturating_mul(stride_of(self.chip, self.chips)) as u8
    }

    /// The chip with `address`.
    pub(crate) fn index(&self, address: u8) -> Option<u16> {
        let stride = stride_of(self.chip, self.chips);
        let index = u16::from(address) / stride;
        (index < self.chips && u16::from(address).is_multiple_of(stride)).then_some(index)
    }

    /// Most chips that can be told apart.
    pub(crate) const fn most(chip: Chip) -> u16 {
        match chip {
            Chip::Bm1387 => 64,
            Chip::Bm1362 | Chip::Bm1366 => 128,
            Chip::Bm1397 | Chip::Bm1368 | Chip::Bm1370 => 256,
            Chip::Bm1372 => 16,
        }
    }

    /// Length of a sweep at `pll`, in ticks.
    pub(crate) fn hash_count(&self, pll: &Pll) -> u32 {
        if self.chip == Chip::Bm1372 {
            return BM1372_HASH_COUNT;
        }
        hash_count(slice(self.chip, self.split, self.chips), pll, self.chip.facts().guard_ticks).max(1)
    }

    /// Midstates of a job over the versions of `mask`; 1 for chips that make them themselves.
    pub(crate) fn midstates(&self, mask: VersionMask) -> u8 {
        if self.chip.rolls_versions() { 1 } else { 1 << mask.bits().min(MIDSTATE_BITS) }
    }

    /// Time after which a job over the versions of `mask` is replaced, at `pll`. Never so short that jobs crowd the line.
    pub(crate) fn job_time(&self, mask: VersionMask, pll: &Pll) -> Duration {
        let searched = match self.chip {
            chip if chip.rolls_versions() => {
                let versions = 1 << mask.bits().min(16);
                let ticks = self.hash_count(pll).saturating_add(OVERSHOOT_TICKS);
                version_epoch(versions, chip.facts().subcores, ticks)
            }
            Chip::Bm1387 => {
                let part = BM1387_NONCES_PER_ADDRESS * f64::from(stride_of(self.chip, self.chips));
                let nonces = BM1387_NONCES.max(part) * f64::from(self.midstates(mask));
                Duration::from_secs_f64(nonces / pll.frequency().0.max(1.0))
            }
            chip => scan_time(chip, self.chips, u32::from(self.midstates(mask)), pll.frequency()),
        };
        let line = Line::at(self.baud).duration(self.job_size(mask)) * 5 / 4;
        searched.mul_f64(EARLY).max(line).min(OLDEST_JOB)
    }

    /// Bytes of a job.
    pub(crate) fn job_size(&self, mask: VersionMask) -> usize {
        match self.chip {
            chip if chip.rolls_versions() => 88,
            _ => 24 + 32 * usize::from(self.midstates(mask)),
        }
    }

    /// The ticket with which the chain reports a few nonces each second.
    pub(crate) const fn usual_ticket(&self) -> Ticket {
        self.usual
    }

    /// The nonces divided by addresses.
    pub(crate) fn split_by_address(&self) -> Split {
        Split::Addresses { stride: stride_of(self.chip, self.chips) }
    }

    /// The hardest ticket that reports everything that meets `share`, if the line can carry it.
    pub(crate) fn ticket_for(&self, share: Target) -> Ticket {
        let difficulty = share.difficulty() / self.easing.unwrap_or(1.0);
        Ticket::from_difficulty(difficulty).max(self.easiest)
    }

    /// Target of reported nonces.
    pub(crate) fn report_target(&self) -> Target {
        match self.easing {
            None => self.ticket.target(),
            Some(easing) => Target::from_difficulty(self.ticket.difficulty() * easing).unwrap_or(Target::MAX),
        }
    }

    /// Hash rate at `clock`.
    pub(crate) fn rate(&self, clock: Hertz) -> HashRate {
        HashRate(self.chip.hash_rate(clock, self.chips).0 * self.share)
    }

    /// Time that passes on average between two reports at `clock`.
    pub(crate) fn report_interval(&self, clock: Hertz) -> Duration {
        Duration::from_secs_f64((self.ticket.hashes() / self.rate(clock).0.max(1.0)).min(1e6))
    }

    /// What the controller plans with.
    pub(crate) fn capability(&self, pll: &Pll, room: u16) -> Capability {
        let version_bits = if self.chip.rolls_versions() { 16 } else { MIDSTATE_BITS };
        Capability {
            reach: Reach { version_bits, ..Reach::NONCE },
            room,
            memory: u16::from(self.chip.job_bytes(1 << MIDSTATE_BITS)) + room,
            whole_jobs: false,
            report_target: self.report_target(),
            hashes_per_nonce: self.ticket.hashes(),
            nominal: self.rate(pll.frequency()),
            eased: self.easing.is_some(),
        }
    }

    /// Works that wait beside those being searched: enough for the time the controller takes to answer.
    pub(crate) fn room(&self, pll: &Pll) -> u16 {
        let span = self.job_time(VersionMask::BIP320.lowest(MIDSTATE_BITS), pll);
        if self.chip.rolls_versions() {
            2
        } else {
            (0.05 / span.as_secs_f64()).ceil().clamp(2.0, 32.0) as u16
        }
    }
}

/// Distance of two addresses: such that every chip has an equal part of the nonces.
fn stride_of(chip: Chip, chips: u16) -> u16 {
    if chip == Chip::Bm1372 { BM1372_STRIDE } else { stride(chips) }
}
