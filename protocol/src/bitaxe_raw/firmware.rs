//! Which firmware a board runs, and what its USB descriptors say.

use super::Dialect;

/// The firmware variants (`docs/protocols/bitaxe-raw.md §1`). They differ in pins and pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Firmware {
    /// Bitaxe boards; the fan hangs on I2C.
    Classic,
    /// Bitaxe boards whose fan, I/O supply and regulator are switched by the controller.
    Fan,
    /// Bitaxe Bonanza.
    Bonanza,
    /// EmberOne 00.
    EmberOne,
    /// bitcrane v3.
    Bitcrane,
}

impl Firmware {
    /// The firmware that `iProduct` names. `Bitaxe` may also be [`Self::Fan`]: probe
    /// ([`Self::FAN_PROBE_PIN`] can be read there and nowhere else).
    pub fn of_product(product: &str) -> Option<Self> {
        match product {
            "Bitaxe" => Some(Self::Classic),
            "BitaxeBonanza" => Some(Self::Bonanza),
            "EmberOne00" => Some(Self::EmberOne),
            "bitcrane3" => Some(Self::Bitcrane),
            _ => None,
        }
    }

    /// The pin whose reading succeeds on [`Self::Fan`] and fails on [`Self::Classic`] (`docs/protocols/bitaxe-raw.md §3.6`).
    pub const FAN_PROBE_PIN: u8 = 1;

    /// Layout of its replies; `revision` is bcdDevice, which only matters for [`Self::EmberOne`].
    pub const fn dialect(self, revision: Revision) -> Dialect {
        match self {
            Self::Bonanza => Dialect::Bonanza,
            Self::EmberOne if revision.minor() >= 1 => Dialect::V1,
            _ => Dialect::V0,
        }
    }
}

/// bcdDevice, 0xJJMN.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Revision(pub u16);

impl Revision {
    /// Revision of the board.
    pub const fn hardware(self) -> u8 {
        (self.0 >> 8) as u8
    }

    /// Minor version of the firmware.
    pub const fn minor(self) -> u8 {
        (self.0 >> 4 & 0xf) as u8
    }

    /// Patch level of the firmware.
    pub const fn patch(self) -> u8 {
        (self.0 & 0xf) as u8
    }
}

/// iSerialNumber of a board: murmur3-32 (seed 0) of the controller's MAC address or flash id, printed byte by byte, least
/// significant first.
///
/// ```
/// assert_eq!(adit_protocol::bitaxe_raw::serial_number(&[0x24, 0x58, 0x7c, 0xde, 0xad, 0xbe]), "4195abaa");
/// ```
pub fn serial_number(id: &[u8]) -> String {
    crate::hex::encode(&murmur3(id).to_le_bytes())
}

fn murmur3(bytes: &[u8]) -> u32 {
    let scramble = |word: u32| word.wrapping_mul(0xcc9e_2d51).rotate_left(15).wrapping_mul(0x1b87_3593);
    let (words, tail) = bytes.as_chunks::<4>();
    let mut hash = words.iter().fold(0_u32, |hash, word| {
        (hash ^ scramble(u32::from_le_bytes(*word))).rotate_left(13).wrapping_mul(5).wrapping_add(0xe654_6b64)
    });
    hash ^= scramble(tail.iter().rev().fold(0, |word, byte| word << 8 | u32::from(*byte)));
    hash ^= bytes.len() as u32;
    hash = (hash ^ hash >> 16).wrapping_mul(0x85eb_ca6b);
    hash = (hash ^ hash >> 13).wrapping_mul(0xc2b2_ae35);
    hash ^ hash >> 16
}
