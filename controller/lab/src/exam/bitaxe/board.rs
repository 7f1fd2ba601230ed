//! A board as its checks see it: one request at a time, and its answer.

use std::time::Duration;

use adit_protocol::bitaxe_raw::{
    Answer, Codec, Dialect, ErrorReply, Expected, Firmware, Frame, Operation, Reply, Request, pin,
};
use adit_protocol::hex;
use adit_protocol::wire::{Codec as _, Micros, Port, Side, Step};

use crate::exam::desk::{Desk, Ending};

pub(super) const CONTROL: Port = Port(0);
/// Silence after which half a request is forgotten, and whatever was on its way has come (§3.1, §3.7).
pub(super) const CALM: Duration = Duration::from_millis(30);
/// Silence that ends an answer of unknown length (§3.3).
const QUIET: Duration = Duration::from_millis(20);
/// Time in which a request is answered, and that of the fan firmware's tachometer (§3.7).
const ANSWERED: Duration = Duration::from_secs(1);
const MEASURED: Duration = Duration::from_millis(2_500);

pub(super) struct Board {
    pub(super) desk: Desk,
    pub(super) firmware: Firmware,
    pub(super) dialect: Dialect,
    id: u8,
}

impl Board {
    /// The board, its line silent, its dialect and firmware found out. Nothing is changed.
    pub(super) async fn new(desk: Desk) -> Result<Self, Ending> {
        let firmware = match desk.subject.model.key {
            "emberone00" => Firmware::EmberOne,
            "bitcrane3" => Firmware::Bitcrane,
            _ => Firmware::Classic,
        };
        let id = desk.below(0xf0) as u8;
        let mut board = Self { desk, firmware, dialect: Dialect::V0, id };
        board.dialect = board.find_dialect().await?;
        if firmware == Firmware::Classic
            && board.ask(&Operation::GpioGet { pin: Firmware::FAN_PROBE_PIN }).await?.is_reply()
        {
            board.firmware = Firmware::Fan;
        }
        Ok(board)
    }

    /// Asks for the level of the reset pin: what answers differs in all dialects (§3.6).
    async fn find_dialect(&mut self) -> Result<Dialect, Ending> {
        let mut seen = Vec::new();
        for _ in 0..3 {
            self.desk.calm(CALM, ANSWERED).await;
            let request = self.request(&Operation::GpioGet { pin: pin::RESET });
            let by = self.send(&request) + ANSWERED;
            seen = self.burst(by).await;
            match seen[..] {
                [1, 0, id, 0 | 1] if id == self.id => return Ok(Dialect::V0),
                [5, 0, id, 0, 0 | 1] if id == self.id => return Ok(Dialect::V1),
                [4, 0, id, 0 | 1] if id == self.id => return Ok(Dialect::Bonanza),
                _ => {}
            }
        }
        let seen = if seen.is_empty() { "nothing".to_owned() } else { hex::encode(&seen) };
        Err(Ending::Failed(format!("a read of the reset pin brings {seen}")))
    }

    /// The request for an operation, under the next id.
    pub(super) fn request(&mut self, operation: &Operation) -> Request {
        self.id = if self.id >= 0xfe { 0 } else { self.id + 1 };
        // invariant: only what every firmware understands is asked; were it not, an unknown page would be refused
        operation.request(self.firmware, self.id).unwrap_or(Request {
            id: self.id,
            page: 0x3f,
            command: 0,
            data: Vec::new(),
        })
    }

    pub(super) fn encoded(&self, request: &Request) -> Vec<u8> {
        Codec::new(self.dialect, Side::Device).encoded(&Frame::Request(request.clone()))
    }

    pub(super) fn send(&self, request: &Request) -> Micros {
        self.desk.write(CONTROL, &self.encoded(request))
    }

