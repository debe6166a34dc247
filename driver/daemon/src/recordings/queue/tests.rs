//! The queue never waits, never grows, and counts every frame once.

use super::*;
use CameraName::{Main, Mount};
use proptest::prelude::*;

const LIMIT: usize = 4 << 20;

fn shot(camera: CameraName, number: u32, sequence: u32) -> Shot {
    Shot {
        camera,
        number,
        sequence,
        timestamp_ns: u64::from(sequence) * 1000,
    }
}

fn offer(intake: &Intake, shot: Shot, bytes: usize) -> bool {
    let Some(mut buffer) = intake.room(&shot, bytes as u64) else {
        return false;
    };
    buffer.resize(bytes, shot.number as u8);
    intake.try_write(shot, buffer);
    true
}

fn next(intake: &Intake) -> (Next, Vec<Item>) {
    let mut batch = Vec::with_capacity(64);
    let next = intake.shared.next(Duration::ZERO, &mut batch);
    (next, batch)
}

fn gaps(items: &[Item]) -> Vec<(Cause, u32, u32)> {
    let gap = |item: &Item| match item {
        Item::Line(Line::Gap(gap)) => Some((gap.cause, gap.after, gap.frames)),
        _ => None,
    };
    items.iter().filter_map(gap).collect()
}

fn numbers(items: &[Item]) -> Vec<u32> {
    let number = |item: &Item| match item {
        Item::Frame(shot, _) => Some(shot.number),
        Item::Line(_) => None,
    };
    items.iter().filter_map(number).collect()
}

#[test]
fn a_full_queue_drops_and_says_so_before_the_next_frame() {
    let intake = Intake::new(1, &[Main], LIMIT, None);
    let taken: Vec<bool> = (1..=6)
        .map(|number| offer(&intake, shot(Main, number, number), 1 << 19))
        .collect();
    assert_eq!(taken, [true, true, true, true, false, false]);
    let progress = intake.progress();
    assert_eq!(progress.queue.bytes, LIMIT as u64);
    assert_eq!(progress.queue.frames, 4);
    assert_eq!(progress.cameras[0].dropped, 2);
    let (_, items) = next(&intake);
    assert_eq!(numbers(&items), [1, 2, 3, 4]);
    for item in items {
        if let Item::Frame(shot, frame) = item {
            assert_eq!(frame, vec![shot.number as u8; 1 << 19]);
            intake.shared.give(frame);
        }
    }
    assert_eq!(intake.progress().queue.frames, 0);
    assert!(offer(&intake, shot(Main, 7, 7), 10));
    let (_, items) = next(&intake);
    assert_eq!(gaps(&items), [(Cause::Queue, 4, 2)]);
    assert!(
        matches!(&items[..], [Item::Line(_), Item::Frame(..)]),
        "the gap first"
    );
}

#[test]
fn every_cause_is_counted_apart() {
    let intake = Intake::new(1, &[Main, Mount], LIMIT, None);
    assert!(offer(&intake, shot(Main, 1, 10), 10));
    intake.dropped(&shot(Main, 2, 11));
    // 12 to 14 never came.
    assert!(!offer(&intake, shot(Main, 3, 15), LIMIT + 1), "too long");
    assert!(!offer(&intake, shot(Main, 3, 15), 10), "out of order");
    let cut = shot(Main, 4, 16);
    let buffer = intake.room(&cut, 10).unwrap();
    intake.cut(&cut, buffer);
    assert!(offer(&intake, shot(Main, 5, 17), 10));
    let (_, items) = next(&intake);
    assert_eq!(
        gaps(&items),
        [
            (Cause::Sensor, 2, 3),
            (Cause::Encoder, 1, 1),
            (Cause::Transfer, 2, 3)
        ]
    );
    let [main, mount] = intake.progress().cameras[..] else {
        panic!("two cameras");
    };
    assert_eq!((main.dropped, main.missing), (4, 3));
    assert_eq!((mount.dropped, mount.missing), (0, 0));
}

