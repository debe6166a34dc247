//! Colour matrices: the correction matrix, both YCbCr conversions and the outputs' colour space conversions are one
//! and the same block; with them the saturation control's shifts.

use super::layout::{i16_at, i32_at};
use super::samples::{HALF, centred, saturate_centred};

/// Fraction bits of coefficients and offsets (libcamera: 4.10 coefficients).
const PRECISION: u32 = 10;
/// Coefficients have 14 bits, sign included (libcamera's `applyCCM`).
const COEFFICIENT_MAX: i16 = 8191;
/// Offsets as libpisp writes them stay below 2^27; this bound keeps sums within 32 bits.
const OFFSET_MAX: i32 = 1 << 28;

/// `struct pisp_be_ccm_config`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Matrix {
    rows: [Row; 3],
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Row {
    coefficients: [i16; 3],
    offset: i32,
}

impl Matrix {
    pub(crate) fn read(bytes: &[u8], offset: usize) -> Self {
        let row = |row: usize| Row {
            coefficients: [0, 1, 2].map(|column| {
                i16_at(bytes, offset + 2 * (3 * row + column))
                    .clamp(-COEFFICIENT_MAX, COEFFICIENT_MAX)
            }),
            offset: i32_at(bytes, offset + 20 + 4 * row).clamp(-OFFSET_MAX, OFFSET_MAX),
        };
        Self {
            rows: [row(0), row(1), row(2)],
        }
    }

    /// This matrix and then `next` in one, coefficients rounded to their precision.
    pub(crate) fn then(&self, next: &Self) -> Self {
        let rows = next.rows.map(|next| {
            let mut sums = [0; 4];
            for (row, factor) in self.rows.iter().zip(next.coefficients) {
                let [a, b, c] = row.coefficients;
                let terms = [a.into(), b.into(), c.into(), row.offset];
                for (sum, term) in sums.iter_mut().zip(terms) {
                    *sum += i64::from(factor) * i64::from(term);
                }
            }
            let [a, b, c, offset] = sums.map(|sum| (sum + (1 << (PRECISION - 1))) >> PRECISION);
            let limit = i64::from(COEFFICIENT_MAX);
            let offset = offset + i64::from(next.offset);
            Row {
                coefficients: [a, b, c].map(|value| value.clamp(-limit, limit) as i16),
                offset: offset.clamp(-i64::from(OFFSET_MAX), i64::from(OFFSET_MAX)) as i32,
            }
        });
        Self { rows }
    }

    /// Multiplies every pixel of `input`, rounding to the nearest sample.
    pub(crate) fn apply(&self, input: [&[u16]; 3], output: &mut [Vec<u16>; 3]) {
        for (row, out) in self.rows.iter().zip(output) {
            match row.copied() {
                Some(channel) => out.copy_from_slice(input[channel]),
                None => row.apply(input[0], input[1], input[2], out),
            }
        }
    }
}

impl Row {
    /// The channel that the row passes on unchanged, as identities and exchanges of red and blue do.
    fn copied(&self) -> Option<usize> {
        let channel = self.coefficients.iter().position(|value| *value != 0)?;
        let mut unit = [0; 3];
        unit[channel] = 1 << PRECISION;
        (self.coefficients == unit && self.offset == 0).then_some(channel)
    }

    /// Not inlined: so the compiler knows that `out` overlaps no input.
    #[inline(never)]
    fn apply(&self, a: &[u16], b: &[u16], c: &[u16], out: &mut [u16]) {
        let [ka, kb, kc] = self.coefficients.map(i32::from);
        // Inputs and the result are centred: make up for both, and for rounding.
        let constant =
            self.offset + (1 << (PRECISION - 1)) + HALF * (ka + kb + kc) - (HALF << PRECISION);
        for (((a, b), c), out) in a.iter().zip(b).zip(c).zip(out) {
            let sum = ka * centred(*a) + kb * centred(*b) + kc * centred(*c) + constant;
            *out = saturate_centred(sum >> PRECISION);
        }
    }
}

