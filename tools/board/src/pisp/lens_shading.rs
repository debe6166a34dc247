//! White balance gains and the lens shading correction: one gain per Bayer pixel.
//!
//! The shading table has 33 x 33 vertices with three gains packed in a word; between vertices gains are bilinear.
//! Both blocks multiply, so the white balance gain is folded into the table.

use super::layout::{be, u16_at, u32_at};
use super::tiles::Tile;
use crate::bayer::{BayerOrder, Colour};

/// Cells of the grid in one direction (`PISP_BE_LSC_GRID_SIZE`).
const CELLS: usize = 32;
const VERTICES: usize = CELLS + 1;
/// Fraction bits of positions in the grid (`PISP_BE_LSC_STEP_PRECISION`).
const STEP_PRECISION: u32 = 18;
/// Gain 1.0 of the white balance block (libcamera: 4.10), and of the finest shading range.
const UNITY: f32 = 1024.0;
/// Adding it to a float in 0..2^16 leaves the nearest integer in the low bits.
const ROUND: f32 = 8_388_608.0;

/// Colour gains of `struct pisp_wbg_config`.
pub(crate) fn white_balance(config: &[u8]) -> [f32; 3] {
    [0, 2, 4].map(|field| f32::from(u16_at(config, be::WBG + field)) / UNITY)
}

/// The gains of one vertex: two bits of range, then blue, green, red of ten bits each.
fn unpack(word: u32) -> [f32; 3] {
    let (scale, offset) = match word >> 30 {
        0 => (1.0, 512.0),
        1 => (2.0, 0.0),
        2 => (4.0, 0.0),
        _ => (8.0, 0.0),
    };
    [0, 10, 20].map(|shift| ((word >> shift & 0x3ff) as f32 * scale + offset) / UNITY)
}

/// One value per column of a Bayer row, even and odd columns apart.
type Columns = [Vec<f32>; 2];

/// Gains for the rows of a tile.
#[derive(Default)]
pub(crate) struct GainMap {
    /// Empty when the shading block is off.
    vertices: Vec<[f32; 3]>,
    white: [f32; 3],
    step: [u32; 2],
    order: Option<BayerOrder>,
    offset: [u32; 2],
    width: usize,
    /// Grid row that `above` and `below` belong to.
    cell: Option<usize>,
    /// Gains along grid rows `cell` and `cell + 1`, for even and odd image rows.
    above: [Columns; 2],
    below: [Columns; 2],
    row: Columns,
}

impl GainMap {
    /// Takes the settings of a job.
    pub(crate) fn configure(
        &mut self,
        config: &[u8],
        white: [f32; 3],
        shading: bool,
        order: Option<BayerOrder>,
    ) {
        self.white = white;
        self.order = order;
        self.step = [be::LSC, be::LSC + 2].map(|offset| u32::from(u16_at(config, offset)));
        self.vertices.clear();
        if shading {
            let words =
                (0..VERTICES * VERTICES).map(|index| u32_at(config, be::LSC_LUT + 4 * index));
            self.vertices.extend(words.map(unpack));
        }
    }

    /// Starts a tile.
    pub(crate) fn begin(&mut self, tile: &Tile) {
        self.offset = tile.lsc_grid_offset;
        self.width = usize::from(tile.size.x);
        self.cell = None;
    }

    /// Gains of the tile's row `y`, even and odd columns.
    pub(crate) fn row(&mut self, y: usize) -> [&[f32]; 2] {
        let (cell, fraction) = if self.vertices.is_empty() {
            (0, 0.0)
        } else {
            grid_position(self.offset[1], self.step[1], y)
        };
        if self.cell != Some(cell) {
            self.cell = Some(cell);
            for parity in 0..2 {
                for x in 0..2 {
                    let colour = self
                        .order
                        .map_or(Colour::Green, |order| order.colour(x, parity));
                    for (vertex_row, out) in [(cell, &mut self.above), (cell + 1, &mut self.below)]
                    {
                        out[parity][x].resize(self.width / 2, 0.0);
                        let along = Along {
                            vertices: &self.vertices,
                            white: self.white,
                            offset: self.offset[0],
                            step: self.step[0],
                        };
                        along.fill(vertex_row, colour, x, &mut out[parity][x]);
                    }
                }
            }
        }
        for ((row, above), below) in self
            .row
            .iter_mut()
            .zip(&self.above[y & 1])
            .zip(&self.below[y & 1])
        {
            row.resize(self.width / 2, 0.0);
            for ((gain, above), below) in row.iter_mut().zip(above).zip(below) {
                *gain = above + (below - above) * fraction;
            }
        }
        [&self.row[0], &self.row[1]]
    }

    #[cfg(test)]
    pub(crate) fn reserved(&self) -> usize {
        self.vertices.capacity()
            + self.row[0].capacity()
            + self.above[0][0].capacity()
            + self.below[1][1].capacity()
    }
}

/// Interpolation along one row of vertices.
struct Along<'a> {
    vertices: &'a [[f32; 3]],
    white: [f32; 3],
    offset: u32,
    step: u32,
}

