//! Demosaic at full resolution: gradient-corrected linear interpolation.
//!
//! H. S. Malvar, L. He, R. Cutler, "High-quality linear interpolation for demosaicing of Bayer-patterned color images",
//! ICASSP 2004. All coefficients are sixteenths, so integers do. Even and odd columns are kept apart until the end:
//! every step is then the same for all lanes of a vector.

use super::samples::saturate;
use crate::bayer::BayerOrder;

/// Rows above and below that a row needs.
pub(crate) const REACH: usize = 2;
const ROWS: usize = 2 * REACH + 1;
/// Half of the divisor and its logarithm.
const HALF: i32 = 8;
const SHIFT: u32 = 4;

/// Red, green and blue of one row.
pub(crate) type Planes = [Vec<u16>; 3];

/// Sets the length of all planes.
pub(crate) fn resize(planes: &mut Planes, width: usize) {
    for plane in planes {
        plane.resize(width, 0);
    }
}

/// One Bayer row, even and odd columns apart, with one column more on both sides.
#[derive(Default)]
struct Row([Vec<u16>; 2]);

impl Row {
    /// Extends the row by reflection at its first and last pixels, which keeps the colours in their places.
    fn reflect(&mut self) {
        let [even, odd] = &mut self.0;
        let last = even.len() - 1;
        odd[0] = odd[1];
        even[0] = even[2];
        even[last] = even[last - 1];
        odd[last] = odd[last - 2];
    }
}

/// Sums of the rows above and below, laid out like [`Row`].
#[derive(Default)]
struct Vertical {
    /// One row away.
    near: [Vec<i32>; 2],
    /// Two rows away.
    far: [Vec<i32>; 2],
}

/// The five rows around the one that is interpolated.
#[derive(Default)]
pub(crate) struct Window {
    rows: [Row; ROWS],
    vertical: Vertical,
    halves: [Vec<u16>; 4],
}

impl Window {
    /// Prepares for rows of `width` pixels, an even number.
    pub(crate) fn begin(&mut self, width: usize) {
        let half = width / 2;
        for columns in self.rows.iter_mut().flat_map(|row| &mut row.0) {
            columns.resize(half + 2, 0);
        }
        for sums in self.vertical.near.iter_mut().chain(&mut self.vertical.far) {
            sums.resize(half + 2, 0);
        }
        for values in &mut self.halves {
            values.resize(half, 0);
        }
    }

    /// Hands out row `y` for filling: its even and odd columns.
    pub(crate) fn fill(&mut self, y: usize, fill: impl FnOnce(&mut [u16], &mut [u16])) {
        let row = &mut self.rows[y % ROWS];
        let [even, odd] = &mut row.0;
        let half = even.len() - 2;
        fill(&mut even[1..=half], &mut odd[1..=half]);
        row.reflect();
    }

    /// The row `y` of a greyscale sensor, or without demosaic: all channels are the raw value.
    pub(crate) fn copy(&mut self, y: usize, out: &mut Planes) {
        let Row([even, odd]) = &self.rows[y % ROWS];
        let half = even.len() - 2;
        for plane in out {
            interleave(&even[1..=half], &odd[1..=half], plane);
        }
    }

    /// Interpolates row `y` of `height`; the rows within [`REACH`] must have been filled.
    pub(crate) fn demosaic(
        &mut self,
        y: usize,
        height: usize,
        order: BayerOrder,
        out: &mut Planes,
    ) {
        let Self {
            rows,
            vertical,
            halves,
        } = self;
        let at = |distance: isize| &rows[reflect(y, distance, height) % ROWS];
        for x in 0..2 {
            add(&at(-1).0[x], &at(1).0[x], &mut vertical.near[x]);
            add(&at(-2).0[x], &at(2).0[x], &mut vertical.far[x]);
        }
        let row = &rows[y % ROWS];
        let green_x = usize::from(order.red_x() == 0) ^ usize::from(order.red_y() != y & 1);
        let around_green = Around::of(row, vertical, green_x);
        let around_colour = Around::of(row, vertical, 1 - green_x);
        let [beside, above, green, opposite] = halves;
        around_green.beside_green(beside);
        around_green.above_green(above);
        around_colour.green(green);
        around_colour.opposite(opposite);

        let (red, blue) = if order.red_y() == y & 1 {
            (0, 2)
        } else {
            (2, 0)
        };
        let mut merge = |plane: usize, at_green: &[u16], at_colour: &[u16]| {
            let (even, odd) = if green_x == 0 {
                (at_green, at_colour)
            } else {
                (at_colour, at_green)
            };
            interleave(even, odd, &mut out[plane]);
        };
        merge(red, beside, around_colour.centre);
        merge(1, around_green.centre, green);
        merge(blue, above, opposite);
    }

