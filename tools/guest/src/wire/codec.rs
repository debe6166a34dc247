//! Frames to bytes and back.

use super::{CHUNK, Channel, Frame, MAX_PAYLOAD};
use serde::{Deserialize, Serialize};
use std::io::Read;

/// Type byte and length.
const HEAD: usize = 5;
/// Job and channel before the bytes of a data frame.
const DATA_HEAD: usize = 5;
const TYPE_REQUEST: u8 = 1;
const TYPE_EVENT: u8 = 2;
const TYPE_DATA: u8 = 3;

/// What can be wrong with the bytes of a frame.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// The type byte is none of ours: the other side speaks something else.
    #[error("frame of unknown type {type_byte:#04x}")]
    UnknownType {
        /// The byte.
        type_byte: u8,
    },
    /// The length field exceeds [`MAX_PAYLOAD`].
    #[error("frame of {length} bytes, at most {MAX_PAYLOAD} are allowed")]
    TooLong {
        /// Length that was announced or asked for.
        length: usize,
    },
    /// A data frame too short for its own head.
    #[error("data frame of {length} bytes has no complete head")]
    ShortData {
        /// Length of the payload.
        length: usize,
    },
    /// A data frame for a channel that does not exist.
    #[error("data frame for unknown channel {channel}")]
    UnknownChannel {
        /// The channel byte.
        channel: u8,
    },
    /// The JSON of a request or event is not one.
    #[error("malformed {what}: {reason}")]
    Malformed {
        /// `request` or `event`.
        what: &'static str,
        /// The parser's words.
        reason: String,
    },
    /// The stream ended inside a frame.
    #[error("the stream ended inside a frame, {length} bytes after its start")]
    Truncated {
        /// Bytes of the frame that did arrive.
        length: usize,
    },
}

/// Bytes of `frame`.
///
/// # Errors
/// [`WireError::TooLong`] when the payload exceeds [`MAX_PAYLOAD`].
pub fn encode(frame: &Frame) -> Result<Vec<u8>, WireError> {
    match frame {
        Frame::Request(request) => enclose(TYPE_REQUEST, &[&json("request", request)?]),
        Frame::Event(event) => enclose(TYPE_EVENT, &[&json("event", event)?]),
        Frame::Data {
            job,
            channel,
            bytes,
        } => enclose(TYPE_DATA, &[&job.to_le_bytes(), &[*channel as u8], bytes]),
    }
}

fn json<T: Serialize>(what: &'static str, value: &T) -> Result<Vec<u8>, WireError> {
    serde_json::to_vec(value).map_err(|error| WireError::Malformed {
        what,
        reason: error.to_string(),
    })
}

fn enclose(type_byte: u8, parts: &[&[u8]]) -> Result<Vec<u8>, WireError> {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    let field = u32::try_from(length)
        .ok()
        .filter(|_| length <= MAX_PAYLOAD)
        .ok_or(WireError::TooLong { length })?;
    let mut bytes = Vec::with_capacity(HEAD + length);
    bytes.push(type_byte);
    bytes.extend(field.to_le_bytes());
    for part in parts {
        bytes.extend(*part);
    }
    Ok(bytes)
}

fn parse(type_byte: u8, payload: &[u8]) -> Result<Frame, WireError> {
    fn read<'a, T: Deserialize<'a>>(what: &'static str, json: &'a [u8]) -> Result<T, WireError> {
        serde_json::from_slice(json).map_err(|error| WireError::Malformed {
            what,
            reason: error.to_string(),
        })
    }
    match type_byte {
        TYPE_REQUEST => read("request", payload).map(Frame::Request),
        TYPE_EVENT => read("event", payload).map(Frame::Event),
        TYPE_DATA => match payload {
            [a, b, c, d, channel, bytes @ ..] => Ok(Frame::Data {
                job: u32::from_le_bytes([*a, *b, *c, *d]),
                channel: Channel::from_byte(*channel)?,
                bytes: bytes.to_vec(),
            }),
            _ => Err(WireError::ShortData {
                length: payload.len(),
            }),
        },
        _ => Err(WireError::UnknownType { type_byte }),
    }
}

impl Channel {
    fn from_byte(byte: u8) -> Result<Self, WireError> {
        match byte {
            0 => Ok(Self::Stdin),
            1 => Ok(Self::Stdout),
            2 => Ok(Self::Stderr),
            3 => Ok(Self::File),
            channel => Err(WireError::UnknownChannel { channel }),
        }
    }
}

