//! Streams in pieces of any length.

use super::*;
use proptest::prelude::*;

fn read(bytes: &[u8], piece: usize) -> Vec<Message> {
    let mut parser = Parser::default();
    let mut messages = Vec::new();
    for piece in bytes.chunks(piece) {
        parser.push(piece).unwrap();
        messages.extend(std::iter::from_fn(|| parser.next_message()));
    }
    messages
}

fn message(event: &str, data: &str) -> Message {
    Message {
        event: event.into(),
        data: data.into(),
    }
}

#[test]
fn messages_comments_and_line_ends() {
    let text = "\u{feff}: hello\r\nevent: a\r\ndata: 1\r\n\r\nid: 7\nretry: 9\ndata:2\ndata: 3\n\n\
        event: nothing\n\ndata\n\ndata:  two spaces\r\rdata: without an end";
    let expected = [
        message("a", "1"),
        message("", "2\n3"),
        message("", ""),
        message("", " two spaces"),
    ];
    for piece in [1, 2, 3, 1000] {
        assert_eq!(read(text.as_bytes(), piece), expected, "{piece}");
    }
}

#[test]
fn a_message_without_an_end_is_refused() {
    let mut parser = Parser::default();
    let line = [
        b"data: ".to_vec(),
        vec![b'x'; MESSAGE_LIMIT / 4],
        b"\n".to_vec(),
    ]
    .concat();
    assert!((0..5).any(|_| parser.push(&line).is_err()));
    let mut parser = Parser::default();
    assert_eq!(parser.push(&vec![b'x'; MESSAGE_LIMIT + 1]), Err(TooLong));
}

proptest! {
    #[test]
    fn pieces_do_not_matter(text in "(event: [a-z]{1,3}|data:? ?[^\u{0}]{0,8}|:.{0,4}|.{0,5}|\r|\n|\r\n){0,12}", piece in 1..9_usize) {
        prop_assert_eq!(read(text.as_bytes(), piece), read(text.as_bytes(), usize::MAX));
    }

    #[test]
    fn what_is_written_is_read(events in prop::collection::vec(("[a-z-]{1,8}", "[^\r\n]{0,20}"), 0..5)) {
        let text: String = events.iter().map(|(event, data)| format!("event: {event}\ndata: {data}\n\n")).collect();
        let expected: Vec<_> = events.iter().map(|(event, data)| message(event, data)).collect();
        prop_assert_eq!(read(text.as_bytes(), 7), expected);
    }
}
