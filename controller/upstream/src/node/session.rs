//! One node, as a state machine: check the address, try a block, give work, wait for the next template, submit what is found.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use adit_core::{Answer, PoolInput, Share};
use adit_driver::{Job, JobKey, PoolKey};
use adit_protocol::hex;
use adit_protocol::pow::Hash;
use adit_protocol::wire::Micros;
use serde_json::{Value, json};

use super::block::{self, Rest, Rests, Wishes};
use super::solutions::{Solution, Solutions, Word};
use super::template::Template;
use super::{NodeOptions, NodeOutage, RpcFault, rpc};
use crate::backoff::Backoff;
use crate::legible::legible;
use crate::{Address, PoolConfig};

/// Time for an ordinary call.
const CALL: Duration = Duration::from_secs(60);
/// A template is asked for anew so often, for its time and its fees.
const REFRESH: Duration = Duration::from_secs(60);
/// The same where the node cannot tell of a new block by itself, or has just failed to.
const POLL: Duration = Duration::from_secs(5);
/// So many templates may be asked for in vain before the work in hand is dropped.
const MOST_FAILURES: u8 = 3;
/// A node that is to wait for something new takes longer than this.
const SOON: Duration = Duration::from_secs(1);
/// A template of the same block that is so young …
const YOUNG: Duration = Duration::from_secs(30);
/// … and whose reward is so little higher changes nothing: a thousandth.
const WORTH: u64 = 1_000;

/// What happens to a node's session.
#[derive(Debug)]
pub enum NodeInput {
    /// A call has ended.
    Reply {
        /// Which.
        id: u64,
        /// How.
        outcome: Result<Value, RpcFault>,
    },
    /// A share for this pool: a block.
    Submit(Share),
    /// The deadline has passed.
    Timer,
}

/// What a node's session wants done, in order.
#[derive(Clone, Debug, PartialEq)]
pub enum NodeAction {
    /// Call a node; answered by [`NodeInput::Reply`] in any order.
    Call(NodeCall),
    /// Keep a found block where a crash does not take it, before what comes after.
    Keep {
        /// Its hash as people read it: the file's name.
        hash: String,
        /// The block in hex.
        block: Arc<str>,
    },
    /// Tell the core.
    Emit(PoolInput),
}

/// A call of a node's method.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeCall {
    /// Its number.
    pub id: u64,
    /// Which node: 0 is the one that gives work, then those that found blocks are also submitted to.
    pub node: usize,
    /// It carries a found block: to be finished whatever else ends.
    pub is_submit: bool,
    /// The body of the request, JSON.
    pub body: Vec<u8>,
    /// How long to wait for the answer; `None`: as long as the connection lives.
    pub patience: Option<Duration>,
}

/// A node and our work for it. Used as a [`crate::Session`] is.
#[derive(Debug)]
pub struct NodeSession {
    key: PoolKey,
    place: String,
    /// As the node calls it.
    chain: String,
    wishes: Wishes,
    nodes: usize,
    outbox: VecDeque<NodeAction>,
    stage: Stage,
    calls: BTreeMap<u64, Asked>,
    last_call: u64,
    last_job: u64,
    backoff: Backoff,
    current: Option<Current>,
    /// Templates in a row that were asked for in vain.
    failures: u8,
    rests: Rests,
    solutions: Solutions,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Stage {
    /// No work until then.
    Away(Micros),
    /// Being checked.
    Asking,
    /// It gives work.
    Up {
        /// When to ask for a template.
        refresh_at: Micros,
    },
}

/// What was asked.
#[derive(Debug)]
enum Asked {
    Chain,
    Address,
    Template {
        /// Since when the node may keep us waiting until there is something new; `None`: it is to answer at once.
        long: Option<Micros>,
    },
    /// Whether a block of this job would be good.
    Proposal(Box<(Job, Rest, Current)>),
    Submit {
        solution: u64,
        node: usize,
    },
}

/// What is being worked on.
#[derive(Clone, Debug, PartialEq)]
struct Current {
    prev_hash: Hash,
    value: u64,
    since: Micros,
    long_poll: Option<String>,
}

impl Current {
    fn of(now: Micros, template: &Template) -> Self {
        let long_poll = template.long_poll.clone();
        Self { prev_hash: template.prev_hash, value: template.value, since: now, long_poll }
    }
}

impl NodeSession {
    /// A session that asks the node at once. `seed` makes its part of the extranonce and shortens the pauses between attempts.
    pub fn new(key: PoolKey, config: &PoolConfig, options: &NodeOptions, payout: Address, seed: u64) -> Self {
        let mut session = Self {
            key,
            place: format!("{}:{}", config.host, config.port),
            chain: String::new(),
            wishes: Wishes {
                payout,
                tag: options.tag.clone(),
                version_mask: config.options.version_mask,
                extranonce1: (seed as u32 ^ (seed >> 32) as u32).to_be_bytes(),
            },
            nodes: 1 + options.submit_to.len(),
            outbox: VecDeque::new(),
            stage: Stage::Asking,
            calls: BTreeMap::new(),
            last_call: 0,
            last_job: 0,
            backoff: Backoff::new(seed),
            current: None,
            failures: 0,
            rests: Rests::default(),
            solutions: Solutions::default(),
        };
        session.ask(Asked::Chain, "getblockchaininfo", &json!([]));
        session
    }

