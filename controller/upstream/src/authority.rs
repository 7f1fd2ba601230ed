//! Authority keys of Stratum V2 pools (`docs/protocols/stratum-v2.md §3.1`).

use std::fmt;
use std::str::FromStr;

/// Version of the text form.
const VERSION: [u8; 2] = [1, 0];

/// The x coordinate of the key that a pool's certificates are signed with.
///
/// ```
/// let text = "9bXiEd8boQVhq7WddEcERUL5tyyJVFYdU8th3HfbNXK3Yw6GRXh";
/// let key: adit_upstream::AuthorityKey = text.parse().unwrap();
/// assert_eq!((key.0[0], key.to_string().as_str()), (0x76, text));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AuthorityKey(pub [u8; 32]);

/// Text that is no authority key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadAuthorityKey {
    /// Wrong characters, length or checksum.
    #[error("the authority key is mistyped or cut short")]
    Mistyped,
    /// A key of the first firmware that spoke Stratum V2, with another handshake.
    #[error("the authority key is of an early draft of Stratum V2, which is no longer spoken")]
    Draft,
    /// A version that is not known.
    #[error("the authority key has version {0}, known is 1")]
    Version(u16),
}

impl FromStr for AuthorityKey {
    type Err = BadAuthorityKey;

    fn from_str(text: &str) -> Result<Self, BadAuthorityKey> {
        let bytes = base58ck::decode_check(text).map_err(|_| BadAuthorityKey::Mistyped)?;
        match <[u8; 34]>::try_from(bytes) {
            Ok([1, 0, key @ ..]) => Ok(Self(key)),
            Ok([low, high, ..]) => Err(BadAuthorityKey::Version(u16::from_le_bytes([low, high]))),
            Err(bytes) if bytes.len() == 32 => Err(BadAuthorityKey::Draft),
            Err(_) => Err(BadAuthorityKey::Mistyped),
        }
    }
}

impl fmt::Display for AuthorityKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&base58ck::encode_check(&[&VERSION, self.0.as_slice()].concat()))
    }
}
