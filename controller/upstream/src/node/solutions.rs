//! Found blocks on their way to every node.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use adit_core::{Answer, RejectKind, Share};
use adit_protocol::wire::Micros;
use serde_json::Value;

use super::RpcFault;
use crate::legible::legible;

/// Blocks on their way at most. At the difficulty of the main chain one is a rare guest.
const MOST: usize = 256;
/// A node that cannot be reached is asked again so often …
const RETRY: Duration = Duration::from_secs(1);
/// … for so long.
const PATIENCE: Duration = Duration::from_secs(600);

/// A found block.
#[derive(Debug)]
pub(super) struct Solution {
    pub(super) share: Share,
    pub(super) hash: String,
    /// In hex.
    pub(super) block: Arc<str>,
    pub(super) work_id: Option<Value>,
    since: Micros,
    nodes: Vec<AtNode>,
    answered: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum AtNode {
    /// To be submitted then.
    Waiting(Micros),
    Submitted,
    Accepted,
    Refused(String),
}

/// What a node says to a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Word {
    /// It has it now, or had it before.
    Accepted,
    /// It has it, but not in its best chain.
    Aside(String),
    Refused(String),
    /// Nothing: it is to be asked again.
    Nothing,
}

impl Word {
    pub(super) fn of(outcome: Result<Value, RpcFault>) -> Self {
        match outcome {
            Ok(Value::Null) => Self::Accepted,
            Ok(Value::String(text)) => match text.as_str() {
                "duplicate" => Self::Accepted,
                "inconclusive" | "duplicate-inconclusive" => Self::Aside(text),
                _ => Self::Refused(legible(&text)),
            },
            Ok(_) => Self::Refused("an answer that is none".into()),
            Err(fault) if fault.is_passing() => Self::Nothing,
            Err(fault) => Self::Refused(fault.to_string()),
        }
    }
}

/// All found blocks whose fate is open.
#[derive(Debug, Default)]
pub(super) struct Solutions {
    all: VecDeque<(u64, Solution)>,
    next: u64,
}

impl Solutions {
    /// Takes a block for `nodes` nodes. What is returned is lost: it made room.
    pub(super) fn push(
        &mut self,
        now: Micros,
        share: Share,
        (hash, block): (String, Arc<str>),
        work_id: Option<Value>,
        nodes: usize,
    ) -> Option<Solution> {
        let nodes = vec![AtNode::Waiting(now); nodes];
        let solution = Solution { share, hash, block, work_id, since: now, nodes, answered: false };
        self.all.push_back((self.next, solution));
        self.next += 1;
        if self.all.len() > MOST { self.all.pop_front().map(|(_, solution)| solution) } else { None }
    }

    /// The next submit that is due: number of the block and of the node.
    pub(super) fn due(&mut self, now: Micros) -> Option<(u64, usize, &Solution)> {
        for (number, solution) in &mut self.all {
            let due = |state: &AtNode| matches!(state, AtNode::Waiting(at) if *at <= now);
            if let Some(node) = solution.nodes.iter().position(due) {
                solution.nodes[node] = AtNode::Submitted;
                return Some((*number, node, solution));
            }
        }
        None
    }

    /// When the next submit is due, or the last patience is over.
    pub(super) fn deadline(&self) -> Option<Micros> {
        let waiting =
            self.all.iter().flat_map(|(_, solution)| &solution.nodes).filter_map(|state| match state {
                AtNode::Waiting(at) => Some(*at),
                _ => None,
            });
        let patience = self.all.front().map(|(_, solution)| solution.since + PATIENCE);
        waiting.chain(patience).min()
    }

    /// A node answered. Gives the answer to the share, once.
    pub(super) fn answered(
        &mut self,
        now: Micros,
        (number, node): (u64, usize),
        word: &Word,
    ) -> Option<(Share, Answer, Duration)> {
        let at = self.all.iter().position(|(other, _)| *other == number)?;
        let solution = &mut self.all[at].1;
        solution.nodes[node] = match word {
            Word::Accepted | Word::Aside(_) => AtNode::Accepted,
            Word::Refused(reason) => AtNode::Refused(reason.clone()),
            Word::Nothing => AtNode::Waiting(now + RETRY),
        };
        let answer = solution.answer();
        let is_new = answer.is_some() && !std::mem::replace(&mut solution.answered, true);
        let told = answer
            .filter(|_| is_new)
            .map(|answer| (solution.share.clone(), answer, now.since(solution.since)));
        if solution.nodes.iter().all(|state| matches!(state, AtNode::Accepted | AtNode::Refused(_))) {
            self.all.remove(at);
        }
        told
    }

    /// Blocks that no node has been asked about for too long; those that no node has answered are lost.
    pub(super) fn expired(&mut self, now: Micros) -> Option<(Solution, bool)> {
        let (_, front) = self.all.front()?;
        if now < front.since + PATIENCE {
            return None;
        }
        let (_, solution) = self.all.pop_front()?;
        let lost = !solution.answered;
        Some((solution, lost))
    }
}

impl Solution {
    pub(super) fn is_answered(&self) -> bool {
        self.answered
    }

    /// Accepted when one node has accepted it, refused when all have refused it.
    fn answer(&self) -> Option<Answer> {
        if self.nodes.contains(&AtNode::Accepted) {
            return Some(Answer::Accepted);
        }
        let reason = |state: &AtNode| match state {
            AtNode::Refused(reason) => Some(reason.clone()),
            _ => None,
        };
        let reasons: Option<Vec<String>> = self.nodes.iter().map(reason).collect();
        let reason = reasons?.into_iter().next()?;
        Some(Answer::Rejected { kind: kind_of(&reason), reason })
    }
}

fn kind_of(reason: &str) -> RejectKind {
    match reason {
        "stale-prevblk" | "bad-prevblk" | "inconclusive-not-best-prevblk" => RejectKind::Stale,
        "high-hash" => RejectKind::LowDifficulty,
        "duplicate-invalid" => RejectKind::Duplicate,
        _ => RejectKind::Other,
    }
}
