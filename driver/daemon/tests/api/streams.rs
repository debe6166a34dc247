//! Streams of events and frames, and readers that are slow.

use crate::board::{Board, LIMIT, until};
use crate::event_loop::{EVENT_ROOM, frame, status};
use bayonet_daemon::report::{Event, Frame};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

#[tokio::test]
async fn a_stream_begins_with_how_things_are() {
    let board = Board::start().await;
    let mut stream = board.client.stream("/v1/events", LIMIT).await.unwrap();
    let first = stream.next().await.unwrap().unwrap();
    assert_eq!(first.event, "status");
    assert_eq!(
        serde_json::from_str::<Event>(&first.data).unwrap(),
        Event::Status(status())
    );
    board.event_loop.tell(Event::Shutter);
    board.event_loop.tell(Event::Module(status().module));
    assert_eq!(stream.next().await.unwrap().unwrap().event, "shutter");
    let third: Event = stream.next_json().await.unwrap().unwrap();
    assert_eq!(third, Event::Module(status().module));
}

#[tokio::test]
async fn a_slow_reader_is_told_what_it_missed_and_holds_nobody_up() {
    let board = Board::start().await;
    let mut slow = UnixStream::connect(&board.socket).await.unwrap();
    slow.write_all(b"GET /v1/events HTTP/1.1\r\nhost: x\r\n\r\n")
        .await
        .unwrap();
    let mut quick = board.client.stream("/v1/events", LIMIT).await.unwrap();
    quick.next().await.unwrap();
    // Far more than the sockets' buffers and the server's hold for the one who does not read.
    let reason = "x".repeat(64 << 10);
    for _ in 0..EVENT_ROOM * 8 {
        board.event_loop.tell(Event::CaptureFailed {
            reason: reason.clone(),
        });
        let event: Event = quick.next_json().await.unwrap().unwrap();
        assert!(matches!(event, Event::CaptureFailed { .. }));
    }
    board.get("/v1/status").await;
    board.event_loop.tell(Event::Shutter);
    let mut text = String::new();
    let mut piece = vec![0; 64 << 10];
    while !text.contains("event: shutter") {
        let read = tokio::time::timeout(LIMIT, slow.read(&mut piece))
            .await
            .expect("it goes on")
            .unwrap();
        assert!(read > 0, "the stream does not end");
        text.push_str(&String::from_utf8_lossy(&piece[..read]));
    }
    let failed = text.matches("event: capture-failed").count();
    let missed: usize = text
        .split("\"missed\":")
        .skip(1)
        .map(|rest| rest.split('}').next().unwrap().parse::<usize>().unwrap())
        .sum();
    assert!(missed > 0, "{failed} events came");
    assert_eq!(failed + missed, EVENT_ROOM * 8);
}

#[tokio::test]
async fn frames_are_a_lease_and_the_latest_wins() {
    let board = Board::start().await;
    let path = "/v1/cameras/main/frames?width=640&height=480";
    let mut stream = board.client.stream(path, LIMIT).await.unwrap();
    assert_eq!(board.event_loop.orders(), ["open main Some([640, 480])"]);
    assert_eq!(board.event_loop.leases(), 1);
    board.event_loop.complete(1);
    let first = stream.next().await.unwrap().unwrap();
    assert_eq!(first.event, "frame");
    assert_eq!(
        serde_json::from_str::<Frame>(&first.data).unwrap(),
        frame(1)
    );
    // Between two looks of the server's task, only the last counts.
    for sequence in 2..=100 {
        board.event_loop.complete(sequence);
    }
    assert_eq!(stream.next_json::<Frame>().await.unwrap(), Some(frame(100)));
    drop(stream);
    until(|| board.event_loop.leases() == 0).await;
}

#[tokio::test(start_paused = true)]
async fn a_stream_with_nothing_to_say_says_so() {
    let board = Board::start().await;
    let mut stream = UnixStream::connect(&board.socket).await.unwrap();
    stream
        .write_all(b"GET /v1/cameras/main/frames HTTP/1.1\r\nhost: x\r\n\r\n")
        .await
        .unwrap();
    let mut text = String::new();
    let mut piece = [0; 1024];
    while !text.contains("\n:\n") {
        let read = stream.read(&mut piece).await.unwrap();
        assert!(read > 0, "the stream does not end");
        text.push_str(&String::from_utf8_lossy(&piece[..read]));
    }
}
