//! A recording of this camera under way: which raw frames are being encoded, and what is told of them, in order.
//!
//! Several frames are encoded at once, and the later one may be done first. Whatever has no encoder or no memory to be
//! encoded into is dropped, so that nothing waits and memory has a limit: [`buffers`] files at most, each as long as
//! the longest so far.

use crate::report::{Frame, Stream};
use crate::wire::News;
use std::collections::VecDeque;

/// Files that may be on their way to `bayonetd`, or wait for their turn, besides those that are being written.
const WAITING: usize = 4;

/// Files that there are at once for so many encoders.
pub fn buffers(encoders: usize) -> usize {
    encoders + WAITING
}

/// A raw frame, in the order in which they came.
#[derive(Debug)]
enum Slot {
    /// It is being encoded.
    Encoding(u32),
    /// It has been, or was dropped.
    Done(News, Option<Vec<u8>>),
}

/// A recording.
#[derive(Debug)]
pub struct Recorder {
    id: u64,
    next: u32,
    /// Encoders that have nothing to do.
    free_encoders: usize,
    /// Memory that nobody uses.
    free_buffers: Vec<Vec<u8>>,
    slots: VecDeque<Slot>,
    ending: bool,
    over: bool,
}

impl Recorder {
    /// Begins a recording of raw frames of this kind, the first of which has this number.
    pub fn new(id: u64, first: u32, encoders: usize, stream: Stream) -> Self {
        let begins = Slot::Done(News::Recording { id, stream }, None);
        Self {
            id,
            next: first,
            free_encoders: encoders,
            free_buffers: (0..buffers(encoders)).map(|_| Vec::new()).collect(),
            slots: VecDeque::from([begins]),
            ending: false,
            over: false,
        }
    }

    /// Of the order.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// Takes a frame: its number and the memory that it is to be encoded into. None if there is nobody to encode it: then
    /// it counts as dropped.
    pub fn take(&mut self, frame: &Frame) -> Option<(u32, Vec<u8>)> {
        if self.ending || self.over {
            return None;
        }
        let number = self.next;
        self.next += 1;
        let buffer = (self.free_encoders > 0).then(|| self.free_buffers.pop());
        let Some(buffer) = buffer.flatten() else {
            let dropped = News::RecordDropped {
                id: self.id,
                number,
                frame: bare(frame),
            };
            self.slots.push_back(Slot::Done(dropped, None));
            return None;
        };
        self.free_encoders -= 1;
        self.slots.push_back(Slot::Encoding(number));
        Some((number, buffer))
    }

    /// A frame was encoded, or could not be, which ends the recording.
    pub fn encoded(&mut self, number: u32, frame: &Frame, file: Result<Vec<u8>, String>) {
        self.free_encoders += 1;
        let is_it = |slot: &&mut Slot| matches!(slot, Slot::Encoding(it) if *it == number);
        let Some(slot) = self.slots.iter_mut().find(is_it) else {
            return;
        };
        let id = self.id;
        *slot = match file {
            Ok(file) => {
                let recorded = News::Recorded {
                    id,
                    number,
                    bytes: file.len() as u64,
                    frame: bare(frame),
                };
                Slot::Done(recorded, Some(file))
            }
            Err(reason) => {
                self.ending = true;
                Slot::Done(News::RecordFailed { id, reason }, None)
            }
        };
    }

    /// What is to be told next, with the file that follows it.
    pub fn news(&mut self) -> Option<(News, Option<Vec<u8>>)> {
        let Some(slot) = self.slots.pop_front() else {
            let ends = self.ending && !self.over;
            self.over |= ends;
            return ends.then_some((News::RecordEnded { id: self.id }, None));
        };
        match slot {
            Slot::Encoding(_) => {
                self.slots.push_front(slot);
                None
            }
            Slot::Done(news, file) => {
                if matches!(news, News::RecordFailed { .. }) {
                    // Nothing comes after that.
                    self.over = true;
                    self.slots.clear();
                }
                Some((news, file))
            }
        }
    }

    /// A file was told; its memory can be used again.
    pub fn written(&mut self, buffer: Vec<u8>) {
        self.free_buffers.push(buffer);
    }

    /// Takes no more frames.
    pub fn end(&mut self) {
        self.ending = true;
    }

    /// Whether everything was told.
    pub fn is_over(&self) -> bool {
        self.over
    }
}