    /// All that comes before the first silence.
    async fn burst(&self, by: Micros) -> Vec<u8> {
        let mut bytes = Vec::new();
        loop {
            let until = if bytes.is_empty() { by } else { by.min(self.desk.now() + QUIET) };
            match self.desk.hear(until).await {
                Some(heard) if heard.port == CONTROL => bytes.extend(heard.bytes),
                Some(_) => {}
                None => return bytes,
            }
        }
    }

    /// Does something, and what the board says to it.
    pub(super) async fn ask(&mut self, operation: &Operation) -> Result<Answer, Ending> {
        let request = self.request(operation);
        let patience = if matches!(operation, Operation::FanTach { .. }) { MEASURED } else { ANSWERED };
        self.answer(&request, operation.reply_len(), patience).await
    }

    /// Sends a request and waits for its answer, whose data has `len` bytes where that is known.
    pub(super) async fn answer(
        &mut self,
        request: &Request,
        len: Option<usize>,
        patience: Duration,
    ) -> Result<Answer, Ending> {
        let expected = Expected { id: request.id, len };
        let by = self.send(request) + patience;
        let mut bytes = Vec::new();
        loop {
            let until = if bytes.is_empty() { by } else { by.min(self.desk.now() + QUIET) };
            let heard = self.desk.hear(until).await;
            let quiet = heard.is_none();
            bytes.extend(
                heard.into_iter().filter(|heard| heard.port == CONTROL).flat_map(|heard| heard.bytes),
            );
            match expected.find(self.dialect, &bytes, quiet) {
                Step::Frame { frame, used } if used == bytes.len() => return Ok(frame),
                Step::Frame { used, .. } => return self.refuse(request, &bytes, used).await,
                Step::Skip { .. } => return self.refuse(request, &bytes, 0).await,
                Step::NeedMore if quiet => {
                    let what = format!("no answer to request {:02x}", request.id);
                    return Err(Ending::Failed(what));
                }
                Step::NeedMore => {}
            }
        }
    }

    async fn refuse(&self, request: &Request, bytes: &[u8], used: usize) -> Result<Answer, Ending> {
        self.desk.calm(CALM, ANSWERED).await;
        let shown = hex::encode(bytes);
        let what = match used {
            0 => format!("{shown} is no answer to request {:02x}", request.id),
            used => format!("{shown}: bytes behind the {used} of the answer to request {:02x}", request.id),
        };
        Err(Ending::Failed(what))
    }

    /// Does something that must succeed.
    pub(super) async fn get(&mut self, operation: &Operation) -> Result<Vec<u8>, Ending> {
        match self.ask(operation).await? {
            Answer::Reply(Reply { data, .. }) => Ok(data),
            Answer::Error(ErrorReply { code, .. }) => {
                Err(Ending::Failed(format!("{operation:?} is refused: {code}")))
            }
        }
    }

    /// Reads a register of a part that must answer.
    pub(super) async fn read<const N: usize>(
        &mut self,
        address: u8,
        register: u8,
    ) -> Result<[u8; N], Ending> {
        let data = self.get(&Operation::read_register(address, register, N as u8)).await?;
        let wrong = || format!("{} bytes of register {register:02x} at {address:02x}, not {N}", data.len());
        data.as_slice().try_into().map_err(|_| Ending::Failed(wrong()))
    }

    /// Writes to a part that must take it.
    pub(super) async fn write(&mut self, address: u8, bytes: &[u8]) -> Result<(), Ending> {
        self.get(&Operation::write(address, bytes)).await.map(drop)
    }

    pub(super) async fn set_pin(&mut self, pin: u8, high: bool) -> Result<(), Ending> {
        self.get(&Operation::GpioSet { pin, high }).await.map(drop)
    }
}

/// What an answer is.
pub(super) trait IsReply {
    fn is_reply(&self) -> bool;
}

impl IsReply for Answer {
    fn is_reply(&self) -> bool {
        matches!(self, Self::Reply(_))
    }
}
