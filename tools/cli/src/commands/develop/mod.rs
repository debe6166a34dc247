//! `develop`: raw pictures to pictures.
//!
//! One file is developed after the other, each by all threads. At the same time there are in memory the file and its
//! samples, then the samples and the result: 5 bytes for a pixel, 8 where the result has sixteen bits. Each thread needs
//! some megabytes of its own.

mod encode;
mod names;
mod tags;

use super::files::{check, save_with};
use crate::arguments::{self, Develop, White};
use crate::output::{Output, bytes};
use anyhow::{Context, bail};
use bayonet_imaging::colour::WhiteBalance;
use bayonet_imaging::develop::{BAND, Demosaic, Development, Settings, Target};
use bayonet_imaging::dng::negative::Negative;
use bayonet_imaging::{Look, dng, neutral_at};
use encode::{Encoding, Numbers};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;
use std::fs;
use std::io::{self, BufWriter, Write};
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// Quality of a JPEG, if nobody says another one: nothing is seen of it at the size of a screen.
const QUALITY: u8 = 92;
/// Parts of a picture for each thread: with more, too much is computed twice where they meet; with fewer, threads wait
/// for each other at the end.
const PARTS: usize = 2;
/// Steps of the progress bar for each file.
const STEPS: u64 = 1000;

