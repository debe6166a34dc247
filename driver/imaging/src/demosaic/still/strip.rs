//! Columns of a mosaic, and how a row of them is taken apart and put together.

use super::super::Mosaic;
use super::{COLOUR, PADDING};

/// Neighbouring columns, from an even one on.
pub(super) struct Strip<'a> {
    pub(super) mosaic: &'a Mosaic<'a>,
    /// The first one.
    pub(super) column: usize,
    /// What red and blue are multiplied by to be alike green.
    pub(super) gains: [f32; 2],
}

impl Strip<'_> {
    pub(super) fn is_red(&self, y: isize) -> bool {
        y.rem_euclid(2) as usize == self.mosaic.pattern.red()[0]
    }

    /// Column, 0 or 1, of the row's own colour.
    pub(super) fn own(&self, y: isize) -> usize {
        let column = self.mosaic.pattern.red()[1];
        if self.is_red(y) { column } else { 1 - column }
    }

    /// What the row's own colour is multiplied by, and the other one.
    pub(super) fn gains(&self, y: isize) -> [f32; 2] {
        let [red, blue] = self.gains;
        if self.is_red(y) {
            [red, blue]
        } else {
            [blue, red]
        }
    }

    /// Where left and right of a site its neighbours of the other kind are, in their half of the row.
    pub(super) fn beside(&self, y: isize, site: usize) -> [isize; 2] {
        let own = self.own(y) as isize;
        if site == COLOUR {
            [own - 1, own]
        } else {
            [-own, 1 - own]
        }
    }

    /// Takes a row apart. Beyond the edges it is mirrored as often as needed, so that colours stay in their places.
    #[inline(always)]
    pub(super) fn split(&self, y: isize, [colour, green]: &mut [Vec<f32>; 2]) {
        let Mosaic { width, height, .. } = *self.mosaic;
        let row = &self.mosaic.samples[mirrored(y, height) * self.mosaic.stride..][..width];
        let [gain, _] = self.gains(y);
        let (even, odd, gains) = if self.own(y) == 0 {
            (colour, green, [gain, 1.0])
        } else {
            (green, colour, [1.0, gain])
        };
        let places = even.len();
        let before = PADDING.saturating_sub(self.column / 2);
        let start = (self.column + 2 * before) - 2 * PADDING;
        let (pairs, _) = row[start..].as_chunks::<2>();
        let within = pairs.len().min(places - before);
        for ((even, odd), pair) in even[before..]
            .iter_mut()
            .zip(&mut odd[before..])
            .zip(&pairs[..within])
        {
            *even = f32::from(pair[0]) * gains[0];
            *odd = f32::from(pair[1]) * gains[1];
        }
        for place in (0..before).chain(before + within..places) {
            let column = (self.column + 2 * place) as isize - 2 * PADDING as isize;
            even[place] = f32::from(row[mirrored(column, width)]) * gains[0];
            odd[place] = f32::from(row[mirrored(column + 1, width)]) * gains[1];
        }
    }
}

/// A row or column of the mosaic for one that may lie beyond its edges.
fn mirrored(index: isize, count: usize) -> usize {
    let period = 2 * (count - 1);
    let index = index.rem_euclid(period as isize) as usize;
    index.min(period - index)
}

/// Even and odd samples to a row.
#[inline(always)]
pub(super) fn join(even: &[u16], odd: &[u16], row: &mut [u16]) {
    let (pairs, last) = row.as_chunks_mut::<2>();
    for ((pair, even), odd) in pairs.iter_mut().zip(even).zip(odd) {
        *pair = [*even, *odd];
    }
    if let [last] = last {
        *last = even[pairs.len()];
    }
}
