//! Asking a proxy for a connection (`docs/protocols/stratum-v1.md §15`). Whatever the proxy sends is read to its last byte and
//! no further: what follows belongs to the pool.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::base64;
use crate::{Proxy, ProxyFault, ProxyKind};

/// Longest head of a proxy's answer to CONNECT.
const HEAD: usize = 16 * 1024;

/// Asks `proxy`, at the other end of `stream`, to connect it to `host` and `port`.
pub(super) async fn ask<S: AsyncRead + AsyncWrite + Unpin>(
    proxy: &Proxy,
    stream: &mut S,
    host: &str,
    port: u16,
) -> Result<(), ProxyFault> {
    if host.len() > 255 {
        return Err(ProxyFault::NameTooLong);
    }
    match proxy.kind {
        ProxyKind::Http => http(proxy, stream, host, port).await,
        ProxyKind::Socks4a => socks4a(proxy, stream, host, port).await,
        ProxyKind::Socks5 => socks5(proxy, stream, host, port).await,
    }
}

async fn http<S>(proxy: &Proxy, stream: &mut S, host: &str, port: u16) -> Result<(), ProxyFault>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let place = if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") };
    let login = proxy.login.as_ref().map(|(user, password)| {
        let login = base64::encode(format!("{user}:{}", password.expose()).as_bytes());
        format!("Proxy-Authorization: Basic {login}\r\n")
    });
    let login = login.unwrap_or_default();
    send(stream, format!("CONNECT {place} HTTP/1.1\r\nHost: {place}\r\n{login}\r\n").as_bytes()).await?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() >= HEAD {
            return Err(ProxyFault::Nonsense);
        }
        head.push(byte(stream).await?);
    }
    let head = String::from_utf8_lossy(&head);
    let status = head.strip_prefix("HTTP/1.").and_then(|rest| rest.split(' ').nth(1)?.get(..3)?.parse().ok());
    match status {
        Some(200..=299) => Ok(()),
        Some(407) => Err(ProxyFault::LoginRefused),
        Some(status) => Err(ProxyFault::Refused(status)),
        None => Err(ProxyFault::Nonsense),
    }
}

async fn socks4a<S>(proxy: &Proxy, stream: &mut S, host: &str, port: u16) -> Result<(), ProxyFault>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut request = vec![4, 1];
    request.extend(port.to_be_bytes());
    request.extend([0, 0, 0, 1]); // no address: the name follows
    request.extend(proxy.login.iter().flat_map(|(user, _)| user.bytes()));
    request.push(0);
    request.extend(host.bytes());
    request.push(0);
    send(stream, &request).await?;
    match read::<8>(stream).await? {
        [0, 90, ..] => Ok(()),
        [0, 92 | 93, ..] => Err(ProxyFault::LoginRefused),
        [0, code, ..] => Err(ProxyFault::Refused(code.into())),
        _ => Err(ProxyFault::Nonsense),
    }
}

async fn socks5<S>(proxy: &Proxy, stream: &mut S, host: &str, port: u16) -> Result<(), ProxyFault>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let methods: &[u8] = if proxy.login.is_some() { &[5, 2, 0, 2] } else { &[5, 1, 0] };
    send(stream, methods).await?;
    match (read::<2>(stream).await?, &proxy.login) {
        ([5, 0], _) => {}
        ([5, 2], Some((user, password))) => {
            let mut request = vec![1];
            for text in [user, password.expose()] {
                request.push(text.len() as u8); // at most 255, see `Proxy::fits`
                request.extend(text.bytes());
            }
            send(stream, &request).await?;
            if read::<2>(stream).await?[1] != 0 {
                return Err(ProxyFault::LoginRefused);
            }
        }
        ([5, 255], _) => return Err(ProxyFault::LoginRefused),
        _ => return Err(ProxyFault::Nonsense),
    }
    let mut request = vec![5, 1, 0, 3, host.len() as u8]; // at most 255, see `ask`
    request.extend(host.bytes());
    request.extend(port.to_be_bytes());
    send(stream, &request).await?;
    let [version, code, _, kind] = read::<4>(stream).await?;
    if version != 5 {
        return Err(ProxyFault::Nonsense);
    }
    if code != 0 {
        return Err(ProxyFault::Refused(code.into()));
    }
    let address = match kind {
        1 => 4,
        3 => usize::from(byte(stream).await?),
        4 => 16,
        _ => return Err(ProxyFault::Nonsense),
    };
    for _ in 0..address + 2 {
        byte(stream).await?;
    }
    Ok(())
}

async fn send<S: AsyncWrite + Unpin>(stream: &mut S, bytes: &[u8]) -> Result<(), ProxyFault> {
    let sent = stream.write_all(bytes).await;
    let flushed = stream.flush().await;
    sent.and(flushed).map_err(|_| ProxyFault::Closed)
}

async fn read<const N: usize>(stream: &mut (impl AsyncRead + Unpin)) -> Result<[u8; N], ProxyFault> {
    let mut bytes = [0; N];
    let outcome: io::Result<usize> = stream.read_exact(&mut bytes).await;
    outcome.map(|_| bytes).map_err(|_| ProxyFault::Closed)
}

async fn byte(stream: &mut (impl AsyncRead + Unpin)) -> Result<u8, ProxyFault> {
    read::<1>(stream).await.map(|[byte]| byte)
}
