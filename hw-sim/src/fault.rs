//! Everything that can be broken on purpose: closed enums whose names are the contract of `--faults` and `--fault`.

macro_rules! faults {
    ($(#[$doc:meta])* $name:ident { $($(#[doc = $what:literal])* $variant:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[doc = $what])* $variant,)* }

        impl $name {
            /// All of them, in the order of the documentation.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The name users type.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }

            /// What it is, in a sentence for users.
            pub const fn what(self) -> &'static str {
                match self { $(Self::$variant => concat!($($what),*).trim_ascii(),)* }
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::UnknownFault;

            fn from_str(text: &str) -> Result<Self, $crate::UnknownFault> {
                Self::ALL.iter().copied().find(|fault| fault.name() == text).ok_or($crate::UnknownFault)
            }
        }
    };
}
pub(crate) use faults;

impl<'de> serde::Deserialize<'de> for DeviceFault {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = <std::borrow::Cow<'de, str> as serde::Deserialize>::deserialize(deserializer)?;
        name.parse().map_err(|_| {
            let names = Self::ALL.iter().map(|fault| fault.name()).collect::<Vec<_>>().join(", ");
            serde::de::Error::custom(format_args!("there is no fault {name:?}; there are {names}"))
        })
    }
}

impl serde::Serialize for DeviceFault {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

#[cfg(feature = "serve")]
impl utoipa::PartialSchema for DeviceFault {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        let names = Self::ALL.iter().map(|fault| fault.name());
        utoipa::openapi::ObjectBuilder::new()
            .schema_type(utoipa::openapi::schema::Type::String)
            .enum_values(Some(names))
            .into()
    }
}

#[cfg(feature = "serve")]
impl utoipa::ToSchema for DeviceFault {}

/// There is no fault or quirk of that name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no fault or quirk of that name")]
pub struct UnknownFault;

faults! {
    /// What can go wrong at a device or on its wire.
    DeviceFault {
        /// A byte is lost on the wire.
        DropByte = "drop_byte",
        /// A bit is inverted on the wire.
        FlipBit = "flip_bit",
        /// A byte arrives twice.
        DuplicateByte = "duplicate_byte",
        /// An answer arrives in two pieces with a pause between them.
        SplitChunk = "split_chunk",
        /// Two answers arrive in one piece.
        MergeChunks = "merge_chunks",
        /// Bytes arrive late.
        Delay = "delay",
        /// The device falls silent for a while.
        Stall = "stall",
        /// The device is pulled out and put back later.
        Unplug = "unplug",
        /// The device is pulled out and put back at another socket.
        ReplugElsewhere = "replug_elsewhere",
        /// Supply dips: the chips lose their state, the USB side stays up.
        BrownOut = "brown_out",
        /// A nonce comes back under another work's id, or after a job change as if it were of the new job.
        WrongWorkId = "wrong_work_id",
        /// A nonce of the previous job arrives after the next one was sent.
        LateNonce = "late_nonce",
        /// A nonce that solves nothing.
        FalseNonce = "false_nonce",
        /// A temperature far above the limit.
        HotSensor = "hot_sensor",
        /// A temperature sensor that no longer answers.
        DeadSensor = "dead_sensor",
        /// A fan that stands still.
        DeadFan = "dead_fan",
        /// A bus transfer that is not acknowledged.
        Nak = "nak",
        /// A nonce is reported twice.
        DuplicateNonce = "duplicate_nonce",
        /// A chip falls off the chain, and with it those behind it, until the chips are reset.
        LostChip = "lost_chip",
        /// The core regulator switches itself off and says why.
        RegulatorFault = "regulator_fault",
        /// The answer to a control request comes after the host has given up waiting for it.
        LateReply = "late_reply",
        /// The answer to a control request never comes.
        LostReply = "lost_reply",
        /// The board's controller restarts: pins and half-read requests are lost, what hangs on its buses is not.
        FirmwareRestart = "firmware_restart",
        /// The device forgets the baud rate that was set.
        BaudMismatch = "baud_mismatch",
    }
}

faults! {
    /// What can go wrong at a pool.
    PoolFault {
        /// The connection is closed.
        Disconnect = "disconnect",
        /// A good share is rejected.
        Reject = "reject",
        /// The difficulty changes by a large factor.
        DifficultyJump = "difficulty_jump",
        /// Many jobs in a short time.
        JobStorm = "job_storm",
        /// Lines that are not the protocol.
        PoolGarbage = "pool_garbage",
        /// The connection stays open and nothing is answered any more.
        HalfOpen = "half_open",
    }
}

/// Who makes a [`DeviceFault`] happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FaultSite {
    /// The device itself: [`DeviceInput::Fault`](crate::DeviceInput::Fault).
    Device,
    /// The wire between host and device: [`Wire::inject`](crate::Wire::inject).
    Wire,
    /// Whoever owns the link: plugs and unplugs.
    Link,
}

impl DeviceFault {
    /// Who makes it happen.
    pub const fn site(self) -> FaultSite {
        match self {
            Self::DropByte
            | Self::FlipBit
            | Self::DuplicateByte
            | Self::SplitChunk
            | Self::MergeChunks
            | Self::Delay
            | Self::BaudMismatch => FaultSite::Wire,
            Self::Unplug | Self::ReplugElsewhere => FaultSite::Link,
            Self::Stall
            | Self::BrownOut
            | Self::WrongWorkId
            | Self::LateNonce
            | Self::FalseNonce
            | Self::HotSensor
            | Self::DeadSensor
            | Self::DeadFan
            | Self::Nak
            | Self::DuplicateNonce
            | Self::LostChip
            | Self::RegulatorFault
            | Self::LateReply
            | Self::LostReply
            | Self::FirmwareRestart => FaultSite::Device,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_read_back() {
        for fault in DeviceFault::ALL {
            assert_eq!(fault.name().parse(), Ok(*fault));
        }
        for fault in PoolFault::ALL {
            assert_eq!(fault.name().parse(), Ok(*fault));
        }
        assert_eq!("gremlin".parse::<DeviceFault>(), Err(UnknownFault));
    }
}
