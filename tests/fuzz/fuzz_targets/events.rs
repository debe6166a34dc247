//! Streams of events, as a server sends them, in pieces of any length.

#![no_main]

use bayonet_daemon::client::sse::{MESSAGE_LIMIT, Message, Parser};
use bayonet_daemon::report::Event;
use libfuzzer_sys::fuzz_target;

fn read(bytes: &[u8], piece: usize) -> Vec<Message> {
    let mut parser = Parser::default();
    for piece in bytes.chunks(piece) {
        parser.push(piece).expect("shorter than the limit");
    }
    std::iter::from_fn(|| parser.next_message()).collect()
}

fuzz_target!(|data: &[u8]| {
    let [piece, data @ ..] = data else { return };
    // A byte that is no text becomes three.
    if data.len() > MESSAGE_LIMIT / 3 {
        return;
    }
    let messages = read(data, usize::from(*piece).max(1));
    assert_eq!(messages, read(data, data.len().max(1)));
    for message in messages {
        let _ = serde_json::from_str::<Event>(&message.data);
    }
});
