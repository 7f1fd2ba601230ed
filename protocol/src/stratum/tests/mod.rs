mod properties;
mod vectors;

use super::*;

/// The lines that `lines` has ready, errors as `Err`.
fn ready(lines: &mut Lines) -> Vec<Result<String, LineTooLong>> {
    lines.collect()
}

#[test]
fn a_line_may_come_in_pieces_and_a_piece_may_hold_many_lines() {
    let text = b"{\"id\":1}\r\n\n\r\n{\"id\":2}\n{\"id\"";
    let whole: Vec<String> = vec!["{\"id\":1}".into(), "{\"id\":2}".into()];
    for size in 1..=text.len() {
        let mut lines = Lines::new(64);
        let mut found = Vec::new();
        for piece in text.chunks(size) {
            lines.push(piece);
            found.extend(ready(&mut lines).into_iter().map(Result::unwrap));
        }
        assert_eq!(found, whole, "pieces of {size} bytes");
    }
}

#[test]
fn a_line_of_a_mebibyte_is_read_and_a_longer_one_is_reported_once_and_skipped() {
    let mut lines = Lines::new(Lines::LIMIT);
    lines.push(&vec![b'x'; Lines::LIMIT]);
    assert_eq!(lines.next(), None);
    lines.push(b"\n");
    assert_eq!(lines.next().unwrap().unwrap().len(), Lines::LIMIT);

    let mut reports = 0;
    for _ in 0..640 {
        lines.push(&[b'x'; 16 * 1024]); // ten megabytes
        reports += ready(&mut lines)
            .into_iter()
            .filter(|item| *item == Err(LineTooLong { limit: Lines::LIMIT }))
            .count();
        assert!(lines.held() <= Lines::LIMIT + 16 * 1024);
    }
    assert_eq!(reports, 1);
    lines.push(b"x\nnext\n");
    assert_eq!(ready(&mut lines), [Ok("next".to_owned())]);
}

#[test]
fn bytes_that_are_no_text_are_replaced() {
    let mut lines = Lines::new(64);
    lines.push(b"{\"a\":\"\xff\xfe\"}\n");
    assert_eq!(lines.next(), Some(Ok("{\"a\":\"\u{fffd}\u{fffd}\"}".to_owned())));
}

#[test]
fn a_password_does_not_show_in_debug_output() {
    let call = ClientCall::Authorize { user: "me".into(), password: Secret::new("hunter2") };
    assert!(!format!("{call:?}").contains("hunter2"));
}

#[test]
fn every_form_of_an_error_is_understood() {
    let refusal = |error: &str| {
        let line = format!("{{\"id\":1,\"result\":null,\"error\":{error}}}");
        match Message::<ServerCall>::decode(&line) {
            Ok(Message::Response(response)) => {
                response.refusal().map(|refusal| (refusal.code, refusal.message))
            }
            other => panic!("{other:?}"),
        }
    };
    let said = |code, text: &str| Some((code, Some(text.to_owned())));
    assert_eq!(refusal("[23,\"high\",null]"), said(Some(23), "high"));
    assert_eq!(refusal("[\"23\",\"high\"]"), said(Some(23), "high"));
    assert_eq!(refusal("{\"code\":-32600,\"message\":\"bad\"}"), said(Some(-32600), "bad"));
    assert_eq!(refusal("\"Worker mismatch\""), said(None, "Worker mismatch"));
    for none in ["null", "false", "0", "\"\"", "[]", "[20]", "{}"] {
        assert_eq!(refusal(none), None, "{none}");
    }
}

#[test]
fn a_method_is_matched_whole_and_without_regard_to_case() {
    let call = |method: &str| {
        let line = format!("{{\"id\":null,\"method\":\"{method}\",\"params\":[1]}}");
        Message::<ServerCall>::decode(&line)
    };
    let difficulty = Ok(Message::Call { id: Id::NULL, call: ServerCall::SetDifficulty(1.0) });
    assert_eq!(call("Mining.Set_Difficulty"), difficulty);
    let unknown = ServerCall::Unknown { method: "mining.set_difficultyXYZ".into() };
    assert_eq!(call("mining.set_difficultyXYZ"), Ok(Message::Call { id: Id::NULL, call: unknown }));
}

#[test]
fn difficulties_are_written_without_exponents_and_whole_numbers_without_fractions() {
    let line = |call: ClientCall| String::from_utf8(Message::Call { id: 1.into(), call }.encode()).unwrap();
    assert!(line(ClientCall::SuggestDifficulty(1536.4)).contains("[1536]"));
    assert!(line(ClientCall::SuggestDifficulty(1e-7)).contains("[0.0000001]"));
    let told = Message::Call { id: Id::NULL, call: ServerCall::SetDifficulty(1e20) }.encode();
    assert!(String::from_utf8(told).unwrap().contains("[100000000000000000000]"));
}
