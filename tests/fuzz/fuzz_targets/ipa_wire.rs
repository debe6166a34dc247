//! Messages of libcamera to an IPA's worker, in the format of captures (`ipa-module/tests/captures/README.md`). What a
//! capture has in the other direction is written into the statistics here.

#![no_main]

#[path = "../../../ipa-module/tests/client/mod.rs"]
mod client;

use bayonet_ipa::channel::Fault;
use bayonet_ipa::session::{Next, Session};
use bayonet_ipa::wire::outbox::Outbox;
use libfuzzer_sys::fuzz_target;
use rustix::io::{pread, pwrite};
use std::os::fd::OwnedFd;

const TO_WORKER: u8 = 0;

fn messages(mut data: &[u8]) -> impl Iterator<Item = (u8, u8, &[u8])> {
    std::iter::from_fn(move || {
        let (&[direction, descriptors, _, _, a, b, c, d], rest) = data.split_first_chunk()?;
        let length = u32::from_le_bytes([a, b, c, d]) as usize;
        let (message, rest) = rest.split_at(length.min(rest.len()));
        data = rest;
        Some((direction, descriptors, message))
    })
}

/// As libcamera understands them: one reply to what it waits for, nothing but events otherwise.
fn check(message: &[u8], outbox: &Outbox) {
    let Some((call, _)) = message.split_at_checked(8) else {
        assert_eq!(outbox.messages().len(), 0);
        return;
    };
    let command = u32::from_ne_bytes(call[..4].try_into().expect("four bytes"));
    if client::is_awaited(command) {
        let replies: Vec<_> = outbox.messages().collect();
        assert_eq!((replies.len(), &replies[0][..8]), (1, call));
        if command == client::INIT {
            client::init_reply(&replies[0][8..]);
        }
    } else {
        outbox.messages().map(client::event).for_each(drop);
    }
}

fuzz_target!(|data: &[u8]| {
    let (statistics, parameters) = (client::memory(client::STATISTICS), client::memory(client::PARAMETERS));
    let memories = [&statistics, &parameters];
    let (mut session, mut outbox) = (Session::default(), Outbox::default());
    for (direction, descriptors, message) in messages(data) {
        if direction != TO_WORKER {
            let length = message.len().min(client::STATISTICS);
            pwrite(&statistics, &message[..length], 0).expect("statistics");
            continue;
        }
        let count = usize::from(descriptors);
        let descriptors: Vec<OwnedFd> = memories
            .iter()
            .take(count)
            .map(|memory| memory.try_clone().expect("a descriptor"))
            .collect();
        let descriptors = match descriptors.len() {
            came if came == count => Ok(descriptors),
            came => Err(Fault::Descriptors { announced: count, count: came }),
        };
        outbox.clear();
        let next = session.handle(message, descriptors, &mut outbox);
        check(message, &outbox);
        if next == Next::Exit {
            break;
        }
    }
    let mut bytes = [0; client::PARAMETERS];
    pread(&parameters, &mut bytes, 0).expect("parameters");
    let (numbers, _) = bytes.as_chunks();
    assert!(numbers.iter().all(|bytes| f32::from_ne_bytes(*bytes).is_finite()));
});