/// Cuts a stream of bytes into frames.
#[derive(Debug, Default)]
pub struct Decoder {
    buffer: Vec<u8>,
    start: usize,
}

impl Decoder {
    /// Takes the next bytes of the stream, however they were split.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.drain(..self.start);
        self.start = 0;
        self.buffer.extend(bytes);
    }

    /// Next complete frame, `None` while more bytes are needed.
    ///
    /// # Errors
    /// Any [`WireError`] but `Truncated`; a wrong type or length is told before the payload has arrived.
    pub fn next_frame(&mut self) -> Result<Option<Frame>, WireError> {
        let pending = &self.buffer[self.start..];
        let Some(&type_byte) = pending.first() else {
            return Ok(None);
        };
        if !(TYPE_REQUEST..=TYPE_DATA).contains(&type_byte) {
            return Err(WireError::UnknownType { type_byte });
        }
        let Some((&[_, a, b, c, d], rest)) = pending.split_first_chunk::<HEAD>() else {
            return Ok(None);
        };
        let length = u32::from_le_bytes([a, b, c, d]) as usize;
        if length > MAX_PAYLOAD {
            return Err(WireError::TooLong { length });
        }
        if type_byte == TYPE_DATA && length < DATA_HEAD {
            return Err(WireError::ShortData { length });
        }
        let Some(payload) = rest.get(..length) else {
            return Ok(None);
        };
        let frame = parse(type_byte, payload)?;
        self.start += HEAD + length;
        Ok(Some(frame))
    }

    /// Says whether the stream may end here.
    ///
    /// # Errors
    /// [`WireError::Truncated`] inside a frame.
    pub fn finish(&self) -> Result<(), WireError> {
        match self.buffer.len() - self.start {
            0 => Ok(()),
            length => Err(WireError::Truncated { length }),
        }
    }
}

/// Reads frames from a byte stream.
pub struct FrameReader<R> {
    stream: R,
    decoder: Decoder,
    chunk: Vec<u8>,
}

impl<R: Read> FrameReader<R> {
    /// Frames of `stream` from here on.
    pub fn new(stream: R) -> Self {
        Self {
            stream,
            decoder: Decoder::default(),
            chunk: vec![0; CHUNK],
        }
    }

