//! Work whose solution is public: blocks of the main chain as frames of every family, so that real hardware and logic can be
//! checked at true difficulty in seconds.

use serde::Serialize;

use crate::hex;
use crate::pow::{Header, Target};
use crate::protocols::{PROTOCOLS, Protocol};

/// Headers of blocks, 80 bytes each (`docs/protocols/verification.md`).
const BLOCKS: &[(&str, &str)] = &[
    (
        "genesis",
        "0100000000000000000000000000000000000000000000000000000000000000000000003ba3edfd\
        7a7b12b27ac72c3e67768f617fc81bc3888a51323a9fb8aa4b1e5e4a29ab5f49ffff001d1dac2b7c",
    ),
    (
        "block 100000",
        "0100000050120119172a610421a6c3011dd330d9df07b63616c2cc1f1cd00200000000006657a925\
        2aacd5c0b2940996ecff952228c3067cc38d4885efb5a4ac4247e9f337221b4d4c86041b0f2b5710",
    ),
    (
        "block 125552",
        "0100000081cd02ab7e569e8bcd9317e2fe99f2de44d49ab2b8851ba4a308000000000000e320b6c2\
        fffc8d750423db8b1eb942ae710e951ed797f7affc8892b0f1fc122bc7f5d74df2b9441a42a14695",
    ),
    (
        "block 171874",
        "01000000b3aec10cfb91d39d005f1a1e2a127a81e4af245fc0c4b6d088040000000000007e6ebbf2\
        035cab9376138a28ef231f055fc9d6753fdb0f8309f3e9a02fa722ce1426674f87320b1a000187a2",
    ),
    (
        "block 210000",
        "02000000e13d9a7a0ba7419fac0160842e7fee5d4b29605364649181f300000000000000d803e620\
        d6bdd20ad8c239b43a5b4c7226948e0787096d35c7b12308a640dd3cb62cb650eae0041a64a694f2",
    ),
    (
        "block 413567",
        "0400000011cec5c65e00d35b08860e4e47c6f63f522bb1294db54205000000000000000005ce7daa\
        2ab7853686a216e6e40415cfca390c23daff2eaaba16c89f640ca564b38d47573684051803b95f7e",
    ),
    (
        "block 491133",
        "00000020790dfd29a6eab5667c8bb42511b3c370d19b03fe9070c1000000000000000000ed32efbf\
        afeb50a29fa29f7838cb3019af23d5623d6e310bce43d50b8b9623776e86ec5930eb001884adf6b3",
    ),
    (
        "block 839900",
        "0060962aa39b4310863947efd282b30ff755d3ab247c76ee7e5d010000000000000000004c4577af\
        f36cdfdb0613ee3dc73c46e349da802849ec4f4995f9de8df5838008df1b226619420317178560d2",
    ),
    (
        "block 852768",
        "0040ef230587293a1dd1d9c2a264db42c4bf4106a6d300e881a401000000000000000000d943c2d1\
        c394e72c95bbbcd2acce02b9012425770cd21d1bee5e494b35208423584c99663a6e03177a16528e",
    ),
];

/// A work of one family and the answer that solves it. Serializes as one line of `adit golden --json`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct GoldenWork {
    /// Which block it is.
    pub block: &'static str,
    /// The wire format, a name in [`PROTOCOLS`].
    pub protocol: &'static str,
    /// For which of the devices that speak it.
    pub device: &'static str,
    /// The whole header in hex, solved.
    pub header: String,
    /// What the host sends, in hex.
    pub job: String,
    /// What a device answers, in hex; bits that only the device knows (chip, detail) are zero.
    pub answer: String,
    /// The number whose little-endian bytes stand in the header.
    pub nonce: u32,
    /// Difficulty of the solved header.
    pub difficulty: f64,
}

/// The frames of one work: see [`GoldenWork`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Exchange {
    pub(crate) device: &'static str,
    pub(crate) job: Vec<u8>,
    pub(crate) answer: Vec<u8>,
}

/// Every known work as frames of `protocol`; none for a format without work.
///
/// ```
/// let icarus = adit_protocol::protocols::protocol("icarus").unwrap();
/// let work = adit_protocol::golden::works(icarus).find(|work| work.block == "block 171874").unwrap();
/// assert_eq!(work.answer, "000187a2");
/// ```
pub fn works(protocol: &'static Protocol) -> impl Iterator<Item = GoldenWork> {
    blocks().flat_map(move |(block, header)| {
        protocol.golden(&header).into_iter().map(move |exchange| GoldenWork {
            block,
            protocol: protocol.name,
            device: exchange.device,
            header: hex::encode(&header.to_bytes()),
            job: hex::encode(&exchange.job),
            answer: hex::encode(&exchange.answer),
            nonce: header.nonce,
            difficulty: Target::from_hash(&header.hash()).difficulty(),
        })
    })
}

/// The wire formats that carry work.
pub fn protocols() -> impl Iterator<Item = &'static Protocol> {
    let genesis = blocks().next();
    PROTOCOLS.iter().filter(move |protocol| genesis.is_some_and(|(_, it)| !protocol.golden(&it).is_empty()))
}

fn blocks() -> impl Iterator<Item = (&'static str, Header)> {
    let header = |text: &str| hex::decode_array(text).map(|bytes| Header::from_bytes(&bytes));
    BLOCKS.iter().filter_map(move |(name, text)| Some((*name, header(text)?)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocols::{Item, Mining};
    use crate::wire::Side;

    fn only(protocol: &Protocol, from: Side, bytes: &str) -> Item {
        let mut items = Vec::new();
        protocol.decoder(from).feed(&hex::decode(bytes).unwrap(), true, &mut |item| items.push(item));
        assert_eq!(items.len(), 1, "{}: {items:?}", protocol.name);
        items.remove(0)
    }

    #[test]
    fn every_block_is_as_hard_as_it_says() {
        assert_eq!(blocks().count(), BLOCKS.len());
        for (name, header) in blocks() {
            let target = crate::pow::CompactBits(header.nbits).target().expect("a target");
            assert!(target.is_met_by(&header.hash()), "{name}");
        }
    }

    #[test]
    fn every_job_decodes_to_the_header_and_every_answer_to_its_nonce() {
        let mut families = 0;
        for protocol in protocols() {
            families += 1;
            for work in works(protocol) {
                let header = Header::from_bytes(&hex::decode_array(&work.header).unwrap());
                let job = only(protocol, Side::Host, &work.job);
                let answer = only(protocol, Side::Device, &work.answer);
                let Some(Mining::Nonce { nonce, .. }) = answer.mining else { panic!("{work:?}: {answer:?}") };
                assert_eq!(nonce, header.nonce, "{work:?}");
                let solved = match job.mining {
                    Some(Mining::Header(found)) => Header { nonce, ..found }.hash(),
                    Some(Mining::Midstates { midstates, tail, .. }) => {
                        let mut last = [0; 16];
                        last[..12].copy_from_slice(&tail);
                        last[12..].copy_from_slice(&nonce.to_le_bytes());
                        midstates[0].finish(&last)
                    }
                    _ => panic!("{work:?}: {job:?}"),
                };
                assert_eq!(solved, header.hash(), "{work:?}");
            }
        }
        assert!(families >= 6, "{families}");
    }
}