impl Along<'_> {
    /// Fills the gains of `colour` in columns `first`, `first + 2` and so on.
    fn fill(&self, vertex_row: usize, colour: Colour, first: usize, out: &mut [f32]) {
        let colour = colour as usize;
        let white = self.white[colour];
        let Some(row) = self
            .vertices
            .get(vertex_row * VERTICES..)
            .and_then(|rest| rest.get(..VERTICES))
        else {
            out.fill(white);
            return;
        };
        for (index, gain) in out.iter_mut().enumerate() {
            let (cell, fraction) = grid_position(self.offset, self.step, first + 2 * index);
            let (left, right) = (row[cell][colour], row[cell + 1][colour]);
            *gain = (left + (right - left) * fraction) * white;
        }
    }
}

/// Cell and place within it, 0..=1, of pixel `position`.
fn grid_position(offset: u32, step: u32, position: usize) -> (usize, f32) {
    let place = u64::from(offset) + u64::from(step) * position as u64;
    let cell = ((place >> STEP_PRECISION) as usize).min(CELLS - 1);
    let within = (place - ((cell as u64) << STEP_PRECISION)).min(1 << STEP_PRECISION);
    (cell, within as f32 / (1 << STEP_PRECISION) as f32)
}

/// Subtracts black, multiplies by the gains, and parts even from odd columns.
pub(crate) fn correct(
    row: &[u16],
    black: [i32; 2],
    gains: [&[f32]; 2],
    even: &mut [u16],
    odd: &mut [u16],
) {
    for ((quad, gain), out) in row.chunks_exact(2).zip(gains[0]).zip(even) {
        *out = scale(quad[0], black[0], *gain);
    }
    for ((quad, gain), out) in row.chunks_exact(2).zip(gains[1]).zip(odd) {
        *out = scale(quad[1], black[1], *gain);
    }
}

#[inline(always)]
fn scale(value: u16, black: i32, gain: f32) -> u16 {
    let above = (i32::from(value) - black) as f32;
    ((above * gain).clamp(0.0, 65_535.0) + ROUND).to_bits() as u16
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pisp::layout::{BE_CONFIG_SIZE, TILE_SIZE, tile};

    fn tile(width: u16, offset_x: u32, offset_y: u32) -> Tile {
        let mut bytes = [0; TILE_SIZE];
        bytes[tile::INPUT_WIDTH..][..2].copy_from_slice(&width.to_le_bytes());
        bytes[tile::LSC_GRID_OFFSET_X..][..4].copy_from_slice(&offset_x.to_le_bytes());
        bytes[tile::LSC_GRID_OFFSET_Y..][..4].copy_from_slice(&offset_y.to_le_bytes());
        Tile::read(&bytes)
    }

    #[test]
    fn ranges_unpack() {
        assert_eq!(unpack(512 | (1023 << 20)), [1.0, 0.5, 1535.0 / 1024.0]);
        assert_eq!(unpack(1 << 30 | 512), [1.0, 0.0, 0.0]);
        assert_eq!(unpack(2 << 30 | 512 << 10), [0.0, 2.0, 0.0]);
        assert_eq!(unpack(3 << 30 | 512 << 20), [0.0, 0.0, 4.0]);
    }

    /// A table that rises by 1/32 per column and by 1/16 per row for red, 1.0 for green, 2.0 for blue.
    fn config() -> Vec<u8> {
        let mut config = vec![0; BE_CONFIG_SIZE];
        for y in 0..VERTICES {
            for x in 0..VERTICES {
                let red = 128 + 4 * x + 8 * y;
                let word = (2 << 30 | 512 << 20 | 256 << 10 | red) as u32;
                let at = be::LSC_LUT + 4 * (VERTICES * y + x);
                config[at..at + 4].copy_from_slice(&word.to_le_bytes());
            }
        }
        // Cells of eight by eight pixels.
        for offset in [be::LSC, be::LSC + 2] {
            config[offset..offset + 2]
                .copy_from_slice(&(1u16 << (STEP_PRECISION - 3)).to_le_bytes());
        }
        config
    }

    #[test]
    fn gains_are_bilinear_and_tiles_agree() {
        let mut map = GainMap::default();
        map.configure(&config(), [2.0, 1.0, 0.5], true, Some(BayerOrder::Rggb));
        map.begin(&tile(256, 0, 0));
        for y in [0, 2, 12, 40] {
            let [even, odd] = map.row(y);
            for x in [0, 4, 20, 200] {
                let expected = 2.0 * (0.5 + (x as f32 + 2.0 * y as f32) / 512.0);
                assert_eq!(even[x / 2], expected, "{x} {y}");
            }
            assert!(odd.iter().all(|gain| *gain == 1.0));
        }
        assert!(map.row(13)[1].iter().all(|gain| *gain == 1.0));
        let whole = map.row(42)[0].to_vec();
        map.begin(&tile(
            64,
            32 << (STEP_PRECISION - 3),
            8 << (STEP_PRECISION - 3),
        ));
        assert_eq!(map.row(34)[0], &whole[16..48]);
    }

    #[test]
    fn without_shading_the_gain_is_the_white_balance() {
        let mut map = GainMap::default();
        map.configure(&config(), [1.5, 1.0, 2.5], false, Some(BayerOrder::Bggr));
        map.begin(&tile(16, 0, 0));
        assert_eq!(map.row(0)[0], [2.5; 8]);
        assert_eq!(map.row(1)[1], [1.5; 8]);
        let (mut even, mut odd) = ([0; 2], [0; 2]);
        correct(
            &[1000, 90, 50_000, 101],
            [100, 100],
            [&[1.5; 2], &[2.0; 2]],
            &mut even,
            &mut odd,
        );
        assert_eq!((even, odd), ([1350, 65_535], [0, 2]));
    }
}
