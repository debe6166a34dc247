//! Lists of corrections (DNG 1.7.1.0, chapter 7), as others may have written them.

use super::Error;
use super::tiff::{Directory, Field};
use crate::dng::opcodes::{GainMap, Opcode};
use crate::dng::tags::OPCODE_LISTS;

/// The flag of a correction that may be left out.
const OPTIONAL: u32 = 1;
const WARP_RECTILINEAR: u32 = 1;
const FIX_VIGNETTE_RADIAL: u32 = 3;
const FIX_BAD_PIXELS_LIST: u32 = 5;
const GAIN_MAP: u32 = 9;
/// What the specification calls the others.
const OTHERS: [(u32, &str); 10] = [
    (2, "WarpFisheye"),
    (4, "FixBadPixelsConstant"),
    (6, "TrimBounds"),
    (7, "MapTable"),
    (8, "MapPolynomial"),
    (10, "DeltaPerRow"),
    (11, "DeltaPerColumn"),
    (12, "ScalePerRow"),
    (13, "ScalePerColumn"),
    (14, "WarpRectilinear2"),
];

/// All three lists. Corrections that we do not know are left out where that is allowed.
pub(super) fn read(directory: &Directory<'_>) -> Result<[Vec<Opcode>; 3], Error> {
    let mut lists = [const { Vec::new() }; 3];
    for (list, tag) in lists.iter_mut().zip(OPCODE_LISTS) {
        if let Some(field) = directory.field(tag)? {
            *list = self::list(&field)?;
        }
    }
    Ok(lists)
}

fn list(field: &Field<'_>) -> Result<Vec<Opcode>, Error> {
    let mut bytes = Bytes(field.bytes);
    let ends = || field.wrong("it ends in a list of corrections");
    let count = bytes.long().ok_or_else(ends)?;
    let mut opcodes = Vec::new();
    for _ in 0..count {
        let [number, _, flags, length] = bytes.longs().ok_or_else(ends)?;
        let mut body = bytes.take(length as usize).ok_or_else(ends)?;
        let opcode = match number {
            WARP_RECTILINEAR => warp(&mut body),
            FIX_VIGNETTE_RADIAL => vignette(&mut body),
            FIX_BAD_PIXELS_LIST => bad_pixels(&mut body),
            GAIN_MAP if flags & OPTIONAL != 0 && has_many_maps(body.0) => continue,
            GAIN_MAP => gain_map(&mut body),
            _ if flags & OPTIONAL != 0 => continue,
            _ => {
                let mut others = OTHERS.iter();
                let name = others
                    .find(|(other, _)| *other == number)
                    .map(|(_, name)| *name);
                return Err(Error::Unsupported(format!(
                    "correction {number} ({}), which may not be left out,",
                    name.unwrap_or("of another version")
                )));
            }
        };
        let opcode = opcode.filter(|_| body.0.is_empty());
        opcodes.push(opcode.ok_or_else(|| {
            field.wrong(format!(
                "correction {number} is not as the specification has it"
            ))
        })?);
    }
    Ok(opcodes)
}

/// A correction's values, the most significant byte first.
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn take(&mut self, count: usize) -> Option<Bytes<'a>> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(Bytes(taken))
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (array, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*array)
    }

    fn long(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }

    fn longs<const N: usize>(&mut self) -> Option<[u32; N]> {
        let mut longs = [0; N];
        for long in &mut longs {
            *long = self.long()?;
        }
        Some(longs)
    }

    /// Numbers that are numbers.
    fn doubles<const N: usize>(&mut self) -> Option<[f64; N]> {
        let mut doubles = [0.0; N];
        for double in &mut doubles {
            *double = f64::from_be_bytes(self.array()?);
        }
        doubles
            .iter()
            .all(|double| double.is_finite())
            .then_some(doubles)
    }
}

fn warp(body: &mut Bytes<'_>) -> Option<Opcode> {
    let count = body.long()?;
    let planes = (0..count).map(|_| body.doubles()).collect::<Option<_>>()?;
    let centre = body.doubles()?;
    Some(Opcode::WarpRectilinear { planes, centre })
}

fn vignette(body: &mut Bytes<'_>) -> Option<Opcode> {
    let factors = body.doubles()?;
    let centre = body.doubles()?;
    Some(Opcode::FixVignetteRadial { factors, centre })
}

/// Rectangles of bad pixels become their pixels, as many as memory for the rest of the picture would do.
fn bad_pixels(body: &mut Bytes<'_>) -> Option<Opcode> {
    const MOST: usize = 1 << 20;
    let [phase, points, rectangles] = body.longs()?;
    let points = (0..points).map(|_| body.longs());
    let mut pixels = points.collect::<Option<Vec<[u32; 2]>>>()?;
    for _ in 0..rectangles {
        let [top, left, bottom, right] = body.longs()?;
        let [rows, columns] =
            [(top, bottom), (left, right)].map(|(first, end)| end.saturating_sub(first));
        let count = u64::from(rows) * u64::from(columns);
        if count > (MOST - pixels.len().min(MOST)) as u64 {
            return None;
        }
        if count > 0 {
            let rows = top..bottom;
            pixels.extend(rows.flat_map(|row| (left..right).map(move |column| [row, column])));
        }
    }
    Some(Opcode::FixBadPixelsList { phase, pixels })
}

