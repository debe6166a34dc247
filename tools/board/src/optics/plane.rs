//! One colour of the scene as the sensor's filter sees it, at no more detail than the sensor can use.

/// A grid of light, 65535 = a white surface in the green filter.
pub(super) struct Plane {
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) values: Vec<u16>,
}

impl Plane {
    /// Light at column `x` and row `y` (the middle of a cell has whole numbers), bilinear; outside, the
    /// picture goes on mirrored.
    #[inline]
    pub(super) fn sample(&self, x: f32, y: f32) -> f32 {
        let (left, top) = (x.floor(), y.floor());
        let (part_x, part_y) = (x - left, y - top);
        let (left, top) = (left as isize, top as isize);
        let inside = left >= 0
            && top >= 0
            && ((left + 1) as usize) < self.width
            && ((top + 1) as usize) < self.height;
        let (x0, x1, y0, y1) = match inside {
            true => {
                let (left, top) = (left as usize, top as usize);
                (left, left + 1, top, top + 1)
            }
            false => (
                mirror(left, self.width),
                mirror(left + 1, self.width),
                mirror(top, self.height),
                mirror(top + 1, self.height),
            ),
        };
        let value = |x: usize, y: usize| f32::from(self.values[y * self.width + x]);
        let upper = value(x0, y0) + part_x * (value(x1, y0) - value(x0, y0));
        let lower = value(x0, y1) + part_x * (value(x1, y1) - value(x0, y1));
        upper + part_y * (lower - upper)
    }
}

/// Index into `length` cells of a picture that goes on mirrored for ever.
pub(super) fn mirror(index: isize, length: usize) -> usize {
    let index = index.rem_euclid(2 * length as isize) as usize;
    index.min(2 * length - 1 - index)
}

/// Scales a picture of three interleaved colours down to `to` by averaging areas. `read` gives row `y` of the
/// source.
pub(super) fn shrink(
    mut read: impl FnMut(usize, &mut [f32]),
    from: (usize, usize),
    to: (usize, usize),
) -> Vec<u16> {
    let columns = cover(from.0, to.0);
    let rows = cover(from.1, to.1);
    let mut source = vec![0f32; from.0 * 3];
    let mut narrow = vec![0f32; to.0 * 3];
    let mut sum = vec![0f32; to.0 * 3];
    let mut result = Vec::with_capacity(to.0 * to.1 * 3);
    let mut loaded = None;
    for span in &rows {
        sum.fill(0.0);
        for y in span.first..=span.last {
            if loaded != Some(y) {
                read(y, &mut source);
                average(&source, &columns, &mut narrow);
                loaded = Some(y);
            }
            let weight = span.weight(y);
            for (sum, value) in sum.iter_mut().zip(&narrow) {
                *sum += weight * value;
            }
        }
        result.extend(sum.iter().map(|value| (value + 0.5) as u16));
    }
    result
}

/// The cells that one cell of a smaller grid covers: from `first` to `last`, these two in part.
struct Span {
    first: usize,
    last: usize,
    first_weight: f32,
    weight: f32,
    last_weight: f32,
}

impl Span {
    /// Share of cell `index`; the shares of a span add up to one.
    fn weight(&self, index: usize) -> f32 {
        if index == self.first {
            self.first_weight
        } else if index == self.last {
            self.last_weight
        } else {
            self.weight
        }
    }
}

fn cover(from: usize, to: usize) -> Vec<Span> {
    let ratio = from as f64 / to as f64;
    let span = |cell: usize| {
        let (start, end) = (cell as f64 * ratio, (cell + 1) as f64 * ratio);
        let first = (start as usize).min(from - 1);
        let last = ((end.ceil() as usize).max(1) - 1).clamp(first, from - 1);
        let share = |index: usize| {
            let part = end.min((index + 1) as f64) - start.max(index as f64);
            (part / ratio) as f32
        };
        Span {
            first,
            last,
            first_weight: share(first),
            weight: (1.0 / ratio) as f32,
            last_weight: share(last),
        }
    };
    (0..to).map(span).collect()
}

fn average(source: &[f32], spans: &[Span], narrow: &mut [f32]) {
    for (span, pixel) in spans.iter().zip(narrow.chunks_exact_mut(3)) {
        let mut sum = [0f32; 3];
        for index in span.first..=span.last {
            let weight = span.weight(index);
            for (sum, value) in sum.iter_mut().zip(&source[index * 3..index * 3 + 3]) {
                *sum += weight * value;
            }
        }
        pixel.copy_from_slice(&sum);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shrinking_averages_areas() {
        let source: Vec<u16> = (0..7 * 5 * 3).map(|index| (index * 600) as u16).collect();
        let read = |y: usize, row: &mut [f32]| {
            for (value, &source) in row.iter_mut().zip(&source[y * 21..]) {
                *value = f32::from(source);
            }
        };
        let mean = |pixels: &[u16]| {
            pixels.iter().map(|&value| f64::from(value)).sum::<f64>() / pixels.len() as f64
        };
        assert_eq!(shrink(read, (7, 5), (7, 5)), source);
        for to in [(1, 1), (3, 2), (7, 4), (2, 5)] {
            let small = shrink(read, (7, 5), to);
            assert!((mean(&small) - mean(&source)).abs() < 1.0, "{to:?}");
        }
    }

    #[test]
    fn the_picture_goes_on_mirrored() {
        let cells: Vec<_> = (-4..8).map(|index| mirror(index, 3)).collect();
        assert_eq!(cells, [2, 2, 1, 0, 0, 1, 2, 2, 1, 0, 0, 1]);
        let plane = Plane {
            width: 2,
            height: 1,
            values: vec![0, 100],
        };
        assert_eq!(plane.sample(0.25, 5.0), 25.0);
        assert_eq!(plane.sample(-0.5, -3.0), 0.0);
        assert_eq!(plane.sample(1.5, 0.0), 100.0);
    }
}
