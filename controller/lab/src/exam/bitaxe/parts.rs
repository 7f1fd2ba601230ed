//! The parts on a board's bus (§6), and which board has which (§7).

use adit_protocol::bitaxe_raw::{Firmware, Operation};
use adit_protocol::i2c::{Diode, ds4432u, emc2101, emc2103, emc2302, ina260, pmbus, tmp451, tmp1075, tps546};

use super::board::{Board, IsReply as _};
use crate::exam::desk::Ending;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Emc2101,
    Emc2103,
    Emc2302,
    Tps546,
    Ds4432u,
    Ina260,
    /// One at each of the two addresses.
    Tmp1075([u8; 1]),
    Tmp451,
}

use Part::{Ds4432u, Emc2101, Emc2103, Emc2302, Ina260, Tmp451, Tmp1075, Tps546};

const FIRST: Part = Tmp1075([tmp1075::BOARD_ADDRESSES[0]]);
const SECOND: Part = Tmp1075([tmp1075::BOARD_ADDRESSES[1]]);
const TRIMMED: &[Part] = &[Emc2101, Ds4432u, Ina260];
const REGULATED: &[Part] = &[Emc2101, Tps546];

/// What the versions of a board carry.
pub(super) fn versions(key: &str) -> &'static [&'static [Part]] {
    match key {
        "bitaxe-max" => &[TRIMMED],
        "bitaxe-ultra" | "bitaxe-supra" => &[REGULATED, TRIMMED],
        "bitaxe-hex" | "bitaxe-suprahex" => &[&[Emc2302, Tps546, FIRST, SECOND]],
        "bitaxe-gamma-turbo" => &[&[Emc2103, Tps546]],
        "emberone00" => &[&[Tmp451, FIRST, Ds4432u]],
        "bitcrane3" => &[&[]],
        // nothing is published of a Naja: taken to be a Gamma with another chip
        _ => &[REGULATED],
    }
}

impl Part {
    const fn address(self) -> u8 {
        match self {
            Emc2101 => emc2101::ADDRESS,
            Emc2103 => emc2103::ADDRESS,
            Emc2302 => emc2302::ADDRESS,
            Tps546 => tps546::ADDRESS,
            Ds4432u => ds4432u::ADDRESS,
            Ina260 => ina260::ADDRESS,
            Tmp1075([address]) => address,
            Tmp451 => tmp451::ADDRESS,
        }
    }

    /// Register that says who it is, and bytes of it. What says nothing is read all the same.
    const fn identity(self) -> (u8, u8) {
        match self {
            Emc2101 | Emc2103 | Emc2302 => (emc2101::MANUFACTURER, 1),
            Tps546 => (pmbus::IC_DEVICE_ID, 7),
            Ds4432u => (ds4432u::OUTPUT_0, 1),
            Ina260 => (ina260::POWER, 2),
            Tmp1075(_) => (tmp1075::DEVICE, 2),
            Tmp451 => (tmp451::MANUFACTURER, 1),
        }
    }

    fn is(self, identity: &[u8]) -> bool {
        match self {
            Emc2101 | Emc2103 | Emc2302 => identity == [emc2101::SMSC],
            Tps546 => {
                let id = identity.strip_prefix(&[6]);
                id.is_some_and(|id| tps546::DEVICE_IDS.iter().any(|known| known == id))
            }
            Ds4432u | Ina260 => true,
            Tmp1075(_) => identity == tmp1075::TMP1075.to_be_bytes(),
            Tmp451 => identity == [tmp451::TEXAS_INSTRUMENTS],
        }
    }
}

impl Board {
    /// Whether `part` answers as itself; else what is wrong with it.
    async fn finds(&mut self, part: Part) -> Result<Option<String>, Ending> {
        let (register, count) = part.identity();
        let operation = Operation::read_register(part.address(), register, count);
        let answer = self.ask(&operation).await?;
        Ok(match answer {
            adit_protocol::bitaxe_raw::Answer::Reply(reply) if part.is(&reply.data) => None,
            answer if answer.is_reply() => {
                Some(format!("{part:?} at {:02x} is another part", part.address()))
            }
            _ => Some(format!("nobody answers at {:02x}, where a {part:?} is", part.address())),
        })
    }

