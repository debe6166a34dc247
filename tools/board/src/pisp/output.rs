//! An output: clips, drops chroma samples, packs bytes, mirrors, writes.
//!
//! Chroma of 4:2:2 and 4:2:0 is decimated: the even columns and rows are kept. (The resampler has a phase per plane, which
//! is how software places chroma between pixels.) Eight-bit samples are the high bytes.

use super::demosaic::Planes;
use super::layout::{ImageFormat, Planarity, Sampling, address_at, be, u16_at};
use super::resample::Chroma;
use super::samples::to_le;
use super::tiles::TileBranch;
use super::{ConfigError, Half};
use crate::guest_ram::{DmaFault, GuestRam};

/// `PISP_BE_TRANSFORM_HFLIP`.
const MIRROR_COLUMNS: u8 = 1;
/// `PISP_BE_TRANSFORM_VFLIP`.
const MIRROR_ROWS: u8 = 2;
/// The filling byte of 32-bit pixels: opaque.
const FILLING: u8 = 0xff;

/// How samples become bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Layout {
    /// The first channel alone.
    Single,
    /// Three samples per pixel.
    Pixels,
    /// Three bytes and a filling one, which comes first when `swapped`.
    Filled { swapped: bool },
    /// Luma and chroma bytes in turn, chroma first when `swapped`.
    Interleaved422 { swapped: bool },
    /// Luma, then pairs of chroma, second channel first when `swapped`.
    SemiPlanar { swapped: bool },
    /// Three planes.
    Planar,
}

/// `struct pisp_be_output_format_config` and the buffer's addresses.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    pub(crate) image: ImageFormat,
    layout: Layout,
    wide: bool,
    pub(crate) chroma: Chroma,
    transform: u8,
    /// Lowest and highest value of the first channel and of the others.
    limits: [[u16; 2]; 2],
    addresses: [u64; 3],
}

impl Settings {
    pub(crate) fn read(config: &[u8], branch: usize) -> Result<Self, ConfigError> {
        let base = be::OUTPUT_FORMAT + be::OUTPUT_FORMAT_SIZE * branch;
        let image = ImageFormat::read(config, base);
        let unknown = ConfigError::Format {
            half: Half::BackEnd,
            what: "output",
            format: image.format.0,
        };
        let (layout, wide) = layout(&image).ok_or(unknown)?;
        let field = |offset: usize| u16_at(config, base + ImageFormat::SIZE + 4 + offset);
        let chroma = match image.format.sampling() {
            _ if layout == Layout::Single => Chroma {
                columns: 1,
                rows: 1,
            },
            Sampling::S444 => Chroma {
                columns: 1,
                rows: 1,
            },
            Sampling::S422 => Chroma {
                columns: 2,
                rows: 1,
            },
            Sampling::S420 => Chroma {
                columns: 2,
                rows: 2,
            },
        };
        let buffer = be::OUTPUT_BUFFER + be::OUTPUT_BUFFER_SIZE * branch;
        let settings = Self {
            image,
            layout,
            wide,
            chroma,
            transform: config[base + ImageFormat::SIZE],
            limits: [[field(0), field(2)], [field(4), field(6)]],
            addresses: [0, 8, 16].map(|plane| address_at(config, buffer + plane)),
        };
        settings.check_strides()?;
        Ok(settings)
    }

    fn check_strides(&self) -> Result<(), ConfigError> {
        let width = usize::from(self.image.width);
        let chroma = width.div_ceil(self.chroma.columns);
        let sample = if self.wide { 2 } else { 1 };
        let (first, others) = match self.layout {
            Layout::Single => (width * sample, 0),
            Layout::Pixels => (3 * width * sample, 0),
            Layout::Filled { .. } => (4 * width, 0),
            Layout::Interleaved422 { .. } => (4 * chroma, 0),
            Layout::SemiPlanar { .. } => (width, 2 * chroma),
            Layout::Planar => (width, chroma),
        };
        for (stride, needed) in [(self.image.stride, first), (self.image.stride2, others)] {
            if (stride.unsigned_abs() as usize) < needed {
                return Err(ConfigError::Stride {
                    half: Half::BackEnd,
                    what: "output",
                    stride,
                    needed,
                });
            }
        }
        Ok(())
    }

    /// Whether rows go upwards.
    pub(crate) fn flipped(&self) -> bool {
        self.transform & MIRROR_ROWS != 0
    }
}

/// Layout of a known format and whether samples have 16 bits.
fn layout(image: &ImageFormat) -> Option<(Layout, bool)> {
    let format = image.format;
    if format.exotic() || format.compression() != 0 || !matches!(format.bits(), 8 | 16) {
        return None;
    }
    let wide = format.bits() == 16;
    let swapped = format.swapped();
    let layout = match (format.planarity(), format.sampling()) {
        _ if !format.three_channel() => Layout::Single,
        (Planarity::Interleaved, Sampling::S444) if format.bpp32() && !wide => {
            Layout::Filled { swapped }
        }
        (Planarity::Interleaved, Sampling::S444) => Layout::Pixels,
        (Planarity::Interleaved, Sampling::S422) if !wide => Layout::Interleaved422 { swapped },
        (Planarity::SemiPlanar, Sampling::S422 | Sampling::S420) if !wide => {
            Layout::SemiPlanar { swapped }
        }
        (Planarity::Planar, _) if !wide => Layout::Planar,
        _ => return None,
    };
    Some((layout, wide))
}

