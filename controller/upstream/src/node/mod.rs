//! Mining straight to a Bitcoin node with getblocktemplate (`docs/protocols/getblocktemplate.md`).

pub(crate) mod block;
#[cfg(any(test, feature = "io"))]
pub(crate) mod http;
pub(crate) mod rpc;
mod session;
mod solutions;
pub(crate) mod template;

pub use rpc::{BadHttp, RpcFault};
pub use session::{NodeAction, NodeCall, NodeInput, NodeSession};
pub use template::BadTemplate;

use std::path::PathBuf;
use std::time::Duration;

/// What the user says about mining to a node, beside what he says about every pool.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NodeOptions {
    /// File with the login that the node writes anew at every start; wins over user and password.
    pub cookie: Option<PathBuf>,
    /// Text for the coinbase of found blocks.
    pub tag: String,
    /// Other nodes to submit found blocks to.
    pub submit_to: Vec<crate::PoolConfig>,
    /// Where found blocks are kept, before they are submitted.
    pub block_folder: Option<PathBuf>,
}

/// Why there is no work from a node.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NodeOutage {
    /// A call failed.
    #[error(transparent)]
    Call(#[from] RpcFault),
    /// No block can be made of what it says.
    #[error(transparent)]
    Template(#[from] BadTemplate),
    /// The address is of another chain.
    #[error("`{address}` is not an address of the node's chain `{chain}`")]
    WrongChain {
        /// Where blocks were to be paid to.
        address: String,
        /// As the node calls it.
        chain: String,
    },
    /// Node and adit read the address differently.
    #[error(
        "the node does not pay `{address}` with the script that adit would use: a mistake in one of them, nothing is mined"
    )]
    WrongScript {
        /// Where blocks were to be paid to.
        address: String,
    },
    /// A block as it would be submitted was refused.
    #[error("THE NODE WOULD REFUSE OUR BLOCKS: {reason}; nothing is mined until this is mended")]
    Refused {
        /// In the node's words, made legible.
        reason: String,
    },
    /// The tip moved while a block was looked at.
    #[error("a new block came in the middle of the self-test")]
    Moved,
}

impl NodeOutage {
    /// How long to stay away at least.
    fn shortest_pause(&self) -> Duration {
        match self {
            Self::Call(fault) => fault.shortest_pause(),
            Self::Moved => Duration::ZERO,
            _ => Duration::from_secs(30),
        }
    }
}
