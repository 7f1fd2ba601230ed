//! Who else may mine through adit.

use std::net::SocketAddr;

use adit_driver_downstream::{DIFFICULTY, Options, SHARES_PER_MINUTE, hash_of};
use adit_protocol::stratum::Secret;
use clap::Args;
use serde::{Deserialize, Deserializer};

use crate::failure::Failure;

/// Connections from one address where nobody says.
const PER_ADDRESS: u16 = 16;
/// Connections from this machine, whose own limits hold.
const PER_LOOPBACK: u16 = 4_096;

/// Options of `mine`, and the table `[listen]` of the configuration file.
#[derive(Clone, Debug, Default, Args, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ListenArgs {
    /// Let other miners mine through this one: they connect here as to a Stratum V1 pool
    #[arg(id = "listen", long = "listen", value_name = "ADDR", help_heading = "Miners downstream")]
    address: Option<SocketAddr>,

    /// What they must give as their password; needed beyond the loopback interface
    #[arg(id = "listen_password", long = "listen-password", value_name = "P", value_parser = secret, requires = "listen", help_heading = "Miners downstream")]
    #[serde(deserialize_with = "hidden")]
    password: Option<Secret>,

    /// Difficulty of a miner's first shares, less where the pool asks for less [default: 1024]
    #[arg(
        id = "listen_difficulty",
        long = "listen-difficulty",
        value_name = "D",
        requires = "listen",
        help_heading = "Miners downstream"
    )]
    difficulty: Option<f64>,

    /// Shares a minute that each of them should find: its difficulty is made to suit [default: 12]
    #[arg(
        id = "listen_shares_per_minute",
        long = "listen-shares-per-minute",
        value_name = "N",
        requires = "listen",
        help_heading = "Miners downstream"
    )]
    shares_per_minute: Option<f64>,

    /// Connections from one address beyond this machine [default: 16]
    #[arg(
        id = "listen_per_address",
        long = "listen-per-address",
        value_name = "N",
        requires = "listen",
        help_heading = "Miners downstream"
    )]
    per_address: Option<u16>,
}

/// Where miners may connect, and what is asked of them.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Listen {
    pub(crate) address: SocketAddr,
    pub(crate) options: Options,
    /// Connections from one address at a time.
    pub(crate) per_address: u16,
}

impl ListenArgs {
    /// These, and where they say nothing, what the file says.
    pub(crate) fn over(&self, file: &Self) -> Result<Option<Listen>, Failure> {
        let Some(address) = self.address.or(file.address) else { return Ok(None) };
        let password = self.password.clone().or_else(|| file.password.clone());
        if !address.ip().is_loopback() && password.as_ref().is_none_or(|word| word.expose().is_empty()) {
            return Err(Failure::usage(anyhow::anyhow!(
                "--listen {address}: beyond the loopback interface miners need a password: add --listen-password"
            )));
        }
        let difficulty = self.difficulty.or(file.difficulty).unwrap_or(DIFFICULTY);
        if !(difficulty.is_finite() && difficulty > 0.0) {
            return Err(Failure::usage(anyhow::anyhow!(
                "--listen-difficulty {difficulty}: a difficulty is a number above 0"
            )));
        }
        let shares_per_minute =
            self.shares_per_minute.or(file.shares_per_minute).unwrap_or(SHARES_PER_MINUTE);
        if !(0.1..=600.0).contains(&shares_per_minute) {
            return Err(Failure::usage(anyhow::anyhow!(
                "--listen-shares-per-minute {shares_per_minute}: name a number from 0.1 to 600"
            )));
        }
        let options = Options {
            difficulty,
            shares_per_minute,
            password: password.as_ref().map(hash_of),
            ..Options::default()
        };
        let usual = if address.ip().is_loopback() { PER_LOOPBACK } else { PER_ADDRESS };
        let per_address = self.per_address.or(file.per_address).unwrap_or(usual);
        Ok(Some(Listen { address, options, per_address }))
    }
}

fn secret(text: &str) -> Result<Secret, std::convert::Infallible> {
    Ok(Secret::new(text))
}

fn hidden<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Secret>, D::Error> {
    String::deserialize(deserializer).map(|text| Some(Secret::new(text)))
}
