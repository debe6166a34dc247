//! The curves of both IPAs, as SVG.

use crate::judge::{Verdict, behind_change, final_exposure};
use crate::plan::{EXPOSURE, EXPOSURE_FRAMES, EXPOSURES, WHITE};
use bayonet_kernel_tests::comparison::Finding;

const PANEL: (f64, f64) = (260.0, 180.0);
const MARGIN: f64 = 46.0;
/// Stops around the final exposure that are shown.
const STOPS: f64 = 3.0;
/// Degrees of error that are shown.
const DEGREES: f64 = 12.0;
/// Colours that people with any eyes can tell apart (Okabe and Ito, 2008).
const COLOURS: [&str; 2] = ["#d55e00", "#0072b2"];
const NAMES: [&str; 2] = ["libcamera's", "Bayonet's"];

/// A panel with axes.
struct Panel {
    left: f64,
    top: f64,
    x: [f64; 2],
    y: [f64; 2],
}

impl Panel {
    fn point(&self, x: f64, y: f64) -> String {
        let part =
            |value: f64, [low, high]: [f64; 2]| ((value - low) / (high - low)).clamp(0.0, 1.0);
        let (x, y) = (part(x, self.x), 1.0 - part(y, self.y));
        format!(
            "{:.1},{:.1}",
            self.left + x * PANEL.0,
            self.top + y * PANEL.1
        )
    }

    fn axes(&self, title: &str, x: &str, y: &str) -> String {
        let Self { left, top, .. } = self;
        let (width, height) = PANEL;
        let (middle, bottom) = (left + width / 2.0, top + height);
        let [low, high] = self.y;
        let (at, half) = (left - 6.0, top + height / 2.0);
        format!(
            "<rect x=\"{left}\" y=\"{top}\" width=\"{width}\" height=\"{height}\" fill=\"none\" stroke=\"#888\"/>\n\
             <text x=\"{middle}\" y=\"{}\" text-anchor=\"middle\" font-weight=\"bold\">{title}</text>\n\
             <text x=\"{middle}\" y=\"{}\" text-anchor=\"middle\">{x}: {} to {}</text>\n\
             <text x=\"{at}\" y=\"{half}\" text-anchor=\"middle\" transform=\"rotate(-90 {at} {half})\">{y}: {low} to \
             {high}</text>\n",
            top - 6.0,
            bottom + 15.0,
            self.x[0],
            self.x[1],
        )
    }

    fn line(&self, points: impl Iterator<Item = (f64, f64)>, colour: &str) -> String {
        let points = points.map(|(x, y)| self.point(x, y));
        let points = points.collect::<Vec<_>>().join(" ");
        format!(
            "<polyline points=\"{points}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.5\"/>\n"
        )
    }
}

/// Findings and verdicts of the stock IPA and of ours.
pub(crate) fn svg(findings: [&[Finding]; 2], verdicts: [&Verdict; 2]) -> String {
    let panels = EXPOSURES.len() + WHITE.len();
    let (columns, rows) = (3, panels.div_ceil(3));
    let left = |index: usize| MARGIN + (index % columns) as f64 * (PANEL.0 + MARGIN);
    let top = |index: usize| MARGIN + (index / columns) as f64 * (PANEL.1 + 1.3 * MARGIN);
    let (width, height) = (
        left(columns - 1) + PANEL.0 + MARGIN,
        top(columns * (rows - 1)) + PANEL.1 + MARGIN,
    );
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" font-family=\"sans-serif\" \
         font-size=\"11\">\n<rect width=\"{width}\" height=\"{height}\" fill=\"white\"/>\n"
    );
    for (index, (name, ..)) in EXPOSURES.iter().enumerate() {
        let panel = Panel {
            left: left(index),
            top: top(index),
            x: [0.0, EXPOSURE_FRAMES as f64],
            y: [-STOPS, STOPS],
        };
        text += &panel.axes(&format!("exposure, {name}"), "frames", "stops off the end");
        for (findings, colour) in findings.iter().zip(COLOURS) {
            let wanted = format!("{EXPOSURE}{name}");
            let Some(finding) = findings.iter().find(|finding| finding.name == wanted) else {
                continue;
            };
            let exposures = behind_change(finding);
            let Some(end) = final_exposure(&exposures) else {
                continue;
            };
            let points = exposures.iter().enumerate();
            let points =
                points.map(|(frame, exposure)| (frame as f64, (exposure.max(1e-6) / end).log2()));
            text += &panel.line(points, colour);
        }
    }
    for (kind, name) in WHITE.iter().enumerate() {
        let place = EXPOSURES.len() + kind;
        let panel = Panel {
            left: left(place),
            top: top(place),
            x: [0.0, DEGREES],
            y: [0.0, 1.0],
        };
        text += &panel.axes(
            name.trim_end_matches([',', ' ']),
            "degrees",
            "pairs with less error",
        );
        for (verdict, colour) in verdicts.iter().zip(COLOURS) {
            let count = verdict.whites[kind].len() as f64;
            let points = verdict.whites[kind].iter().enumerate();
            let points = points.map(|(index, &error)| (error, (index + 1) as f64 / count));
            text += &panel.line(std::iter::once((0.0, 0.0)).chain(points), colour);
        }
    }
    for (index, (name, colour)) in NAMES.iter().zip(COLOURS).enumerate() {
        let (x, y) = (MARGIN + index as f64 * 120.0, MARGIN - 26.0);
        text += &format!(
            "<text x=\"{x}\" y=\"{y}\" fill=\"{colour}\" font-size=\"14\">{name}</text>\n"
        );
    }
    text + "</svg>\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use bayonet_kernel_tests::comparison::Frame;

    #[test]
    fn each_ipa_has_a_line_in_each_panel_that_it_has_findings_for() {
        let frame = |exposure| Frame {
            exposure,
            gains: None,
        };
        let finding = Finding {
            name: "exposure from dark".into(),
            frames: (0..2 * EXPOSURE_FRAMES)
                .map(|number| frame(1.0 + number as f64))
                .collect(),
            ..Finding::default()
        };
        let verdict = Verdict {
            whites: [vec![0.5, 40.0], Vec::new()],
            ..Verdict::default()
        };
        let text = svg([&[finding], &[]], [&verdict, &Verdict::default()]);
        assert_eq!(text.matches("<polyline").count(), 1 + 2 * WHITE.len());
        assert!(text.starts_with("<svg") && text.ends_with("</svg>\n"));
        // What is beyond an axis stays at its end.
        assert!(!text.contains("NaN") && !text.contains("inf"), "{text}");
        assert_eq!(
            text.matches("<text").count(),
            3 * (EXPOSURES.len() + WHITE.len()) + NAMES.len()
        );
    }
}
