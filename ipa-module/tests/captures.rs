//! What libcamera really said, replayed; see `captures/README.md`. And the recorder, between our client and worker.

mod client;

use bayonet_ipa::session::{Next, Session};
use bayonet_ipa::wire::Reader;
use bayonet_ipa::wire::outbox::Outbox;
use bayonet_ipa::wire::v0_7::Call;
use client::*;
use rustix::io::{FdFlags, fcntl_setfd};
use std::fs;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::process::Command;

const TO_WORKER: u8 = 0;

/// A message of a capture.
struct Message {
    direction: u8,
    descriptors: u8,
    bytes: Vec<u8>,
}

fn read(path: &Path) -> Vec<Message> {
    let capture = fs::read(path).unwrap();
    let (mut rest, mut messages) = (&capture[..], vec![]);
    while let Some((&[direction, descriptors, 0, 0, a, b, c, d], after)) = rest.split_first_chunk()
    {
        let (bytes, after) = after.split_at(u32::from_le_bytes([a, b, c, d]) as usize);
        messages.push(Message {
            direction,
            descriptors,
            bytes: bytes.into(),
        });
        rest = after;
    }
    assert!(
        rest.is_empty(),
        "{}: {} bytes are left",
        path.display(),
        rest.len()
    );
    messages
}

/// Hands every command to a session of ours. Returns the commands.
fn replay(messages: &[Message]) -> Vec<u32> {
    let (mut session, mut outbox) = (Session::default(), Outbox::default());
    let mut commands = vec![];
    for message in messages
        .iter()
        .filter(|message| message.direction == TO_WORKER)
    {
        let mut body = Reader::new(&message.bytes, 0);
        let call = Call::read(&mut body).unwrap();
        call.command(body, message.descriptors.into()).unwrap();
        let memories = [STATISTICS, PARAMETERS].map(memory);
        let descriptors = memories
            .into_iter()
            .take(message.descriptors.into())
            .collect();
        outbox.clear();
        let next = session.handle(&message.bytes, Ok(descriptors), &mut outbox);
        assert_eq!(next == Next::Exit, call.command == EXIT);
        let sent: Vec<_> = outbox.messages().collect();
        if is_awaited(call.command) {
            assert_eq!(sent.len(), 1);
            // A result that is no error, or no result at all.
            assert!(
                matches!(sent[0].get(8..12), None | Some([0, 0, 0, 0])),
                "{:?}",
                sent[0]
            );
        }
        commands.push(call.command);
    }
    commands
}

/// Reads what the recorded worker said. What has the cookie that is waited for is the reply, everything else an event.
fn understand(messages: &[Message]) {
    let mut awaited = None;
    for message in messages {
        let mut bytes = Bytes(&message.bytes);
        let (command, cookie) = (bytes.word(), bytes.word());
        if message.direction == TO_WORKER {
            awaited = awaited.or(is_awaited(command).then_some((command, cookie)));
        } else if awaited.is_some_and(|(_, awaited)| awaited == cookie) {
            assert_eq!(awaited.take(), Some((command, cookie)));
            match command {
                INIT => drop(init_reply(bytes.0)),
                STOP => assert!(bytes.0.is_empty()),
                _ => assert_eq!(bytes.0.len(), 4),
            }
        } else {
            event(&message.bytes);
        }
    }
    assert_eq!(awaited, None);
}

#[test]
fn captures() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/captures");
    let paths = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let captures: Vec<PathBuf> = paths
        .filter(|path| path.extension().is_some_and(|end| end == "bin"))
        .collect();
    if captures.is_empty() {
        println!("SKIP no captures in tests/captures");
    }
    for path in captures {
        println!("{}", path.display());
        let messages = read(&path);
        assert_eq!(replay(&messages).first(), Some(&INIT));
        understand(&messages);
    }
}

#[test]
fn the_recorder_writes_down_a_whole_session() {
    let directory = tempfile::tempdir().unwrap();
    let capture = directory.path().join("session.bin");
    let test = std::env::current_exe().unwrap();
    let recorder = test
        .parent()
        .unwrap()
        .parent()
        .unwrap()
        .join("examples/record");
    if !recorder.exists() {
        println!(
            "SKIP {} is not built; cargo test --examples does",
            recorder.display()
        );
        return;
    }
    let (mut client, socket) = Client::pair();
    fcntl_setfd(&socket, FdFlags::empty()).unwrap();
    let worker = env!("CARGO_BIN_EXE_soft_ipa_proxy");
    let mut process = Command::new(recorder)
        .arg(worker)
        .arg(socket.as_raw_fd().to_string())
        .env("BAYONET_RECORD", &capture)
        .env("BAYONET_RECORD_WORKER", worker)
        .spawn()
        .unwrap();
    drop(socket);
    client.begin();
    for frame in 0..3 {
        client.frame(frame, &statistics([1_000_000; 3], 20, 30_000));
    }
    client.is_alive();
    client.send(EXIT, &[]);
    assert!(process.wait().unwrap().success());

    let messages = read(&capture);
    let frame = [QUEUE_REQUEST, COMPUTE_PARAMS, PROCESS_STATS];
    let expected = [
        &[INIT, CONFIGURE, START][..],
        &frame,
        &frame,
        &frame,
        &[STOP, EXIT],
    ]
    .concat();
    assert_eq!(replay(&messages), expected);
    understand(&messages);
    assert!(
        messages
            .iter()
            .filter(|message| message.direction != TO_WORKER)
            .count()
            >= 4 + 2 * 3
    );
}