#[test]
fn a_stream_that_begins_anew_counts_anew() {
    let intake = Intake::new(1, &[Main], LIMIT, None);
    let stream = Stream {
        width: 1,
        height: 1,
        format: "RG12".into(),
    };
    intake.stream(Main, stream.clone());
    assert!(offer(&intake, shot(Main, 1, 500), 10));
    intake.gone(Main, "plugged out".into());
    intake.stream(Main, stream);
    assert!(offer(&intake, shot(Main, 2, 900), 10));
    // The receiver's count went back: it is no gap of four thousand million frames.
    assert!(offer(&intake, shot(Main, 3, 5), 10));
    let (_, items) = next(&intake);
    assert_eq!(gaps(&items), []);
    assert_eq!(items.len(), 6);
}

#[test]
fn limits_and_the_end_close_the_way_in_without_counting() {
    let intake = Intake::new(1, &[Main], LIMIT, Some(2));
    assert!(offer(&intake, shot(Main, 1, 1), 10));
    assert!(!intake.complete(Main));
    assert!(offer(&intake, shot(Main, 2, 2), 10));
    assert!(intake.complete(Main));
    assert!(!offer(&intake, shot(Main, 3, 3), 10), "enough");
    assert!(!offer(&intake, shot(Mount, 1, 1), 10), "not recorded");
    let late = shot(Main, 4, 4);
    let intake_without_limit = Intake::new(2, &[Main], LIMIT, None);
    let buffer = intake_without_limit.room(&late, 10).unwrap();
    let ending = Ending {
        reason: RecordingEnd::Stopped,
        message: None,
        deadline: Instant::now() + Duration::from_secs(3600),
    };
    intake.end(ending.clone());
    intake_without_limit.end(ending.clone());
    intake_without_limit.try_write(late, buffer);
    assert_eq!(
        next(&intake_without_limit),
        (Next::End(ending.clone()), vec![])
    );
    assert_eq!(intake_without_limit.progress().queue.bytes, 0);
    assert_eq!(intake.progress().cameras[0].dropped, 0);
    let (what, items) = next(&intake);
    assert_eq!(
        (what, numbers(&items)),
        (Next::Batch, vec![1, 2]),
        "what waits is written"
    );
    assert_eq!(next(&intake).0, Next::End(ending));
}

impl PartialEq for Item {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Frame(a, b), Self::Frame(c, d)) => (a, b) == (c, d),
            (Self::Line(a), Self::Line(b)) => a == b,
            _ => false,
        }
    }
}

#[test]
fn when_the_time_for_the_end_is_over_what_waits_is_given_up_and_counted() {
    let intake = Intake::new(1, &[Main], LIMIT, None);
    assert!(offer(&intake, shot(Main, 1, 1), 10));
    assert!(offer(&intake, shot(Main, 2, 2), 10));
    intake.end(Ending {
        reason: RecordingEnd::Stopped,
        message: None,
        deadline: Instant::now(),
    });
    let (Next::End(ending), items) = next(&intake) else {
        panic!("the end");
    };
    assert_eq!(items, []);
    let lines = intake.shared.close(|| unreachable!("it has an end"));
    let gap = Gap {
        camera: Main,
        after: 0,
        frames: 2,
        cause: Cause::Storage,
    };
    assert_eq!(
        (ending.reason, lines),
        (RecordingEnd::Stopped, vec![Line::Gap(gap)])
    );
    let progress = intake.progress();
    assert_eq!((progress.queue.frames, progress.queue.bytes), (0, 0));
    assert_eq!(progress.cameras[0].dropped, 2);
}

