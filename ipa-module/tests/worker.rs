//! A worker on a real socket: a whole session, and everything that must not end it.

mod client;

use bayonet_ipa::controls::id::LUX;
use bayonet_ipa::worker;
use client::*;
use rustix::io::{Errno, pwrite};
use rustix::net::{SendFlags, send};
use std::os::fd::AsFd;
use std::thread;

/// Runs a test against a worker, which must still answer and then end when it is told to.
fn with_worker(test: impl FnOnce(&mut Client)) {
    let (mut client, socket) = Client::pair();
    let worker = thread::spawn(|| worker::run(socket));
    test(&mut client);
    client.is_alive();
    client.send(EXIT, &[]);
    worker
        .join()
        .expect("no panic")
        .expect("an end without an error");
}

fn grey() -> [u8; STATISTICS] {
    statistics([1_000_000, 2_000_000, 1_500_000], 20, 30_000)
}

/// What one picture brings: parameters if there are other ones, metadata, and orders perhaps. Returns whether there are
/// other parameters.
fn check_frame(client: &mut Client, frame: u32, statistics: &[u8]) -> bool {
    let events = client.frame(frame, statistics);
    let (last, others) = events.split_last().unwrap();
    assert!(
        matches!(last, Event::MetadataReady { frame: of, .. } if *of == frame),
        "{events:?}"
    );
    assert!(matches!(others, [] | [Event::SetIspParams]), "{events:?}");
    !others.is_empty()
}

#[test]
fn a_session_from_init_to_exit() {
    with_worker(|client| {
        let reply = client.call(INIT, &init());
        let (result, infos, _) = init_reply(&reply);
        assert_eq!((result, infos.is_empty()), (0, false));
        for _ in 0..2 {
            assert_eq!(client.result(CONFIGURE, &configure()), 0);
            assert_eq!(client.result(START, &[]), 0);
            for frame in 0..8 {
                check_frame(client, frame, &grey());
            }
            assert!(client.call(STOP, &[]).is_empty());
            // Both sides forget their maps at `configure`, so the first orders after it bring ours, later ones do not.
            check_frame(client, 8, &[0; STATISTICS]);
            client.is_alive();
            assert!(!client.orders.is_empty());
            for (index, orders) in client.orders.drain(..).enumerate() {
                let Event::SetSensorControls { map, handle, .. } = orders else {
                    panic!("{orders:?}");
                };
                assert_eq!((map, handle), ((index == 0).then_some((2, 3)), 2));
            }
        }
        assert!(client.parameters().iter().all(|number| number.is_finite()));
    });
}

#[test]
fn parameters_are_told_when_they_change() {
    with_worker(|client| {
        client.begin();
        let told: Vec<u32> = (0..40)
            .filter(|frame| check_frame(client, *frame, &grey()))
            .collect();
        assert_eq!(told[0], 0, "the first ones");
        // Statistics come with every fourth frame, and change what comes after it.
        assert!(told[1..].iter().all(|frame| frame % 4 == 1), "{told:?}");
        assert!(told.len() > 1 && told.len() < 9, "{told:?}");
    });
}

#[test]
fn statistics_count_by_the_number_of_their_frame() {
    let lux = |client: &mut Client, frame| {
        let mut statistics = grey();
        // The software ISP has finished another frame since.
        statistics[0] = 0;
        let events = client.frame(frame, &statistics);
        let Some(Event::MetadataReady { controls, .. }) = events.last() else {
            panic!("{events:?}");
        };
        controls.iter().any(|(control, _)| *control == LUX)
    };
    with_worker(|client| {
        client.begin();
        check_frame(client, 0, &[0; STATISTICS]);
        assert!(!lux(client, 3), "frame 3 is not counted");
        assert!(lux(client, 4), "frame 4 is");
    });
}

#[test]
fn pictures_of_nothing_and_of_light_alone() {
    with_worker(|client| {
        client.begin();
        let most = statistics([u64::MAX; 3], 63, u32::MAX);
        let mut all = most;
        all[32..].fill(0xff);
        for (frame, statistics) in [[0; STATISTICS], [0xff; STATISTICS], most, all, grey()]
            .iter()
            .enumerate()
        {
            check_frame(client, 4 * frame as u32, statistics);
            let parameters = client.parameters();
            assert!(
                parameters.iter().all(|number| number.is_finite()),
                "{parameters:?}"
            );
        }
    });
}

#[test]
fn messages_that_end_too_early() {
    with_worker(|client| {
        let mut client_begun = false;
        for (command, body) in session() {
            for length in 0..body.len() {
                let cookie = client.send(command, &body[..length]);
                if is_awaited(command) {
                    let reply = client.reply(command, cookie);
                    assert!(reply[3] == 0xff, "command {command} at {length}: {reply:?}");
                }
            }
            // What came before did no harm: the whole message does what it should.
            client.send(command, &body);
            if command == INIT {
                assert_eq!(init_reply(&client.receive().unwrap()[8..]).0, 0);
                client_begun = true;
            } else if command == STOP {
                assert_eq!(client.receive().unwrap().len(), 8);
            } else if is_awaited(command) {
                assert_eq!(client.receive().unwrap()[8..], [0; 4]);
            } else {
                client.is_alive();
            }
        }
        assert!(client_begun);
        check_frame_events(client);
    });
}

