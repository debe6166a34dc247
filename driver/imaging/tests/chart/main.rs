//! Raw pictures of scenes that are known, taken by a camera of this test's own (`camera`), are developed; what comes out
//! is compared with the scene. `difference` says how different two colours look.

mod camera;
mod difference;
mod negatives;

use bayonet_imaging::colour::WhiteBalance;
use bayonet_imaging::demosaic::Pattern;
use bayonet_imaging::develop::{BAND, Demosaic, Development, Settings, Target};
use bayonet_imaging::dng::negative::Negative;
use bayonet_imaging::dng::opcodes::Opcode;
use bayonet_imaging::{Look, neutral_at};
use camera::{Camera, SIZE};
use difference::{ciede2000, decoded, lab};

/// The colour chart with 24 patches in sRGB, as its maker publishes them, row by row.
const PATCHES: [[u8; 3]; 24] = [
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
    [243, 243, 242],
    [200, 200, 200],
    [160, 160, 160],
    [122, 122, 121],
    [85, 85, 85],
    [52, 52, 52],
];
/// From the middle of a patch to the next one, and the side of one, in pixels.
const PITCH: f64 = 126.0;
const SIDE: f64 = 106.0;
/// Half of the side of what is measured of a patch.
const MEASURED: f64 = 26.0;
/// Between the patches.
const FRAME: [f64; 3] = [0.03; 3];
/// Most that a chart may be wrong in the mean, in CIEDE2000.
const WRONG: f64 = 3.0;
/// Of a fast wide lens.
const VIGNETTING: [f64; 3] = [-0.7, 0.25, -0.05];
const BARREL: [f64; 3] = [-0.06, 0.01, 0.0];

/// A picture in linear sRGB.
struct Picture {
    width: usize,
    pixels: Vec<[f64; 3]>,
}

impl Picture {
    fn developed(negative: &Negative, samples: &[u16], settings: Settings) -> Self {
        let development = Development::new(negative, samples, settings).expect("a good negative");
        let (width, height) = (development.width(), development.height());
        let mut numbers = vec![0; 3 * width * height];
        let mut worker = development.worker();
        for first in (0..height).step_by(BAND) {
            let rows = first..(first + BAND).min(height);
            let out = &mut numbers[3 * width * first..3 * width * rows.end];
            worker.rows(rows, &mut Target::Sixteen(out));
        }
        let linear = |number: u16| decoded(f64::from(number) / f64::from(u16::MAX));
        let pixels = numbers.as_chunks::<3>().0.iter();
        Self {
            width,
            pixels: pixels.map(|pixel| pixel.map(linear)).collect(),
        }
    }

    /// Mean of a square around a place, in pixels from the middle.
    fn mean(&self, [x, y]: [f64; 2], half: f64) -> [f64; 3] {
        let height = self.pixels.len() / self.width;
        let span = |centre: f64, count: usize| {
            let middle = (count as f64 - 1.0) / 2.0 + centre;
            (middle - half).max(0.0) as usize..((middle + half) as usize).min(count)
        };
        let (columns, rows) = (span(x, self.width), span(y, height));
        let mut sum = [0.0; 3];
        let mut count = 0.0;
        for (x, y) in rows.flat_map(|y| columns.clone().map(move |x| (x, y))) {
            for (sum, value) in sum.iter_mut().zip(self.pixels[y * self.width + x]) {
                *sum += value;
            }
            count += 1.0;
        }
        sum.map(|value| value / count)
    }
}

fn patch(index: usize) -> [f64; 3] {
    PATCHES[index].map(|value| decoded(f64::from(value) / 255.0))
}

/// Middle of a patch.
fn middle(index: usize) -> [f64; 2] {
    let column = (index % 6) as f64 - 2.5;
    let row = (index / 6) as f64 - 1.5;
    [column * PITCH, row * PITCH]
}

fn chart([x, y]: [f64; 2]) -> [f64; 3] {
    let inside = |index: &usize| {
        let [left, top] = middle(*index);
        (x - left).abs() < SIDE / 2.0 && (y - top).abs() < SIDE / 2.0
    };
    (0..24).find(inside).map_or(FRAME, patch)
}

