//! A colour filter array's samples to three colours a pixel.

mod live;
mod still;
#[cfg(test)]
mod testing;

pub use live::Live;
pub use still::Still;

/// Which colours the filters of the first two rows let through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pattern {
    /// Red, green; green, blue.
    Rggb,
    /// Green, red; blue, green.
    Grbg,
    /// Green, blue; red, green.
    Gbrg,
    /// Blue, green; green, red.
    Bggr,
}

impl Pattern {
    /// Row and column of red among the first two, each 0 or 1.
    pub const fn red(self) -> [usize; 2] {
        match self {
            Self::Rggb => [0, 0],
            Self::Grbg => [0, 1],
            Self::Gbrg => [1, 0],
            Self::Bggr => [1, 1],
        }
    }
}

/// Samples behind colour filters.
#[derive(Clone, Copy, Debug)]
pub struct Mosaic<'a> {
    /// Row by row.
    pub samples: &'a [u16],
    /// Samples from one row to the next.
    pub stride: usize,
    /// Samples in a row, 4 at least.
    pub width: usize,
    /// Rows, 4 at least.
    pub height: usize,
    /// Of the first two rows and columns.
    pub pattern: Pattern,
    /// The largest sample.
    pub white: u16,
}

impl Mosaic<'_> {
    /// A row; beyond the edges they are mirrored, so that colours stay in their places.
    fn row(&self, y: isize) -> &[u16] {
        let last = self.height as isize - 1;
        let y = if y < 0 {
            -y
        } else if y > last {
            2 * last - y
        } else {
            y
        };
        &self.samples[y as usize * self.stride..][..self.width]
    }
}

/// Rows of a picture, colour by colour.
#[derive(Debug)]
pub struct Planes<'a> {
    /// Red, green and blue, each row by row without gaps.
    pub colours: [&'a mut [u16]; 3],
}

/// Slices cut to one length, so that the compiler knows it of all of them.
#[inline(always)]
fn cut<T, const COUNT: usize>(mut rows: [&[T]; COUNT], places: usize) -> [&[T]; COUNT] {
    for row in &mut rows {
        *row = &row[..places];
    }
    rows
}