/// Writes the rows of one tile.
#[derive(Default)]
pub(crate) struct Output {
    narrow: [Vec<u8>; 3],
    clipped: Planes,
    packed: Vec<u8>,
}

impl Output {
    /// Writes row `y` of the tile; `planes` are at least as wide as the tile.
    pub(crate) fn write(
        &mut self,
        settings: &Settings,
        tile: &TileBranch,
        y: usize,
        planes: [&[u16]; 3],
        ram: &GuestRam,
    ) -> Result<(), DmaFault> {
        let width = usize::from(tile.output_size.x);
        let chroma_row = y.is_multiple_of(settings.chroma.rows);
        for (plane, row) in planes.into_iter().enumerate() {
            let row = &row[..width];
            let [low, high] = settings.limits[plane.min(1)];
            let step = if plane == 0 {
                1
            } else {
                settings.chroma.columns
            };
            let values = row
                .iter()
                .step_by(step)
                .map(|value| (*value).max(low).min(high));
            if settings.wide {
                self.clipped[plane].clear();
                self.clipped[plane].extend(values);
            } else {
                self.narrow[plane].clear();
                self.narrow[plane].extend(values.map(|value| (value >> 8) as u8));
            }
            if settings.transform & MIRROR_COLUMNS != 0 {
                self.clipped[plane].reverse();
                self.narrow[plane].reverse();
            }
        }
        let at = |plane: usize, offset: u32, stride: i32, y: usize| {
            let step = i64::from(stride) * y as i64;
            let step = if settings.flipped() { -step } else { step };
            settings.addresses[plane]
                .wrapping_add(u64::from(offset))
                .wrapping_add_signed(step)
        };
        let first = at(0, tile.output_addr_offset, settings.image.stride, y);
        let other = |plane: usize| {
            at(
                plane,
                tile.output_addr_offset2,
                settings.image.stride2,
                y / settings.chroma.rows,
            )
        };
        let [c0, c1, c2] = &self.narrow;
        match settings.layout {
            Layout::Single | Layout::Pixels if settings.wide => {
                self.write_wide(settings, first, ram)
            }
            Layout::Single => ram.write(first, c0),
            Layout::Pixels => {
                fill(&mut self.packed, 3 * width);
                for (((out, a), b), c) in self.packed.chunks_exact_mut(3).zip(c0).zip(c1).zip(c2) {
                    out.copy_from_slice(&[*a, *b, *c]);
                }
                ram.write(first, &self.packed)
            }
            Layout::Filled { swapped } => {
                fill(&mut self.packed, 4 * width);
                for (((out, a), b), c) in self.packed.chunks_exact_mut(4).zip(c0).zip(c1).zip(c2) {
                    out.copy_from_slice(&if swapped {
                        [FILLING, *a, *b, *c]
                    } else {
                        [*a, *b, *c, FILLING]
                    });
                }
                ram.write(first, &self.packed)
            }
            Layout::Interleaved422 { swapped } => {
                fill(&mut self.packed, 4 * c1.len());
                for (((out, y), u), v) in self
                    .packed
                    .chunks_exact_mut(4)
                    .zip(c0.chunks(2))
                    .zip(c1)
                    .zip(c2)
                {
                    let (y0, y1) = (y[0], y[y.len() - 1]);
                    out.copy_from_slice(&if swapped {
                        [*u, y0, *v, y1]
                    } else {
                        [y0, *u, y1, *v]
                    });
                }
                ram.write(first, &self.packed)
            }
            Layout::SemiPlanar { swapped } => {
                ram.write(first, c0)?;
                if !chroma_row {
                    return Ok(());
                }
                let (u, v) = if swapped { (c2, c1) } else { (c1, c2) };
                fill(&mut self.packed, 2 * c1.len());
                for ((out, u), v) in self.packed.chunks_exact_mut(2).zip(u).zip(v) {
                    out.copy_from_slice(&[*u, *v]);
                }
                ram.write(other(1), &self.packed)
            }
            Layout::Planar => {
                ram.write(first, c0)?;
                if chroma_row {
                    ram.write(other(1), c1)?;
                    ram.write(other(2), c2)?;
                }
                Ok(())
            }
        }
    }

    fn write_wide(
        &mut self,
        settings: &Settings,
        address: u64,
        ram: &GuestRam,
    ) -> Result<(), DmaFault> {
        let [c0, c1, c2] = &self.clipped;
        if settings.layout == Layout::Single {
            fill(&mut self.packed, 2 * c0.len());
            to_le(c0, &mut self.packed);
        } else {
            fill(&mut self.packed, 6 * c0.len());
            for (((out, a), b), c) in self.packed.chunks_exact_mut(6).zip(c0).zip(c1).zip(c2) {
                to_le(&[*a, *b, *c], out);
            }
        }
        ram.write(address, &self.packed)
    }

    #[cfg(test)]
    pub(crate) fn reserved(&self) -> usize {
        self.narrow[0].capacity() + self.clipped[0].capacity() + self.packed.capacity()
    }
}

fn fill(bytes: &mut Vec<u8>, length: usize) {
    bytes.resize(length, 0);
}

#[cfg(test)]
#[path = "output_tests.rs"]
mod tests;