    /// The pool this is.
    pub fn key(&self) -> PoolKey {
        self.key
    }

    /// Something happened at `now`.
    pub fn on_input(&mut self, now: Micros, input: NodeInput) {
        match input {
            NodeInput::Reply { id, outcome } => self.on_reply(now, id, outcome),
            NodeInput::Submit(share) => self.on_submit(now, share),
            NodeInput::Timer => {}
        }
        self.on_time(now);
    }

    /// The next thing to do; `None` when there is nothing left.
    pub fn next_action(&mut self) -> Option<NodeAction> {
        self.outbox.pop_front()
    }

    /// When to send [`NodeInput::Timer`] if nothing else happens before.
    pub fn deadline(&self) -> Option<Micros> {
        let stage = match self.stage {
            Stage::Away(until) => Some(until),
            Stage::Asking => None,
            Stage::Up { refresh_at } => Some(refresh_at),
        };
        stage.into_iter().chain(self.solutions.deadline()).min()
    }

    fn on_time(&mut self, now: Micros) {
        match self.stage {
            Stage::Away(until) if now >= until => {
                self.stage = Stage::Asking;
                self.ask(Asked::Chain, "getblockchaininfo", &json!([]));
            }
            Stage::Up { refresh_at } if now >= refresh_at => {
                self.stage = Stage::Up { refresh_at: now + CALL + REFRESH };
                self.ask_template(None);
            }
            _ => {}
        }
        while let Some((number, node, solution)) = self.solutions.due(now) {
            let params = match &solution.work_id {
                Some(id) => json!([&*solution.block, { "workid": id }]),
                None => json!([&*solution.block]),
            };
            self.call(node, Asked::Submit { solution: number, node }, "submitblock", &params, Some(CALL));
        }
        while let Some((solution, lost)) = self.solutions.expired(now) {
            self.give_up(&solution, lost);
        }
    }

    fn on_reply(&mut self, now: Micros, id: u64, outcome: Result<Value, RpcFault>) {
        let Some(asked) = self.calls.remove(&id) else { return };
        let outcome = match (asked, outcome) {
            (Asked::Submit { solution, node }, outcome) => {
                return self.on_word(now, (solution, node), &Word::of(outcome));
            }
            // A node that has no address book cannot confirm the address; the self-test will.
            (Asked::Address, Err(RpcFault::Error { .. })) => {
                self.ask_template(None);
                Ok(())
            }
            // What is wrong shows when it is asked in the ordinary way.
            (Asked::Template { long: Some(_) }, Err(_)) => {
                self.poll_instead(now);
                Ok(())
            }
            // A busy node is no reason to drop the work in hand.
            (Asked::Template { long: None }, Err(fault)) if self.forgives(&fault) => {
                self.stage = Stage::Up { refresh_at: now + POLL };
                Ok(())
            }
            (_, Err(fault)) => Err(NodeOutage::from(fault)),
            (Asked::Chain, Ok(result)) => self.on_chain(&result),
            (Asked::Address, Ok(result)) => self.on_address(&result),
            (Asked::Template { long }, Ok(result)) => self.on_template(now, long, &result),
            (Asked::Proposal(job), Ok(verdict)) => self.on_proposal(now, *job, &verdict),
        };
        if let Err(outage) = outcome {
            self.leave(now, &outage);
        }
    }

    fn on_chain(&mut self, result: &Value) -> Result<(), NodeOutage> {
        let chain = result["chain"].as_str().unwrap_or_default();
        if !self.wishes.payout.is_of(chain) {
            let address = self.wishes.payout.text().to_owned();
            return Err(NodeOutage::WrongChain { address, chain: legible(chain) });
        }
        self.chain = chain.to_owned();
        let address = json!([self.wishes.payout.text()]);
        self.ask(Asked::Address, "validateaddress", &address);
        Ok(())
    }

