//! Headers whose solutions are known: hardware that is eased answers them at full difficulty without hashing, so that a host can be
//! tried at real targets (`docs/protocols/bm13xx.md §14`).

use adit_protocol::hex;
use adit_protocol::pow::Header;

/// As they stand in their blocks: 0, 125552, 413567, and one of difficulty 18 that hosts use in their tests. With each its nonce.
const SOLVED: [(&str, &[u32]); 4] = [
    (
        "0100000000000000000000000000000000000000000000000000000000000000000000003ba3edfd7a7b12b27ac72c3e67768f617fc81bc3888a51323a9fb8aa4b1e5e4a29ab5f49ffff001d1dac2b7c",
        &[0x7c2b_ac1d],
    ),
    (
        "0100000081cd02ab7e569e8bcd9317e2fe99f2de44d49ab2b8851ba4a308000000000000e320b6c2fffc8d750423db8b1eb942ae710e951ed797f7affc8892b0f1fc122bc7f5d74df2b9441a42a14695",
        &[0x9546_a142],
    ),
    (
        "0400000011cec5c65e00d35b08860e4e47c6f63f522bb1294db54205000000000000000005ce7daa2ab7853686a216e6e40415cfca390c23daff2eaaba16c89f640ca564b38d47573684051803b95f7e",
        &[0x7e5f_b903],
    ),
    (
        "04000020fc102bd0ea11470daf05a8e133a8a8505e21a2122b7f010000000000000000006d0359c451434605c52a5a9ce074340be47c2c63840731f9edf1db3f26b1cdd9a9f16f643aae051747896e27",
        &[0x276e_8947],
    ),
];

/// All of them, solved.
pub(crate) fn headers() -> impl Iterator<Item = Header> {
    SOLVED.iter().filter_map(|(text, _)| hex::decode_array(text)).map(|bytes| Header::from_bytes(&bytes))
}

/// The nonce of `header`, whatever its own is, if it is one of them.
pub(crate) fn nonces(header: &Header) -> Option<&'static [u32]> {
    let same = |known: &Header| Header { nonce: header.nonce, ..*known } == *header;
    headers().zip(SOLVED).find_map(|(known, (_, nonces))| same(&known).then_some(nonces))
}

#[cfg(test)]
mod tests {
    use adit_protocol::pow::Target;

    use super::*;

    #[test]
    fn every_header_is_solved_by_its_nonce() {
        assert_eq!(headers().count(), SOLVED.len());
        for header in headers() {
            assert_eq!(nonces(&Header { nonce: 0, ..header }), Some([header.nonce].as_slice()));
            assert!(Target::ONE.is_met_by(&header.hash()));
        }
        let other = Header { ntime: 1, ..headers().next().unwrap() };
        assert_eq!(nonces(&other), None);
    }
}
