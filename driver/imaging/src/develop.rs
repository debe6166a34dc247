//! A raw picture to one that everybody can look at: linear samples, corrections, demosaic, highlights, distortion, colour,
//! tone; in that order.
//!
//! Rows of the result are made independently of each other, so callers spread the work over threads by rows, each thread
//! with a [`Worker`] of its own that makes band after band. Nothing of the size of the picture is kept but the samples
//! and the result.

use crate::colour::{self, Rendering, WhiteBalance};
use crate::corrections::Corrections;
use crate::defects::{self, Rows};
use crate::demosaic::{Live, Mosaic, Planes, Still};
use crate::dng::negative::Negative;
use crate::highlights::{Highlights, Pixel};
use crate::linear::Linear;
use crate::matrix;
use crate::shading::Samples;
use crate::tone::{Curve, FineCurve, Look};
use crate::warp::{Places, Source};
use pulp::Arch;
use std::ops::Range;

/// What is wrong with a negative, or with what is wanted of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {problem}")]
pub struct Error {
    /// The DNG's field, or the setting.
    field: &'static str,
    problem: String,
}

impl Error {
    pub(crate) fn new(field: &'static str, problem: impl Into<String>) -> Self {
        Self {
            field,
            problem: problem.into(),
        }
    }
}

/// How a picture is made.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// What is taken for white.
    pub white_balance: WhiteBalance,
    /// Brighter by so many stops, -10 to 10.
    pub exposure: f64,
    /// What it is to look like.
    pub look: Look,
    /// Where three colours a pixel come from.
    pub demosaic: Demosaic,
    /// Whether vignetting and distortion are corrected as the negative says.
    pub lens: bool,
}

/// Where three colours a pixel come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Demosaic {
    /// Linear filters: quick.
    Live,
    /// Every edge is followed: the best.
    #[default]
    Still,
    /// Each two by two samples are a pixel: a quarter of the pixels, quickest.
    Half,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            white_balance: WhiteBalance::AsShot,
            exposure: 0.0,
            look: Look::default(),
            demosaic: Demosaic::default(),
            lens: true,
        }
    }
}

/// Where rows of the result go: red, green and blue of each pixel, in sRGB.
#[derive(Debug)]
pub enum Target<'a> {
    /// Of eight bits.
    Eight(&'a mut [u8]),
    /// Of sixteen bits.
    Sixteen(&'a mut [u16]),
}

/// Largest exposure, either way, in stops.
const EXPOSURE: f64 = 10.0;
/// Fewest rows and columns of an active area.
const SMALLEST: usize = 4;
/// Rows that are worth being made at once: with fewer, too much is computed twice where bands meet; with more, memory is
/// wasted.
pub const BAND: usize = 256;

/// A negative and what is to be made of it.
#[derive(Debug)]
pub struct Development<'a> {
    samples: &'a [u16],
    negative: &'a Negative,
    settings: Settings,
    rendering: Rendering,
    /// Columns and rows of the active area.
    active: [usize; 2],
    /// Columns and rows of the result.
    size: [usize; 2],
    corrections: Corrections,
    linear: Linear,
    highlights: Highlights,
    /// What red, green and blue add to linear sRGB, in which 1 is white.
    columns: [Pixel; 3],
    eight: FineCurve,
    sixteen: Curve,
}

