//! Bonanza: the safety status of its bridge, and 9-bit words on its data port (`docs/protocols/bitaxe-raw.md §5`).

/// What the bridge says of its outputs. Only consistent reports are decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SafetyStatus {
    /// 0 safe-off, 1 controlled, 2 fault latched.
    pub state: u8,
    /// 0 none, 1 lease expired, 2 ASIC trip.
    pub fault: u8,
    /// 0 good-off, 1 good-controlled, 0x80 fault, 0x81 lease, 0x82 trip, 0x83 unsafe outputs.
    pub runtime_verdict: u8,
    /// 0, 0x80, 0x81 capability gap (normal), 0x82.
    pub production_verdict: u8,
    /// Capability bits.
    pub capabilities: u16,
    /// The lease is valid.
    pub lease_valid: bool,
    /// What is left of it in milliseconds.
    pub lease_ms: u32,
    /// What is switched.
    pub outputs: Outputs,
    /// Trip input: 0 clear.
    pub trip: u8,
}

/// Outputs of the bridge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outputs {
    /// 5 V is on.
    pub supply: bool,
    /// The ASIC is held in reset.
    pub reset: bool,
    /// Fan speed in per cent.
    pub fan_percent: u8,
}

impl Outputs {
    /// Nothing can happen: no supply, reset asserted, fan at its highest.
    pub const fn are_safe(self) -> bool {
        !self.supply && self.reset && self.fan_percent == 100
    }
}

/// Why a safety status is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadStatus {
    /// Schema 1, policy 2 and 17 bytes are known.
    #[error("not a safety status of schema 1, policy 2")]
    Unknown,
    /// The bytes contradict each other.
    #[error("the safety status contradicts itself")]
    Contradiction,
}

impl SafetyStatus {
    /// The 17 bytes of a report.
    pub fn encode(&self) -> [u8; 17] {
        let mut bytes = [0; 17];
        bytes[..6].copy_from_slice(&[
            1,
            2,
            self.state,
            self.fault,
            self.runtime_verdict,
            self.production_verdict,
        ]);
        bytes[6..8].copy_from_slice(&self.capabilities.to_le_bytes());
        bytes[8] = self.evidence();
        bytes[10..14].copy_from_slice(&self.lease_ms.to_le_bytes());
        let Outputs { supply, reset, fan_percent } = self.outputs;
        bytes[14] = u8::from(supply) | u8::from(reset) << 1 | u8::from(fan_percent == 100) << 2;
        bytes[15] = fan_percent;
        bytes[16] = self.trip;
        bytes
    }

    fn evidence(&self) -> u8 {
        u8::from(self.outputs.are_safe())
            | u8::from(self.lease_valid) << 1
            | u8::from(self.trip == 0) << 2
            | u8::from(self.fault == 0) << 3
    }

    /// Reads a report.
    ///
    /// # Errors
    /// When it is of another schema, or contradicts itself.
    pub fn decode(bytes: &[u8]) -> Result<Self, BadStatus> {
        let bytes: &[u8; 17] = bytes.try_into().map_err(|_| BadStatus::Unknown)?;
        if bytes[..2] != [1, 2] {
            return Err(BadStatus::Unknown);
        }
        let status = Self {
            state: bytes[2],
            fault: bytes[3],
            runtime_verdict: bytes[4],
            production_verdict: bytes[5],
            capabilities: u16::from_le_bytes([bytes[6], bytes[7]]),
            lease_valid: bytes[8] & 2 != 0,
            lease_ms: u32::from_le_bytes([bytes[10], bytes[11], bytes[12], bytes[13]]),
            outputs: Outputs {
                supply: bytes[14] & 1 != 0,
                reset: bytes[14] & 2 != 0,
                fan_percent: bytes[15],
            },
            trip: bytes[16],
        };
        let lawful = status.outputs.fan_percent <= 100
            && (status.state == 2) == (status.fault != 0)
            && (status.lease_ms == 0 || status.state == 1);
        // every other rule makes a byte follow from the others
        if lawful && status.encode() == *bytes { Ok(status) } else { Err(BadStatus::Contradiction) }
    }
}

/// A 9-bit word as it travels from the host: the low eight bits, then bit 8.
pub const fn nine_bit_wire(word: u16) -> [u8; 2] {
    [word as u8, (word >> 8 & 1) as u8]
}

/// The word that two bytes of the host stand for.
pub const fn nine_bit_word(wire: [u8; 2]) -> u16 {
    wire[0] as u16 | (wire[1] as u16 & 1) << 8
}
