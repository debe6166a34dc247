//! What is too bright for one colour's samples.
//!
//! White balance brightens red and blue, so green is saturated at a level that the others go beyond: what is white comes
//! out magenta. A saturated colour is at least as bright as it says, and is taken to be as bright as the brightest one.
//! So white becomes white, as bright as red and blue still tell, and a yellow light stays yellow.

use crate::linear::{BLACK, LARGEST};
use pulp::Arch;

/// Red, green and blue in linear light, black being zero; the last one is nothing.
pub(crate) type Pixel = [f32; 4];

/// Part of saturation from which a colour is no longer believed, and from which it is not at all: between them
/// neighbours that are saturated have a share in it. Good enough for usual demosaics.
const DOUBTED: f32 = 0.92;
const DENIED: f32 = 0.99;

/// Mends saturated colours.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Highlights {
    /// Distance from black of a saturated sample of each colour, where shading does not brighten it.
    pub(crate) saturated: [f32; 3],
}

impl Highlights {
    /// Makes pixels of a row of red, green and blue, and mends them; `shading` are the row's gains, if it has any.
    ///
    /// # Panics
    /// When a row of colours or of gains is shorter than that of pixels.
    pub(crate) fn row(
        &self,
        arch: Arch,
        shading: Option<&[f32]>,
        colours: [&[u16]; 3],
        pixels: &mut [Pixel],
    ) {
        let count = pixels.len();
        let [red, green, blue] = colours.map(|colour| &colour[..count]);
        arch.dispatch(|| match shading {
            Some(gains) => {
                let gains = &gains[..count];
                for index in 0..count {
                    let levels = [red[index], green[index], blue[index]];
                    pixels[index] = self.pixel(gains[index], levels);
                }
            }
            None => {
                for index in 0..count {
                    let levels = [red[index], green[index], blue[index]];
                    pixels[index] = self.pixel(1.0, levels);
                }
            }
        });
    }

    #[inline(always)]
    fn pixel(&self, gain: f32, levels: [u16; 3]) -> Pixel {
        let levels = levels.map(|level| f32::from(level) - BLACK);
        let brightest = levels[0].max(levels[1]).max(levels[2]);
        let mut pixel = [0.0; 4];
        for index in 0..3 {
            let saturated = (self.saturated[index] * gain).clamp(1.0, LARGEST - BLACK);
            // From 0 at the doubted part to 1 at the denied one.
            let beyond = (levels[index] - DOUBTED * saturated) / ((DENIED - DOUBTED) * saturated);
            let denied = beyond.clamp(0.0, 1.0);
            pixel[index] = levels[index] + denied * (brightest - levels[index]);
        }
        pixel
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOME: Highlights = Highlights {
        saturated: [19000.0, 10000.0, 16000.0],
    };

    /// Of levels above black.
    fn mended(shading: Option<f32>, pixel: [u16; 3]) -> [u16; 3] {
        let rows = pixel.map(|level| [level + BLACK as u16; 9]);
        let gains = shading.map(|gain| [gain; 9]);
        let gains = gains.as_ref().map(|gains| &gains[..]);
        let mut pixels = [[7.0; 4]; 9];
        let colours = rows.each_ref().map(|row| &row[..]);
        SOME.row(Arch::new(), gains, colours, &mut pixels);
        assert!(pixels.iter().all(|pixel| *pixel == pixels[0]));
        let [red, green, blue, _] = pixels[0].map(|level| level.round() as u16);
        [red, green, blue]
    }

    #[test]
    fn what_is_not_saturated_stays() {
        for pixel in [[0, 1, 100], [9000, 9000, 9000], [0, 0, 14500]] {
            assert_eq!(mended(None, pixel), pixel);
            assert_eq!(mended(Some(1.0), pixel), pixel);
        }
    }

    #[test]
    fn what_is_darker_than_black_stays() {
        let mut pixels = [[0.0; 4]];
        SOME.row(Arch::new(), None, [&[500], &[512], &[0]], &mut pixels);
        assert_eq!(pixels[0][..3], [-12.0, 0.0, -512.0]);
    }

    #[test]
    fn white_is_white_however_bright() {
        // Green ends at 10000; the others go on, up to where they end.
        for level in (10000..30000).step_by(500) {
            let seen = [level.min(19000), 10000, level.min(16000)];
            let [red, green, blue] = mended(None, seen);
            assert_eq!((red, green), (seen[0], seen[0]), "{seen:?}");
            assert!(
                blue == green || (16000..19000).contains(&level),
                "{seen:?}: {blue}"
            );
        }
        assert_eq!(mended(None, [19000, 10000, 16000]), [19000; 3]);
    }

    #[test]
    fn nothing_jumps_towards_saturation() {
        let mut last = mended(None, [12000, 9000, 12000])[1];
        for green in (9000..=10000).step_by(10) {
            let now = mended(None, [12000, green, 12000])[1];
            assert!(now >= last && now - last < 120, "{green}: {last} {now}");
            last = now;
        }
        assert_eq!(last, 12000);
    }

    #[test]
    fn a_yellow_light_stays_yellow() {
        assert_eq!(mended(None, [19000, 10000, 3000]), [19000, 19000, 3000]);
    }

    #[test]
    fn where_shading_brightens_saturation_is_higher() {
        let pixel = [12000, 10000, 12000];
        assert_eq!(mended(Some(2.0), pixel), pixel);
        assert_eq!(mended(Some(1.0), pixel), [12000; 3]);
        assert_eq!(mended(Some(2.0), [25000, 20000, 25000]), [25000; 3]);
        // Where there is no more room, the largest number is saturated.
        assert_eq!(mended(Some(60.0), [65000, 65000, 20000])[2], 20000);
    }
}
