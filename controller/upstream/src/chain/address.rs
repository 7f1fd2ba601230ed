//! From an address to the script that pays it (`docs/protocols/getblocktemplate.md §5.4`).

use std::str::FromStr;

use bech32::{Fe32, segwit};

/// Text that is no address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Neither form fits.
    #[error("`{text}` is not a Bitcoin address, or a character in it is wrong")]
    Malformed {
        /// What was written.
        text: String,
    },
    /// A witness version that nobody can spend safely yet.
    #[error(
        "`{text}` is an address of witness version {version}, which has no rules yet: anyone could spend from it"
    )]
    FutureWitness {
        /// What was written.
        text: String,
        /// Its version.
        version: u8,
    },
}

/// Where a block's reward goes.
///
/// ```
/// let address: adit_upstream::Address = "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4".parse().unwrap();
/// assert!(address.is_of("main") && !address.is_of("test"));
/// assert_eq!(address.script().len(), 22);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    text: String,
    script: Vec<u8>,
    network: Network,
}

/// Networks as addresses tell them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Network {
    Main,
    /// testnet3, testnet4, signet.
    Test,
    Regtest,
    /// The old form is the same on all test networks.
    TestOrRegtest,
}

impl Address {
    /// The script of outputs that pay it.
    pub fn script(&self) -> &[u8] {
        &self.script
    }

    /// As it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether it belongs to the chain that a node calls so: `main`, `test`, `testnet4`, `signet`, `regtest`.
    pub fn is_of(&self, chain: &str) -> bool {
        match self.network {
            Network::Main => chain == "main",
            Network::Test => matches!(chain, "test" | "testnet4" | "signet"),
            Network::Regtest => chain == "regtest",
            Network::TestOrRegtest => matches!(chain, "test" | "testnet4" | "signet" | "regtest"),
        }
    }

    /// Whether it is of the chain whose coins are worth something.
    pub(crate) fn is_of_main(&self) -> bool {
        self.network == Network::Main
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let text = text.trim();
        let Some((network, script)) = of_witness(text).or_else(|| of_base58(text)) else {
            return Err(AddressError::Malformed { text: text.chars().take(100).collect() });
        };
        match script[0] {
            opcode @ 0x52..=0x60 => {
                Err(AddressError::FutureWitness { text: text.to_owned(), version: opcode - 0x50 })
            }
            _ => Ok(Self { text: text.to_owned(), script, network }),
        }
    }
}

/// Bech32 and bech32m: length and checksum are those of the witness version.
fn of_witness(text: &str) -> Option<(Network, Vec<u8>)> {
    let (prefix, version, program) = segwit::decode(text).ok()?;
    let network = match prefix.to_lowercase().as_str() {
        "bc" => Network::Main,
        "tb" => Network::Test,
        "bcrt" => Network::Regtest,
        _ => return None,
    };
    let opcode = if version == Fe32::Q { 0 } else { 0x50 + version.to_u8() };
    let mut script = vec![opcode, program.len() as u8]; // 2 to 40 bytes
    script.extend(program);
    Some((network, script))
}

fn of_base58(text: &str) -> Option<(Network, Vec<u8>)> {
    let bytes = base58ck::decode_check(text).ok()?;
    let (version, hash) = bytes.split_first()?;
    let network = match version {
        0x00 | 0x05 => Network::Main,
        0x6f | 0xc4 => Network::TestOrRegtest,
        _ => return None,
    };
    let hash: &[u8; 20] = hash.try_into().ok()?;
    let script = match version {
        0x00 | 0x6f => [&[0x76, 0xa9, 0x14], hash.as_slice(), &[0x88, 0xac]].concat(),
        _ => [&[0xa9, 0x14], hash.as_slice(), &[0x87]].concat(),
    };
    Some((network, script))
}
