//! A pool of any kind, ready to run.

use adit_core::{PoolInput, Share};
use adit_driver::PoolKey;
use adit_protocol::units::HashRate;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use super::node::Nodes;
use super::{Dialer, SetupError};
use crate::{NodeSession, PoolConfig, Protocol, Session};

/// What speaks to one pool.
#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "there is one for each pool, and it is moved once")]
pub enum Upstream {
    /// Stratum V1.
    StratumV1(Session, Dialer),
    /// Stratum V2.
    #[cfg(feature = "sv2")]
    StratumV2(crate::V2Session, Dialer),
    /// A Bitcoin node.
    Node(NodeSession, Nodes),
}

impl Upstream {
    /// Reads what the configuration refers to. `seed` makes what is to be random.
    pub fn new(key: PoolKey, config: &PoolConfig, seed: u64) -> Result<Self, SetupError> {
        match (config.protocol, &config.guard) {
            (Protocol::StratumV1, _) => {
                Ok(Self::StratumV1(Session::new(key, config.clone(), seed), Dialer::new(config)?))
            }
            #[cfg(feature = "sv2")]
            (Protocol::StratumV2, _) => {
                Ok(Self::StratumV2(crate::V2Session::new(key, config.clone(), seed), Dialer::new(config)?))
            }
            #[cfg(not(feature = "sv2"))]
            (Protocol::StratumV2, _) => Err(SetupError::NoStratumV2 { host: config.host.clone() }),
            (Protocol::Getblocktemplate, None) => Err(SetupError::NoPayout { host: config.host.clone() }),
            (Protocol::Getblocktemplate, Some(guard)) => {
                let session = NodeSession::new(key, config, &config.node, guard.address.clone(), seed);
                Ok(Self::Node(session, Nodes::new(config)?))
            }
        }
    }

    /// Keeps the pool until the sender of `shares` is dropped or the receiver of `inputs` is gone. See [`super::run`].
    /// `promised`: what the devices that work should do together, for pools that want to know.
    #[cfg_attr(
        not(feature = "sv2"),
        allow(unused_variables, reason = "only pools of Stratum V2 want to know")
    )]
    pub async fn run(
        self,
        origin: Instant,
        shares: mpsc::Receiver<Share>,
        inputs: mpsc::Sender<(PoolKey, PoolInput)>,
        promised: watch::Receiver<HashRate>,
    ) {
        match self {
            Self::StratumV1(session, dialer) => super::run(session, dialer, origin, shares, inputs).await,
            #[cfg(feature = "sv2")]
            Self::StratumV2(session, dialer) => {
                super::v2::run(session, dialer, origin, shares, inputs, promised).await
            }
            Self::Node(session, nodes) => super::node::run(session, nodes, origin, shares, inputs).await,
        }
    }
}
