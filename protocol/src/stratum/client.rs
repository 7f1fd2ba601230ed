//! What a client asks a pool (§3).

use serde_json::{Map, Value, json};

use super::fields::{self, decimal, quote};
use super::message::{need, param};
use super::{BadParams, Call, JobId, Secret};
use crate::hex;
use crate::pow::{Target, VersionMask};

/// A request of the client.
#[derive(Clone, Debug, PartialEq)]
pub enum ClientCall {
    /// `mining.configure`; sent first.
    Configure(Configure),
    /// `mining.subscribe`.
    Subscribe {
        /// `name/version`. `None`: no parameters at all.
        agent: Option<String>,
        /// The session to resume.
        session: Option<String>,
    },
    /// `mining.authorize`.
    Authorize {
        /// Worker name.
        user: String,
        /// Password; many pools read options from it.
        password: Secret,
    },
    /// `mining.extranonce.subscribe`: the client understands `mining.set_extranonce`.
    ExtranonceSubscribe,
    /// `mining.suggest_difficulty`. Written as a whole number from 1 on.
    SuggestDifficulty(f64),
    /// `mining.suggest_target`: the same as a target, written as a number of 64 hex digits.
    SuggestTarget(Target),
    /// `mining.submit`: a share.
    Submit(Submit),
    /// Any other method.
    Unknown {
        /// As it was written.
        method: String,
    },
}

/// Parameters of `mining.configure`; extensions that are not named here are ignored.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Configure {
    /// `version-rolling`.
    pub version_rolling: Option<VersionRolling>,
    /// `minimum-difficulty.value`. Ask for it only together with version rolling: some pools answer malformed JSON else.
    pub minimum_difficulty: Option<f64>,
    /// `subscribe-extranonce`.
    pub subscribe_extranonce: bool,
}

/// Parameters of the extension `version-rolling`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VersionRolling {
    /// Bits the client wants to roll; all of them where it does not say.
    pub mask: VersionMask,
    /// Bits it wants at least; 0 where it does not say.
    pub min_bit_count: u32,
}

/// A share.
#[derive(Clone, Debug, PartialEq)]
pub struct Submit {
    /// The worker name that was authorised.
    pub worker: String,
    /// The pool's id of the job.
    pub job_id: JobId,
    /// The bytes that stand in the coinbase.
    pub extranonce2: Vec<u8>,
    /// Header time.
    pub ntime: u32,
    /// Header nonce.
    pub nonce: u32,
    /// Rolled version bits; present once version rolling is negotiated.
    pub version_bits: Option<u32>,
}

impl Configure {
    fn parse(params: &[Value]) -> Result<Self, BadParams> {
        let extensions = need(param(params, 0).as_array(), "list of extensions")?;
        let asks_for = |name: &str| extensions.iter().any(|found| found.as_str() == Some(name));
        let argument = |name: &str| param(params, 1).get(name);
        let mut configure =
            Self { subscribe_extranonce: asks_for("subscribe-extranonce"), ..Self::default() };
        if asks_for("version-rolling") {
            let mask = argument("version-rolling.mask");
            let mask = mask.map_or(Some(u32::MAX), fields::mask);
            let bits = argument("version-rolling.min-bit-count").and_then(fields::integer).unwrap_or(0);
            configure.version_rolling = Some(VersionRolling {
                mask: VersionMask(need(mask, "version-rolling.mask")?),
                min_bit_count: u32::try_from(bits).unwrap_or(u32::MAX),
            });
        }
        if asks_for("minimum-difficulty") {
            configure.minimum_difficulty = argument("minimum-difficulty.value").and_then(fields::number);
        }
        Ok(configure)
    }

    fn params(&self) -> String {
        let (mut extensions, mut arguments) = (Vec::new(), Map::new());
        if let Some(rolling) = self.version_rolling {
            extensions.push("version-rolling");
            arguments.insert("version-rolling.mask".into(), format!("{:08x}", rolling.mask.0).into());
            arguments.insert("version-rolling.min-bit-count".into(), rolling.min_bit_count.into());
        }
        if let Some(difficulty) = self.minimum_difficulty {
            extensions.push("minimum-difficulty");
            arguments.insert("minimum-difficulty.value".into(), difficulty.into());
        }
        if self.subscribe_extranonce {
            extensions.push("subscribe-extranonce");
        }
        json!([extensions, arguments]).to_string()
    }
}

