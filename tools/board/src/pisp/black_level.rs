//! Black level blocks: the front end's alignment (BLA) and both halves' correction (BLC).

use super::layout::u16_at;
use super::samples::saturate;
use crate::bayer::{BayerOrder, Colour};

/// `struct pisp_bla_config`, on the 16-bit scale.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct BlackLevels {
    red: u16,
    /// Green beside red.
    green_red: u16,
    /// Green beside blue.
    green_blue: u16,
    blue: u16,
    output: u16,
}

impl BlackLevels {
    pub(crate) fn read(bytes: &[u8], offset: usize) -> Self {
        let field = |index: usize| u16_at(bytes, offset + 2 * index);
        Self {
            red: field(0),
            green_red: field(1),
            green_blue: field(2),
            blue: field(3),
            output: field(4),
        }
    }

    /// What to subtract in each column of a quad's row `y`, output level included.
    pub(crate) fn of_row(&self, order: BayerOrder, y: usize) -> [i32; 2] {
        [0, 1].map(|x| {
            let level = match order.colour(x, y) {
                Colour::Red => self.red,
                Colour::Blue => self.blue,
                Colour::Green if order.red_y() == y & 1 => self.green_red,
                Colour::Green => self.green_blue,
            };
            i32::from(level) - i32::from(self.output)
        })
    }
}

/// Subtracts `levels` from even and odd columns.
pub(crate) fn subtract(row: &mut [u16], levels: [i32; 2]) {
    for pair in row.chunks_exact_mut(2) {
        pair[0] = saturate(i32::from(pair[0]) - levels[0]);
        pair[1] = saturate(i32::from(pair[1]) - levels[1]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_colour_has_its_level() {
        let bytes: Vec<u8> = [10u16, 20, 30, 40, 5]
            .iter()
            .flat_map(|v| v.to_le_bytes())
            .collect();
        let levels = BlackLevels::read(&bytes, 0);
        assert_eq!(levels.of_row(BayerOrder::Rggb, 0), [5, 15]);
        assert_eq!(levels.of_row(BayerOrder::Rggb, 1), [25, 35]);
        assert_eq!(levels.of_row(BayerOrder::Gbrg, 0), [25, 35]);
        assert_eq!(levels.of_row(BayerOrder::Gbrg, 1), [5, 15]);
        assert_eq!(levels.of_row(BayerOrder::Bggr, 0), [35, 25]);
        assert_eq!(levels.of_row(BayerOrder::Grbg, 0), [15, 5]);
        let mut row = [3, 100, 65_535, 65_535];
        subtract(&mut row, [5, -3]);
        assert_eq!(row, [0, 103, 65_530, 65_535]);
    }
}