/// How much smaller the result is than the scene: the lens's correction decides.
fn scale(negative: &Negative) -> f64 {
    let [_, _, colours] = &negative.opcodes;
    let Some(Opcode::WarpRectilinear { planes, .. }) = colours.first() else {
        panic!("there is a warp");
    };
    planes[0][0]
}

/// Brightens what the camera exposed for to what it was.
fn settings(camera: &Camera) -> Settings {
    Settings {
        exposure: -camera.exposure.log2(),
        demosaic: Demosaic::Live,
        ..Settings::default()
    }
}

/// How different each patch looks from what it is.
fn differences(negative: &Negative, samples: &[u16], settings: Settings) -> [f64; 24] {
    let picture = Picture::developed(negative, samples, settings);
    let pixels = match settings.demosaic {
        Demosaic::Half => 2.0,
        Demosaic::Live | Demosaic::Still => 1.0,
    };
    let scale = if settings.lens { scale(negative) } else { 1.0 } * pixels;
    std::array::from_fn(|index| {
        let found = picture.mean(middle(index).map(|part| part / scale), MEASURED / pixels);
        ciede2000(lab(patch(index)), lab(found))
    })
}

fn check(what: &str, differences: [f64; 24], most: f64) {
    let mean = differences.iter().sum::<f64>() / 24.0;
    let largest = differences.iter().fold(0.0, |a: f64, b| a.max(*b));
    println!("{what}: mean {mean:.2}, largest {largest:.2}");
    assert!(
        mean <= most,
        "{what}: mean CIEDE2000 {mean:.2} of {differences:.2?}"
    );
}

#[test]
fn a_chart_comes_back_through_lens_sensor_and_noise() {
    for (sensor, pattern) in [("imx283", Pattern::Rggb), ("imx219", Pattern::Bggr)] {
        for kelvin in [2856.0, 3600.0, 5000.0, 6504.0] {
            let camera = Camera {
                vignetting: VIGNETTING,
                distortion: BARREL,
                pattern,
                ..Camera::new(sensor, kelvin)
            };
            let (negative, samples) = camera.take(chart);
            let what = format!("{sensor} {kelvin} K");
            check(
                &what,
                differences(&negative, &samples, settings(&camera)),
                WRONG,
            );
        }
    }
}

#[test]
fn every_way_of_demosaic_has_the_same_colours() {
    let camera = Camera {
        vignetting: VIGNETTING,
        distortion: BARREL,
        pattern: Pattern::Grbg,
        ..Camera::new("imx283", 5000.0)
    };
    let (negative, samples) = camera.take(chart);
    for demosaic in [Demosaic::Live, Demosaic::Still, Demosaic::Half] {
        let settings = Settings {
            demosaic,
            ..settings(&camera)
        };
        check(
            &format!("{demosaic:?}"),
            differences(&negative, &samples, settings),
            WRONG,
        );
    }
}

#[test]
fn white_may_be_told_or_pointed_at() {
    let camera = Camera {
        distortion: BARREL,
        ..Camera::new("imx283", 4000.0)
    };
    let (mut negative, samples) = camera.take(chart);
    let scale = scale(&negative);
    negative.colour.as_shot_neutral = [0.4, 0.7, 1.0];
    let wrong = differences(&negative, &samples, settings(&camera));
    assert!(wrong.iter().sum::<f64>() / 24.0 > 10.0, "{wrong:?}");
    let kelvin = Settings {
        white_balance: WhiteBalance::Temperature(4000.0),
        ..settings(&camera)
    };
    check("4000 K", differences(&negative, &samples, kelvin), WRONG);
    // The third grey, from the left of the last row.
    let [x, y] = [0, 1].map(|axis| {
        let from_middle = middle(20)[axis] / scale;
        ((SIZE[axis] as f64 - 1.0) / 2.0 + from_middle) as usize
    });
    let picked = neutral_at(&negative, &samples, &settings(&camera), [x, y]).unwrap();
    let picked = Settings {
        white_balance: picked,
        ..settings(&camera)
    };
    check(
        "pointed at",
        differences(&negative, &samples, picked),
        WRONG,
    );
    let nowhere = neutral_at(&negative, &samples, &kelvin, [SIZE[0], 0]).unwrap_err();
    assert!(nowhere.to_string().contains("is not within"), "{nowhere}");
    let dark = Camera::new("imx283", 4000.0).take(|_| [0.0; 3]);
    let dark = neutral_at(&dark.0, &dark.1, &kelvin, [50, 50]).unwrap_err();
    assert!(dark.to_string().contains("too dark"), "{dark}");
    let bright = Camera::new("imx283", 4000.0).take(|_| [9.0; 3]);
    let bright = neutral_at(&bright.0, &bright.1, &kelvin, [50, 50]).unwrap_err();
    assert!(bright.to_string().contains("saturated"), "{bright}");
}

