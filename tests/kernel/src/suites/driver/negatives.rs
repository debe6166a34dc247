//! Raw pictures: a pair is taken with a lens that its code tells, and developed; what comes out is the chart.
//!
//! The lenses' profiles are written here, from what the virtual board's lenses do to light and lines (its manual says
//! how dark its corners are and how far it bends), as somebody would who has measured them.

use crate::daemon::{self, Daemon};
use crate::picture::{Place, colour, neutral, patch};
use crate::suites::{Bench, Complaints, Suite, Test, Verdict, remark};
use anyhow::{Context, Result, ensure};
use bayonet_kernel_tests::colour::{Lab, difference, linear};
use std::fs::{self, File};
use std::io::BufReader;
use std::path::Path;
use std::time::Duration;

pub(crate) const SUITE: Suite = Suite {
    name: "negatives",
    about: "a pair of DNGs with a coded lens, developed, with bayonetd in charge",
    tests: &[
        Test {
            name: "a pair is taken raw, with its lens",
            run: taken,
        },
        Test {
            name: "main: the chart has its colours, corners are even, lines are straight",
            run: |_| developed("main"),
        },
        Test {
            name: "mount: the chart has its colours, corners are even, lines are straight",
            run: |_| developed("mount"),
        },
        Test {
            name: "while somebody streams without raw frames, a DNG is refused",
            run: refused,
        },
        Test {
            name: "while somebody looks, a DNG is taken, and they go on looking",
            run: looked_at,
        },
    ],
    complaints: Complaints::Forbidden,
};

