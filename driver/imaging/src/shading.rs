//! What brightens a picture where the lens let less light through: `FixVignetteRadial` and `GainMap`.
//!
//! Both are multiplied by, so several are one row of gains. They are asked for row by row, of the mosaic or of one
//! colour of the finished picture.

use crate::demosaic::Pattern;
use crate::develop::Error;
use crate::dng::opcodes::{GainMap, Opcode};
use crate::radial::{self, Radial};
use pulp::Arch;

/// Gains over a picture.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Shading {
    width: usize,
    height: usize,
    parts: Vec<Part>,
}

/// What a row's samples are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Samples {
    /// Behind colour filters.
    Mosaic(Pattern),
    /// All of one colour: 0, 1 or 2.
    Plane(usize),
}

#[derive(Clone, Debug, PartialEq)]
enum Part {
    Radial(Vignette),
    Map {
        map: GainMap,
        /// Colours that it is for.
        colours: [bool; 3],
    },
}

#[derive(Clone, Debug, PartialEq)]
struct Vignette {
    /// Squared distances of a row's pixels from the centre's column.
    squares: Vec<f32>,
    radial: Radial,
    factors: [f32; 5],
}

/// Largest gain, and smallest: beyond them there is no picture any more.
const LARGEST: f32 = 64.0;
const SMALLEST: f32 = 0.0;
/// Largest factor of a polynomial: with it, arithmetic stays far from overflow.
const LARGEST_FACTOR: f64 = 1e6;

impl Shading {
    /// Gains of these corrections over a picture so large. None if there are no gains among them.
    ///
    /// `field` is where they come from, for errors. `is_mosaic` tells corrections of the mosaic (`OpcodeList2`) from
    /// those of colours.
    ///
    /// # Errors
    /// When a correction contradicts itself or is beyond sense.
    pub(crate) fn new(
        opcodes: &[Opcode],
        field: &'static str,
        is_mosaic: bool,
        [width, height]: [usize; 2],
    ) -> Result<Option<Self>, Error> {
        let mut parts = Vec::new();
        for opcode in opcodes {
            match opcode {
                Opcode::FixVignetteRadial { factors, centre } => {
                    let is_good = factors.iter().all(|factor| factor.abs() <= LARGEST_FACTOR);
                    if !is_good || !radial::is_centre(*centre) {
                        let problem = format!("FixVignetteRadial {factors:?} around {centre:?}");
                        return Err(Error::new(field, problem));
                    }
                    let radial = Radial::new(*centre, width, height);
                    let square = |x: usize| ((x as f64 - radial.centre[0]) / radial.radius).powi(2);
                    parts.push(Part::Radial(Vignette {
                        squares: (0..width).map(|x| square(x) as f32).collect(),
                        radial,
                        factors: factors.map(|factor| factor as f32),
                    }));
                }
                Opcode::GainMap(map) => {
                    if let Some(problem) = map_problem(map) {
                        return Err(Error::new(field, format!("GainMap: {problem}")));
                    }
                    let [first, count] = map.planes;
                    let colours = [0, 1, 2].map(|plane| {
                        let plane = if is_mosaic { 0 } else { plane };
                        (first..first.saturating_add(count)).contains(&plane)
                    });
                    parts.push(Part::Map {
                        map: map.clone(),
                        colours,
                    });
                }
                Opcode::WarpRectilinear { .. } | Opcode::FixBadPixelsList { .. } => {}
            }
        }
        Ok((!parts.is_empty()).then_some(Self {
            width,
            height,
            parts,
        }))
    }

    /// These gains and others of the same picture.
    pub(crate) fn with(mut self, other: Option<Self>) -> Self {
        self.parts
            .extend(other.map(|it| it.parts).unwrap_or_default());
        self
    }

    /// A row's gains.
    ///
    /// # Panics
    /// When there is less place than a row needs.
    pub(crate) fn row(&self, arch: Arch, y: usize, samples: Samples, gains: &mut [f32]) {
        let gains = &mut gains[..self.width];
        gains.fill(1.0);
        for part in &self.parts {
            match part {
                Part::Radial(vignette) => arch.dispatch(|| vignette.row(y, gains)),
                Part::Map { map, colours } => self.map_row(map, *colours, y, samples, gains),
            }
        }
        arch.dispatch(|| {
            for gain in gains.iter_mut() {
                *gain = gain.clamp(SMALLEST, LARGEST);
            }
        });
    }