    /// Waits for the next frame; `None` at the end of the stream.
    ///
    /// # Errors
    /// The stream's own, or a [`WireError`] as `InvalidData`.
    pub fn next_frame(&mut self) -> std::io::Result<Option<Frame>> {
        let invalid = |error| std::io::Error::new(std::io::ErrorKind::InvalidData, error);
        loop {
            if let Some(frame) = self.decoder.next_frame().map_err(invalid)? {
                return Ok(Some(frame));
            }
            match self.stream.read(&mut self.chunk) {
                Ok(0) => return self.decoder.finish().map_err(invalid).map(|()| None),
                Ok(length) => self.decoder.push(&self.chunk[..length]),
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Event, Request};
    use super::*;
    use proptest::prelude::*;

    fn any_frame() -> impl Strategy<Value = Frame> {
        let channel = prop_oneof![
            Just(Channel::Stdin),
            Just(Channel::Stdout),
            Just(Channel::Stderr),
            Just(Channel::File)
        ];
        let bytes = prop::collection::vec(any::<u8>(), 0..300);
        prop_oneof![
            (any::<u32>(), channel, bytes).prop_map(|(job, channel, bytes)| Frame::Data {
                job,
                channel,
                bytes
            }),
            (
                any::<u32>(),
                prop::collection::vec(".{0,8}", 0..4),
                prop::collection::vec(("[A-Z]{1,4}", ".{0,8}"), 0..3),
                prop::option::of(".{0,8}"),
                any::<bool>()
            )
                .prop_map(|(job, argv, env, cwd, stdin)| {
                    Frame::Request(Request::Exec {
                        job,
                        argv,
                        env,
                        cwd,
                        stdin,
                    })
                }),
            (any::<u32>(), any::<i32>())
                .prop_map(|(job, signal)| Frame::Request(Request::Signal { job, signal })),
            (any::<u32>(), ".{0,20}", any::<u32>())
                .prop_map(|(job, path, mode)| Frame::Request(Request::Put { job, path, mode })),
            (any::<u32>(), ".{0,20}")
                .prop_map(|(job, path)| Frame::Request(Request::Get { job, path })),
            Just(Frame::Request(Request::Shutdown)),
            (any::<u32>(), ".{0,20}")
                .prop_map(|(protocol, kernel)| Frame::Event(Event::Ready { protocol, kernel })),
            (any::<u32>(), any::<i32>())
                .prop_map(|(job, code)| Frame::Event(Event::Exited { job, code })),
            (any::<u32>(), ".{0,20}")
                .prop_map(|(job, reason)| Frame::Event(Event::Failed { job, reason })),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn frames_survive_any_split(
            frames in prop::collection::vec(any_frame(), 0..6),
            cuts in prop::collection::vec(1_usize..40, 1..20),
        ) {
            let bytes: Vec<u8> = frames.iter().flat_map(|frame| encode(frame).unwrap()).collect();
            let mut decoder = Decoder::default();
            let mut decoded = Vec::new();
            let mut cuts = cuts.iter().cycle();
            let mut rest = &bytes[..];
            while !rest.is_empty() {
                let (part, behind) = rest.split_at((*cuts.next().unwrap()).min(rest.len()));
                rest = behind;
                decoder.push(part);
                while let Some(frame) = decoder.next_frame().unwrap() {
                    decoded.push(frame);
                }
            }
            prop_assert_eq!(decoder.finish(), Ok(()));
            prop_assert_eq!(decoded, frames);
        }

        #[test]
        fn a_cut_stream_is_told(frame in any_frame(), at in any::<prop::sample::Index>()) {
            let bytes = encode(&frame).unwrap();
            let length = at.index(bytes.len());
            let mut decoder = Decoder::default();
            decoder.push(&bytes[..length]);
            prop_assert_eq!(decoder.next_frame(), Ok(None));
            let expected = if length == 0 { Ok(()) } else { Err(WireError::Truncated { length }) };
            prop_assert_eq!(decoder.finish(), expected);
        }

        #[test]
        fn noise_never_panics_nor_hoards(noise in prop::collection::vec(any::<u8>(), 0..400)) {
            let mut decoder = Decoder::default();
            decoder.push(&noise);
            while let Ok(Some(_)) = decoder.next_frame() {}
            prop_assert!(decoder.buffer.len() <= noise.len());
        }
    }

    fn first(bytes: &[u8]) -> Result<Option<Frame>, WireError> {
        let mut decoder = Decoder::default();
        decoder.push(bytes);
        decoder.next_frame()
    }

    #[test]
    fn wrong_frames_are_named() {
        assert_eq!(first(&[9]), Err(WireError::UnknownType { type_byte: 9 }));
        assert_eq!(first(&[0]), Err(WireError::UnknownType { type_byte: 0 }));
        let length = MAX_PAYLOAD + 1;
        let mut long = vec![TYPE_DATA];
        long.extend((length as u32).to_le_bytes());
        assert_eq!(first(&long), Err(WireError::TooLong { length }));
        assert_eq!(
            first(&[TYPE_DATA, 4, 0, 0, 0]),
            Err(WireError::ShortData { length: 4 })
        );
        assert_eq!(
            first(&[TYPE_DATA, 5, 0, 0, 0, 1, 0, 0, 0, 7]),
            Err(WireError::UnknownChannel { channel: 7 })
        );
        let unknown = enclose(TYPE_REQUEST, &[br#"{"request":"explode"}"#]).unwrap();
        assert!(matches!(
            first(&unknown),
            Err(WireError::Malformed {
                what: "request",
                ..
            })
        ));
        let surplus = enclose(
            TYPE_REQUEST,
            &[br#"{"request":"get","job":1,"path":"/","x":1}"#],
        );
        assert!(matches!(
            first(&surplus.unwrap()),
            Err(WireError::Malformed { .. })
        ));
    }

    #[test]
    fn too_much_data_is_not_encoded() {
        let frame = |length| Frame::Data {
            job: 1,
            channel: Channel::File,
            bytes: vec![0; length],
        };
        assert!(encode(&frame(MAX_PAYLOAD - DATA_HEAD)).is_ok());
        assert_eq!(
            encode(&frame(MAX_PAYLOAD - DATA_HEAD + 1)),
            Err(WireError::TooLong {
                length: MAX_PAYLOAD + 1
            })
        );
    }

    #[test]
    fn a_reader_tells_the_end_from_a_break() {
        let bytes = encode(&Frame::Event(Event::Done { job: 3 })).unwrap();
        let mut reader = FrameReader::new(&bytes[..]);
        assert_eq!(
            reader.next_frame().unwrap(),
            Some(Frame::Event(Event::Done { job: 3 }))
        );
        assert_eq!(reader.next_frame().unwrap(), None);
        let error = FrameReader::new(&bytes[..4]).next_frame().unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::InvalidData);
        assert!(error.to_string().contains("ended inside a frame"));
    }
}
