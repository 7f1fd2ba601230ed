//! Reading one HTTP/1.1 response, bytes cut anywhere.

use super::BadHttp;

/// Longest head.
const HEAD: usize = 16 * 1024;

/// A response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HttpResponse {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

/// Gathers the bytes of a response until it is whole.
#[derive(Debug)]
pub(crate) struct HttpReader {
    buffer: Vec<u8>,
    head: Option<Head>,
    body: Vec<u8>,
    limit: usize,
}

#[derive(Clone, Copy, Debug)]
struct Head {
    status: u16,
    length: Length,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Length {
    Known(usize),
    Chunked,
    /// The body ends with the connection.
    UntilClosed,
}

impl HttpReader {
    /// A reader of bodies up to `limit` bytes.
    pub(crate) fn new(limit: usize) -> Self {
        Self { buffer: Vec::new(), head: None, body: Vec::new(), limit }
    }

    /// Takes received bytes; the response once it is whole.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Result<Option<HttpResponse>, BadHttp> {
        self.buffer.extend_from_slice(bytes);
        loop {
            let Some(head) = self.head else {
                let Some(end) = self.buffer.windows(4).position(|four| four == b"\r\n\r\n") else {
                    return if self.buffer.len() > HEAD { Err(BadHttp::Malformed) } else { Ok(None) };
                };
                let head = parse_head(&self.buffer[..end])?;
                self.buffer.drain(..end + 4);
                // What announces another response is not the response.
                self.head = (head.status >= 200).then_some(head);
                continue;
            };
            let whole = match head.length {
                Length::Known(length) => self.take_known(length)?,
                Length::Chunked => self.take_chunks()?,
                Length::UntilClosed => self.take_all()?,
            };
            let body = if whole { Some(std::mem::take(&mut self.body)) } else { None };
            return Ok(body.map(|body| HttpResponse { status: head.status, body }));
        }
    }

    /// The connection has ended; the response if that is how it ends.
    pub(crate) fn closed(&mut self) -> Option<HttpResponse> {
        let head = self.head.filter(|head| head.length == Length::UntilClosed)?;
        Some(HttpResponse { status: head.status, body: std::mem::take(&mut self.body) })
    }

    fn take_known(&mut self, length: usize) -> Result<bool, BadHttp> {
        if length > self.limit {
            return Err(BadHttp::TooLong { limit: self.limit });
        }
        if self.buffer.len() < length {
            return Ok(false);
        }
        self.body = self.buffer.drain(..length).collect();
        Ok(true)
    }

    fn take_all(&mut self) -> Result<bool, BadHttp> {
        self.body.append(&mut self.buffer);
        if self.body.len() > self.limit { Err(BadHttp::TooLong { limit: self.limit }) } else { Ok(false) }
    }

    /// Takes whole chunks; true after the last one. Trailers are left unread: the connection is not used again.
    fn take_chunks(&mut self) -> Result<bool, BadHttp> {
        loop {
            let Some(end) = self.buffer.windows(2).position(|two| two == b"\r\n") else {
                return if self.buffer.len() > HEAD { Err(BadHttp::Malformed) } else { Ok(false) };
            };
            let line = std::str::from_utf8(&self.buffer[..end]).map_err(|_| BadHttp::Malformed)?;
            let digits = line.split(';').next().unwrap_or_default().trim();
            let length = usize::from_str_radix(digits, 16).map_err(|_| BadHttp::Malformed)?;
            if length == 0 {
                return Ok(true);
            }
            if length > self.limit - self.body.len() {
                return Err(BadHttp::TooLong { limit: self.limit });
            }
            let (from, to) = (end + 2, end + 2 + length);
            if self.buffer.len() < to + 2 {
                return Ok(false);
            }
            if self.buffer[to..to + 2] != *b"\r\n" {
                return Err(BadHttp::Malformed);
            }
            self.body.extend_from_slice(&self.buffer[from..to]);
            self.buffer.drain(..to + 2);
        }
    }
}

fn parse_head(head: &[u8]) -> Result<Head, BadHttp> {
    let text = std::str::from_utf8(head).map_err(|_| BadHttp::Malformed)?;
    let mut lines = text.split("\r\n");
    let status = lines.next().and_then(|line| line.strip_prefix("HTTP/1.")?.split(' ').nth(1)?.parse().ok());
    let mut length = Length::UntilClosed;
    for line in lines {
        let (name, value) = line.split_once(':').ok_or(BadHttp::Malformed)?;
        let value = value.trim();
        if name.eq_ignore_ascii_case("content-length") && length != Length::Chunked {
            length = Length::Known(value.parse().map_err(|_| BadHttp::Malformed)?);
        }
        if name.eq_ignore_ascii_case("transfer-encoding") && value.eq_ignore_ascii_case("chunked") {
            length = Length::Chunked;
        }
    }
    let status = status.filter(|status| (100..=599).contains(status)).ok_or(BadHttp::Malformed)?;
    Ok(Head { status, length: if status == 204 { Length::Known(0) } else { length } })
}