#[test]
fn an_even_field_is_even_up_to_its_corners() {
    let camera = Camera {
        vignetting: VIGNETTING,
        ..Camera::new("imx283", 5000.0)
    };
    let (negative, samples) = camera.take(|_| [0.5; 3]);
    let [x, y] = SIZE.map(|count| count as f64 / 2.0 - 24.0);
    let corners = [[-x, -y], [x, -y], [-x, y], [x, y]];
    let ratios = |lens: bool| {
        let settings = Settings {
            lens,
            ..settings(&camera)
        };
        let picture = Picture::developed(&negative, &samples, settings);
        let centre = picture.mean([0.0, 0.0], 24.0)[1];
        corners.map(|corner| picture.mean(corner, 24.0)[1] / centre)
    };
    let ratios_with = ratios(true);
    println!("corners to centre: {ratios_with:.4?}");
    assert!(
        ratios_with.iter().all(|ratio| (ratio - 1.0).abs() < 0.02),
        "{ratios_with:?}"
    );
    assert!(ratios(false).iter().all(|ratio| *ratio < 0.65));
}

/// Columns that a line's middle is the mean of, so that noise does not count.
const COLUMNS: usize = 16;

/// Height of a line's middle along the picture, in pixels from the picture's middle, for each colour.
fn heights(picture: &Picture, around: f64) -> [Vec<f64>; 3] {
    let height = picture.pixels.len() / picture.width;
    let middle = (height as f64 - 1.0) / 2.0;
    let rows = ((middle + around - 40.0) as usize)..((middle + around + 40.0) as usize).min(height);
    [0, 1, 2].map(|colour| {
        let column = |x: usize| {
            let mut sums = [0.0, 0.0];
            for y in rows.clone() {
                let dark = (0.6 - picture.pixels[y * picture.width + x][colour]).max(0.0);
                sums[0] += dark * (y as f64 - middle);
                sums[1] += dark;
            }
            sums[0] / sums[1]
        };
        let all: Vec<f64> = (8..picture.width - 8).map(column).collect();
        let parts = all.chunks_exact(COLUMNS);
        parts
            .map(|part| part.iter().sum::<f64>() / COLUMNS as f64)
            .collect()
    })
}

/// Farthest from the straight line through the first and the last.
fn bend(heights: &[f64]) -> f64 {
    let last = heights.len() - 1;
    let straight = |index: usize| {
        let part = index as f64 / last as f64;
        heights[0] + part * (heights[last] - heights[0])
    };
    let far = heights
        .iter()
        .enumerate()
        .map(|(index, height)| (height - straight(index)).abs());
    far.fold(0.0, f64::max)
}

/// A dark line near the lower edge, as soft as a lens draws it.
fn line(at: f64) -> impl Fn([f64; 2]) -> [f64; 3] {
    move |[_, y]: [f64; 2]| [0.7 - 0.65 * (-((y - at) / 4.0).powi(2)).exp(); 3]
}