    /// The parts of the version of the board that this one is; else what is missing.
    pub(super) async fn parts(&mut self) -> Result<&'static [Part], Ending> {
        let mut missing = String::new();
        for version in versions(self.desk.subject.model.key) {
            let mut wrong = None;
            for part in *version {
                wrong = self.finds(*part).await?;
                if wrong.is_some() {
                    break;
                }
            }
            match wrong {
                None => return Ok(version),
                Some(wrong) => missing = wrong,
            }
        }
        Err(Ending::Failed(missing))
    }

    /// Temperatures of the chips in degrees Celsius, as their thermometers show them (§6, §7).
    pub(super) async fn temperatures(&mut self, parts: &[Part]) -> Result<Vec<f64>, Ending> {
        /// What chips are hotter than sensors beside them, and than sensors elsewhere on the board.
        const BESIDE: f64 = 5.0;
        const ON_BOARD: f64 = 10.0;
        let mut found = Vec::new();
        for part in parts {
            match part {
                Emc2101 if parts.contains(&Tps546) || self.desk.subject.model.key == "bitaxe-max" => {
                    let [high] = self.read(emc2101::ADDRESS, emc2101::EXTERNAL_HIGH).await?;
                    let [low] = self.read(emc2101::ADDRESS, emc2101::EXTERNAL_LOW).await?;
                    found.push(celsius(Diode::from_registers([high, low]))?);
                }
                Emc2101 => {
                    let [byte] = self.read(emc2101::ADDRESS, emc2101::INTERNAL).await?;
                    found.push(f64::from(byte as i8) + BESIDE);
                }
                Emc2103 => {
                    for register in [emc2103::EXTERNAL_2_HIGH, emc2103::EXTERNAL_1_HIGH] {
                        found.push(celsius(emc2103::diode(self.read(emc2103::ADDRESS, register).await?))?);
                    }
                }
                Tmp1075([address]) => {
                    let bytes = self.read(*address, tmp1075::TEMPERATURE).await?;
                    let beside_a_diode = parts.contains(&Tmp451);
                    found.push(tmp1075::celsius(bytes).0 + if beside_a_diode { 0.0 } else { ON_BOARD });
                }
                Tmp451 => {
                    let [high] = self.read(tmp451::ADDRESS, tmp451::REMOTE_HIGH).await?;
                    let [low] = self.read(tmp451::ADDRESS, tmp451::REMOTE_LOW).await?;
                    found.push(tmp451::celsius([high, low]).0);
                }
                Emc2302 | Tps546 | Ds4432u | Ina260 => {}
            }
        }
        Ok(found)
    }

    /// All fans at full speed.
    pub(super) async fn full_fan(&mut self, parts: &[Part]) -> Result<(), Ending> {
        if self.firmware == Firmware::Fan {
            return self.get(&Operation::FanSpeed { fan: 0, speed: u8::MAX }).await.map(drop);
        }
        if self.firmware == Firmware::Bitcrane {
            for fan in 0..4 {
                self.get(&Operation::FanSpeed { fan, speed: 100 }).await?;
            }
        }
        let writes: &[(u8, u8, u8)] = match parts.first() {
            Some(Emc2101) => &[
                (emc2101::ADDRESS, emc2101::CONFIGURATION, emc2101::TACH_INPUT),
                (emc2101::ADDRESS, emc2101::FAN_CONFIGURATION, emc2101::DIRECT_PWM),
                (emc2101::ADDRESS, emc2101::FAN_SETTING, emc2101::FULL_SPEED),
            ],
            Some(Emc2103) => &[
                (emc2103::ADDRESS, emc2103::CONFIGURATION, 0),
                (emc2103::ADDRESS, emc2103::PWM_CONFIGURATION, 0),
                (emc2103::ADDRESS, emc2103::FAN_SETTING, u8::MAX),
            ],
            Some(Emc2302) => &[
                (emc2302::ADDRESS, emc2302::CONFIGURATION[0], 0),
                (emc2302::ADDRESS, emc2302::CONFIGURATION[1], 0),
                (emc2302::ADDRESS, emc2302::FAN_SETTING[0], u8::MAX),
                (emc2302::ADDRESS, emc2302::FAN_SETTING[1], u8::MAX),
            ],
            _ => &[],
        };
        for (address, register, value) in writes {
            self.write(*address, &[*register, *value]).await?;
        }
        Ok(())
    }

    /// Speed of its first fan in rotations per minute; `None` where it has none within reach.
    pub(super) async fn rpm(&mut self, parts: &[Part]) -> Result<Option<f64>, Ending> {
        if matches!(self.firmware, Firmware::Fan | Firmware::Bitcrane) {
            let data = self.get(&Operation::FanTach { fan: 0 }).await?;
            return Ok(Some(data.iter().rev().fold(0.0, |rpm, byte| rpm * 256.0 + f64::from(*byte))));
        }
        Ok(match parts.first() {
            Some(Emc2101) => {
                let [low] = self.read(emc2101::ADDRESS, emc2101::TACH_LOW).await?;
                let [high] = self.read(emc2101::ADDRESS, emc2101::TACH_HIGH).await?;
                Some(emc2101::Tach(u16::from_le_bytes([low, high])).rpm().0)
            }
            Some(Emc2103) => {
                Some(emc2103::Tach(self.read(emc2103::ADDRESS, emc2103::TACH_HIGH).await?).rpm().0)
            }
            Some(Emc2302) => {
                let tach = self.read(emc2302::ADDRESS, emc2302::TACH_HIGH[0]).await?;
                Some(emc2302::Range::of(0).rpm(tach).0)
            }
            _ => None,
        })
    }
}

fn celsius(diode: Diode) -> Result<f64, Ending> {
    let shown = diode.celsius().map(|celsius| celsius.0);
    shown.ok_or_else(|| Ending::Failed(format!("the diode of a chip is {diode:?}")))
}
