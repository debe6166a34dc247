//! The colour chart: 24 patches of known colour on an 18 % grey surround, with a grey ramp below.
//!
//! Colours are those of the ColorChecker Classic: chromatic patches by the maker's published 8-bit sRGB values
//! (X-Rite; also in D. Pascale, "RGB coordinates of the Macbeth ColorChecker", 2006), the six neutral ones by
//! the densities printed on the chart, 0.05, 0.23, 0.44, 0.70, 1.05 and 1.50, and exactly neutral.

/// Columns of patches.
pub const COLUMNS: usize = 6;
/// Rows of patches; the last one is neutral.
pub const ROWS: usize = 4;
/// Reflectance of the surround.
pub const SURROUND: f32 = 0.18;

/// Size of the chart's picture.
const WIDTH: usize = 1800;
const HEIGHT: usize = 1200;
/// Distance from patch to patch, and side of a patch, in pixels.
const STEP: usize = 210;
const SIDE: usize = 170;
/// Top left of the first patch.
const LEFT: usize = (WIDTH - (COLUMNS - 1) * STEP - SIDE) / 2;
const TOP: usize = 130;
/// The ramp: black to white in steps.
const RAMP_TOP: usize = 1000;
const RAMP_HEIGHT: usize = 90;
const RAMP_STEPS: usize = 16;

/// Chromatic patches, sRGB, row by row.
const CHROMATIC: [[u8; 3]; 18] = [
    [115, 82, 68],
    [194, 150, 130],
    [98, 122, 157],
    [87, 108, 67],
    [133, 128, 177],
    [103, 189, 170],
    [214, 126, 44],
    [80, 91, 166],
    [193, 90, 99],
    [94, 60, 108],
    [157, 188, 64],
    [224, 163, 46],
    [56, 61, 150],
    [70, 148, 73],
    [175, 54, 60],
    [231, 199, 31],
    [187, 86, 149],
    [8, 133, 161],
];
/// Densities of the neutral patches, white first.
const DENSITIES: [f32; 6] = [0.05, 0.23, 0.44, 0.70, 1.05, 1.50];

/// One patch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Patch {
    /// Colour in linear sRGB, 1 = white.
    pub linear: [f32; 3],
    /// Left, top, right, bottom in the picture of the chart; 0..=1 each.
    pub place: [f32; 4],
}

/// The patches, row by row; the last six are neutral.
pub fn patches() -> [Patch; COLUMNS * ROWS] {
    std::array::from_fn(|index| {
        let linear = match CHROMATIC.get(index) {
            Some(colour) => colour.map(|code| srgb_to_linear(f32::from(code) / 255.0)),
            None => [10f32.powf(-DENSITIES[index - CHROMATIC.len()]); 3],
        };
        let (left, top) = corner(index);
        let (width, height) = (WIDTH as f32, HEIGHT as f32);
        let place = [
            left as f32 / width,
            top as f32 / height,
            (left + SIDE) as f32 / width,
            (top + SIDE) as f32 / height,
        ];
        Patch { linear, place }
    })
}

/// The sRGB transfer function (IEC 61966-2-1), from code to light, both 0..=1.
pub(super) fn srgb_to_linear(code: f32) -> f32 {
    if code <= 0.04045 {
        code / 12.92
    } else {
        ((code + 0.055) / 1.055).powf(2.4)
    }
}

/// The picture: width, height, and linear sRGB, 65535 = white.
pub(super) fn picture() -> (usize, usize, Vec<u16>) {
    let mut pixels = vec![quantise(SURROUND); WIDTH * HEIGHT * 3];
    let mut fill = |left: usize, top: usize, width: usize, height: usize, linear: [f32; 3]| {
        for row in pixels.chunks_exact_mut(WIDTH * 3).skip(top).take(height) {
            for pixel in row.chunks_exact_mut(3).skip(left).take(width) {
                pixel.copy_from_slice(&linear.map(quantise));
            }
        }
    };
    for (index, patch) in patches().iter().enumerate() {
        let (left, top) = corner(index);
        fill(left, top, SIDE, SIDE, patch.linear);
    }
    let total = (COLUMNS - 1) * STEP + SIDE;
    for step in 0..RAMP_STEPS {
        let left = LEFT + step * total / RAMP_STEPS;
        let grey = srgb_to_linear(step as f32 / (RAMP_STEPS - 1) as f32);
        fill(
            left,
            RAMP_TOP,
            total.div_ceil(RAMP_STEPS),
            RAMP_HEIGHT,
            [grey; 3],
        );
    }
    (WIDTH, HEIGHT, pixels)
}

fn corner(index: usize) -> (usize, usize) {
    (LEFT + index % COLUMNS * STEP, TOP + index / COLUMNS * STEP)
}

fn quantise(linear: f32) -> u16 {
    (linear * 65535.0).round() as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_picture_shows_the_patches() {
        let (width, height, pixels) = picture();
        for patch in patches() {
            let [left, top, right, bottom] = patch.place;
            let x = ((left + right) / 2.0 * width as f32) as usize;
            let y = ((top + bottom) / 2.0 * height as f32) as usize;
            let at = (y * width + x) * 3;
            assert_eq!(pixels[at..at + 3], patch.linear.map(quantise));
        }
        assert_eq!(pixels[0], quantise(SURROUND));
        let mean = pixels.iter().map(|&value| f64::from(value)).sum::<f64>();
        let mean = mean / pixels.len() as f64 / 65535.0;
        assert!((0.17..0.22).contains(&mean), "mean reflectance {mean}");
    }

    #[test]
    fn neutral_patches_are_neutral() {
        for patch in &patches()[18..] {
            assert!(patch.linear.iter().all(|&value| value == patch.linear[0]));
        }
        assert!((patches()[21].linear[0] - 0.1995).abs() < 1e-4);
    }
}