    fn map_row(
        &self,
        map: &GainMap,
        colours: [bool; 3],
        y: usize,
        samples: Samples,
        gains: &mut [f32],
    ) {
        let [top, left, bottom, right] = map.area.map(|edge| edge as usize);
        let [row_pitch, column_pitch] = map.pitch.map(|pitch| pitch as usize);
        if y < top || y >= bottom || !(y - top).is_multiple_of(row_pitch) {
            return;
        }
        let is_meant = |x: usize| match samples {
            Samples::Mosaic(pattern) => colours[colour_at(pattern, x, y)],
            Samples::Plane(plane) => colours[plane],
        };
        let [_, columns] = map.points.map(|points| points as usize);
        let (row, next_row, down) = map.place(0, y, self.height);
        for x in (left..right.min(gains.len())).step_by(column_pitch) {
            if !is_meant(x) {
                continue;
            }
            let (column, next_column, along) = map.place(1, x, self.width);
            let at = |row: usize, column: usize| map.gains[row * columns + column];
            let mix = |a: f32, b: f32, weight: f32| a + weight * (b - a);
            let above = mix(at(row, column), at(row, next_column), along);
            let below = mix(at(next_row, column), at(next_row, next_column), along);
            gains[x] *= mix(above, below, down);
        }
    }
}

/// 0 for red, 1 for green, 2 for blue.
pub(crate) fn colour_at(pattern: Pattern, x: usize, y: usize) -> usize {
    let [row, column] = pattern.red();
    usize::from(y % 2 != row) + usize::from(x % 2 != column)
}

impl Vignette {
    #[inline(always)]
    fn row(&self, y: usize, gains: &mut [f32]) {
        let down = ((y as f64 - self.radial.centre[1]) / self.radial.radius).powi(2) as f32;
        let [k0, k1, k2, k3, k4] = self.factors;
        for (gain, square) in gains.iter_mut().zip(&self.squares) {
            let u = square + down;
            *gain *= 1.0 + u * (k0 + u * (k1 + u * (k2 + u * (k3 + u * k4))));
        }
    }
}

impl GainMap {
    /// The two points of the grid beside a row (axis 0) or a column (axis 1), and how near the second one is.
    fn place(&self, axis: usize, at: usize, count: usize) -> (usize, usize, f32) {
        let last = self.points[axis] as usize - 1;
        if last == 0 {
            return (0, 0, 0.0);
        }
        let relative = (at as f64 + 0.5) / count as f64;
        let place = ((relative - self.origin[axis]) / self.spacing[axis]).clamp(0.0, last as f64);
        let first = (place as usize).min(last);
        (first, (first + 1).min(last), (place - first as f64) as f32)
    }
}