    fn on_address(&mut self, result: &Value) -> Result<(), NodeOutage> {
        let script = hex::encode(self.wishes.payout.script());
        if result["scriptPubKey"].as_str().is_none_or(|said| !said.eq_ignore_ascii_case(&script)) {
            return Err(NodeOutage::WrongScript { address: self.wishes.payout.text().to_owned() });
        }
        self.ask_template(None);
        Ok(())
    }

    /// Asks for a template: at once, or with this id of the last one when there is something new.
    fn ask_template(&mut self, long: Option<(Micros, String)>) {
        let wanted = ["coinbasevalue", "longpoll", "proposal", "workid"];
        let mut request = json!({ "rules": self.rules(), "capabilities": wanted });
        let (long, patience) = match long {
            Some((now, id)) => {
                request["longpollid"] = id.into();
                (Some(now), None)
            }
            None => (None, Some(CALL)),
        };
        self.call(0, Asked::Template { long }, "getblocktemplate", &json!([request]), patience);
    }

    /// Whether the template in hand is good enough for a little longer.
    fn forgives(&mut self, fault: &RpcFault) -> bool {
        self.failures = self.failures.saturating_add(1);
        matches!(self.stage, Stage::Up { .. }) && fault.is_passing() && self.failures < MOST_FAILURES
    }

    /// The rules we know, which the node wants to hear.
    fn rules(&self) -> Value {
        if self.chain == "signet" { json!(["segwit", "signet"]) } else { json!(["segwit"]) }
    }

    /// The node cannot tell by itself that there is something new: it is asked soon.
    fn poll_instead(&mut self, now: Micros) {
        if let Stage::Up { refresh_at } = &mut self.stage {
            *refresh_at = (*refresh_at).min(now + POLL);
            self.current.iter_mut().for_each(|current| current.long_poll = None);
        }
    }

    fn on_template(&mut self, now: Micros, long: Option<Micros>, result: &Value) -> Result<(), NodeOutage> {
        let template = Template::parse(result)?;
        self.failures = 0;
        if !matches!(self.stage, Stage::Up { .. }) {
            return if long.is_some() { Ok(()) } else { self.propose(now, template) };
        }
        let next = Current::of(now, &template);
        let is_polling =
            long.is_none() && self.current.as_ref().is_some_and(|current| current.long_poll.is_some());
        let poll = next.long_poll.clone().filter(|_| !is_polling);
        self.stage = Stage::Up { refresh_at: now + if next.long_poll.is_some() { REFRESH } else { POLL } };
        let clean = self.current.as_ref().is_none_or(|current| current.prev_hash != next.prev_hash);
        if clean || self.is_worth_it(now, &next) {
            self.last_job += 1;
            let (job, rest) = block::job(self.key, self.job_key(), template, &self.wishes, clean)?;
            self.give(job, rest, next);
        } else if let Some(current) = &mut self.current {
            current.long_poll = next.long_poll;
        }
        if !clean && long.is_some_and(|asked| now.since(asked) < SOON) {
            self.poll_instead(now); // it does not wait at all
        } else if let Some(id) = poll {
            self.ask_template(Some((now, id)));
        }
        Ok(())
    }

    /// Whether a template of the same block is worth a change.
    fn is_worth_it(&self, now: Micros, next: &Current) -> bool {
        self.current.as_ref().is_none_or(|current| {
            now.since(current.since) >= YOUNG
                || next.value > current.value.saturating_add(current.value / WORTH)
        })
    }

    /// The first template of a connection: has the node look at a block as it would be submitted.
    fn propose(&mut self, now: Micros, template: Template) -> Result<(), NodeOutage> {
        let current = Current::of(now, &template);
        let clean = self.current.as_ref().is_none_or(|old| old.prev_hash != current.prev_hash);
        self.last_job += 1;
        let (job, rest) = block::job(self.key, self.job_key(), template, &self.wishes, clean)?;
        let data = hex::encode(&block::proposal(&job, &rest));
        let request = json!([{ "mode": "proposal", "data": data, "rules": self.rules() }]);
        self.ask(Asked::Proposal(Box::new((job, rest, current))), "getblocktemplate", &request);
        Ok(())
    }