/// Shifts each channel left, as the saturation control does after the matrix; at most two places are used.
pub(crate) fn shift(planes: &mut [Vec<u16>; 3], shifts: [u8; 3]) {
    for (plane, shift) in planes.iter_mut().zip(shifts) {
        let shift = u32::from(shift & 3);
        for value in plane {
            *value = (u32::from(*value) << shift).min(0xffff) as u16;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    pub(crate) fn bytes(coefficients: [i16; 9], offsets: [i32; 3]) -> Vec<u8> {
        let mut bytes: Vec<u8> = coefficients
            .iter()
            .flat_map(|value| value.to_le_bytes())
            .collect();
        bytes.extend([0; 2]);
        bytes.extend(offsets.iter().flat_map(|value| value.to_le_bytes()));
        bytes
    }

    fn once(coefficients: [i16; 9], offsets: [i32; 3], pixel: [u16; 3]) -> [u16; 3] {
        let mut out = [vec![0], vec![0], vec![0]];
        Matrix::read(&bytes(coefficients, offsets), 0)
            .apply([&pixel[..1], &pixel[1..2], &pixel[2..]], &mut out);
        [out[0][0], out[1][0], out[2][0]]
    }

    #[test]
    fn jpeg_colours_are_those_of_the_standard() {
        let jpeg = [306, 601, 117, -173, -339, 512, 512, -429, -83];
        let offsets = [0, 32_768 << 10, 32_768 << 10];
        assert_eq!(once(jpeg, offsets, [65_535; 3]), [65_535, 32_768, 32_768]);
        assert_eq!(
            once(jpeg, offsets, [65_535, 0, 0]),
            [19_584, 21_696, 65_535]
        );
        assert_eq!(
            once(
                [1024, 0, 0, 0, 1024, 0, 0, 0, 1024],
                [0; 3],
                [1, 40_000, 65_535]
            ),
            [1, 40_000, 65_535]
        );
    }

    #[test]
    fn shifts_saturate() {
        let mut planes = [vec![100, 40_000], vec![100, 40_000], vec![100, 40_000]];
        shift(&mut planes, [0, 1, 2]);
        assert_eq!(
            planes,
            [vec![100, 40_000], vec![200, 65_535], vec![400, 65_535]]
        );
    }

    #[test]
    fn a_conversion_and_its_inverse_make_an_identity() {
        let offsets = [0, 33_554_432, 33_554_432];
        let forth = Matrix::read(
            &bytes([306, 601, 117, -173, -339, 512, 512, -429, -83], offsets),
            0,
        );
        let offsets = [-47_043_259, 35_509_710, -59_458_469];
        let back = Matrix::read(
            &bytes([1024, 0, 1436, 1024, -352, -731, 1024, 1815, 0], offsets),
            0,
        );
        let both = forth.then(&back);
        for (index, row) in both.rows.iter().enumerate() {
            for (column, value) in row.coefficients.iter().enumerate() {
                assert!(
                    (value - if index == column { 1024 } else { 0 }).abs() <= 1,
                    "{both:?}"
                );
            }
            assert!(row.offset.abs() < 24 << 10, "{both:?}");
        }
    }

    proptest! {
        #[test]
        fn products_are_exact(coefficients: [i16; 9], offsets: [i32; 3], pixel: [u16; 3]) {
            let out = once(coefficients, offsets, pixel);
            for row in 0..3 {
                let offset = i64::from(offsets[row].clamp(-OFFSET_MAX, OFFSET_MAX));
                let sum: i64 = (0..3).map(|column| {
                    i64::from(coefficients[3 * row + column].clamp(-8191, 8191)) * i64::from(pixel[column])
                }).sum();
                prop_assert_eq!(i64::from(out[row]), ((sum + offset + 512) >> 10).clamp(0, 65_535));
            }
        }
    }
}