fn map_problem(map: &GainMap) -> Option<String> {
    let [rows, columns] = map.points;
    let count = u64::from(rows) * u64::from(columns);
    if count == 0 || count != map.gains.len() as u64 {
        return Some(format!(
            "{} gains are not {rows} x {columns}",
            map.gains.len()
        ));
    }
    if map.pitch.contains(&0) {
        return Some(format!("a pitch of {:?}", map.pitch));
    }
    let is_good = |gain: &f32| gain.is_finite() && gain.abs() <= LARGEST;
    if let Some(gain) = map.gains.iter().find(|gain| !is_good(gain)) {
        return Some(format!("a gain of {gain}"));
    }
    let spaced = |axis: usize| {
        let spacing = map.spacing[axis];
        map.points[axis] == 1 || (spacing > 0.0 && spacing.is_finite())
    };
    if !spaced(0) || !spaced(1) || !map.origin.iter().all(|origin| origin.is_finite()) {
        return Some(format!(
            "spacing {:?}, origin {:?}",
            map.spacing, map.origin
        ));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: [usize; 2] = [8, 6];
    const MOSAIC: Samples = Samples::Mosaic(Pattern::Grbg);

    fn gains(opcodes: &[Opcode], is_mosaic: bool, samples: Samples, y: usize) -> Vec<f32> {
        let shading = Shading::new(opcodes, "OpcodeList", is_mosaic, SIZE).unwrap();
        let mut gains = vec![7.0; SIZE[0]];
        shading.unwrap().row(Arch::new(), y, samples, &mut gains);
        gains
    }

    fn map() -> GainMap {
        GainMap {
            area: [0, 0, 6, 8],
            planes: [0, 1],
            pitch: [1, 1],
            points: [2, 2],
            spacing: [1.0, 1.0],
            origin: [0.0, 0.0],
            gains: vec![1.0, 2.0, 3.0, 4.0],
        }
    }

    #[test]
    fn vignetting_grows_from_the_centre_to_one_in_the_corner() {
        let opcode = Opcode::FixVignetteRadial {
            factors: [0.1, 0.2, 0.3, 0.4, 0.5],
            centre: [0.0, 0.0],
        };
        let twice = [opcode.clone(), opcode];
        assert!((gains(&twice[..1], true, MOSAIC, 0)[0] - 1.0).abs() < 1e-6);
        assert!((gains(&twice[..1], true, MOSAIC, 5)[7] - 2.5).abs() < 1e-5);
        assert!((gains(&twice, true, MOSAIC, 5)[7] - 6.25).abs() < 1e-5);
        let u = 49.0 / 74.0f32;
        let expected = 1.0 + u * (0.1 + u * (0.2 + u * (0.3 + u * (0.4 + u * 0.5))));
        assert!((gains(&twice[..1], true, MOSAIC, 0)[7] - expected).abs() < 1e-5);
    }

    #[test]
    fn a_map_is_a_plane_between_its_points() {
        let found = gains(&[Opcode::GainMap(map())], true, MOSAIC, 2);
        for (x, gain) in found.iter().enumerate() {
            let (across, down) = ((x as f32 + 0.5) / 8.0, 2.5 / 6.0);
            assert!(
                (gain - (1.0 + across + 2.0 * down)).abs() < 1e-5,
                "{x} {gain}"
            );
        }
    }

    #[test]
    fn beyond_its_points_a_map_goes_on_as_it_ends() {
        let mut small = map();
        (small.spacing, small.origin) = ([0.2, 0.2], [0.4, 0.4]);
        let found = gains(&[Opcode::GainMap(small)], true, MOSAIC, 0);
        assert_eq!((found[0], found[7]), (1.0, 2.0));
        let mut one = map();
        (one.points, one.gains, one.spacing) = ([1, 1], vec![1.5], [0.0, 0.0]);
        assert_eq!(gains(&[Opcode::GainMap(one)], true, MOSAIC, 3), [1.5; 8]);
    }

    #[test]
    fn a_map_is_for_its_area_and_its_pitch() {
        let mut of_one_filter = map();
        of_one_filter.area = [1, 1, 5, 5];
        of_one_filter.pitch = [2, 2];
        of_one_filter.gains = vec![2.0; 4];
        let opcodes = [Opcode::GainMap(of_one_filter)];
        for y in [0, 2, 4, 5] {
            assert_eq!(gains(&opcodes, true, MOSAIC, y), [1.0; 8], "{y}");
        }
        let expected = [1.0, 2.0, 1.0, 2.0, 1.0, 1.0, 1.0, 1.0];
        assert_eq!(gains(&opcodes, true, MOSAIC, 1), expected);
        assert_eq!(gains(&opcodes, true, MOSAIC, 3), expected);
    }

    #[test]
    fn a_map_of_colours_is_for_its_colours() {
        let mut blue = map();
        blue.planes = [2, 1];
        blue.gains = vec![2.0; 4];
        let opcodes = [Opcode::GainMap(blue)];
        assert_eq!(gains(&opcodes, false, Samples::Plane(1), 0), [1.0; 8]);
        assert_eq!(gains(&opcodes, false, Samples::Plane(2), 0), [2.0; 8]);
        // Of green, red, green, red and blue, green, blue, green.
        assert_eq!(gains(&opcodes, false, MOSAIC, 0), [1.0; 8]);
        assert_eq!(gains(&opcodes, false, MOSAIC, 1), [2.0, 1.0].repeat(4));
    }

    #[test]
    fn gains_beyond_sense_are_cut_off() {
        let opcode = Opcode::FixVignetteRadial {
            factors: [-1e6, 0.0, 0.0, 0.0, 0.0],
            centre: [0.5, 0.5],
        };
        assert!(
            gains(&[opcode], true, MOSAIC, 0)
                .iter()
                .all(|gain| *gain == 0.0)
        );
    }

    #[test]
    fn complaints_name_the_field() {
        let refused = |opcode: Opcode| {
            let found = Shading::new(&[opcode], "OpcodeList2", true, SIZE);
            found.unwrap_err().to_string()
        };
        let vignette = Opcode::FixVignetteRadial {
            factors: [f64::NAN, 0.0, 0.0, 0.0, 0.0],
            centre: [0.5, 0.5],
        };
        assert!(refused(vignette).starts_with("OpcodeList2: FixVignetteRadial [NaN"));
        type Change = fn(&mut GainMap);
        let cases: [(&str, Change); 6] = [
            ("4 gains are not 2 x 3", |it| it.points[1] = 3),
            ("0 gains are not 0 x 2", |it| {
                it.points[0] = 0;
                it.gains.clear();
            }),
            ("a pitch of [0, 1]", |it| it.pitch[0] = 0),
            ("a gain of inf", |it| it.gains[3] = f32::INFINITY),
            ("spacing [0.0, 1.0]", |it| it.spacing[0] = 0.0),
            ("spacing [1.0, 1.0], origin [NaN", |it| {
                it.origin[0] = f64::NAN
            }),
        ];
        for (expected, change) in cases {
            let mut map = map();
            change(&mut map);
            let complaint = refused(Opcode::GainMap(map));
            let start = format!("OpcodeList2: GainMap: {expected}");
            assert!(complaint.starts_with(&start), "{complaint}");
        }
    }
}
