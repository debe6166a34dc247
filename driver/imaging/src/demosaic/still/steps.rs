//! What is done place by place: plain loops over slices, which the compiler makes wide. It does so where all slices are
//! cut to one length before, where what is written is an argument of its own, and where nothing is called.

use super::super::cut;
use super::{AVERAGE, FLAT};

/// The colour difference at a site, green less colour, along a line: the missing one of the two is the mean of the
/// samples beside, corrected by the curvature of the site's own colour (J. Hamilton, J. Adams, US patent 5629734,
/// expired). `sign` is 1 at sites of colour, -1 at those of green.
#[inline(always)]
pub(super) fn difference(own: [&[f32]; 3], beside: [&[f32]; 2], sign: f32, out: &mut [f32]) {
    let places = out.len();
    let [before, centre, after] = cut(own, places);
    let [left, right] = cut(beside, places);
    let (half, quarter) = (0.5 * sign, 0.25 * sign);
    for index in 0..places {
        let near = left[index] + right[index] - centre[index];
        out[index] = half * near - quarter * (before[index] + after[index]);
    }
}

/// How far the two sides of a place are apart.
#[inline(always)]
pub(super) fn gradient(before: &[f32], after: &[f32], out: &mut [f32]) {
    let places = out.len();
    let [before, after] = cut([before, after], places);
    for index in 0..places {
        out[index] = (before[index] - after[index]).abs();
    }
}

/// The sum of five, times a scale.
#[inline(always)]
pub(super) fn sum(rows: [&[f32]; 5], scale: f32, out: &mut [f32]) {
    let places = out.len();
    let [a, b, c, d, e] = cut(rows, places);
    for index in 0..places {
        out[index] = ((a[index] + b[index]) + (d[index] + e[index]) + c[index]) * scale;
    }
}

/// How much each of four directions counts, from how rough it is: the inverse squares, all multiplied by the product
/// of the squares, which saves the divisions.
#[inline(always)]
fn shares(north: f32, south: f32, west: f32, east: f32) -> [f32; 4] {
    let square = |rough: f32| (rough + FLAT) * (rough + FLAT);
    let (north, south) = (square(north), square(south));
    let (west, east) = (square(west), square(east));
    let (vertical, horizontal) = (north * south, west * east);
    [
        south * horizontal,
        north * horizontal,
        vertical * east,
        vertical * west,
    ]
}

/// The colour difference at sites of colour: in each direction the mean of the next ones, and of these the mean.
#[inline(always)]
pub(super) fn fuse(rough: [&[f32]; 4], down: [&[f32]; 9], across: [&[f32]; 9], out: &mut [f32]) {
    let places = out.len();
    let [rough_n, rough_s, rough_w, rough_e] = cut(rough, places);
    let [n4, n3, n2, n1, down, s1, s2, s3, s4] = cut(down, places);
    let [w4, w3, w2, w1, across, e1, e2, e3, e4] = cut(across, places);
    let mean = |centre: f32, one: f32, two: f32, three: f32, four: f32| {
        let near = AVERAGE[0] * centre + AVERAGE[1] * one;
        near + AVERAGE[2] * two + (AVERAGE[3] * three + AVERAGE[4] * four)
    };
    for index in 0..places {
        let [north, south, west, east] = shares(
            rough_n[index],
            rough_s[index],
            rough_w[index],
            rough_e[index],
        );
        let (down, across) = (down[index], across[index]);
        let above = mean(down, n1[index], n2[index], n3[index], n4[index]);
        let below = mean(down, s1[index], s2[index], s3[index], s4[index]);
        let left = mean(across, w1[index], w2[index], w3[index], w4[index]);
        let right = mean(across, e1[index], e2[index], e3[index], e4[index]);
        let sum = (north * above + south * below) + (west * left + east * right);
        out[index] = sum / ((north + south) + (west + east));
    }
}

/// The other colour's difference where a colour is, from those at the corners and, with negative weight, the next
/// ones: the filter of Pekkucuksen and Altunbasak.
#[inline(always)]
pub(super) fn opposite(corners: [&[f32]; 4], beyond: [&[f32]; 8], out: &mut [f32]) {
    let places = out.len();
    let [a, b, c, d] = cut(corners, places);
    let [e, f, g, h, i, j, k, l] = cut(beyond, places);
    for index in 0..places {
        let near = (a[index] + b[index]) + (c[index] + d[index]);
        let far = ((e[index] + f[index]) + (g[index] + h[index]))
            + ((i[index] + j[index]) + (k[index] + l[index]));
        out[index] = (10.0 / 32.0) * near - (1.0 / 32.0) * far;
    }
}

/// Green and the other colour where the row's own colour is. `scales` undo the gains of the row's own colour and of the
/// other one.
#[inline(always)]
pub(super) fn at_colour(
    rows: [&[f32]; 3],
    scales: [f32; 2],
    white: f32,
    owns: &mut [u16],
    greens: &mut [u16],
    others: &mut [u16],
) {
    let places = owns.len();
    let [colour, difference, other] = cut(rows, places);
    let (greens, others) = (&mut greens[..places], &mut others[..places]);
    for index in 0..places {
        let green = colour[index] + difference[index];
        owns[index] = rounded(colour[index] * scales[0], white);
        greens[index] = rounded(green, white);
        others[index] = rounded((green - other[index]) * scales[1], white);
    }
}

/// Both colours where green is, from the differences above, below, left and right.
#[inline(always)]
#[expect(
    clippy::too_many_arguments,
    reason = "what is written must be arguments of their own, or the loop is not made wide"
)]
pub(super) fn at_green(
    green: &[f32],
    rough: [&[f32]; 4],
    own: [&[f32]; 4],
    other: [&[f32]; 4],
    scales: [f32; 2],
    white: f32,
    owns: &mut [u16],
    greens: &mut [u16],
    others: &mut [u16],
) {
    let places = owns.len();
    let [green] = cut([green], places);
    let [rough_n, rough_s, rough_w, rough_e] = cut(rough, places);
    let [own_n, own_s, own_w, own_e] = cut(own, places);
    let [other_n, other_s, other_w, other_e] = cut(other, places);
    let (greens, others) = (&mut greens[..places], &mut others[..places]);
    for index in 0..places {
        let [north, south, west, east] = shares(
            rough_n[index],
            rough_s[index],
            rough_w[index],
            rough_e[index],
        );
        let scale = 1.0 / ((north + south) + (west + east));
        let own = ((north * own_n[index] + south * own_s[index])
            + (west * own_w[index] + east * own_e[index]))
            * scale;
        let other = ((north * other_n[index] + south * other_s[index])
            + (west * other_w[index] + east * other_e[index]))
            * scale;
        owns[index] = rounded((green[index] - own) * scales[0], white);
        greens[index] = rounded(green[index], white);
        others[index] = rounded((green[index] - other) * scales[1], white);
    }
}

/// The nearest sample. The addition leaves it in the lowest bits of the sum, where a conversion would be slow.
#[inline(always)]
fn rounded(value: f32, white: f32) -> u16 {
    (value.clamp(0.0, white) + 8_388_608.0).to_bits() as u16
}