#[test]
fn a_line_that_was_bent_is_straight() {
    for (name, distortion) in [("barrel", BARREL), ("cushion", [0.04, -0.005, 0.001])] {
        let camera = Camera {
            distortion,
            noise: 0.3,
            ..Camera::new("imx283", 5000.0)
        };
        let (negative, samples) = camera.take(line(220.0));
        for demosaic in [Demosaic::Live, Demosaic::Half] {
            let settings = Settings {
                demosaic,
                ..settings(&camera)
            };
            let pixels = if demosaic == Demosaic::Half { 2.0 } else { 1.0 };
            let picture = Picture::developed(&negative, &samples, settings);
            let [_, green, _] = heights(&picture, 220.0 / scale(&negative) / pixels);
            println!("{name} {demosaic:?}: bent by {:.3} pixels", bend(&green));
            assert!(bend(&green) < 0.2, "{name} {demosaic:?}: {}", bend(&green));
        }
        let uncorrected = Settings {
            lens: false,
            ..settings(&camera)
        };
        let picture = Picture::developed(&negative, &samples, uncorrected);
        assert!(bend(&heights(&picture, 220.0)[1]) > 4.0, "{name}");
    }
}

#[test]
fn colours_that_the_lens_spread_come_together() {
    // Red is drawn larger, blue smaller: the correction has a plane for each.
    let camera = Camera {
        noise: 0.3,
        ..Camera::new("imx283", 5000.0)
    };
    let spread = [1.004, 1.0, 0.997];
    let (mut negative, mut samples) = camera.take(line(220.0));
    for (colour, factor) in [(0, spread[0]), (2, spread[2])] {
        let other = camera.take(line(220.0 * factor)).1;
        for (index, sample) in samples.iter_mut().enumerate() {
            let (x, y) = (index % SIZE[0], index / SIZE[0]);
            if x % 2 + y % 2 == colour && x % 2 == y % 2 {
                *sample = other[index];
            }
        }
    }
    let apart = |negative: &Negative| {
        // White-balanced camera colours are spread, so those are looked at.
        let mut plain = negative.clone();
        for calibration in &mut plain.colour.calibrations {
            *calibration = bayonet_imaging::sensors::uncalibrated();
        }
        let picture = Picture::developed(&plain, &samples, settings(&camera));
        let heights = heights(&picture, 220.0);
        let mean = |heights: &[f64]| heights.iter().sum::<f64>() / heights.len() as f64;
        let [red, green, blue] = [0, 1, 2].map(|colour| mean(&heights[colour]));
        (red - green).abs().max((blue - green).abs())
    };
    negative.opcodes[2].clear();
    assert!(apart(&negative) > 0.7, "{}", apart(&negative));
    let planes = spread.map(|factor| [factor, 0.0, 0.0, 0.0, 0.0, 0.0]);
    negative.opcodes[2] = vec![Opcode::WarpRectilinear {
        planes: planes.to_vec(),
        centre: [0.5, 0.5],
    }];
    assert!(apart(&negative) < 0.1, "{}", apart(&negative));
}

#[test]
fn what_is_saturated_is_white_and_not_magenta() {
    let camera = Camera {
        exposure: 1.0,
        vignetting: [-0.4, 0.0, 0.0],
        ..Camera::new("imx283", 5000.0)
    };
    // Brighter from left to right, from black to four times what green can hold.
    let (negative, samples) = camera.take(|[x, _]| [(x / 912.0 + 0.5) * 4.0; 3]);
    let picture = Picture::developed(&negative, &samples, settings(&camera));
    let mut last = 0.0;
    for column in -16..=16 {
        let [red, green, blue] = picture.mean([f64::from(column) * 27.0, 70.0], 6.0);
        let colourful = (red - green).abs().max((blue - green).abs()) / green;
        assert!(colourful < 0.04, "{column}: {red:.3} {green:.3} {blue:.3}");
        assert!(green > last - 1e-3, "{column}: {green} after {last}");
        last = green;
    }
    assert!(last > 0.99);
}

#[test]
fn the_dark_has_no_colour() {
    let camera = Camera::new("imx283", 3000.0);
    let (negative, samples) = camera.take(|_| [0.004; 3]);
    let settings = Settings {
        exposure: 4.0,
        demosaic: Demosaic::Still,
        ..settings(&camera)
    };
    let picture = Picture::developed(&negative, &samples, settings);
    let found = picture.mean([0.0, 0.0], 200.0);
    println!("in the dark: {found:.4?}");
    let expected = 0.004 * 0.6 * 16.0;
    let is_near = |level: &f64| (level / expected - 1.0).abs() < 0.08;
    assert!(found.iter().all(is_near), "{found:?} for {expected}");
}

