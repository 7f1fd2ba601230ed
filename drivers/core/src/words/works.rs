//! Works in words.

use std::fmt::Write as _;
use std::ops::Range;
use std::str::FromStr;
use std::sync::Arc;

use adit_protocol::hex;
use adit_protocol::pow::{Hash, Header, Target, VersionMask};

use super::WordsError;
use super::inputs::number;
use crate::{Job, JobKey, PoolKey, Space, VersionWindow, Work, WorkId};

/// Values of extranonce2 from which on a work is a whole job: everything behind a prefix.
const WHOLE: u64 = 1 << 24;

/// Work number `id` that covers all nonces of `header`, of a job that nobody else has a part of.
pub fn work(id: u64, header: Header) -> Work {
    let job = Job {
        key: JobKey(id),
        pool: PoolKey(0),
        coinbase_head: Vec::new(),
        coinbase_tail: Vec::new(),
        extranonce1: Vec::new(),
        extranonce2_size: 4,
        merkle_branch: Vec::<Hash>::new(),
        fixed_root: None,
        version: header.version,
        version_mask: VersionMask(0),
        prev_hash: header.prev_hash,
        nbits: header.nbits,
        ntime: header.ntime,
        share_target: Target::ONE,
        network_target: None,
        clean: true,
    };
    Work {
        id: WorkId(id),
        job: Arc::new(job),
        space: Space {
            extranonce2: 0..1,
            ntime: header.ntime..header.ntime.saturating_add(1),
            version: VersionWindow { base: header.version, mask: VersionMask(0) },
            nonce: 0..=u32::MAX,
        },
        header: Header { nonce: 0, ..header },
    }
}

/// `work N HEADER`, and KEY=VALUE for what [`work`] would not make of them: `job=N`, `extranonce2=FROM..TO`,
/// `ntime=FROM..TO`, `nonce=FROM..TO` (the last one included), `mask=HEX` (version bits of the window), `share=HEX` (share
/// target, 32 bytes big endian). Only what the device is shown: a work of a whole job, which leaves the coinbase to the device,
/// has `coinbase=HEAD:EXTRANONCE1:SIZE:TAIL` (bytes in hex, size of extranonce2) and `branch=HASH,…` (header order), too.
pub(super) fn describe_work(it: &Work) -> String {
    let mut line = format!("work {} {}", it.id.0, hex::encode(&it.header.to_bytes()));
    let plain = work(it.id.0, it.header);
    let mut say = |differs: bool, text: std::fmt::Arguments<'_>| {
        if differs {
            let _ = line.write_fmt(text); // writing into a String cannot fail
        }
    };
    let (space, usual) = (&it.space, &plain.space);
    let (first, last) = (space.nonce.start(), space.nonce.end());
    say(it.job.key != plain.job.key, format_args!(" job={}", it.job.key.0));
    say(
        space.extranonce2 != usual.extranonce2,
        format_args!(" extranonce2={}..{}", space.extranonce2.start, space.extranonce2.end),
    );
    say(space.ntime != usual.ntime, format_args!(" ntime={}..{}", space.ntime.start, space.ntime.end));
    say(space.nonce != usual.nonce, format_args!(" nonce={first}..{last}"));
    say(space.version != usual.version, format_args!(" mask={:08x}", space.version.mask.0));
    let share = it.job.share_target;
    say(share != plain.job.share_target, format_args!(" share={}", hex::encode(&share.to_be_bytes())));
    if space.extranonce2.end.saturating_sub(space.extranonce2.start) >= WHOLE {
        describe_coinbase(&it.job, &mut line);
    }
    line
}

fn describe_coinbase(job: &Job, line: &mut String) {
    let parts = [&job.coinbase_head, &job.extranonce1, &job.coinbase_tail].map(|part| hex::encode(part));
    // Writing into a String cannot fail.
    let _ = write!(line, " coinbase={}:{}:{}:{}", parts[0], parts[1], job.extranonce2_size, parts[2]);
    for (index, hash) in job.merkle_branch.iter().enumerate() {
        let _ = write!(line, "{}{}", if index == 0 { " branch=" } else { "," }, hex::encode(&hash.0));
    }
}

fn parse_coinbase(job: &mut Job, text: &str) -> Result<(), WordsError> {
    let parts: Vec<&str> = text.split(':').collect();
    let [head, extranonce1, size, tail] = parts[..] else {
        return WordsError::expected("HEAD:EXTRANONCE1:SIZE:TAIL", text);
    };
    let (Some(head), Some(extranonce1), Some(tail)) =
        (hex::decode(head), hex::decode(extranonce1), hex::decode(tail))
    else {
        return WordsError::expected("parts of a coinbase in hex", text);
    };
    (job.coinbase_head, job.extranonce1, job.coinbase_tail) = (head, extranonce1, tail);
    job.extranonce2_size = number(size)?;
    Ok(())
}

pub(super) fn parse_work(rest: &str) -> Result<Work, WordsError> {
    let mut words = rest.split_ascii_whitespace();
    let (Some(id), Some(header)) = (words.next(), words.next()) else {
        return WordsError::expected("N HEADER", rest);
    };
    let Some(header) = hex::decode_array(header) else {
        return WordsError::expected("a header of 80 bytes in hex", header);
    };
    let Work { id, job, mut space, header } = work(number(id)?, Header::from_bytes(&header));
    let mut job = Arc::unwrap_or_clone(job);
    for word in words {
        let (key, value) = word.split_once('=').unwrap_or((word, ""));
        match key {
            "job" => job.key = JobKey(number(value)?),
            "extranonce2" => space.extranonce2 = range(value)?,
            "ntime" => space.ntime = range(value)?,
            "nonce" => {
                let Range { start, end } = range(value)?;
                space.nonce = start..=end;
            }
            "mask" => {
                let Ok(mask) = u32::from_str_radix(value, 16) else {
                    return WordsError::expected("version bits in hex", value);
                };
                job.version_mask = VersionMask(mask);
                space.version = VersionWindow { base: header.version & !mask, mask: VersionMask(mask) };
            }
            "share" => {
                let Some(target) = hex::decode_array(value) else {
                    return WordsError::expected("a target of 32 bytes in hex", value);
                };
                job.share_target = Target::from_be_bytes(&target);
            }
            "coinbase" => parse_coinbase(&mut job, value)?,
            "branch" => {
                let hashes = value.split(',').map(|hash| hex::decode_array(hash).map(Hash));
                let Some(branch) = hashes.collect() else {
                    return WordsError::expected("hashes in hex", value);
                };
                job.merkle_branch = branch;
            }
            _ => return WordsError::expected("a part of a work", word),
        }
    }
    Ok(Work { id, job: Arc::new(job), space, header })
}

fn range<T: FromStr>(text: &str) -> Result<Range<T>, WordsError> {
    match text.split_once("..") {
        Some((start, end)) => Ok(number(start)?..number(end)?),
        None => WordsError::expected("FROM..TO", text),
    }
}