/// In steady state a frame costs no memory on its way in.
#[test]
fn nothing_is_allocated_for_a_frame() {
    let intake = Intake::new(1, &[Main, Mount], 64 << 20, None);
    let mut batch = Vec::with_capacity(64);
    let mut number = 0;
    let mut turn = || {
        for camera in [Main, Mount] {
            number += 1;
            // Lengths differ as those of compressed frames do, and some frames are missing.
            let bytes = (5 << 20) + number as usize * 7919 % (1 << 20);
            let shot = shot(camera, number, number * 2);
            let buffer = intake.room(&shot, bytes as u64);
            intake.try_write(shot, buffer.expect("room"));
        }
        intake.shared.next(Duration::ZERO, &mut batch);
        for item in batch.drain(..) {
            if let Item::Frame(_, frame) = item {
                intake.shared.give(frame);
            }
        }
    };
    (0..4).for_each(|_| turn());
    let allocations = allocation_counter::measure(|| (0..100).for_each(|_| turn()));
    assert_eq!(allocations.count_total, 0);
}

#[derive(Clone, Debug)]
enum Op {
    Offer(bool, u32, usize),
    Drop(bool, u32),
    Write,
    Lose,
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let op = prop_oneof![
        4 => (any::<bool>(), 0..3_u32, 0..3_usize << 20).prop_map(|(camera, skip, bytes)| Op::Offer(camera, skip, bytes)),
        1 => (any::<bool>(), 0..3_u32).prop_map(|(camera, skip)| Op::Drop(camera, skip)),
        2 => Just(Op::Write),
        1 => Just(Op::Lose),
    ];
    prop::collection::vec(op, 0..80)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// Whatever comes: memory stays below the limit, numbers ascend, and written, dropped and waiting frames are all
    /// that came; the gaps that are told add up to those that were counted.
    #[test]
    fn every_frame_is_counted_once(ops in ops()) {
        let intake = Intake::new(1, &[Main, Mount], LIMIT, None);
        let name = |mount| if mount { Mount } else { Main };
        let (mut came, mut missing, mut sequences, mut numbers) = (0, 0, [0; 2], [0; 2]);
        let mut make = |mount: bool, skip: u32| {
            let camera = usize::from(mount);
            let skipped = if numbers[camera] == 0 { 0 } else { skip };
            sequences[camera] += 1 + skipped;
            numbers[camera] += 1;
            (shot(name(mount), numbers[camera], sequences[camera]), u64::from(skipped))
        };
        let mut told = Vec::new();
        let mut last = [0; 2];
        for op in ops {
            match op {
                Op::Offer(mount, skip, _) | Op::Drop(mount, skip) => {
                    let (shot, skipped) = make(mount, skip);
                    (came, missing) = (came + 1, missing + skipped);
                    if let Op::Offer(_, _, bytes) = op {
                        offer(&intake, shot, bytes);
                    } else {
                        intake.dropped(&shot);
                    }
                }
                Op::Write | Op::Lose => {
                    for item in next(&intake).1 {
                        match item {
                            Item::Line(line) => told.push(line),
                            Item::Frame(shot, frame) => {
                                let last = &mut last[shot.camera as usize];
                                prop_assert!(shot.number > *last);
                                *last = shot.number;
                                if matches!(op, Op::Write) {
                                    intake.shared.written(shot.camera, frame.len() as u64);
                                } else {
                                    intake.shared.lost(&shot);
                                }
                                intake.shared.give(frame);
                            }
                        }
                    }
                }
            }
            let progress = intake.progress();
            prop_assert!(progress.queue.bytes <= LIMIT as u64);
            let sum = |count: fn(&RecordedCamera) -> u64| progress.cameras.iter().map(count).sum::<u64>();
            prop_assert_eq!(sum(|it| it.written + it.dropped) + progress.queue.frames, came);
        }
        told.extend(intake.shared.close(|| Ending {
            reason: RecordingEnd::Stopped,
            message: None,
            deadline: Instant::now(),
        }));
        let gap_frames = |sensor: bool| told.iter().map(|line| match line {
            Line::Gap(gap) if (gap.cause == Cause::Sensor) == sensor => u64::from(gap.frames),
            _ => 0,
        }).sum::<u64>();
        let progress = intake.progress();
        let dropped: u64 = progress.cameras.iter().map(|camera| camera.dropped).sum();
        prop_assert_eq!(gap_frames(false), dropped);
        prop_assert_eq!(gap_frames(true), missing);
        prop_assert_eq!(progress.queue.frames, 0);
    }
}