const BAYONET: &str = "/usr/bin/bayonet";
/// A whole sensor, an encoder and an emulated processor take their time.
const LIMIT: Duration = Duration::from_secs(300);
/// Fills the mount's picture with the chart: code and selector of a 35 mm lens.
const LENS: (u8, u8) = (30, 2);
const LENSES: &str = "/run/lenses";
/// Corner light 0.67, a barrel of 1.5 %.
const FIXED: &str = "\
name = \"fixed\"
make = \"Bayonet\"
model = \"10.6 mm f/2.8\"
focal_length_mm = 10.6
maximum_aperture = 2.8
codes = []
vignetting = [-0.4419, 0.1386, -0.0268]
distortion = [-0.014999, 0.000671, -0.000035]
generic = false
source = \"the virtual board's fixed lens\"
";
/// Corner light 0.75, a barrel of 0.5 %.
const MOUNTED: &str = "\
name = \"summicron-m-35-f2-asph\"
make = \"Leica\"
model = \"Summicron-M 35 mm f/2 ASPH.\"
focal_length_mm = 35
maximum_aperture = 2
codes = [{ code = 30 }]
vignetting = [-0.309, 0.0695, -0.0105]
distortion = [-0.005, 0.000075, -0.000001]
generic = false
source = \"the virtual board's lenses for the mount\"
";
const CONFIGURATION: &str = "\
[captures]
minimum_free_mib = 1
[lenses]
directories = [\"/run/lenses\"]
[cameras.main]
lens = \"fixed\"
";

/// Mean CIEDE2000 that the chart may be off, at the exposure that is best for it.
const COLOURS: f64 = 3.0;
/// How far the corners' light may be from that of the middle of the edges, relative.
const EVENNESS: f64 = 0.03;
/// How far an edge may be from a straight line, as part of the picture's width: a pixel of 1800.
const STRAIGHTNESS: f64 = 1.0 / 1800.0;
/// How the best exposure is looked for, in stops.
const STOPS: std::ops::RangeInclusive<i32> = -40..=40;
const STOPS_PER_STEP: f64 = 0.05;
/// The chart's chromatic patches, as its maker tells them in sRGB.
#[rustfmt::skip]
const CHROMATIC: [[f64; 3]; 18] = [
    [115.0, 82.0, 68.0], [194.0, 150.0, 130.0], [98.0, 122.0, 157.0],
    [87.0, 108.0, 67.0], [133.0, 128.0, 177.0], [103.0, 189.0, 170.0],
    [214.0, 126.0, 44.0], [80.0, 91.0, 166.0], [193.0, 90.0, 99.0],
    [94.0, 60.0, 108.0], [157.0, 188.0, 64.0], [224.0, 163.0, 46.0],
    [56.0, 61.0, 150.0], [70.0, 148.0, 73.0], [175.0, 54.0, 60.0],
    [231.0, 199.0, 31.0], [187.0, 86.0, 149.0], [8.0, 133.0, 161.0],
];
/// Columns of patches.
const COLUMNS: usize = 6;
/// The upper edge of the neutral patches, and half a patch's height, as parts of the picture's height.
const EDGE: f64 = 760.0 / 1200.0;
const HALF: f64 = 85.0 / 1200.0;
/// Densities of the neutral patches, from white to black.
const DENSITIES: [f64; 6] = crate::picture::DENSITIES;

fn taken(bench: &mut Bench) -> Result<Verdict> {
    fs::create_dir_all(LENSES)?;
    for (name, text) in [("fixed", FIXED), ("mounted", MOUNTED)] {
        fs::write(format!("{LENSES}/{name}.toml"), text)?;
    }
    bench.board.chart()?;
    let daemon = Daemon::start_with(CONFIGURATION)?;
    daemon.wait_module("present")?;
    let (code, frame) = LENS;
    bench.board.lens(code, frame)?;
    daemon.wait_status(|status| status["module"]["lens"]["state"] == "known")?;
    let words = [
        "capture",
        "--camera",
        "both",
        "--raw",
        "-o",
        "/run/pair.jpg",
    ];
    run(&words)?;
    let mut told = Vec::new();
    for (camera, lens) in [
        ("main", "10.6 mm f/2.8"),
        ("mount", "Summicron-M 35 mm f/2 ASPH."),
    ] {
        let file = format!("/run/pair-{camera}.dng");
        let bytes = fs::read(&file).context(file)?;
        let is_told = bytes
            .windows(lens.len())
            .any(|window| window == lens.as_bytes());
        ensure!(is_told, "the DNG of {camera} does not name its lens");
        ensure!(
            Path::new(&format!("/run/pair-{camera}.jpg")).exists(),
            "no JPEG of {camera}"
        );
        told.push(format!("{camera} {} bytes", bytes.len()));
    }
    remark(told.join(", "))
}

fn developed(camera: &str) -> Result<Verdict> {
    let raw = format!("/run/pair-{camera}.dng");
    let file = format!("/run/pair-{camera}.png");
    run(&["develop", &raw, "-o", &file, "--force"])?;
    let picture = Png::read(&file)?;
    let mut patches = Vec::new();
    for index in 0..CHROMATIC.len() + DENSITIES.len() {
        let place = patch(index / COLUMNS, index % COLUMNS);
        let found = colour(&picture.bytes, picture.width, picture.height, place)?;
        patches.push(found.map(linear));
    }
    let (error, stops) = best_exposure(&patches);
    let evenness = picture.evenness()?;
    let bend = picture.bend()?;
    ensure!(
        error <= COLOURS && evenness <= EVENNESS && bend <= STRAIGHTNESS,
        "mean CIEDE2000 {error:.2} (at most {COLOURS}), corners off by {evenness:.4} (at most {EVENNESS}), an edge off by \
         {bend:.5} of the width (at most {STRAIGHTNESS:.5})"
    );
    remark(format!(
        "{} x {}, mean CIEDE2000 {error:.2} at {stops:+.2} stops, corners off by {:.1} %, an edge off by {:.2} pixels",
        picture.width,
        picture.height,
        100.0 * evenness,
        bend * picture.width as f64
    ))
}

fn refused(_bench: &mut Bench) -> Result<Verdict> {
    let daemon = Daemon::start_with(CONFIGURATION)?;
    daemon.wait_module("present")?;
    let frames = daemon.frames("main")?;
    super::some_frames(&frames)?;
    let error = run(&["capture", "--raw", "-o", "/run/refused.jpg"]).err();
    let error = error.context("it was not refused")?.to_string();
    ensure!(error.contains("without raw frames"), "{error}");
    ensure!(!Path::new("/run/refused.jpg").exists(), "a file is there");
    super::some_frames(&frames)?;
    Ok(Verdict::Pass)
}

fn looked_at(_bench: &mut Bench) -> Result<Verdict> {
    let daemon = Daemon::start_with(CONFIGURATION)?;
    daemon.wait_module("present")?;
    let (first, _) = daemon.view("main", None)?;
    let (next, _) = daemon.view("main", Some(first))?;
    ensure!(next > first, "frame {next} was shown after frame {first}");
    // The stream has no raw frames, and is begun anew with some.
    run(&["capture", "--raw", "-o", "/run/looked-at.jpg"])?;
    // Removed, for the next suite needs the room.
    for file in ["/run/looked-at.dng", "/run/looked-at.jpg"] {
        fs::remove_file(file).context(file)?;
    }
    let (_, jpeg) = daemon.view("main", None)?;
    ensure!(
        jpeg.starts_with(&[0xff, 0xd8]) && jpeg.ends_with(&[0xff, 0xd9]),
        "what is shown is no whole JPEG"
    );
    // Its camera runs on for a while, for somebody might look again.
    daemon.terminate()?;
    daemon::wait_no_camera_process()?;
    remark(format!("{} bytes a view", jpeg.len()))
}

fn run(words: &[&str]) -> Result<()> {
    let ended = crate::process::Running::start(BAYONET, words)?.finish(LIMIT)?;
    ensure!(
        ended.success(),
        "bayonet {}: {}",
        words.join(" "),
        ended.last_words()
    );
    Ok(())
}

/// Mean CIEDE2000 of patches in linear sRGB from what they are, at the exposure that makes it least, and that exposure.
fn best_exposure(patches: &[[f64; 3]]) -> (f64, f64) {
    let chromatic = CHROMATIC.iter().map(|codes| codes.map(linear));
    let greys = DENSITIES.iter().map(|density| [10f64.powf(-density); 3]);
    let truth: Vec<Lab> = chromatic.chain(greys).map(Lab::of).collect();
    let at = |stops: f64| {
        let errors = patches.iter().zip(&truth).map(|(found, truth)| {
            let shown = found.map(|level| (level * stops.exp2()).min(1.0));
            difference(Lab::of(shown), *truth)
        });
        errors.sum::<f64>() / truth.len() as f64
    };
    STOPS
        .map(|step| f64::from(step) * STOPS_PER_STEP)
        .map(|stops| (at(stops), stops))
        .min_by(|a, b| a.0.total_cmp(&b.0))
        .unwrap_or((f64::INFINITY, 0.0))
}

/// A picture of three bytes a pixel.
struct Png {
    bytes: Vec<u8>,
    width: usize,
    height: usize,
}

impl Png {
    fn read(file: &str) -> Result<Self> {
        let decoder = png::Decoder::new(BufReader::new(File::open(file).context(file.to_owned())?));
        let mut reader = decoder.read_info().context(file.to_owned())?;
        let length = reader
            .output_buffer_size()
            .context("a picture that large")?;
        let mut bytes = vec![0; length];
        let info = reader.next_frame(&mut bytes)?;
        ensure!(
            info.color_type == png::ColorType::Rgb && info.bit_depth == png::BitDepth::Eight,
            "{file}: {info:?}"
        );
        Ok(Self {
            bytes,
            width: info.width as usize,
            height: info.height as usize,
        })
    }

    /// Green light at a place.
    fn light(&self, x: f64, y: f64) -> Result<f64> {
        let found = colour(&self.bytes, self.width, self.height, Place { x, y })?;
        Ok(linear(found[1]))
    }

    /// How far the surround in the corners is from that in the middle of the upper and the lower edge, relative.
    fn evenness(&self) -> Result<f64> {
        let (near, far) = (0.04, 0.96);
        let middle = (self.light(0.5, near)? + self.light(0.5, far)?) / 2.0;
        let mut worst: f64 = 0.0;
        for (x, y) in [(near, near), (far, near), (near, far), (far, far)] {
            worst = worst.max((self.light(x, y)? / middle - 1.0).abs());
        }
        Ok(worst)
    }

    /// How far the upper edges of the neutral patches are from one straight line, as part of the width.
    fn bend(&self) -> Result<f64> {
        let mut points = Vec::new();
        for index in 0..DENSITIES.len() {
            if let Some(y) = self.edge(neutral(index).x) {
                points.push([neutral(index).x * self.width as f64, y]);
            }
        }
        ensure!(points.len() >= 4, "only {} edges were found", points.len());
        let (slope, offset) = crate::picture::line(&points);
        let off = |[x, y]: &[f64; 2]| (y - slope * x - offset).abs();
        Ok(points.iter().map(off).fold(0.0, f64::max) / self.width as f64)
    }

    /// The row, with its fraction, where a neutral patch begins in this column; none if it is as light as what is
    /// around.
    fn edge(&self, x: f64) -> Option<f64> {
        let column = (x * self.width as f64) as usize;
        let half = self.width / 100;
        let row = |y: usize| {
            let begin = 3 * (y * self.width + column - half);
            let pixels = self.bytes[begin..begin + 6 * half].chunks_exact(3);
            pixels.map(|pixel| linear(pixel[1].into())).sum::<f64>() / (2 * half) as f64
        };
        let at = |y: f64| (y * self.height as f64) as usize;
        let (first, last) = (at(EDGE - HALF / 5.0), at(EDGE + HALF / 2.0));
        let rows: Vec<f64> = (first..last).map(row).collect();
        let (above, below) = (rows[0], rows[rows.len() - 1]);
        if (above / below).ln().abs() < 0.5 {
            return None;
        }
        let middle = (above + below) / 2.0;
        let crosses = |pair: &[f64]| (pair[0] - middle) * (pair[1] - middle) <= 0.0;
        let place = rows.windows(2).position(crosses)?;
        let part = (middle - rows[place]) / (rows[place + 1] - rows[place]);
        Some((first + place) as f64 + part)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_true_chart_has_no_error_at_any_exposure() {
        let chromatic = CHROMATIC.iter().map(|codes| codes.map(linear));
        let greys = DENSITIES.iter().map(|density| [10f64.powf(-density); 3]);
        let darker: Vec<_> = chromatic
            .chain(greys)
            .map(|patch| patch.map(|level| level / 2.0))
            .collect();
        let (error, stops) = best_exposure(&darker);
        assert!(
            error < 1e-6 && (stops - 1.0).abs() < 1e-9,
            "{error} {stops}"
        );
    }

    #[test]
    fn edges_are_found_where_they_are() {
        let (width, height) = (1800, 1200);
        let bytes = (0..height).flat_map(|y: usize| {
            (0..width).flat_map(move |x: usize| {
                // Two rows lower in the middle.
                let edge = 760 + usize::from(x.abs_diff(900) < 300) * 2;
                [if y < edge { 80 } else { 200 }; 3]
            })
        });
        let picture = Png {
            bytes: bytes.collect(),
            width,
            height,
        };
        let bend = picture.bend().unwrap() * width as f64;
        assert!((0.5..2.0).contains(&bend), "{bend}");
        assert_eq!(picture.edge(0.21).map(f64::floor), Some(759.0));
    }
}
