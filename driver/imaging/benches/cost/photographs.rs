//! Photographs whose three colours are known at every place.

use super::peers;
use std::fs;
use std::path::{Path, PathBuf};

/// Those of scikit-image that are photographs of scenes, in colour and without loss.
const SCIKIT_IMAGE: [&str; 4] = [
    "astronaut.png",
    "chelsea.png",
    "coffee.png",
    "motorcycle_left.png",
];
/// Places at each edge that are not compared.
const EDGE: usize = 4;

/// Eight bits, red, green and blue of each place in turn.
pub(crate) struct Photograph {
    pub(crate) size: [usize; 2],
    pixels: Vec<u8>,
}

impl Photograph {
    fn open(path: &Path) -> Result<Self, String> {
        let picture = image::open(path).map_err(|error| format!("{}: {error}", path.display()))?;
        let picture = picture.into_rgb8();
        Ok(Self {
            size: [picture.width() as usize, picture.height() as usize],
            pixels: picture.into_raw(),
        })
    }

    /// The samples behind filters whose first two let red and green through.
    pub(crate) fn mosaic(&self) -> impl Iterator<Item = u8> {
        let (pixels, _) = self.pixels.as_chunks::<3>();
        pixels.iter().enumerate().map(|(index, pixel)| {
            let (x, y) = (index % self.size[0], index / self.size[0]);
            pixel[x % 2 + y % 2]
        })
    }

    /// Peak signal-to-noise ratio of a picture made of the mosaic, in decibels: all colours, all places but the edges,
    /// which some ways leave out.
    pub(crate) fn decibels(&self, made: impl Fn(usize, usize) -> f64) -> f64 {
        let [width, height] = self.size;
        let places =
            (EDGE..height - EDGE).flat_map(|y| (EDGE..width - EDGE).map(move |x| y * width + x));
        let (squares, count) = places
            .flat_map(|index| [0, 1, 2].map(|colour| (index, colour)))
            .fold((0.0, 0), |(squares, count), (index, colour)| {
                let error = made(index, colour) - f64::from(self.pixels[3 * index + colour]);
                (squares + error * error, count + 1)
            });
        10.0 * (f64::from(u8::MAX).powi(2) * f64::from(count) / squares).log10()
    }
}

/// The mean of some numbers, if there are any.
pub(crate) fn mean(numbers: impl Iterator<Item = f64>) -> Option<f64> {
    let numbers: Vec<f64> = numbers.collect();
    (!numbers.is_empty()).then(|| numbers.iter().sum::<f64>() / numbers.len() as f64)
}

/// The photographs that there are; says where there are none.
pub(crate) fn all() -> Vec<Photograph> {
    let found = paths().and_then(|paths| {
        let photographs = paths.iter().map(|path| Photograph::open(path));
        photographs.collect::<Result<Vec<_>, _>>()
    });
    found.unwrap_or_else(|reason| {
        println!("bench: SKIPPED quality of demosaic: no photographs: {reason}");
        Vec::new()
    })
}

fn paths() -> Result<Vec<PathBuf>, String> {
    if let Some(directory) = std::env::var_os("BAYONET_PHOTOGRAPHS") {
        let entries = fs::read_dir(&directory)
            .map_err(|error| format!("{}: {error}", Path::new(&directory).display()))?;
        let mut paths: Vec<_> = entries
            .filter_map(|entry| Some(entry.ok()?.path()))
            .collect();
        paths.sort();
        return Ok(paths);
    }
    let packages = peers::packages()?;
    Ok(SCIKIT_IMAGE
        .map(|name| packages.join("skimage/data").join(name))
        .into())
}