#[test]
fn bands_are_as_the_whole() {
    let camera = Camera {
        vignetting: VIGNETTING,
        distortion: BARREL,
        ..Camera::new("imx219", 4000.0)
    };
    let (mut negative, samples) = camera.take(chart);
    negative.raw.active = [11, 6, 232, 197];
    negative.opcodes[0] = vec![Opcode::FixBadPixelsList {
        phase: 0,
        pixels: (0..300)
            .map(|index| [index * 7 % 240, index * 13 % 200])
            .collect(),
    }];
    for demosaic in [Demosaic::Live, Demosaic::Still, Demosaic::Half] {
        for lens in [true, false] {
            let settings = Settings {
                demosaic,
                lens,
                ..Settings::default()
            };
            let development = Development::new(&negative, &samples, settings).unwrap();
            let (width, height) = (development.width(), development.height());
            let made = |step: usize| {
                let mut worker = development.worker();
                let mut out = vec![0; 3 * width * height];
                for first in (0..height).step_by(step) {
                    let rows = first..(first + step).min(height);
                    let place = &mut out[3 * width * first..];
                    worker.rows(rows, &mut Target::Sixteen(place));
                }
                out
            };
            let whole = made(height);
            for step in [1, 7, 64] {
                assert!(whole == made(step), "{demosaic:?} {lens} {step}");
            }
            // From below, and again from above.
            let mut worker = development.worker();
            let upwards = (0..height - 9).rev().step_by(9);
            for first in upwards.chain((0..height - 5).step_by(3)) {
                let mut part = vec![0; 3 * width * 5];
                worker.rows(first..first + 5, &mut Target::Sixteen(&mut part));
                let expected = &whole[3 * width * first..][..part.len()];
                assert!(part == expected, "{demosaic:?} {lens} {first}");
            }
        }
    }
}

/// FNV-1a.
fn digest(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// Means of red, green and blue, and a digest, of a part of the chart.
#[test]
fn golden_pictures() {
    let camera = Camera {
        vignetting: VIGNETTING,
        distortion: BARREL,
        ..Camera::new("imx283", 4500.0)
    };
    let (mut negative, samples) = camera.take(chart);
    negative.raw.active = [260, 330, 380, 510];
    let mut found = Vec::new();
    for (look, demosaic) in [
        (Look::Natural, Demosaic::Live),
        (Look::Vivid, Demosaic::Live),
        (Look::Natural, Demosaic::Still),
        (Look::Natural, Demosaic::Half),
    ] {
        let settings = Settings {
            look,
            demosaic,
            ..settings(&camera)
        };
        let development = Development::new(&negative, &samples, settings).unwrap();
        let (width, height) = (development.width(), development.height());
        let mut out = vec![0; 3 * width * height];
        let mut target = Target::Eight(&mut out);
        development.worker().rows(0..height, &mut target);
        let mean = |colour: usize| {
            let sum: u32 = out
                .iter()
                .skip(colour)
                .step_by(3)
                .map(|it| u32::from(*it))
                .sum();
            sum / (width * height) as u32
        };
        found.push((look, demosaic, [mean(0), mean(1), mean(2)], digest(&out)));
    }
    let expected = [
        (
            Look::Natural,
            Demosaic::Live,
            [154, 86, 66],
            0x1cd6_3c5c_cff0_9f78,
        ),
        (
            Look::Vivid,
            Demosaic::Live,
            [164, 73, 51],
            0x09ff_97fc_24d5_fd74,
        ),
        (
            Look::Natural,
            Demosaic::Still,
            [154, 86, 66],
            0x6025_826c_16a1_60cc,
        ),
        (
            Look::Natural,
            Demosaic::Half,
            [153, 87, 66],
            0x23f5_100f_d5ae_3cb5,
        ),
    ];
    assert_eq!(found, expected, "{found:#x?}");
}
