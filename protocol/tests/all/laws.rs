//! What every decoder keeps to, whatever it is fed: shared by the tests here and the targets of `tests/fuzz`.

use adit_protocol::protocols::{Item, Protocol};
use adit_protocol::stratum::{ClientCall, Lines, Message, ServerCall};
use adit_protocol::wire::Side;

/// Decodes a stream of bursts, each followed by silence. `cut` says how many of the remaining bytes of a burst come next;
/// `late` makes the silence come as news of its own after the last byte.
fn items(
    protocol: &Protocol,
    from: Side,
    bursts: &[&[u8]],
    cut: &mut dyn FnMut(usize) -> usize,
    late: bool,
) -> Vec<Item> {
    let mut decoder = protocol.decoder(from);
    let mut items = Vec::new();
    for burst in bursts {
        let mut rest = *burst;
        while !rest.is_empty() {
            let (head, tail) = rest.split_at(cut(rest.len()).clamp(1, rest.len()));
            decoder.feed(head, tail.is_empty() && !late, &mut |item| items.push(item));
            rest = tail;
        }
        if late || burst.is_empty() {
            decoder.feed(&[], true, &mut |item| items.push(item));
        }
    }
    items
}

/// Panics unless decoding takes every byte exactly once, in order, and gives the same however the bursts are cut.
pub(crate) fn decoder_keeps_the_laws(
    protocol: &Protocol,
    from: Side,
    bursts: &[&[u8]],
    cut: &mut dyn FnMut(usize) -> usize,
) {
    let name = protocol.name;
    let whole = items(protocol, from, bursts, &mut |rest| rest, false);
    let mut offset = 0;
    for item in &whole {
        assert_eq!(item.offset, offset, "{name}: a gap or an overlap at {item:?}");
        assert!(item.len > 0, "{name}: no progress at {item:?}");
        assert!(item.found.as_ref().map_or(true, |frame| !frame.kind.is_empty()), "{name}: {item:?}");
        offset += item.len as u64;
    }
    let total: usize = bursts.iter().map(|burst| burst.len()).sum();
    assert_eq!(offset, total as u64, "{name}: bytes are left over after silence");

    for late in [false, true] {
        assert_eq!(
            items(protocol, from, bursts, cut, late),
            whole,
            "{name}: cutting changes what is decoded"
        );
    }
    assert_eq!(
        items(protocol, from, bursts, &mut |_| 1, true),
        whole,
        "{name}: single bytes decode differently"
    );
}

/// Panics unless a stream gives the same lines however it is cut, none longer than `limit`, and reading them as messages
/// is harmless.
pub(crate) fn lines_keep_the_laws(limit: usize, stream: &[u8], cut: &mut dyn FnMut(usize) -> usize) {
    let lines = |cut: &mut dyn FnMut(usize) -> usize| {
        let (mut lines, mut found, mut rest) = (Lines::new(limit), Vec::new(), stream);
        while !rest.is_empty() {
            let (head, tail) = rest.split_at(cut(rest.len()).clamp(1, rest.len()));
            lines.push(head);
            found.extend(&mut lines);
            rest = tail;
        }
        found
    };
    let whole = lines(&mut |rest| rest);
    assert_eq!(lines(cut), whole, "cutting changes the lines");
    for line in whole.iter().flatten() {
        assert!(line.chars().count() <= limit && !line.contains('\n') && !line.is_empty());
        let _ = Message::<ClientCall>::decode(line);
        if let Ok(message) = Message::<ServerCall>::decode(line) {
            let again = String::from_utf8(message.encode()).unwrap();
            assert_eq!(
                Message::decode(again.trim_end()),
                Ok(message),
                "a message changes when it is written: {line}"
            );
        }
    }
}