/// After a session of broken messages one picture's events are there, and no others.
fn check_frame_events(client: &mut Client) {
    let events: Vec<Event> = client.events.drain(..).collect();
    let count = |wanted: fn(&Event) -> bool| events.iter().filter(|event| wanted(event)).count();
    assert_eq!(
        count(|event| *event == Event::SetIspParams),
        1,
        "{events:?}"
    );
    assert_eq!(
        count(|event| matches!(event, Event::MetadataReady { .. })),
        1,
        "{events:?}"
    );
}

#[test]
fn datagrams_that_end_too_early() {
    with_worker(|client| {
        let whole = message(INIT, 7, &init());
        for length in 0..whole.len() {
            // The second datagram is shorter than the first one says. Eight bytes are taken for a first datagram:
            // what it announces is then what comes next, which is one again.
            client.send_raw(whole.len(), 0, &whole[..length], &[]);
            if length > 8 {
                assert_eq!(
                    init_reply(&client.reply(INIT, 7)).0,
                    -Errno::BADMSG.raw_os_error()
                );
            }
            client.is_alive();
        }
        client.begin();
        check_frame(client, 0, &grey());
    });
}

#[test]
fn datagrams_that_are_missing() {
    with_worker(|client| {
        client.begin();
        let compute = message(COMPUTE_PARAMS, 9, &compute_params(0));
        // libcamera's socket was full when it sent the second datagram, or the first.
        for missing in 1..4 {
            for _ in 0..missing {
                send(
                    &client.socket,
                    &[12, 0, 0, 0, 0, 0, 0, 0],
                    SendFlags::empty(),
                )
                .unwrap();
            }
            assert_eq!(client.result(START, &[]), 0, "{missing} are missing");
        }
        check_frame(client, 0, &grey());
        send(&client.socket, &compute, SendFlags::empty()).unwrap();
        send(&client.socket, &[], SendFlags::empty()).unwrap();
        check_frame(client, 1, &grey());
        // Nothing came of the lone second datagram.
        client.is_alive();
        assert!(!client.events.contains(&Event::SetIspParams));
    });
}

#[test]
fn messages_that_are_too_long() {
    with_worker(|client| {
        let long = message(START, 5, &[0; 100_000]);
        client.send_raw(long.len(), 0, &long, &[]);
        assert_eq!(
            client.reply(START, 5),
            (-Errno::BADMSG.raw_os_error()).to_ne_bytes()
        );
        // Long only in one of both datagrams.
        client.send_raw(12, 0, &long, &[]);
        assert_eq!(
            client.reply(START, 5),
            (-Errno::BADMSG.raw_os_error()).to_ne_bytes()
        );
        client.send_raw(usize::MAX, 0, &long[..12], &[]);
        assert_eq!(
            client.reply(START, 5),
            (-Errno::BADMSG.raw_os_error()).to_ne_bytes()
        );
        client.begin();
    });
}

#[test]
fn descriptors_that_are_not_what_was_said() {
    with_worker(|client| {
        let whole = message(INIT, 7, &init());
        let (statistics, parameters) = (memory(STATISTICS), memory(PARAMETERS));
        let both = [statistics.as_fd(), parameters.as_fd()];
        let many = [statistics.as_fd(); 8];
        for (announced, sent) in [
            (2, &both[..0]),
            (2, &both[..1]),
            (0, &both[..]),
            (1, &both[..1]),
            (8, &many[..]),
            (2, &many[..]),
            (255, &both[..]),
        ] {
            client.send_raw(whole.len(), announced, &whole, sent);
            let (result, infos, _) = init_reply(&client.reply(INIT, 7));
            assert_eq!((result, infos.len()), (-Errno::BADMSG.raw_os_error(), 0));
        }
        // A descriptor where none belongs is closed, not used.
        let start = message(START, 8, &[]);
        client.send_raw(start.len(), 1, &start, &both[..1]);
        assert_eq!(
            client.reply(START, 8),
            (-Errno::BADMSG.raw_os_error()).to_ne_bytes()
        );
        client.begin();
    });
}

#[test]
fn memory_that_is_too_small() {
    with_worker(|client| {
        client.statistics = memory(STATISTICS - 1);
        let reply = client.call(INIT, &init());
        assert_eq!(init_reply(&reply).0, -Errno::INVAL.raw_os_error());
        client.statistics = memory(STATISTICS);
        client.begin();
        // Taken away under us: the request still gets its metadata.
        rustix::fs::ftruncate(&client.statistics, 0).unwrap();
        client.send(
            PROCESS_STATS,
            &process_stats(8, &[], &[(EXPOSURE, int(100)), (ANALOGUE_GAIN, int(0))]),
        );
        assert!(matches!(
            client.event(),
            Event::MetadataReady { frame: 8, .. }
        ));
        rustix::fs::ftruncate(&client.statistics, STATISTICS as u64).unwrap();
        check_frame(client, 12, &grey());
    });
}

