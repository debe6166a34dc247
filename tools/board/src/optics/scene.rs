//! What stands before the cameras: the colour chart, a photograph that ships with the board, or a file.

use super::{chart, photo};
use std::sync::Arc;

/// Name of the colour chart.
const CHART: &str = "chart";

/// Photographs that ship with the board; sources and licences are in `scenes/README.md`.
const SHIPPED: [(&str, &[u8]); 3] = [
    ("raccoon", include_bytes!("../../scenes/raccoon.jpg")),
    ("coffee", include_bytes!("../../scenes/coffee.jpg")),
    ("astronaut", include_bytes!("../../scenes/astronaut.jpg")),
];

/// A flat, still picture in linear light.
pub struct Scene {
    name: String,
    width: usize,
    height: usize,
    pixels: Vec<u16>,
}

/// Why a scene cannot be shown.
#[derive(Debug, thiserror::Error)]
pub enum SceneError {
    /// Neither a name nor a file.
    #[error("scene \"{name}\": {problem}; give a PNG or JPEG file or one of: {}", Scene::names().join(", "))]
    Missing {
        /// What was asked for.
        name: String,
        /// What the file system says.
        problem: std::io::Error,
    },
    /// Not a picture that can be read.
    #[error("scene \"{name}\" is not a readable PNG or JPEG picture: {problem}")]
    Unreadable {
        /// The file.
        name: String,
        /// What the decoder says.
        problem: String,
    },
    /// Too many pixels.
    #[error(
        "scene \"{name}\" has {width} by {height} pixels; at most 40 megapixels and 12000 a side \
         are read: scale it down"
    )]
    TooLarge {
        /// The file.
        name: String,
        /// Columns.
        width: u32,
        /// Rows.
        height: u32,
    },
}

impl Scene {
    /// Names of the scenes that need no file.
    pub fn names() -> Vec<&'static str> {
        std::iter::once(CHART)
            .chain(SHIPPED.iter().map(|scene| scene.0))
            .collect()
    }

    /// The scene `source`: one of [`names`](Self::names), or else the path of a PNG or JPEG file of at most
    /// 40 megapixels. Larger pictures than about 6 megapixels are scaled down.
    ///
    /// # Errors
    /// [`SceneError`] names the scene, what is wrong and what would do.
    pub fn load(source: &str) -> Result<Arc<Self>, SceneError> {
        let (width, height, pixels) = if source == CHART {
            chart::picture()
        } else if let Some((name, bytes)) = SHIPPED.iter().find(|scene| scene.0 == source) {
            photo::decode(name, bytes)?
        } else {
            let missing = |problem| SceneError::Missing {
                name: source.into(),
                problem,
            };
            photo::decode(source, &read(source).map_err(missing)?)?
        };
        Ok(Arc::new(Self {
            name: source.into(),
            width,
            height,
            pixels,
        }))
    }

    /// A scene of `width` by `height` pixels of linear sRGB, 65535 = white, row by row.
    ///
    /// # Panics
    /// When there are not `width * height * 3` values, or none.
    pub fn from_linear(name: &str, width: usize, height: usize, pixels: Vec<u16>) -> Arc<Self> {
        assert!(
            width > 0 && height > 0 && pixels.len() == width * height * 3,
            "size of the scene"
        );
        Arc::new(Self {
            name: name.into(),
            width,
            height,
            pixels,
        })
    }

    /// Name or path.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Columns.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Rows.
    pub fn height(&self) -> usize {
        self.height
    }

    /// Linear sRGB, 65535 = white, three values a pixel, row by row.
    pub fn pixels(&self) -> &[u16] {
        &self.pixels
    }

    /// Mean colour, 1 = white.
    pub fn mean(&self) -> [f64; 3] {
        let mut sum = [0u64; 3];
        for pixel in self.pixels.chunks_exact(3) {
            for (sum, &value) in sum.iter_mut().zip(pixel) {
                *sum += u64::from(value);
            }
        }
        sum.map(|sum| sum as f64 / (self.width * self.height) as f64 / 65535.0)
    }
}

/// The content of a file; devices and pipes, which may have no end, are refused.
fn read(path: &str) -> std::io::Result<Vec<u8>> {
    if !std::fs::metadata(path)?.is_file() {
        return Err(std::io::Error::other("this is not a file"));
    }
    std::fs::read(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scene_loads() {
        for name in Scene::names() {
            let scene = Scene::load(name).unwrap();
            assert_eq!(scene.pixels().len(), scene.width() * scene.height() * 3);
            let mean = scene.mean()[1];
            assert!((0.05..0.5).contains(&mean), "{name}: mean {mean}");
        }
    }

    #[test]
    fn bad_files_are_explained() {
        let error = |source: &str| Scene::load(source).err().unwrap().to_string();
        let missing = error("/no/such/picture.png");
        assert!(
            missing.contains("/no/such/picture.png") && missing.contains("raccoon"),
            "{missing}"
        );
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, bytes: &[u8]| {
            let path = folder.path().join(name);
            std::fs::write(&path, bytes).unwrap();
            path.to_str().unwrap().to_owned()
        };
        let text = error(&write("text.png", b"this is no picture"));
        assert!(
            text.contains("text.png") && text.contains("not a readable"),
            "{text}"
        );
        let whole = folder.path().join("whole.png");
        image::RgbImage::new(64, 64).save(&whole).unwrap();
        let bytes = std::fs::read(whole).unwrap();
        let cut = error(&write("cut.png", &bytes[..bytes.len() / 2]));
        assert!(cut.contains("cut.png"), "{cut}");
        for folder in [folder.path().to_str().unwrap(), "/dev/zero"] {
            let refusal = error(folder);
            assert!(refusal.contains("not a file"), "{refusal}");
        }
        // A PNG header alone, of 50000 by 50000 pixels.
        let mut header =
            b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\xc3\x50\0\0\xc3\x50\x08\x02\0\0\0".to_vec();
        header.extend(crc32(&header[12..]).to_be_bytes());
        header.extend(b"\0\0\0\0IDAT\x35\xaf\x06\x1e");
        let large = error(&write("large.png", &header));
        assert!(large.contains("50000 by 50000"), "{large}");
    }

    #[test]
    fn a_jpeg_that_was_cut_off_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cut.jpg");
        let (_, whole) = SHIPPED[0];
        let load = |bytes: &[u8]| {
            std::fs::write(&path, bytes).unwrap();
            Scene::load(path.to_str().unwrap()).map(|scene| scene.width())
        };
        for length in [4, 400, whole.len() / 2, whole.len() - 2] {
            let error = load(&whole[..length]).unwrap_err().to_string();
            assert!(error.contains("not a readable"), "{length}: {error}");
        }
        // Cameras append previews and the like.
        load(&[whole, b"appended"].concat()).unwrap();
    }

    /// PNG's checksum.
    fn crc32(bytes: &[u8]) -> u32 {
        !bytes.iter().fold(!0, |crc, &byte| {
            (0..8).fold(crc ^ u32::from(byte), |crc, _| {
                (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg())
            })
        })
    }

    #[test]
    fn large_pictures_are_scaled_down() {
        let picture = image::RgbImage::from_fn(4000, 2500, |x, _| {
            image::Rgb([if x < 2000 { 0 } else { 255 }; 3])
        });
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("wide.png");
        picture.save(&path).unwrap();
        let scene = Scene::load(path.to_str().unwrap()).unwrap();
        assert!(scene.width() * scene.height() <= 6_000_000 && scene.width() > 3000);
        assert!((scene.mean()[0] - 0.5).abs() < 1e-3);
    }
}