impl Submit {
    fn parse(params: &[Value]) -> Result<Self, BadParams> {
        let version_bits = params.get(5).filter(|value| !value.is_null());
        Ok(Self {
            worker: text(params, 0, "worker")?,
            job_id: need(JobId::from_value(param(params, 1)), "job id")?,
            extranonce2: need(fields::bytes(param(params, 2)), "extranonce2")?,
            ntime: need(fields::word(param(params, 3)), "ntime")?,
            nonce: need(fields::word(param(params, 4)), "nonce")?,
            version_bits: version_bits.map(|bits| need(fields::word(bits), "version bits")).transpose()?,
        })
    }

    fn params(&self) -> String {
        let version_bits = self.version_bits.map(|bits| format!(",\"{bits:08x}\"")).unwrap_or_default();
        format!(
            "[{},{},\"{}\",\"{:08x}\",\"{:08x}\"{version_bits}]",
            quote(&self.worker),
            self.job_id.value(),
            hex::encode(&self.extranonce2),
            self.ntime,
            self.nonce
        )
    }
}

impl Call for ClientCall {
    fn parse(method: &str, params: &[Value]) -> Option<(&'static str, Result<Self, BadParams>)> {
        let call = match method.to_ascii_lowercase().as_str() {
            "mining.configure" => ("mining.configure", Configure::parse(params).map(Self::Configure)),
            "mining.subscribe" => ("mining.subscribe", Ok(subscribe(params))),
            "mining.authorize" => ("mining.authorize", authorize(params)),
            "mining.extranonce.subscribe" => ("mining.extranonce.subscribe", Ok(Self::ExtranonceSubscribe)),
            "mining.suggest_difficulty" => {
                let difficulty = need(fields::difficulty(param(params, 0)), "difficulty");
                ("mining.suggest_difficulty", difficulty.map(Self::SuggestDifficulty))
            }
            "mining.suggest_target" => {
                let target = param(params, 0).as_str().and_then(hex::decode_array::<32>);
                let target = need(target.filter(|bytes| *bytes != [0; 32]), "target");
                (
                    "mining.suggest_target",
                    target.map(|bytes| Self::SuggestTarget(Target::from_be_bytes(&bytes))),
                )
            }
            "mining.submit" => ("mining.submit", Submit::parse(params).map(Self::Submit)),
            _ => return None,
        };
        Some(call)
    }

    fn unknown(method: &str) -> Self {
        Self::Unknown { method: method.to_owned() }
    }

    fn method(&self) -> &str {
        match self {
            Self::Configure(_) => "mining.configure",
            Self::Subscribe { .. } => "mining.subscribe",
            Self::Authorize { .. } => "mining.authorize",
            Self::ExtranonceSubscribe => "mining.extranonce.subscribe",
            Self::SuggestDifficulty(_) => "mining.suggest_difficulty",
            Self::SuggestTarget(_) => "mining.suggest_target",
            Self::Submit(_) => "mining.submit",
            Self::Unknown { method } => method,
        }
    }

    fn params(&self) -> String {
        match self {
            Self::Configure(configure) => configure.params(),
            Self::Subscribe { agent: Some(agent), session: Some(session) } => {
                format!("[{},{}]", quote(agent), quote(session))
            }
            Self::Subscribe { agent: Some(agent), session: None } => format!("[{}]", quote(agent)),
            Self::Subscribe { agent: None, .. } => "[]".into(),
            Self::Authorize { user, password } => {
                format!("[{},{}]", quote(user), quote(password.expose()))
            }
            Self::SuggestDifficulty(difficulty) if *difficulty >= 1.0 => {
                format!("[{}]", decimal(difficulty.round()))
            }
            Self::SuggestDifficulty(difficulty) => format!("[{}]", decimal(*difficulty)),
            Self::SuggestTarget(target) => format!("[\"{target}\"]"),
            Self::Submit(submit) => submit.params(),
            Self::ExtranonceSubscribe | Self::Unknown { .. } => "[]".into(),
        }
    }
}

fn subscribe(params: &[Value]) -> ClientCall {
    let text = |index| param(params, index).as_str().map(str::to_owned);
    ClientCall::Subscribe { agent: text(0), session: text(1) }
}

fn authorize(params: &[Value]) -> Result<ClientCall, BadParams> {
    let password = param(params, 1).as_str().unwrap_or_default();
    Ok(ClientCall::Authorize { user: text(params, 0, "user")?, password: Secret::new(password) })
}

fn text(params: &[Value], index: usize, field: &'static str) -> Result<String, BadParams> {
    need(param(params, index).as_str().map(str::to_owned), field)
}