#[test]
fn descriptors_that_are_no_memory() {
    with_worker(|client| {
        let (reader, _writer) = std::io::pipe().unwrap();
        client.statistics = reader.into();
        let reply = client.call(INIT, &init());
        assert_eq!(init_reply(&reply).0, -Errno::INVAL.raw_os_error());
        client.statistics = memory(STATISTICS);
        // Parameters that may not be written: it is logged, and libcamera keeps those it has.
        let path = format!(
            "/proc/self/fd/{}",
            std::os::fd::AsRawFd::as_raw_fd(&client.parameters)
        );
        client.parameters = std::fs::File::open(path).unwrap().into();
        client.begin();
        client.send(COMPUTE_PARAMS, &compute_params(0));
        client.is_alive();
        assert!(client.events.is_empty());
        pwrite(&client.statistics, &grey(), 0).unwrap();
        client.send(PROCESS_STATS, &process_stats(0, &[], &[]));
        assert!(matches!(
            client.event(),
            Event::MetadataReady { frame: 0, .. }
        ));
    });
}

#[test]
fn commands_out_of_their_order() {
    with_worker(|client| {
        let early = -Errno::PROTO.raw_os_error();
        for (command, body) in session().into_iter().skip(1) {
            let cookie = client.send(command, &body);
            match command {
                STOP => assert!(client.reply(command, cookie).is_empty()),
                command if is_awaited(command) => {
                    assert_eq!(client.reply(command, cookie), early.to_ne_bytes());
                }
                _ => client.is_alive(),
            }
        }
        assert!(client.events.is_empty());
        let reply = client.call(INIT, &init());
        assert_eq!(init_reply(&reply).0, 0);
        assert_eq!(client.result(START, &[]), early);
        client.send(COMPUTE_PARAMS, &compute_params(0));
        client.is_alive();
        assert!(client.events.is_empty());
        let again = client.call(INIT, &init());
        assert_eq!(init_reply(&again).0, early);
        assert_eq!(client.result(CONFIGURE, &configure()), 0);
        assert_eq!(client.result(START, &[]), 0);
        check_frame(client, 0, &grey());
    });
}

#[test]
fn commands_that_nobody_knows() {
    with_worker(|client| {
        for command in [8, 9, 100, u32::MAX] {
            assert_eq!(
                client.result(command, b"anything"),
                -Errno::NOSYS.raw_os_error()
            );
        }
        client.begin();
    });
}

#[test]
fn controls_that_are_out_of_range() {
    with_worker(|client| {
        client.begin();
        let strange = |kind, count: u16, bytes: &[u8]| Raw {
            kind,
            array: count != 1,
            count,
            bytes: bytes.into(),
        };
        let values = [
            int(i32::MIN),
            int(i32::MAX),
            float(f32::NAN),
            float(f32::INFINITY),
            float(-1e38),
            text("a text where a number should be"),
            strange(1, 1, &[7]),
            strange(9, 1, &[0xff; 16]),
            strange(7, 2, &[0xff; 8]),
            strange(7, 9, &[0x7f; 36]),
            strange(7, 100, &[0; 400]),
            strange(5, 0, &[]),
        ];
        for (frame, value) in values.iter().enumerate() {
            let frame = frame as u32;
            let request: Vec<_> = (1..60).map(|id| (id, value.clone())).collect();
            client.send(QUEUE_REQUEST, &queue_request(frame, &request));
            client.send(COMPUTE_PARAMS, &compute_params(frame));
            pwrite(&client.statistics, &grey(), 0).unwrap();
            let sensor = [(EXPOSURE, value.clone()), (ANALOGUE_GAIN, value.clone())];
            client.send(PROCESS_STATS, &process_stats(frame, &[], &sensor));
            client.is_alive();
            let parameters = client.parameters();
            assert!(
                parameters.iter().all(|number| number.is_finite()),
                "{value:?}: {parameters:?}"
            );
        }
        let metadata = client
            .events
            .iter()
            .filter(|event| matches!(event, Event::MetadataReady { .. }));
        assert_eq!(metadata.count(), values.len());
    });
}

#[test]
fn a_sensor_that_lacks_what_is_needed() {
    with_worker(|client| {
        // The same message, but for the number of a control.
        let mut body = init();
        let number = ANALOGUE_GAIN.to_ne_bytes();
        let at = body.windows(4).position(|bytes| bytes == number).unwrap();
        body[at] ^= 0x40;
        let reply = client.call(INIT, &body);
        let (result, infos, _) = init_reply(&reply);
        assert!(result < 0 && infos.is_empty(), "{result} {infos:?}");
        client.begin();
    });
}

#[test]
fn a_reply_to_nobody_ends_the_worker() {
    let (client, socket) = Client::pair();
    let stop = message(STOP, 1, &[]);
    client.send_raw(stop.len(), 0, &stop, &[]);
    drop(client);
    assert_eq!(worker::run(socket), Ok(()));
}