/// What became of a file.
#[derive(Serialize)]
struct Developed {
    file: PathBuf,
    #[serde(skip_serializing_if = "Option::is_none")]
    picture: Option<Picture>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

#[derive(Serialize)]
struct Picture {
    file: PathBuf,
    width: usize,
    height: usize,
    bytes: u64,
    /// Kelvin that were taken for white.
    temperature: u32,
}

/// Whether all files were developed.
pub(crate) fn develop(order: &Develop, output: &Output) -> anyhow::Result<bool> {
    let encoding = encoding(order)?;
    let pictures = names::pictures(order, encoding)?;
    let progress = progress(order.files.len(), output);
    let mut done = Vec::new();
    for (file, picture) in order.files.iter().zip(pictures) {
        progress.set_message(file.display().to_string());
        let made = picture
            .and_then(|picture| one(file, picture, encoding, order, &progress))
            .with_context(|| file.display().to_string());
        progress.set_position((done.len() as u64 + 1) * STEPS);
        let (picture, error) = match made {
            Ok(picture) => {
                if !output.json {
                    progress.suspend(|| output.line(&line(&picture)))?;
                }
                (Some(picture), None)
            }
            Err(error) => {
                // Nothing is left to be done if standard error is closed as well.
                progress.suspend(|| drop(writeln!(io::stderr(), "{}", output.error(&error))));
                (None, Some(format!("{error:#}")))
            }
        };
        done.push(Developed {
            file: file.clone(),
            picture,
            error,
        });
    }
    progress.finish_and_clear();
    if output.json {
        output.value(&done)?;
    }
    Ok(done.iter().all(|it| it.error.is_none()))
}

fn line(picture: &Picture) -> String {
    format!(
        "{}  {} x {}  {}  {} K",
        picture.file.display(),
        picture.width,
        picture.height,
        bytes(picture.bytes),
        picture.temperature
    )
}

/// On a terminal, a bar over all files.
fn progress(files: usize, output: &Output) -> ProgressBar {
    if output.json {
        return ProgressBar::hidden();
    }
    let length = Some(files as u64 * STEPS);
    // Hides itself where standard error is no terminal.
    let progress = ProgressBar::with_draw_target(length, ProgressDrawTarget::stderr());
    let style =
        ProgressStyle::with_template("{bar:30} {percent:>3} % {elapsed}, {eta} to go  {msg}");
    progress.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

fn one(
    file: &Path,
    picture: PathBuf,
    encoding: Encoding,
    order: &Develop,
    progress: &ProgressBar,
) -> anyhow::Result<Picture> {
    // Before the work whose result it will hold.
    check(&picture, order.force)?;
    let raw = fs::read(file)?;
    let (negative, samples) = dng::read::read(&raw)?;
    drop(raw);
    let settings = settings(order, &negative, &samples)?;
    let development = Development::new(&negative, &samples, settings)?;
    let size = [development.width(), development.height()];
    let begin = progress.position();
    let tell = |part: f64| progress.set_position(begin + (part * STEPS as f64) as u64);
    let numbers = by_threads(&development, encoding, threads(order), tell);
    save_with(&picture, order.force, |out| {
        let mut out = BufWriter::new(out);
        encode::write(encoding, &negative, size, &numbers, &mut out)?;
        Ok(out.flush()?)
    })?;
    let [width, height] = size;
    Ok(Picture {
        bytes: fs::metadata(&picture)?.len(),
        file: picture,
        width,
        height,
        temperature: development.rendering().temperature.round() as u32,
    })
}

fn threads(order: &Develop) -> usize {
    let available = || thread::available_parallelism().map_or(1, NonZero::get);
    order.threads.map_or_else(available, usize::from)
}

/// As it was said, or as the ending of the file's name says.
fn encoding(order: &Develop) -> anyhow::Result<Encoding> {
    use arguments::PictureFormat::{Jpeg, Png, Tiff};
    let ending = order
        .output
        .as_deref()
        .filter(|output| !output.is_dir())
        .and_then(Path::extension)
        .map(|ending| ending.to_ascii_lowercase());
    let ending = ending.as_deref().and_then(|ending| ending.to_str());
    let format = match (order.format, ending) {
        (Some(format), _) => format,
        (None, None | Some("jpg" | "jpeg")) => Jpeg,
        (None, Some("png")) => Png,
        (None, Some("tif" | "tiff")) => Tiff,
        (None, Some(_)) => bail!(
            "the name of the picture has to end in .jpg, .png or .tiff, or --format has to say which it is"
        ),
    };
    if order.quality.is_some() && format != Jpeg {
        bail!("--quality is for JPEG; PNG and TIFF lose nothing");
    }
    match (format, order.bits) {
        (Jpeg, Some(16)) => bail!("a JPEG has 8 bits: write a PNG or a TIFF"),
        (Tiff, Some(8)) => bail!("a TIFF has 16 bits here: write a PNG"),
        _ => {}
    }
    Ok(match format {
        Jpeg => Encoding::Jpeg {
            quality: order.quality.unwrap_or(QUALITY),
        },
        Png => Encoding::Png {
            bits: order.bits.unwrap_or(8),
        },
        Tiff => Encoding::Tiff,
    })
}

fn settings(order: &Develop, negative: &Negative, samples: &[u16]) -> anyhow::Result<Settings> {
    let mut settings = Settings {
        white_balance: WhiteBalance::AsShot,
        exposure: order.exposure,
        look: match order.look {
            arguments::Look::Natural => Look::Natural,
            arguments::Look::Vivid => Look::Vivid,
        },
        demosaic: match order.demosaic {
            arguments::Demosaic::Live => Demosaic::Live,
            arguments::Demosaic::Still => Demosaic::Still,
            arguments::Demosaic::Half => Demosaic::Half,
        },
        lens: !order.no_lens,
    };
    settings.white_balance = match order.white_balance {
        White::AsShot => WhiteBalance::AsShot,
        White::Kelvin(kelvin) => WhiteBalance::Temperature(kelvin),
        White::Place(place) => neutral_at(negative, samples, &settings, place)?,
    };
    Ok(settings)
}

/// Develops a picture with so many threads.
fn by_threads(
    development: &Development<'_>,
    encoding: Encoding,
    threads: usize,
    tell: impl Fn(f64) + Sync,
) -> Numbers {
    let count = 3 * development.width() * development.height();
    if encoding.is_sixteen_bits() {
        let mut numbers = vec![0; count];
        parts(
            development,
            &mut numbers,
            threads,
            |band| Target::Sixteen(band),
            tell,
        );
        Numbers::Sixteen(numbers)
    } else {
        let mut numbers = vec![0; count];
        parts(
            development,
            &mut numbers,
            threads,
            |band| Target::Eight(band),
            tell,
        );
        Numbers::Eight(numbers)
    }
}

/// Each thread takes a part of the picture, goes through it from above, and takes the next one.
fn parts<T: Send>(
    development: &Development<'_>,
    numbers: &mut [T],
    threads: usize,
    target: impl for<'a> Fn(&'a mut [T]) -> Target<'a> + Sync,
    tell: impl Fn(f64) + Sync,
) {
    let row = 3 * development.width();
    let height = development.height();
    let rows = height.div_ceil(PARTS * threads).max(BAND);
    let parts = Mutex::new(numbers.chunks_mut(rows * row).enumerate());
    let next = || parts.lock().map_or(None, |mut parts| parts.next());
    let done = AtomicUsize::new(0);
    let work = || {
        let mut worker = development.worker();
        while let Some((index, part)) = next() {
            let mut first = index * rows;
            for band in part.chunks_mut(BAND * row) {
                let count = band.len() / row;
                worker.rows(first..first + count, &mut target(band));
                first += count;
                let done = done.fetch_add(count, Ordering::Relaxed) + count;
                tell(done as f64 / height as f64);
            }
        }
    };
    thread::scope(|scope| {
        for _ in 1..threads {
            scope.spawn(work);
        }
        work();
    });
}