impl<'a> Development<'a> {
    /// Finds out all that is the same for every row.
    ///
    /// # Errors
    /// When the negative contradicts itself or is beyond sense, or the settings are.
    pub fn new(
        negative: &'a Negative,
        samples: &'a [u16],
        settings: Settings,
    ) -> Result<Self, Error> {
        let active = active_size(negative, samples)?;
        if !(-EXPOSURE..=EXPOSURE).contains(&settings.exposure) {
            let problem = format!("{} stops are not within -10 to 10", settings.exposure);
            return Err(Error::new("the exposure", problem));
        }
        let size = active.map(|count| count / settings.demosaic.step());
        let rendering = colour::rendering(&negative.colour, settings.white_balance)?;
        let corrections = Corrections::new(negative, settings.lens, active, size)?;
        let linear = Linear::new(&negative.raw, rendering.gains);
        let exposure = settings.exposure.exp2();
        let to_srgb = matrix::product(&settings.look.colours(), &rendering.matrix);
        let scale = exposure / f64::from(linear.range);
        let columns = [0, 1, 2].map(|column| {
            let [red, green, blue] = to_srgb.map(|row| (row[column] * scale) as f32);
            [red, green, blue, 0.0]
        });
        // As bright as the brightest that highlights are mended to.
        let white = exposure * rendering.gains.into_iter().fold(1.0, f64::max);
        Ok(Self {
            samples,
            negative,
            settings,
            rendering,
            active,
            size,
            corrections,
            highlights: Highlights {
                saturated: linear.saturated,
            },
            linear,
            columns,
            eight: FineCurve::new(settings.look, white),
            sixteen: Curve::new(settings.look, white),
        })
    }

    /// Columns of the result.
    pub fn width(&self) -> usize {
        self.size[0]
    }

    /// Rows of the result.
    pub fn height(&self) -> usize {
        self.size[1]
    }

    /// The white and the colours that were found.
    pub fn rendering(&self) -> &Rendering {
        &self.rendering
    }

    /// What one thread makes rows with.
    pub fn worker(&self) -> Worker<'_> {
        Worker {
            development: self,
            arch: Arch::new(),
            live: Live::default(),
            still: Still::default(),
            places: Places::default(),
            mosaic: Vec::new(),
            gains: Vec::new(),
            planes: Default::default(),
            pixels: Vec::new(),
            rows: 0..0,
            row: Vec::new(),
            row_gains: Vec::new(),
        }
    }
}

/// Makes rows; what it needs it keeps, and what was computed for the rows above.
#[derive(Debug)]
pub struct Worker<'a> {
    development: &'a Development<'a>,
    arch: Arch,
    live: Live,
    still: Still,
    places: Places,
    /// Linear samples, and the gains of their shading.
    mosaic: Vec<u16>,
    gains: Vec<f32>,
    /// Red, green and blue as they come from demosaic.
    planes: [Vec<u16>; 3],
    /// The same together, with highlights mended, and which rows they are.
    pixels: Vec<Pixel>,
    rows: Range<usize>,
    /// One row of the result, and of gains.
    row: Vec<Pixel>,
    row_gains: Vec<f32>,
}

