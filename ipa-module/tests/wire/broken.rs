//! Messages that are not what they should be: they are refused, the text says where, and nothing panics.

use crate::client::{self, int, list_blob, message, session};
use bayonet_ipa::controls::List;
use bayonet_ipa::session::{Next, Session};
use bayonet_ipa::wire::ipa_controls::{Numbers, read_infos, read_list};
use bayonet_ipa::wire::outbox::Outbox;
use bayonet_ipa::wire::v0_7::{Call, Command};
use bayonet_ipa::wire::{Error, Reader};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

fn parse(message: &[u8], descriptors: usize) -> Result<Command, Error> {
    let mut body = Reader::new(message, 0);
    Call::read(&mut body)?.command(body, descriptors)
}

fn descriptors(command: u32) -> usize {
    if command == client::INIT { 2 } else { 0 }
}

#[test]
fn every_message_ends_where_it_should() {
    for (command, body) in session() {
        let mut whole = message(command, 3, &body);
        let count = descriptors(command);
        for length in 0..whole.len() {
            let parsed = parse(&whole[..length], count);
            assert!(parsed.is_err(), "command {command} at {length}: {parsed:?}");
        }
        assert!(parse(&whole, count).is_ok());
        assert!(parse(&whole, 1).is_err());
        whole.push(0);
        let parsed = parse(&whole, count);
        assert!(
            matches!(parsed, Err(Error::Trailing { left: 1, .. })),
            "{parsed:?}"
        );
    }
}

/// A list with one word changed, and what is said of it.
fn refused(word: usize, value: u32) -> String {
    let controls = [(7, int(1)), (9, int(2))];
    let mut blob = list_blob(0, client::CONTROLS, &controls);
    blob[word * 4..][..4].copy_from_slice(&value.to_ne_bytes());
    let read = read_list(
        Reader::new(&blob, 100),
        Numbers::Controls,
        &mut List::default(),
    );
    read.unwrap_err().to_string()
}

#[test]
fn what_is_wrong_is_said_with_its_place() {
    let version = "version of the controls' format at byte 100: 2 expected, 3 found";
    assert_eq!(refused(0, 3), version);
    assert_eq!(
        refused(2, 3),
        "number of controls at byte 108: 2 expected, 3 found"
    );
    let many = "number of controls at byte 108: 2 expected, 4294967295 found";
    assert_eq!(refused(2, u32::MAX), many);
    assert_eq!(
        refused(3, 81),
        "size of the controls at byte 112: 80 expected, 81 found"
    );
    assert_eq!(
        refused(4, 70),
        "place of the values at byte 116: 72 expected, 70 found"
    );
    assert_eq!(
        refused(5, 3),
        "kind of the controls at byte 120: 3 is none that is known"
    );
    assert_eq!(
        refused(5, 2),
        "kind of the controls at byte 120: 0 expected, 2 found"
    );
    assert_eq!(
        refused(9, 0x0001_000c),
        "type of a value at byte 136: 12 is none that is known"
    );
    assert_eq!(
        refused(9, 0x0001_0205),
        "array of values at byte 137: 2 is none that is known"
    );
    assert_eq!(
        refused(9, 0x0002_0005),
        "number of values at byte 138: 1 expected, 2 found"
    );
    assert_eq!(
        refused(10, 4),
        "place of a value at byte 140: 0 expected, 4 found"
    );
    assert_eq!(
        refused(13, 7),
        "control 0x7 at byte 152: it was there before"
    );
    assert_eq!(
        refused(14, 0x0001_0006),
        "a value at byte 176: 8 bytes expected, 4 left"
    );
    assert_eq!(
        refused(14, 0x0001_0003),
        "a list of controls ends at byte 178, 2 more bytes found"
    );

    let map = client::sensor_map();
    let twice = [&map[..96], &map[32..96], &map[160..]].concat();
    let read = read_infos(Reader::new(&twice, 0), Numbers::V4l2).unwrap_err();
    // The second entry begins as the first one does, but its values cannot stand at the same place.
    assert!(matches!(read, Error::Wrong { at: 116, .. }), "{read}");
    let unknown = message(8, 0, &[]);
    let text = parse(&unknown, 0).unwrap_err().to_string();
    assert_eq!(text, "command at byte 0: 8 is none that is known");
    let mut init = message(client::INIT, 0, &client::init());
    let model = init
        .windows(6)
        .position(|bytes| bytes == b"imx219")
        .unwrap();
    init[model] = 0xff;
    let text = parse(&init, 2).unwrap_err().to_string();
    assert_eq!(text, format!("sensor's model at byte {model}: no UTF-8"));
}

/// Hands messages to a session, of which each that is waited for must be replied to once, and first or last.
fn hand_over(messages: &[Vec<u8>]) {
    let (statistics, parameters) = (client::memory(288), client::memory(68));
    let (mut session, mut outbox) = (Session::default(), Outbox::default());
    for message in messages {
        let command = message
            .first_chunk()
            .map(|bytes| u32::from_ne_bytes(*bytes));
        let descriptors = if command == Some(client::INIT) {
            [&statistics, &parameters]
                .map(|memory| memory.try_clone().unwrap())
                .into()
        } else {
            vec![]
        };
        outbox.clear();
        let next = session.handle(message, Ok(descriptors), &mut outbox);
        assert!(next == Next::Message || command == Some(client::EXIT));
        let Some((call, _)) = message.split_at_checked(8) else {
            assert_eq!(outbox.messages().len(), 0);
            continue;
        };
        let replies = if client::is_awaited(command.unwrap()) {
            1
        } else {
            0
        };
        let events = outbox.messages().len() - replies;
        assert!(replies == 0 || events == 0 && outbox.messages().all(|reply| &reply[..8] == call));
        if replies == 0 {
            outbox.messages().map(client::event).for_each(drop);
        }
    }
}

/// A session's messages, some of which are damaged.
fn damaged() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let whole: Vec<_> = session()
        .iter()
        .map(|(command, body)| message(*command, 7, body))
        .collect();
    let damage = (any::<Index>(), any::<Index>(), any::<u8>());
    (vec(any::<Index>(), 0..20), vec(damage, 0..10)).prop_map(move |(order, damages)| {
        let mut messages = whole[..3].to_vec();
        messages.extend(order.iter().map(|index| index.get(&whole).clone()));
        for (message, byte, bits) in damages {
            let message = message.index(messages.len());
            let byte = byte.index(messages[message].len());
            messages[message][byte] ^= bits;
        }
        messages
    })
}

proptest! {
    #[test]
    fn damaged_messages_end_nothing(messages in damaged()) {
        hand_over(&messages);
    }

    #[test]
    fn anything_ends_nothing(messages in vec(vec(any::<u8>(), 0..300), 0..10)) {
        hand_over(&messages);
    }

    #[test]
    fn anything_in_a_known_command_ends_nothing(
        messages in vec((0u32..10, vec(0u8..4, 0..200)), 0..10)
    ) {
        let message = |(command, body): &(u32, Vec<u8>)| message(*command, 7, body);
        hand_over(&messages.iter().map(message).collect::<Vec<_>>());
    }
}
