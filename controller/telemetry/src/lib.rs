//! What can be read of a running adit: one snapshot, and every view of it.
//!
//! ```text
//! core ──Sample, once a second (the newest replaces the last)──► Ledger ──► Snapshot ──► every view
//!      └─Notice, as it happens (256 may wait, then the oldest is dropped and counted)──┘
//! ```
//!
//! The task that mines only copies numbers into a [`Sample`] and passes [`Notice`](adit_core::Notice)s on; it waits for nobody. All
//! else, whoever looks, happens on threads of telemetry's own.

mod axeos;
mod bind;
mod board;
mod books;
mod cgminer;
mod dashboard;
mod event;
#[cfg(test)]
mod figures_tests;
mod history;
mod http;
mod keys;
mod ledger;
mod metrics;
mod mqtt;
mod reading;
mod ring;
mod run;
mod sample;
mod snapshot;
#[cfg(test)]
mod snapshot_tests;
mod steer;
mod tap;
#[cfg(test)]
mod testing;
mod trouble;
#[cfg(test)]
mod vector_tests;
mod view;
mod webhook;
mod windows;

pub use axeos::AxeosSettings;
pub use bind::{BeyondSettings, BindError, Bound, Settings, bind};
pub use books::{
    By, ByError, CoinPrice, Credit, Day, DayError, Ledgered, Line, PoolTerms, PowerPrice, Prices,
    PricesError, Scheme, csv, ledger_of,
};
pub use cgminer::{Access, AccessError, CgminerSettings};
pub use event::{Event, Kind, Outcome, Severity, ShareRow};
pub use history::{Kept, StoreError};
pub use http::{Certificate, TlsError};
pub use keys::{Key, KeyError, KeyFile, KeyText, Scope, chance, key_file, local_file};
pub use ledger::{Clock, Ledger, PoolFacts};
pub use mqtt::{Broker, BrokerError, BrokerTls, Host, MqttSettings, ask_broker};
pub use reading::{Measured, Missing};
pub use run::{Commands, Running};
pub use sample::{Able, DeviceSample, Identity, PoolSample, Sample, Sampler};
pub use snapshot::{
    Device, DeviceState, DeviceTotals, Latency, Nonces, Pool, PoolState, Refused, Shares, Snapshot, Summary,
    Trouble, Unit, Unused,
};
pub use steer::{Answer, Asked, AuditRow, Password, Request};
pub use tap::Tap;
pub use webhook::{Webhook, WebhookError};
pub use windows::{CERTAIN, WINDOWS, Window};