impl Worker<'_> {
    /// Makes rows of the result. It is quickest when they follow those that were made before.
    ///
    /// # Panics
    /// When there are no such rows, or `target` has less place than they need.
    pub fn rows(&mut self, rows: Range<usize>, target: &mut Target<'_>) {
        let development = self.development;
        let [width, height] = development.size;
        assert!(
            rows.start <= rows.end && rows.end <= height,
            "rows {rows:?} of {height}"
        );
        if rows.is_empty() {
            return;
        }
        let source = match &development.corrections.warp {
            Some(warp) => warp.source(self.arch, rows.clone(), &mut self.places),
            None => rows.clone(),
        };
        self.provide(source);
        self.row.resize(width, Pixel::default());
        for (index, y) in rows.enumerate() {
            self.take_row(y);
            let place = 3 * index * width;
            let columns = &development.columns;
            let row = &self.row;
            match target {
                Target::Eight(out) => {
                    let out = &mut out[place..][..3 * width];
                    let curve = &development.eight;
                    self.arch
                        .dispatch(|| shown(row, columns, out, |level| curve.at(level)));
                }
                Target::Sixteen(out) => {
                    let out = &mut out[place..][..3 * width];
                    let curve = &development.sixteen;
                    self.arch
                        .dispatch(|| shown(row, columns, out, |level| curve.at(level)));
                }
            }
        }
    }

    /// Takes the pixels of a row of the result from where they are.
    fn take_row(&mut self, y: usize) {
        let Development {
            corrections, size, ..
        } = self.development;
        match &corrections.warp {
            Some(warp) => {
                let source = Source {
                    pixels: &self.pixels,
                    first: self.rows.start,
                };
                warp.row(self.arch, &source, y, &mut self.places, &mut self.row);
            }
            None => {
                let place = (y - self.rows.start) * size[0];
                self.row.copy_from_slice(&self.pixels[place..][..size[0]]);
            }
        }
        let Some(shading) = &corrections.shading_after else {
            return;
        };
        let step = self.development.settings.demosaic.step();
        self.row_gains.resize(self.development.active[0], 1.0);
        for plane in 0..3 {
            let samples = Samples::Plane(plane);
            shading.row(self.arch, step * y, samples, &mut self.row_gains);
            let gains = self.row_gains.iter().step_by(step);
            for (pixel, gain) in self.row.iter_mut().zip(gains) {
                pixel[plane] *= gain;
            }
        }
    }

    /// Sees to it that the pixels of these rows are there, before distortion is mended.
    fn provide(&mut self, rows: Range<usize>) {
        let width = self.development.size[0];
        // Those that are there already are the first ones.
        let kept = if self.rows.contains(&rows.start) {
            rows.start..self.rows.end.min(rows.end)
        } else {
            rows.start..rows.start
        };
        if !kept.is_empty() {
            let from = (kept.start - self.rows.start) * width;
            let all = from..from + kept.len() * width;
            self.pixels.copy_within(all, 0);
        }
        self.pixels.resize(rows.len() * width, Pixel::default());
        self.rows = rows.clone();
        if kept.end < rows.end {
            self.fill(kept.end..rows.end);
        }
    }

    /// Makes the pixels of these rows.
    fn fill(&mut self, rows: Range<usize>) {
        let development = self.development;
        let [width, _] = development.size;
        let [columns, height] = development.active;
        let demosaic = development.settings.demosaic;
        let step = demosaic.step();
        // The first row is even, so that the pattern is the picture's.
        let margin = demosaic.margin() + defects::REACH;
        let end = (step * rows.end + margin).clamp(SMALLEST, height);
        let first = (step * rows.start)
            .saturating_sub(margin)
            .min(end - SMALLEST)
            & !1;
        self.fill_mosaic(first..end);
        for plane in &mut self.planes {
            plane.resize(rows.len() * width, 0);
        }
        let [red, green, blue] = &mut self.planes;
        let mut planes = Planes {
            colours: [red, green, blue],
        };
        let mosaic = Mosaic {
            samples: &self.mosaic,
            stride: columns,
            width: columns,
            height: end - first,
            pattern: development.negative.raw.pattern,
            white: u16::MAX,
        };
        let inside = rows.start - first / step..rows.end - first / step;
        match demosaic {
            Demosaic::Live => self.live.rows(&mosaic, inside, &mut planes),
            Demosaic::Still => self.still.rows(&mosaic, inside, &mut planes),
            Demosaic::Half => half(self.arch, &mosaic, inside, &mut planes),
        }
        for (index, y) in rows.enumerate() {
            let mut gains = None;
            if development.corrections.shading.is_some() {
                let row = &self.gains[(step * y - first) * columns..][..columns];
                self.row_gains.clear();
                self.row_gains.extend(row.iter().step_by(step));
                gains = Some(&self.row_gains[..width]);
            }
            let place = index * width;
            let colours = self.planes.each_ref().map(|plane| &plane[place..][..width]);
            let pixels = &mut self.pixels[(y - self.rows.start) * width..][..width];
            development
                .highlights
                .row(self.arch, gains, colours, pixels);
        }
    }

    /// Makes the linear samples of these rows of the active area.
    fn fill_mosaic(&mut self, rows: Range<usize>) {
        let Development {
            negative,
            corrections,
            linear,
            active: [width, _],
            ..
        } = self.development;
        let (raw, width) = (&negative.raw, *width);
        let [top, left, ..] = raw.active;
        self.mosaic.resize(rows.len() * width, 0);
        if corrections.shading.is_some() {
            self.gains.resize(rows.len() * width, 1.0);
        }
        for (index, y) in rows.clone().enumerate() {
            let place = index * width;
            let samples = &self.development.samples[(top + y) * raw.width + left..][..width];
            let gains = corrections.shading.as_ref().map(|shading| {
                let gains = &mut self.gains[place..][..width];
                shading.row(self.arch, y, Samples::Mosaic(raw.pattern), gains);
                &*gains
            });
            let out = &mut self.mosaic[place..][..width];
            linear.row(self.arch, samples, y, gains, out);
        }
        corrections.defects.mend(&mut Rows {
            samples: &mut self.mosaic,
            width,
            rows,
            pattern: raw.pattern,
        });
    }
}

