//! Rows of a processed frame as the encoders want them: YCbCr for JPEG, RGB for PNG.
//!
//! A row is read once from the mapped buffer and converted into the encoder's own; a frame is never copied. Colours
//! are those of libcamera's `Sycc`: BT.601 coefficients, full range, which is also what JFIF means by YCbCr.

use jpeg_encoder::{ImageBuffer, JpegColorType, rgb_to_ycbcr};

/// Order of the samples in memory; names are DRM's, whose letters begin at the most significant byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// A plane of Y, then one of Cb and Cr in turn for each 2x2 pixels.
    Nv12,
    /// Planes of Y, Cb and Cr, the last two one for each 2x2 pixels.
    Yuv420,
    /// R, G, B a pixel; DRM's `BGR888`.
    Bgr888,
    /// B, G, R a pixel; DRM's `RGB888`.
    Rgb888,
    /// R, G, B and one unused a pixel; DRM's `XBGR8888`.
    Xbgr8888,
    /// B, G, R and one unused a pixel; DRM's `XRGB8888`.
    Xrgb8888,
}

impl Format {
    /// Formats in the order in which they are preferred.
    pub const ALL: [Self; 6] = [
        Self::Nv12,
        Self::Yuv420,
        Self::Bgr888,
        Self::Rgb888,
        Self::Xbgr8888,
        Self::Xrgb8888,
    ];

    /// DRM's FourCC.
    pub fn fourcc(self) -> u32 {
        u32::from_le_bytes(*match self {
            Self::Nv12 => b"NV12",
            Self::Yuv420 => b"YU12",
            Self::Bgr888 => b"BG24",
            Self::Rgb888 => b"RG24",
            Self::Xbgr8888 => b"XB24",
            Self::Xrgb8888 => b"XR24",
        })
    }

    /// The format of this FourCC.
    pub fn named(fourcc: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.fourcc() == fourcc)
    }

    /// Bytes from a pixel of the first plane to the next one.
    fn step(self) -> usize {
        match self {
            Self::Nv12 | Self::Yuv420 => 1,
            Self::Bgr888 | Self::Rgb888 => 3,
            Self::Xbgr8888 | Self::Xrgb8888 => 4,
        }
    }
}

/// How a frame lies in its planes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Order of the samples.
    pub format: Format,
    /// Pixels a row.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// Bytes from a row of the first plane to the next one.
    pub stride: u32,
}

/// One plane of a layout.
#[derive(Clone, Copy, Debug)]
struct Plane {
    /// Bytes of a row that are pixels.
    row: usize,
    /// Bytes from a row to the next one.
    stride: usize,
    rows: usize,
}

impl Layout {
    fn planes(&self) -> Vec<Plane> {
        let (width, height) = (self.width as usize, self.height as usize);
        let stride = self.stride as usize;
        let plane = |row, stride, rows| Plane { row, stride, rows };
        let first = plane(width * self.format.step(), stride, height);
        // Chroma is half as wide and half as high.
        let (row, rows) = (width.div_ceil(2), height.div_ceil(2));
        match self.format {
            Format::Nv12 => vec![first, plane(2 * row, stride, rows)],
            Format::Yuv420 => {
                let chroma = plane(row, stride / 2, rows);
                vec![first, chroma, chroma]
            }
            _ => vec![first],
        }
    }
}

/// A frame in memory, known to be whole.
#[derive(Debug)]
pub struct Picture<'a> {
    format: Format,
    width: u16,
    height: u16,
    planes: Vec<(Plane, &'a [u8])>,
}

/// Cb and Cr of a row; every `step`th byte counts, for two pixels.
struct Chroma<'a> {
    cb: &'a [u8],
    cr: &'a [u8],
    step: usize,
}

impl Chroma<'_> {
    fn pairs(&self) -> impl Iterator<Item = (u8, u8)> {
        let (cb, cr) = (self.cb.iter(), self.cr.iter());
        let (cb, cr) = (cb.step_by(self.step), cr.step_by(self.step));
        cb.copied().zip(cr.copied())
    }
}

