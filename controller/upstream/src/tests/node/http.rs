//! Responses in pieces.

use proptest::prelude::*;

use crate::node::http::{HttpReader, HttpResponse};
use crate::node::rpc::outcome;
use crate::{BadHttp, RpcFault};

fn read(bytes: &[u8], cut: usize) -> Result<Option<HttpResponse>, BadHttp> {
    let mut reader = HttpReader::new(1000);
    for piece in bytes.chunks(cut) {
        if let Some(response) = reader.push(piece)? {
            return Ok(Some(response));
        }
    }
    Ok(reader.closed())
}

#[test]
fn every_way_to_end_a_body_is_understood_however_it_is_cut() {
    let responses = [
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: Chunked\r\nContent-Length: 9\r\n\r\n2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\n\r\n",
        "HTTP/1.0 200 OK\r\nServer: x\r\n\r\nhello",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
    ];
    for response in responses {
        for cut in 1..=response.len() {
            let whole = read(response.as_bytes(), cut).unwrap();
            assert_eq!(
                whole,
                Some(HttpResponse { status: 200, body: b"hello".to_vec() }),
                "{response} by {cut}"
            );
        }
    }
}

#[test]
fn what_is_no_response_or_too_long_is_refused() {
    assert_eq!(read(b"SSH-2.0-OpenSSH_9\r\n\r\n", 4), Err(BadHttp::Malformed));
    assert_eq!(read(b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", 4), Err(BadHttp::Malformed));
    let too_long = Err(BadHttp::TooLong { limit: 1000 });
    assert_eq!(read(b"HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n", 4), too_long);
    assert_eq!(
        read(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n", 4),
        too_long
    );
    assert_eq!(read(&[b"HTTP/1.1 200 OK\r\n\r\n".as_slice(), &[b'x'; 1001]].concat(), 64), too_long);
    assert_eq!(read(&[b'x'; 17 * 1024], 1024), Err(BadHttp::Malformed));
    assert_eq!(read(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell", 4), Ok(None));
}

#[test]
fn what_a_response_means_for_a_call() {
    let of = |status, body: &str| outcome(&HttpResponse { status, body: body.into() });
    assert_eq!(of(200, r#"{"result":1,"error":null,"id":1}"#), Ok(1.into()));
    assert_eq!(of(200, r#"{"result":null,"error":null}"#), Ok(serde_json::Value::Null));
    let error = RpcFault::Error { code: -28, message: "Verifying blocks…".into() };
    assert_eq!(of(500, r#"{"result":null,"error":{"code":-28,"message":"Verifying blocks…"}}"#), Err(error));
    assert_eq!(of(401, ""), Err(RpcFault::LoginRefused));
    assert_eq!(of(403, "{}"), Err(RpcFault::Forbidden));
    assert_eq!(of(503, "Work queue depth exceeded"), Err(RpcFault::Status(503)));
    assert_eq!(of(200, "[]"), Err(RpcFault::Status(200)));
}

proptest! {
    #[test]
    fn no_bytes_make_the_reader_panic_or_keep_more_than_it_may(
        bytes in prop::collection::vec(any::<u8>(), 0..400), cut in 1..50_usize, chunked in any::<bool>()
    ) {
        let head: &[u8] = if chunked { b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" } else { b"HTTP/1.1 " };
        let _ = read(&[head, &bytes].concat(), cut);
    }
}