    #[cfg(test)]
    pub(crate) fn reserved(&self) -> usize {
        self.rows[0].0[0].capacity() + self.vertical.near[0].capacity() + self.halves[0].capacity()
    }
}

/// Row `y + distance`, reflected at the first and last rows.
fn reflect(y: usize, distance: isize, height: usize) -> usize {
    let row = (y as isize + distance).unsigned_abs();
    if row < height {
        row
    } else {
        2 * (height - 1) - row
    }
}

/// The neighbourhood of all pixels of one parity.
///
/// The filters are not inlined: as functions of their own they tell the compiler that `out` overlaps no input.
struct Around<'a> {
    centre: &'a [u16],
    west: &'a [u16],
    east: &'a [u16],
    /// Two columns away.
    far_west: &'a [u16],
    far_east: &'a [u16],
    /// Above plus below.
    near: &'a [i32],
    /// Two above plus two below.
    far: &'a [i32],
    /// Diagonal neighbours.
    diagonal_west: &'a [i32],
    diagonal_east: &'a [i32],
}

impl<'a> Around<'a> {
    fn of(row: &'a Row, vertical: &'a Vertical, x: usize) -> Self {
        let (own, other) = (&row.0[x], &row.0[1 - x]);
        let n = own.len() - 2;
        // Odd columns have their western neighbour at the same index, even ones at the index before.
        let (west, east) = (x, x + 1);
        let near_other = &vertical.near[1 - x];
        Self {
            centre: &own[1..=n],
            west: &other[west..][..n],
            east: &other[east..][..n],
            far_west: &own[..n],
            far_east: &own[2..],
            near: &vertical.near[x][1..=n],
            far: &vertical.far[x][1..=n],
            diagonal_west: &near_other[west..][..n],
            diagonal_east: &near_other[east..][..n],
        }
    }

    /// Calls for all pixels of the slices with one length, so that no bounds are left to check.
    #[inline(always)]
    fn each(&self, out: &mut [u16], value: impl Fn(Pixel) -> i32) {
        let n = out.len();
        let (centre, west, east) = (&self.centre[..n], &self.west[..n], &self.east[..n]);
        let (far_west, far_east) = (&self.far_west[..n], &self.far_east[..n]);
        let (near, far) = (&self.near[..n], &self.far[..n]);
        let (diagonal_west, diagonal_east) = (&self.diagonal_west[..n], &self.diagonal_east[..n]);
        for i in 0..n {
            let sixteenths = value(Pixel {
                centre: i32::from(centre[i]),
                beside: i32::from(west[i]) + i32::from(east[i]),
                far_beside: i32::from(far_west[i]) + i32::from(far_east[i]),
                near: near[i],
                far: far[i],
                diagonal: diagonal_west[i] + diagonal_east[i],
            });
            out[i] = saturate((sixteenths + HALF) >> SHIFT);
        }
    }

    /// At green: the colour of the pixels beside it.
    #[inline(never)]
    fn beside_green(&self, out: &mut [u16]) {
        self.each(out, |p| {
            10 * p.centre + 8 * p.beside - 2 * p.diagonal - 2 * p.far_beside + p.far
        });
    }

    /// At green: the colour of the pixels above and below it.
    #[inline(never)]
    fn above_green(&self, out: &mut [u16]) {
        self.each(out, |p| {
            10 * p.centre + 8 * p.near - 2 * p.diagonal - 2 * p.far + p.far_beside
        });
    }

    /// At red or blue: green.
    #[inline(never)]
    fn green(&self, out: &mut [u16]) {
        self.each(out, |p| {
            8 * p.centre + 4 * (p.beside + p.near) - 2 * (p.far_beside + p.far)
        });
    }

    /// At red or blue: the other one of the two.
    #[inline(never)]
    fn opposite(&self, out: &mut [u16]) {
        self.each(out, |p| {
            12 * p.centre + 4 * p.diagonal - 3 * (p.far_beside + p.far)
        });
    }
}

/// One pixel and sums of its neighbours.
struct Pixel {
    centre: i32,
    beside: i32,
    far_beside: i32,
    near: i32,
    far: i32,
    diagonal: i32,
}

fn add(a: &[u16], b: &[u16], out: &mut [i32]) {
    for ((out, a), b) in out.iter_mut().zip(a).zip(b) {
        *out = i32::from(*a) + i32::from(*b);
    }
}