/// Without what the file says itself.
fn bare(frame: &Frame) -> Frame {
    Frame {
        metadata: Default::default(),
        ..*frame
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn frame(sequence: u32) -> Frame {
        Frame {
            sequence,
            timestamp_ns: u64::from(sequence) * 40,
            metadata: Default::default(),
        }
    }

    fn recorder(encoders: usize) -> Recorder {
        let stream = Stream {
            width: 4,
            height: 4,
            format: "RG12".to_owned(),
        };
        Recorder::new(7, 3, encoders, stream)
    }

    /// Numbers that are told, dropped ones negative; files go back.
    fn told(recorder: &mut Recorder) -> Vec<i64> {
        let mut numbers = Vec::new();
        while let Some((news, file)) = recorder.news() {
            match news {
                News::Recorded { number, bytes, .. } => {
                    let file = file.expect("a file");
                    assert_eq!(file.len() as u64, bytes);
                    recorder.written(file);
                    numbers.push(i64::from(number));
                }
                News::RecordDropped { number, .. } => numbers.push(-i64::from(number)),
                News::Recording { .. } => numbers.push(0),
                other => panic!("{other:?}"),
            }
        }
        numbers
    }

    #[test]
    fn what_is_done_first_waits_for_its_turn() {
        let mut recorder = recorder(2);
        let (first, a) = recorder.take(&frame(0)).unwrap();
        let (second, b) = recorder.take(&frame(1)).unwrap();
        assert_eq!((first, second), (3, 4));
        assert!(
            recorder.take(&frame(2)).is_none(),
            "both encoders are at work"
        );
        recorder.encoded(second, &frame(1), Ok(b));
        assert_eq!(told(&mut recorder), [0]);
        recorder.encoded(first, &frame(0), Ok(a));
        assert_eq!(told(&mut recorder), [3, 4, -5]);
    }

    #[test]
    fn it_ends_when_the_last_frame_was_told() {
        let mut recorder = recorder(1);
        let (number, buffer) = recorder.take(&frame(0)).unwrap();
        recorder.end();
        assert!(recorder.take(&frame(1)).is_none());
        assert_eq!(told(&mut recorder), [0]);
        assert!(!recorder.is_over());
        recorder.encoded(number, &frame(0), Ok(buffer));
        assert!(matches!(
            recorder.news(),
            Some((News::Recorded { .. }, Some(_)))
        ));
        assert!(matches!(
            recorder.news(),
            Some((News::RecordEnded { id: 7 }, None))
        ));
        assert!(recorder.news().is_none() && recorder.is_over());
    }

    #[test]
    fn a_frame_that_cannot_be_encoded_ends_it() {
        let mut recorder = recorder(1);
        let (number, _) = recorder.take(&frame(0)).unwrap();
        recorder.encoded(number, &frame(0), Err("no".to_owned()));
        assert_eq!(
            recorder
                .news()
                .map(|(news, _)| matches!(news, News::Recording { .. })),
            Some(true)
        );
        assert!(matches!(
            recorder.news(),
            Some((News::RecordFailed { .. }, None))
        ));
        assert!(recorder.take(&frame(1)).is_none());
        recorder.end();
        assert!(recorder.news().is_none() && recorder.is_over());
    }

    proptest! {
        /// 0: a frame; 1 and 2: the first or the last one that is being encoded is done; 3: what is told is read.
        #[test]
        fn every_frame_is_told_once_and_in_order(
            encoders in 1..4usize,
            steps in proptest::collection::vec(0..4u8, 0..200),
        ) {
            let mut recorder = recorder(encoders);
            let mut encoding: VecDeque<(u32, Vec<u8>)> = VecDeque::new();
            let mut numbers = Vec::new();
            let mut frames = 0;
            for step in steps {
                match step {
                    0 => {
                        encoding.extend(recorder.take(&frame(frames)));
                        frames += 1;
                    }
                    1 | 2 => {
                        let done = if step == 1 { encoding.pop_front() } else { encoding.pop_back() };
                        if let Some((number, buffer)) = done {
                            recorder.encoded(number, &frame(number - 3), Ok(buffer));
                        }
                    }
                    _ => numbers.extend(told(&mut recorder)),
                }
                prop_assert!(encoding.len() <= encoders);
                let waiting = recorder.slots.iter().filter(|slot| matches!(slot, Slot::Done(_, Some(_)))).count();
                prop_assert_eq!(encoding.len() + waiting + recorder.free_buffers.len(), buffers(encoders));
            }
            for (number, buffer) in encoding {
                recorder.encoded(number, &frame(number - 3), Ok(buffer));
            }
            numbers.extend(told(&mut recorder));
            let expected: Vec<i64> = (3..3 + i64::from(frames)).collect();
            let found: Vec<i64> = numbers.into_iter().skip(1).map(i64::abs).collect();
            prop_assert_eq!(found, expected);
        }
    }
}
