//! What raw frames cost, as one table: each step on one thread, and below it what others take for the same samples.
//!
//! The frame is as large as an imx283's, with a photograph and a sensor's noise in it. Speeds are of the least time of
//! some runs, which other work on the machine disturbs least; nothing is asserted here. The quality of a demosaic is
//! the mean, over photographs that nothing was tuned on, of the peak signal-to-noise ratio of all three colours.
//!
//! Peers and photographs are Python packages, installed once into the cache directory; where that cannot be, the table
//! is without them and says why. `BAYONET_PHOTOGRAPHS` names a directory of other photographs.

mod frame;
mod peers;
mod photographs;

use bayonet_imaging::demosaic::{Live, Mosaic, Pattern, Planes, Still};
use bayonet_imaging::dng;
use bayonet_imaging::dng::write::{Compression, Moment, Template};
use bayonet_imaging::unpack::Packing;
use frame::{BITS, Frame, WHITE};
use photographs::Photograph;
use std::hint::black_box;
use std::time::{Duration, Instant};

/// Each step runs at least so often and at least so long.
const RUNS: usize = 3;
const TIME: Duration = Duration::from_secs(1);

/// What was measured of one way to do something.
struct Row {
    name: String,
    /// Megapixels a second.
    speed: f64,
    /// Mean over the photographs.
    decibels: Option<f64>,
    /// Of a sample, compressed.
    bits: Option<f64>,
}

/// The least time of some runs, in seconds.
fn least(mut step: impl FnMut()) -> f64 {
    let began = Instant::now();
    let (mut runs, mut least) = (0, f64::INFINITY);
    while runs < RUNS || began.elapsed() < TIME {
        let start = Instant::now();
        step();
        least = least.min(start.elapsed().as_secs_f64());
        runs += 1;
    }
    least
}

fn main() {
    let frame = Frame::new();
    let photographs = photographs::all();
    let peers = peers::measure(&frame, &photographs);
    let (mut live, mut still) = (Live::default(), Still::default());
    let mut steps = vec![unpack(&frame)];
    let live = demosaic("demosaic, live", &frame, &photographs, |mosaic, planes| {
        live.rows(mosaic, 0..mosaic.height, planes);
    });
    let still = demosaic("demosaic, still", &frame, &photographs, |mosaic, planes| {
        still.rows(mosaic, 0..mosaic.height, planes);
    });
    steps.extend([(live, "demosaic"), (still, "demosaic")]);
    let names = ["lossless JPEG, write", "lossless JPEG, read"];
    steps.extend(file(&frame, Compression::LosslessJpeg, names));
    let names = ["JPEG XL, write", "JPEG XL, read"];
    steps.extend(file(&frame, Compression::JpegXl, names));

    let [width, height] = Frame::SIZE;
    println!(
        "\n{width} x {height} samples of {BITS} bits, one thread, {} photographs\n",
        photographs.len()
    );
    println!(
        "                                                    MP/s      dB   bits/sample   ours / peer"
    );
    for (ours, what) in &steps {
        print(ours, None);
        for peer in peers.iter().filter(|peer| peer.what == *what) {
            print(&peer.row(&photographs), Some(ours.speed));
        }
    }
}

fn print(row: &Row, ours: Option<f64>) {
    let number = |value: Option<f64>, width: usize, digits: usize| match value {
        Some(value) => format!("{value:width$.digits$}"),
        None => " ".repeat(width),
    };
    let indent = if ours.is_some() { "  " } else { "" };
    let line = format!(
        "{:46} {:9.1} {} {} {}",
        format!("{indent}{}", row.name),
        row.speed,
        number(row.decibels, 7, 2),
        number(row.bits, 13, 2),
        number(ours.map(|ours| ours / row.speed), 13, 2),
    );
    println!("{}", line.trim_end());
}

fn unpack(frame: &Frame) -> (Row, &'static str) {
    let packed = frame.packed();
    let [width, height] = Frame::SIZE;
    let mut samples = vec![0; width * height];
    let bytes = Packing::Csi2p12.row_bytes(width);
    let seconds = least(|| {
        for (packed, samples) in packed
            .chunks_exact(bytes)
            .zip(samples.chunks_exact_mut(width))
        {
            Packing::Csi2p12.unpack(black_box(packed), samples);
        }
    });
    assert_eq!(
        samples, frame.samples,
        "unpacked otherwise than it was packed"
    );
    (Row::new("unpack, 12 bits of CSI-2", seconds), "unpack")
}

fn demosaic(
    name: &str,
    frame: &Frame,
    photographs: &[Photograph],
    mut way: impl FnMut(&Mosaic<'_>, &mut Planes<'_>),
) -> Row {
    let mut run =
        |samples: &[u16], [width, height]: [usize; 2], white, planes: &mut [Vec<u16>; 3]| {
            let mosaic = Mosaic {
                samples,
                stride: width,
                width,
                height,
                pattern: Pattern::Rggb,
                white,
            };
            let colours = planes.each_mut().map(|plane| {
                plane.resize(samples.len(), 0);
                &mut plane[..]
            });
            way(&mosaic, &mut Planes { colours });
        };
    let mut planes = <[Vec<u16>; 3]>::default();
    let decibels = photographs.iter().map(|photograph| {
        let samples: Vec<u16> = photograph
            .mosaic()
            .map(|sample| u16::from(sample) << 4)
            .collect();
        run(
            &samples,
            photograph.size,
            u16::from(u8::MAX) << 4,
            &mut planes,
        );
        let made = |index: usize, colour: usize| f64::from(planes[colour][index]) / 16.0;
        photograph.decibels(|index, colour| made(index, colour).round())
    });
    let decibels = photographs::mean(decibels);
    let mut planes = <[Vec<u16>; 3]>::default();
    let seconds = least(|| run(black_box(&frame.samples), Frame::SIZE, WHITE, &mut planes));
    Row {
        decibels,
        ..Row::new(name, seconds)
    }
}

/// The frame as a DNG file.
fn file(
    frame: &Frame,
    compression: Compression,
    [write, read]: [&'static str; 2],
) -> [(Row, &'static str); 2] {
    let [width, height] = Frame::SIZE;
    let negative = frame.negative();
    let mosaic = Mosaic {
        samples: &frame.samples,
        stride: width,
        width,
        height,
        pattern: Pattern::Rggb,
        white: WHITE,
    };
    let mut template =
        Template::new(&negative, compression, None).expect("a frame that a DNG holds");
    let (moment, mut file) = (Moment::of(&negative), Vec::new());
    let writing = least(|| {
        let written = template.write(black_box(&mosaic), &moment, &mut file);
        written.expect("a frame that a DNG holds");
    });
    let reading = least(|| {
        let (_, samples) = dng::read::read(black_box(&file)).expect("what was written before");
        assert_eq!(samples, frame.samples, "read otherwise than it was written");
    });
    let bits = file.len() as f64 * 8.0 / (width * height) as f64;
    [(write, writing), (read, reading)].map(|(name, seconds)| {
        let row = Row {
            bits: Some(bits),
            ..Row::new(name, seconds)
        };
        (row, name)
    })
}

impl Row {
    /// A step that took so long for the whole frame.
    fn new(name: &str, seconds: f64) -> Self {
        Self {
            name: name.to_owned(),
            speed: Frame::MEGAPIXELS / seconds,
            decibels: None,
            bits: None,
        }
    }
}
