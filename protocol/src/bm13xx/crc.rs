//! The two checksums of the family (`docs/protocols/bm13xx.md §3.4, §3.5`).

/// The CRC5 register after `bits` bits of value 0 to 7 have been pushed in at the top: index `crc << 3 ^ byte`.
const STEP: [u8; 256] = {
    let mut table = [0; 256];
    let mut value = 0;
    while value < 256 {
        // The register stands in the five top bits, aligned with the byte.
        let mut shifted = value as u8;
        let mut bit = 0;
        while bit < 8 {
            shifted = if shifted & 0x80 != 0 { shifted << 1 ^ 0x05 << 3 } else { shifted << 1 };
            bit += 1;
        }
        table[value] = shifted;
        value += 1;
    }
    table
};

/// CRC5 of `bytes`: polynomial x⁵ + x² + 1, initial value 1f, most significant bit first.
///
/// Over a whole answer, its last byte included, it is 0.
///
/// ```
/// assert_eq!(adit_protocol::bm13xx::crc5(&[0x52, 0x05, 0x00, 0x00]), 0x0a);
/// ```
pub fn crc5(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0x1f << 3, |crc, byte| STEP[usize::from(crc ^ byte)]) >> 3
}

/// CRC5 of `bytes` followed by the three bits of an answer's type.
pub(super) fn crc5_with_type(bytes: &[u8], kind: u8) -> u8 {
    let mut crc = crc5(bytes);
    for bit in (0..3).rev() {
        let top = crc >> 4 ^ kind >> bit & 1;
        crc = crc << 1 & 0x1f ^ if top == 1 { 0x05 } else { 0 };
    }
    crc
}

/// What a byte does to the CRC16 that is followed by 0, 1, 2 or 3 others.
const CCITT: [[u16; 256]; 4] = {
    let mut tables = [[0; 256]; 4];
    let mut value = 0;
    while value < 256 {
        let mut shifted = (value as u16) << 8;
        let mut bit = 0;
        while bit < 32 {
            shifted = if shifted & 0x8000 != 0 { shifted << 1 ^ 0x1021 } else { shifted << 1 };
            bit += 1;
            if bit % 8 == 0 {
                tables[bit / 8 - 1][value] = shifted;
            }
        }
        value += 1;
    }
    tables
};

/// CRC16 of `bytes`, as it closes a job: polynomial 1021, initial value ffff, no reflection; sent high byte first.
///
/// ```
/// assert_eq!(adit_protocol::bm13xx::crc16(b"123456789"), 0x29b1);
/// ```
pub fn crc16(bytes: &[u8]) -> u16 {
    let (four, rest) = bytes.as_chunks::<4>();
    let look = |after: usize, byte: u8| CCITT[after][usize::from(byte)];
    let crc = four.iter().fold(0xffff, |crc: u16, [a, b, c, d]| {
        let [high, low] = crc.to_be_bytes();
        look(3, high ^ a) ^ look(2, low ^ b) ^ look(1, *c) ^ look(0, *d)
    });
    rest.iter().fold(crc, |crc, byte| crc << 8 ^ look(0, (crc >> 8) as u8 ^ byte))
}
