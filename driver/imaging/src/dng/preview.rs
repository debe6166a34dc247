//! The JPEG picture that a DNG carries, to be looked at instead of the raw one.

/// A JPEG picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preview {
    /// A whole stream, baseline or progressive, grey or YCbCr in sRGB.
    pub jpeg: Vec<u8>,
    /// Pixels in a row.
    pub width: usize,
    /// Rows.
    pub height: usize,
}

/// What a JPEG stream says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) components: usize,
    /// How many luma samples there are for one of colour, horizontally and vertically.
    pub(super) subsampling: [u16; 2],
}

/// Markers (ITU-T T.81 table B.1): a stream's start; frames of baseline, extended and progressive pictures; and others
/// that may stand before a frame.
const SOI: u8 = 0xd8;
const SOF: std::ops::RangeInclusive<u8> = 0xc0..=0xc2;
const DHT: u8 = 0xc4;
const SEGMENTS: std::ops::RangeInclusive<u8> = 0xdb..=0xfe;

impl Frame {
    /// Reads the headers of a stream up to its frame; none if it is not such a picture.
    pub(super) fn of(jpeg: &[u8]) -> Option<Self> {
        let mut rest = jpeg.strip_prefix(&[0xff, SOI])?;
        loop {
            let [0xff, marker, after @ ..] = rest else {
                return None;
            };
            if *marker == 0xff {
                // Markers may be filled up.
                rest = &rest[1..];
                continue;
            }
            let (length, body) = after.split_first_chunk()?;
            let length = usize::from(u16::from_be_bytes(*length)).checked_sub(2)?;
            let (segment, after) = body.split_at_checked(length)?;
            if SOF.contains(marker) {
                return Self::read(segment);
            }
            if *marker != DHT && !SEGMENTS.contains(marker) {
                return None;
            }
            rest = after;
        }
    }

    fn read(segment: &[u8]) -> Option<Self> {
        let (&[8, a, b, c, d, count], components) = segment.split_first_chunk()? else {
            return None;
        };
        let (width, height) = (u16::from_be_bytes([c, d]), u16::from_be_bytes([a, b]));
        let sampling = components.chunks_exact(3).map(|component| component[1]);
        let sampling: Vec<u8> = sampling.collect();
        let part = |of: u8, by: u8| (by > 0 && of.is_multiple_of(by)).then(|| u16::from(of / by));
        let subsampling = match (count, &sampling[..]) {
            (1, [_]) => [1, 1],
            (3, [luma, blue, red]) if blue == red => {
                [part(luma >> 4, blue >> 4)?, part(luma & 15, blue & 15)?]
            }
            _ => return None,
        };
        (width > 0 && height > 0).then_some(Self {
            width: width.into(),
            height: height.into(),
            components: count.into(),
            subsampling,
        })
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Headers of a picture of 4:2:0, without its data.
    pub(in crate::dng) fn headers(width: u16, height: u16) -> Vec<u8> {
        let [a, b] = height.to_be_bytes();
        let [c, d] = width.to_be_bytes();
        let mut jpeg = vec![0xff, SOI, 0xff, 0xe0, 0, 4, 1, 2, 0xff, 0xff, DHT, 0, 3, 9];
        jpeg.extend([0xff, 0xc0, 0, 17, 8, a, b, c, d, 3]);
        jpeg.extend([1, 0x22, 0, 2, 0x11, 1, 3, 0x11, 1, 0xff, 0xd9]);
        jpeg
    }

    #[test]
    fn a_frame_is_found() {
        let expected = Frame {
            width: 640,
            height: 480,
            components: 3,
            subsampling: [2, 2],
        };
        assert_eq!(Frame::of(&headers(640, 480)), Some(expected));
        assert_eq!(Frame::of(&headers(0, 480)), None);
        let mut lossless = headers(640, 480);
        lossless[15] = 0xc3;
        assert_eq!(Frame::of(&lossless), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read(mut jpeg in proptest::collection::vec(any::<u8>(), 0..64), whole in any::<bool>()) {
            if whole {
                jpeg.splice(0..0, headers(1, 1));
            }
            jpeg.truncate(60);
            Frame::of(&jpeg);
        }
    }
}