impl<'a> Picture<'a> {
    /// Checks that the planes hold what the layout says.
    ///
    /// # Errors
    /// A sentence that says what does not fit.
    pub fn new(layout: Layout, planes: Vec<&'a [u8]>) -> Result<Self, String> {
        let expected = layout.planes();
        if planes.len() != expected.len() {
            let (wanted, found) = (expected.len(), planes.len());
            return Err(format!(
                "{layout:?} has {wanted} planes, the buffer has {found}"
            ));
        }
        let planes: Vec<_> = expected.into_iter().zip(planes).collect();
        for (number, (plane, bytes)) in planes.iter().enumerate() {
            let needed = plane.stride * plane.rows.saturating_sub(1) + plane.row;
            if needed == 0 || plane.stride < plane.row || bytes.len() < needed {
                let found = bytes.len();
                return Err(format!(
                    "plane {number} of {layout:?} needs {needed} bytes, the buffer has {found}"
                ));
            }
        }
        let side = |length| {
            u16::try_from(length).map_err(|_| format!("a side of {length} pixels is too long"))
        };
        Ok(Self {
            format: layout.format,
            width: side(layout.width)?,
            height: side(layout.height)?,
            planes,
        })
    }

    /// Width in pixels.
    pub fn width(&self) -> u16 {
        self.width
    }

    /// Height in pixels.
    pub fn height(&self) -> u16 {
        self.height
    }

    /// Appends a row as red, green and blue.
    pub fn rgb_row(&self, y: u16, row: &mut Vec<u8>) {
        let first = self.row(0, y);
        let Some(chroma) = self.chroma(y) else {
            row.extend(self.rgb(first).flatten());
            return;
        };
        for (luma, (cb, cr)) in first.chunks(2).zip(chroma.pairs()) {
            row.extend(luma.iter().flat_map(|&y| ycbcr_to_rgb(y, cb, cr)));
        }
    }

    /// The row of a plane that has the pixels of row `y`.
    fn row(&self, plane: usize, y: u16) -> &'a [u8] {
        let (Plane { row, stride, .. }, bytes) = self.planes[plane];
        let y = usize::from(if plane == 0 { y } else { y / 2 });
        &bytes[stride * y..][..row]
    }

    fn chroma(&self, y: u16) -> Option<Chroma<'a>> {
        match self.format {
            Format::Nv12 => {
                let cb = self.row(1, y);
                let cr = &cb[1..];
                Some(Chroma { cb, cr, step: 2 })
            }
            Format::Yuv420 => Some(Chroma {
                cb: self.row(1, y),
                cr: self.row(2, y),
                step: 1,
            }),
            _ => None,
        }
    }

    /// Red, green and blue of the pixels of a row.
    fn rgb(&self, row: &'a [u8]) -> impl Iterator<Item = [u8; 3]> + use<'a> {
        let red_first = matches!(self.format, Format::Bgr888 | Format::Xbgr8888);
        row.chunks_exact(self.format.step())
            .map(move |pixel| match red_first {
                true => [pixel[0], pixel[1], pixel[2]],
                false => [pixel[2], pixel[1], pixel[0]],
            })
    }
}

impl ImageBuffer for Picture<'_> {
    fn get_jpeg_color_type(&self) -> JpegColorType {
        JpegColorType::Ycbcr
    }

    fn width(&self) -> u16 {
        self.width
    }

    fn height(&self) -> u16 {
        self.height
    }

    fn fill_buffers(&self, y: u16, buffers: &mut [Vec<u8>; 4]) {
        let first = self.row(0, y);
        let [luma, cb_row, cr_row, _] = buffers;
        let Some(chroma) = self.chroma(y) else {
            for [r, g, b] in self.rgb(first) {
                let (y, cb, cr) = rgb_to_ycbcr(r, g, b);
                luma.push(y);
                cb_row.push(cb);
                cr_row.push(cr);
            }
            return;
        };
        luma.extend_from_slice(first);
        let end = cb_row.len() + first.len();
        for (cb, cr) in chroma.pairs() {
            cb_row.extend([cb, cb]);
            cr_row.extend([cr, cr]);
        }
        // The last pair of an odd width has one pixel.
        cb_row.truncate(end);
        cr_row.truncate(end);
    }
}

/// BT.601, full range (JFIF 1.02), in fixed point of 16 bits.
fn ycbcr_to_rgb(y: u8, cb: u8, cr: u8) -> [u8; 3] {
    /// 1.402, 0.344136, 0.714136 and 1.772.
    const COEFFICIENTS: [i32; 4] = [91_881, 22_554, 46_802, 116_130];
    const HALF: i32 = 1 << 15;
    let [cr_red, cb_green, cr_green, cb_blue] = COEFFICIENTS;
    let (y, cb, cr) = (i32::from(y) << 16, i32::from(cb) - 128, i32::from(cr) - 128);
    [
        y + cr_red * cr,
        y - cb_green * cb - cr_green * cr,
        y + cb_blue * cb,
    ]
    .map(|value| ((value + HALF) >> 16).clamp(0, 255) as u8)
}

#[cfg(test)]
mod tests;
