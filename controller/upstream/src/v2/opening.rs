//! The opening of a connection: setup, and the channel that is asked for (`docs/protocols/stratum-v2.md §5, §6`).

use adit_protocol::pow::VersionMask;
use adit_protocol::wire::Micros;
use stratum_core::binary_sv2::Str0255Owned;
use stratum_core::common_messages_sv2::{Protocol, SetupConnectionOwned};
use stratum_core::mining_sv2::{OpenExtendedMiningChannelOwned, OpenStandardMiningChannelOwned};
use stratum_core::parsers_sv2::{CommonMessagesOwned, MiningOwned};

use super::outage::V2Outage;
use super::session::{Ask, Phase, STEP, V2Session};
use crate::legible::legible;

/// Flags of the success of SetupConnection: version bits must not be rolled; standard channels are not opened.
const FIXED_VERSION: u32 = 1;
const EXTENDED_ONLY: u32 = 2;

impl V2Session {
    pub(super) fn on_connected(&mut self, now: Micros) {
        if !matches!(self.phase, Phase::Connecting) {
            return;
        }
        (self.since, self.last_message) = (now, now);
        self.phase = Phase::Setup { by: now + STEP };
        let (host, port) = self.address();
        self.send(CommonMessagesOwned::SetupConnection(SetupConnectionOwned {
            protocol: Protocol::MiningProtocol,
            min_version: 2,
            max_version: 2,
            flags: self.flags,
            endpoint_host: text(&host),
            endpoint_port: port,
            vendor: text("adit"),
            hardware_version: text("adit"),
            firmware: text(env!("CARGO_PKG_VERSION")),
            device_id: text(""),
        }));
    }

    pub(super) fn on_common(&mut self, now: Micros, message: CommonMessagesOwned) -> Result<(), V2Outage> {
        match message {
            CommonMessagesOwned::SetupConnectionSuccess(success) => {
                if let Phase::Setup { .. } = self.phase {
                    if success.flags & EXTENDED_ONLY != 0 && self.ask == Ask::Standard {
                        self.ask = Ask::Extended(4);
                    }
                    let fixed = success.flags & FIXED_VERSION != 0;
                    let mask = if fixed { VersionMask(0) } else { self.config.options.version_mask };
                    self.open_channel(now, mask);
                }
                Ok(())
            }
            CommonMessagesOwned::SetupConnectionError(error) => {
                // What the pool dislikes can be done without.
                self.flags &= !error.flags;
                Err(V2Outage::SetupRefused(legible(&error.error_code.as_utf8_or_hex())))
            }
            CommonMessagesOwned::Reconnect(reconnect) => {
                let host = reconnect.new_host.as_utf8_or_hex();
                self.on_reconnect(now, host, reconnect.new_port)
            }
            _ => Ok(()),
        }
    }

    pub(super) fn open_channel(&mut self, now: Micros, mask: VersionMask) {
        self.phase = Phase::Opening { by: now + STEP, mask };
        let user_identity = text(&self.config.user);
        let (request_id, nominal_hash_rate) = (1, self.rate.told());
        let max_target = [0xff; 32].into();
        self.send_mining(match self.ask {
            Ask::Extended(min_extranonce_size) => {
                MiningOwned::OpenExtendedMiningChannel(OpenExtendedMiningChannelOwned {
                    request_id,
                    user_identity,
                    nominal_hash_rate,
                    max_target,
                    min_extranonce_size,
                })
            }
            Ask::Standard => MiningOwned::OpenStandardMiningChannel(OpenStandardMiningChannelOwned {
                request_id,
                user_identity,
                nominal_hash_rate,
                max_target,
            }),
        });
    }

    /// The next connection asks for something else.
    pub(super) fn on_refused_channel(&mut self, code: &str) -> Result<(), V2Outage> {
        self.ask = match self.ask {
            Ask::Extended(size) if size > 2 && code.contains("extranonce") => Ask::Extended(2),
            Ask::Extended(_) => Ask::Standard,
            Ask::Standard => Ask::Extended(4),
        };
        Err(V2Outage::ChannelRefused { user: self.config.user.clone(), code: code.to_owned() })
    }
}

/// Text of a message, cut where it does not fit.
pub(super) fn text(text: &str) -> Str0255Owned {
    let end = (0..=text.len().min(255)).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    let bytes = text.as_bytes()[..end].to_vec();
    #[allow(clippy::expect_used, reason = "an internal contradiction")]
    // invariant: 255 bytes fit.
    bytes.try_into().expect("a text of at most 255 bytes")
}