/// Whether gains are told for each plane, of which we have no description.
fn has_many_maps(body: &[u8]) -> bool {
    /// What stands before their number: ten numbers of 32 bits, four of 64.
    const BEFORE: usize = 10 * 4 + 4 * 8;
    let mut rest = Bytes(body.get(BEFORE..).unwrap_or(&[]));
    rest.long().is_some_and(|planes| planes > 1)
}

fn gain_map(body: &mut Bytes<'_>) -> Option<Opcode> {
    let area = body.longs()?;
    let planes = body.longs()?;
    let pitch = body.longs()?;
    let points: [u32; 2] = body.longs()?;
    let spacing = body.doubles()?;
    let origin = body.doubles()?;
    let of_map = body.long()?;
    let count = u64::from(points[0]) * u64::from(points[1]);
    if of_map != 1
        || count == 0
        || count.checked_mul(4) != Some(body.0.len() as u64)
        || pitch.contains(&0)
    {
        return None;
    }
    let gains = (0..count).map(|_| body.array().map(f32::from_be_bytes));
    let gains = gains.collect::<Option<Vec<f32>>>()?;
    let are_numbers = gains.iter().all(|gain| gain.is_finite());
    are_numbers.then_some(Opcode::GainMap(GainMap {
        area,
        planes,
        pitch,
        points,
        spacing,
        origin,
        gains,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dng::opcodes;
    use crate::dng::read::tiff::Tiff;
    use proptest::prelude::*;

    /// A file with a list.
    fn read_list(list: &[u8]) -> Result<Vec<Opcode>, Error> {
        let mut directory = crate::dng::ifd::Directory::default();
        directory.set(
            OPCODE_LISTS[1].0,
            crate::dng::ifd::Value::Undefined(list.to_vec()),
        );
        let mut bytes = Vec::new();
        directory.write(&mut bytes).unwrap();
        let (tiff, first) = Tiff::new(&bytes).unwrap();
        let [_, list, _] = read(&tiff.directory(first).unwrap())?;
        Ok(list)
    }

    fn all() -> Vec<Opcode> {
        vec![
            Opcode::WarpRectilinear {
                planes: vec![[1.0, 0.1, -0.01, 0.0, 0.0, 1e-5]; 3],
                centre: [0.5, 0.51],
            },
            Opcode::FixVignetteRadial {
                factors: [0.1, 0.2, 0.3, 0.4, 0.5],
                centre: [0.5, 0.5],
            },
            Opcode::FixBadPixelsList {
                phase: 2,
                pixels: vec![[1, 2], [3, 4]],
            },
            Opcode::GainMap(GainMap {
                area: [0, 0, 100, 200],
                planes: [0, 1],
                pitch: [2, 2],
                points: [2, 3],
                spacing: [1.0, 0.5],
                origin: [0.0, 0.25],
                gains: vec![1.0, 1.5, 2.0, 1.0, 1.5, 2.5],
            }),
        ]
    }

    #[test]
    fn lists_come_back() {
        assert_eq!(read_list(&opcodes::list(&all())), Ok(all()));
    }

    #[test]
    fn what_is_unknown_is_left_out_or_named() {
        let mut list = vec![
            0, 0, 0, 1, 0, 0, 0, 7, 1, 3, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2, 9, 9,
        ];
        assert_eq!(read_list(&list), Ok(vec![]));
        list[15] = 2;
        let error = read_list(&list).unwrap_err();
        assert_eq!(
            error.to_string(),
            "DNG: correction 7 (MapTable), which may not be left out, is not supported"
        );
    }

    #[test]
    fn a_grid_of_too_many_points_is_refused() {
        let mut list = opcodes::list(&all()[3..]);
        // Points stand behind area, planes and pitch.
        list[20 + 32..20 + 40].fill(0xff);
        let error = read_list(&list).unwrap_err();
        assert!(
            error.to_string().contains("correction 9 is not as"),
            "{error}"
        );
    }

    #[test]
    fn rectangles_become_pixels_unless_they_are_too_large() {
        let mut list = vec![0, 0, 0, 1, 0, 0, 0, 5, 1, 3, 0, 0, 0, 0, 0, 1, 0, 0, 0, 28];
        let longs = |values: [u32; 7]| values.map(u32::to_be_bytes).concat();
        list.extend(longs([0, 0, 1, 5, 6, 7, 8]));
        let expected = Opcode::FixBadPixelsList {
            phase: 0,
            pixels: vec![[5, 6], [5, 7], [6, 6], [6, 7]],
        };
        assert_eq!(read_list(&list), Ok(vec![expected]));
        list.truncate(20);
        list.extend(longs([0, 0, 1, 0, 0, u32::MAX, u32::MAX]));
        assert!(read_list(&list).is_err());
    }

    proptest! {
        #[test]
        fn any_list_is_read_or_refused(at in any::<usize>(), value in any::<u8>(), length in any::<usize>()) {
            let mut list = opcodes::list(&all());
            let count = list.len();
            list[at % count] = value;
            list.truncate(length % (count + 1));
            let _ = read_list(&list);
        }
    }
}