fn interleave(even: &[u16], odd: &[u16], out: &mut [u16]) {
    for ((pair, even), odd) in out.chunks_exact_mut(2).zip(even).zip(odd) {
        pair[0] = *even;
        pair[1] = *odd;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bayer::Colour;
    use proptest::prelude::*;

    const ORDERS: [BayerOrder; 4] = [
        BayerOrder::Rggb,
        BayerOrder::Gbrg,
        BayerOrder::Bggr,
        BayerOrder::Grbg,
    ];

    /// Demosaics what `scene` gives per colour at a place.
    fn picture(
        width: usize,
        height: usize,
        order: BayerOrder,
        scene: impl Fn(Colour, usize, usize) -> u16,
    ) -> Vec<Planes> {
        let mut window = Window::default();
        window.begin(width);
        let load = |window: &mut Window, y: usize| {
            window.fill(y, |even, odd| {
                for i in 0..width / 2 {
                    even[i] = scene(order.colour(2 * i, y), 2 * i, y);
                    odd[i] = scene(order.colour(2 * i + 1, y), 2 * i + 1, y);
                }
            });
        };
        (0..height)
            .map(|y| {
                for near in y.saturating_sub(REACH)..=(y + REACH).min(height - 1) {
                    load(&mut window, near);
                }
                let mut planes = Planes::default();
                resize(&mut planes, width);
                window.demosaic(y, height, order, &mut planes);
                planes
            })
            .collect()
    }

    #[test]
    fn rows_reflect_at_both_ends() {
        let reflected: Vec<usize> = (-2..=2).map(|d| reflect(0, d, 10)).collect();
        assert_eq!(reflected, [2, 1, 0, 1, 2]);
        let reflected: Vec<usize> = (-2..=2).map(|d| reflect(9, d, 10)).collect();
        assert_eq!(reflected, [7, 8, 9, 8, 7]);
        assert_eq!(reflect(1, -2, 10), 1);
    }

    #[test]
    fn flat_colours_stay_flat() {
        for order in ORDERS {
            for row in picture(16, 16, order, |colour, _, _| {
                [40_000, 20_000, 3000][colour as usize]
            }) {
                assert_eq!(row, [vec![40_000; 16], vec![20_000; 16], vec![3000; 16]]);
            }
        }
    }

    #[test]
    fn grey_ramps_are_exact_away_from_the_border() {
        for order in ORDERS {
            let ramp = |x: usize, y: usize| (1000 + 64 * x + 96 * y) as u16;
            for (y, row) in picture(32, 20, order, |_, x, y| ramp(x, y))
                .iter()
                .enumerate()
                .skip(2)
                .take(16)
            {
                for plane in row {
                    for (x, value) in plane.iter().enumerate().skip(2).take(28) {
                        assert_eq!(*value, ramp(x, y), "{x} {y} {order:?}");
                    }
                }
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(16))]
        #[test]
        fn matches_the_filters_of_the_paper(seed: u64) {
            let noise = |x: usize, y: usize| {
                let mixed = (seed ^ (x * 977 + y * 7919) as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
                (mixed >> 48) as u16
            };
            for order in ORDERS {
                let rows = picture(24, 16, order, |_, x, y| noise(x, y));
                let at = |x: isize, y: isize| {
                    let mirror = |v: isize, n: isize| if v < 0 { -v } else if v >= n { 2 * (n - 1) - v } else { v };
                    i32::from(noise(mirror(x, 24) as usize, mirror(y, 16) as usize))
                };
                for y in 0..16isize {
                    for x in 0..24isize {
                        let cross = |d: isize| (at(x - d, y) + at(x + d, y), at(x, y - d) + at(x, y + d));
                        let ((beside, near), (far_beside, far)) = (cross(1), cross(2));
                        let diagonal = at(x - 1, y - 1) + at(x + 1, y - 1) + at(x - 1, y + 1) + at(x + 1, y + 1);
                        let own = order.colour(x as usize, y as usize);
                        for (plane, row) in rows[y as usize].iter().enumerate() {
                            let c = at(x, y);
                            let sum = match (own as usize, plane) {
                                (own, plane) if own == plane => 16 * c,
                                (_, 1) => 8 * c + 4 * (beside + near) - 2 * (far_beside + far),
                                (1, plane) if order.colour((x ^ 1) as usize, y as usize) as usize == plane =>
                                    10 * c + 8 * beside - 2 * diagonal - 2 * far_beside + far,
                                (1, _) => 10 * c + 8 * near - 2 * diagonal - 2 * far + far_beside,
                                _ => 12 * c + 4 * diagonal - 3 * (far_beside + far),
                            };
                            prop_assert_eq!(i32::from(row[x as usize]), ((sum + 8) >> 4).clamp(0, 65_535));
                        }
                    }
                }
            }
        }
    }
}
