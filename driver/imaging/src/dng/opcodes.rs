//! Corrections that a reader of a DNG is to apply (DNG 1.7.1.0, chapter 7). They are written most significant byte
//! first, whatever the file's order is.

/// A correction.
#[derive(Clone, Debug, PartialEq)]
pub enum Opcode {
    /// Moves pixels along the radius: r' = r (k0 + k1 r^2 + k2 r^4 + k3 r^6), and beside it by two tangential terms;
    /// one set for all planes, or one for each. `centre` and r are relative: 0.5 is the middle, r = 1 the farthest
    /// corner.
    WarpRectilinear {
        /// k0 to k3, then the tangential ones.
        planes: Vec<[f64; 6]>,
        /// Horizontally and vertically.
        centre: [f64; 2],
    },
    /// Brightens by 1 + k0 r^2 + ... + k4 r^10.
    FixVignetteRadial {
        /// k0 to k4.
        factors: [f64; 5],
        /// Horizontally and vertically.
        centre: [f64; 2],
    },
    /// Takes pixels for defective that are named, by row and column.
    FixBadPixelsList {
        /// Phase of the colour filters: 0 RGGB, 1 GRBG, 2 GBRG, 3 BGGR.
        phase: u32,
        /// Rows and columns of the active area.
        pixels: Vec<[u32; 2]>,
    },
    /// Multiplies by gains on a grid.
    GainMap(GainMap),
}

/// Gains on a grid over a picture.
#[derive(Clone, Debug, PartialEq)]
pub struct GainMap {
    /// Top, left, bottom, right of where it applies.
    pub area: [u32; 4],
    /// First plane and number of planes.
    pub planes: [u32; 2],
    /// Of rows and columns: of one colour in a colour filter array it is 2.
    pub pitch: [u32; 2],
    /// Points of the grid, vertically and horizontally.
    pub points: [u32; 2],
    /// From one point to the next, relative to the picture.
    pub spacing: [f64; 2],
    /// Of the first point, relative to the picture.
    pub origin: [f64; 2],
    /// Row by row.
    pub gains: Vec<f32>,
}

/// DNG version in which each of these came: 1.3.
const VERSION: [u8; 4] = [1, 3, 0, 0];
/// A reader that does not know it may leave it out, and may leave it out for previews.
const OPTIONAL: u32 = 1;
const SKIPPED_FOR_PREVIEW: u32 = 2;

/// A list of corrections as its field holds it, in the order in which they are applied.
pub fn list(opcodes: &[Opcode]) -> Vec<u8> {
    let mut out = Vec::new();
    out.extend((opcodes.len() as u32).to_be_bytes());
    for opcode in opcodes {
        let (number, body) = opcode.body();
        let flags = match opcode {
            // Everybody can see a wrong line; a preview does not need to be rid of a pixel.
            Opcode::FixBadPixelsList { .. } => OPTIONAL | SKIPPED_FOR_PREVIEW,
            _ => OPTIONAL,
        };
        out.extend(number.to_be_bytes());
        out.extend(VERSION);
        out.extend(flags.to_be_bytes());
        out.extend((body.len() as u32).to_be_bytes());
        out.extend(body);
    }
    out
}

impl Opcode {
    /// Its number, and what it is told.
    fn body(&self) -> (u32, Vec<u8>) {
        let mut body = Vec::new();
        let number = match self {
            Self::WarpRectilinear { planes, centre } => {
                body.extend((planes.len() as u32).to_be_bytes());
                doubles(planes.as_flattened(), &mut body);
                doubles(centre, &mut body);
                1
            }
            Self::FixVignetteRadial { factors, centre } => {
                doubles(factors, &mut body);
                doubles(centre, &mut body);
                3
            }
            Self::FixBadPixelsList { phase, pixels } => {
                longs(&[*phase, pixels.len() as u32, 0], &mut body);
                longs(pixels.as_flattened(), &mut body);
                5
            }
            Self::GainMap(map) => {
                longs(&map.area, &mut body);
                longs(&map.planes, &mut body);
                longs(&map.pitch, &mut body);
                longs(&map.points, &mut body);
                doubles(&map.spacing, &mut body);
                doubles(&map.origin, &mut body);
                longs(&[1], &mut body);
                body.extend(map.gains.iter().flat_map(|gain| gain.to_be_bytes()));
                9
            }
        };
        (number, body)
    }
}

fn longs(values: &[u32], out: &mut Vec<u8>) {
    out.extend(values.iter().flat_map(|value| value.to_be_bytes()));
}

fn doubles(values: &[f64], out: &mut Vec<u8>) {
    out.extend(values.iter().flat_map(|value| value.to_be_bytes()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_written_as_the_specification_has_it() {
        let bytes = list(&[
            Opcode::FixVignetteRadial {
                factors: [1.0, 0.0, 0.0, 0.0, 0.0],
                centre: [0.5, 0.5],
            },
            Opcode::FixBadPixelsList {
                phase: 2,
                pixels: vec![[3, 4]],
            },
        ]);
        assert_eq!(bytes[..4], [0, 0, 0, 2]);
        assert_eq!(
            bytes[4..20],
            [0, 0, 0, 3, 1, 3, 0, 0, 0, 0, 0, 1, 0, 0, 0, 56]
        );
        assert_eq!(bytes[20..28], 1f64.to_be_bytes());
        let second = &bytes[20 + 56..];
        assert_eq!(
            second[..16],
            [0, 0, 0, 5, 1, 3, 0, 0, 0, 0, 0, 3, 0, 0, 0, 20]
        );
        assert_eq!(
            second[16..],
            [0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 4]
        );
    }

    #[test]
    fn lengths_are_those_of_the_specification() {
        let length = |opcode: Opcode| opcode.body().1.len();
        let warp = Opcode::WarpRectilinear {
            planes: vec![[1.0, 0.0, 0.0, 0.0, 0.0, 0.0]; 3],
            centre: [0.5; 2],
        };
        assert_eq!(length(warp), 4 + 3 * 48 + 16);
        let map = GainMap {
            area: [0, 0, 100, 100],
            planes: [0, 1],
            pitch: [2, 2],
            points: [2, 3],
            spacing: [1.0, 0.5],
            origin: [0.0; 2],
            gains: vec![1.0; 6],
        };
        assert_eq!(length(Opcode::GainMap(map)), 40 + 32 + 4 + 24);
    }
}