impl Demosaic {
    /// Samples of the active area from one pixel to the next.
    pub(crate) fn step(self) -> usize {
        match self {
            Self::Half => 2,
            Self::Live | Self::Still => 1,
        }
    }

    /// Rows above and below that a row is made of.
    fn margin(self) -> usize {
        match self {
            Self::Live => 3,
            Self::Still => 11,
            Self::Half => 0,
        }
    }
}

/// A row of the result as it is stored.
#[inline(always)]
fn shown<T>(row: &[Pixel], columns: &[Pixel; 3], out: &mut [T], curve: impl Fn(f32) -> T) {
    let [reds, greens, blues] = columns;
    for (out, pixel) in out.as_chunks_mut::<3>().0.iter_mut().zip(row) {
        let mut levels = Pixel::default();
        for (lane, level) in levels.iter_mut().enumerate() {
            *level = reds[lane] * pixel[0] + greens[lane] * pixel[1] + blues[lane] * pixel[2];
        }
        let [red, green, blue, _] = levels;
        *out = [curve(red), curve(green), curve(blue)];
    }
}

/// Columns and rows of what is a picture.
pub(crate) fn active_size(negative: &Negative, samples: &[u16]) -> Result<[usize; 2], Error> {
    let raw = &negative.raw;
    let (width, height) = (raw.width, raw.height);
    if width.checked_mul(height) != Some(samples.len()) {
        let problem = format!("{width} x {height} are not {} samples", samples.len());
        return Err(Error::new("ImageWidth", problem));
    }
    let [top, left, bottom, right] = raw.active;
    let is_inside = bottom <= height && right <= width;
    let is_large = |from: usize, to: usize| to.saturating_sub(from) >= SMALLEST;
    if !is_inside || !is_large(top, bottom) || !is_large(left, right) {
        let active = raw.active;
        let problem = format!("{active:?} is no 4 x 4 or more within {width} x {height}");
        return Err(Error::new("ActiveArea", problem));
    }
    let white = f64::from(raw.white);
    if !raw
        .black
        .iter()
        .all(|black| black.is_finite() && *black < white)
    {
        let problem = format!("black {:?} is not below white, {white}", raw.black);
        return Err(Error::new("BlackLevel", problem));
    }
    Ok([right - left, bottom - top])
}

/// Each two by two samples to a pixel; the two greens to their mean.
fn half(arch: Arch, mosaic: &Mosaic<'_>, rows: Range<usize>, planes: &mut Planes<'_>) {
    let [red_row, red_column] = mosaic.pattern.red();
    let count = mosaic.width / 2;
    for (index, y) in rows.enumerate() {
        let row = |down: usize| {
            let samples = &mosaic.samples[(2 * y + down) * mosaic.stride..];
            samples[..2 * count].as_chunks::<2>().0
        };
        let [with_red, with_blue] = [row(red_row), row(1 - red_row)];
        let [red, green, blue] = &mut planes.colours;
        let [red, green, blue] =
            [red, green, blue].map(|plane| &mut plane[index * count..][..count]);
        arch.dispatch(|| {
            let samples = with_red.iter().zip(with_blue);
            let pixels = red.iter_mut().zip(green).zip(blue);
            for (((red, green), blue), (with_red, with_blue)) in pixels.zip(samples) {
                *red = with_red[red_column];
                *green = with_red[1 - red_column].midpoint(with_blue[red_column]);
                *blue = with_blue[1 - red_column];
            }
        });
    }
}