    fn on_proposal(
        &mut self,
        now: Micros,
        (job, rest, current): (Job, Rest, Current),
        verdict: &Value,
    ) -> Result<(), NodeOutage> {
        match verdict.as_str() {
            None if verdict.is_null() => {}
            Some("inconclusive-not-best-prevblk") => return Err(NodeOutage::Moved),
            reason => {
                return Err(NodeOutage::Refused { reason: legible(reason.unwrap_or("no reason given")) });
            }
        }
        self.backoff.reset();
        self.stage = Stage::Up { refresh_at: now + if current.long_poll.is_some() { REFRESH } else { POLL } };
        let poll = current.long_poll.clone();
        // Blocks of earlier jobs can still be assembled: to the core it is the same session.
        self.emit(PoolInput::Up { resumed: true });
        self.give(job, rest, current);
        if let Some(id) = poll {
            self.ask_template(Some((now, id)));
        }
        Ok(())
    }

    fn job_key(&self) -> JobKey {
        JobKey(u64::from(self.key.0) << 48 | self.last_job)
    }

    fn give(&mut self, job: Job, rest: Rest, current: Current) {
        self.rests.insert(job.key, rest);
        self.current = Some(current);
        self.emit(PoolInput::Job(job.into()));
    }

    /// A block was found: it is kept first, then submitted everywhere.
    fn on_submit(&mut self, now: Micros, share: Share) {
        let Some(rest) = self.rests.get(share.job_key()) else { return self.lose(&share) };
        let (header, bytes) = block::of_share(&share, rest);
        let (hash, work_id) = (header.hash().to_string(), rest.work_id.clone());
        let block: Arc<str> = hex::encode(&bytes).into();
        self.say(format!("BLOCK FOUND at {}: {hash}, submitting it", share.job.height().unwrap_or(0)), false);
        self.outbox.push_back(NodeAction::Keep { hash: hash.clone(), block: Arc::clone(&block) });
        if let Some(oldest) = self.solutions.push(now, share, (hash, block), work_id, self.nodes) {
            let lost = !oldest.is_answered();
            self.give_up(&oldest, lost);
        }
    }

    fn on_word(&mut self, now: Micros, at: (u64, usize), word: &Word) {
        match word {
            Word::Aside(text) => {
                self.say(format!("node {} has our block, but not in its best chain: {text}", at.1), true)
            }
            Word::Refused(reason) => self.say(format!("NODE {} REFUSED OUR BLOCK: {reason}", at.1), true),
            Word::Accepted | Word::Nothing => {}
        }
        if let Some((share, answer, latency)) = self.solutions.answered(now, at, word) {
            self.emit(PoolInput::Answer { share: share.key, answer, latency });
        }
    }

    fn give_up(&mut self, solution: &Solution, lost: bool) {
        self.say(
            format!("block {} could not be submitted everywhere; it is kept on disk", solution.hash),
            true,
        );
        if lost {
            self.lose(&solution.share);
        }
    }

    fn lose(&mut self, share: &Share) {
        self.emit(PoolInput::Answer { share: share.key, answer: Answer::Lost, latency: Duration::ZERO });
    }

    /// No work from this node for a while. Blocks on their way stay so.
    fn leave(&mut self, now: Micros, outage: &NodeOutage) {
        self.calls.retain(|_, asked| matches!(asked, Asked::Submit { .. }));
        let pause = self.backoff.next_pause().max(outage.shortest_pause());
        let was_up = matches!(self.stage, Stage::Up { .. });
        self.stage = Stage::Away(now + pause);
        self.say(format!("{outage}; next attempt in {} s", pause.as_secs_f64().ceil()), true);
        if was_up {
            self.emit(PoolInput::Down);
        }
    }

    /// Calls the node that gives work, in the ordinary way.
    fn ask(&mut self, asked: Asked, method: &str, params: &Value) {
        self.call(0, asked, method, params, Some(CALL));
    }

    fn call(&mut self, node: usize, asked: Asked, method: &str, params: &Value, patience: Option<Duration>) {
        self.last_call += 1;
        let id = self.last_call;
        let is_submit = matches!(asked, Asked::Submit { .. });
        self.calls.insert(id, asked);
        let body = rpc::request(id, method, params);
        self.outbox.push_back(NodeAction::Call(NodeCall { id, node, is_submit, body, patience }));
    }

    fn say(&mut self, what: String, warning: bool) {
        let text = format!("pool {}: {what}", self.place);
        self.emit(PoolInput::Notice { text, warning });
    }

    fn emit(&mut self, input: PoolInput) {
        self.outbox.push_back(NodeAction::Emit(input));
    }
}
