//! The figures of both IPAs side by side, in Markdown.

use crate::judge::{Convergence, Verdict, mean_and_quantile};
use crate::plan::{COLOURS, EXPOSURES, WHITE, WHITES};

/// Part of the angular errors that the second figure does not exceed.
const MOST: f64 = 0.95;
const NOTHING: &str = "-";

/// Verdicts on the stock IPA and on ours, and the best possible mean error of white of each kind.
pub(crate) fn markdown(
    sensor: &str,
    stock: &Verdict,
    ours: &Verdict,
    best: &[Option<f64>; 2],
) -> String {
    let both = [stock, ours];
    let mut text = format!(
        "# Bayonet's IPA beside libcamera's own\n\nMade by `ipa-compare`, which `make bench` runs: the virtual board \
         `imx8mm` with {sensor}, Debian's kernel and libcamera, both IPAs in a process of their own, the same scenes, \
         light and noise. Times are those of an emulated processor: they say how the two compare, not how long a \
         board takes.\n\n![Exposure and white balance](ipa-comparison.svg)\n\n| | libcamera's | Bayonet's |\n|---|---|---|\n"
    );
    let mut row = |what: String, cell: &dyn Fn(&Verdict) -> Option<String>| {
        let [stock, ours] = both.map(|verdict| cell(verdict).unwrap_or_else(|| NOTHING.into()));
        text += &format!("| {what} | {stock} | {ours} |\n");
    };
    for (index, (name, before, after)) in EXPOSURES.iter().enumerate() {
        let exposure = |verdict: &Verdict| verdict.exposures.get(index).copied().flatten();
        let percent = |value: f64| format!("{:.1} %", value * 100.0);
        row(
            format!("exposure, {name} ({before} to {after} lux): frames until within 5 %"),
            &|verdict| exposure(verdict).map(frames),
        );
        row(format!("exposure, {name}: overshoot"), &|verdict| {
            exposure(verdict).map(|found| percent(found.overshoot))
        });
        row(format!("exposure, {name}: ripple at rest"), &|verdict| {
            exposure(verdict).map(|found| percent(found.ripple))
        });
    }
    for (kind, (name, best)) in WHITE.iter().zip(best).enumerate() {
        let name = name.trim_end_matches([',', ' ']);
        let temperatures = WHITES.len();
        row(
            format!("{name}, photographs at {temperatures} temperatures: pairs measured"),
            &|verdict| Some(verdict.whites[kind].len().to_string()),
        );
        row(format!("{name}: angular error, mean"), &|verdict| {
            mean_and_quantile(&verdict.whites[kind], MOST).map(|(mean, _)| format!("{mean:.2}°"))
        });
        row(
            format!("{name}: angular error, 19 of 20 below"),
            &|verdict| {
                mean_and_quantile(&verdict.whites[kind], MOST)
                    .map(|(_, most)| format!("{most:.2}°"))
            },
        );
        row(
            format!("{name}: mean error of an oracle on the same mean colours"),
            &|_| best.map(|best| format!("{best:.2}°")),
        );
    }
    for (index, kelvin) in COLOURS.iter().enumerate() {
        let colour = |verdict: &Verdict| verdict.colours.get(index).copied().flatten();
        row(
            format!("colour chart, {kelvin} K: mean ΔE00 as shown"),
            &|verdict| colour(verdict).map(|found| format!("{:.2}", found.shown)),
        );
        row(
            format!("colour chart, {kelvin} K: mean ΔE00 at best exposure"),
            &|verdict| colour(verdict).map(|found| format!("{:.2}", found.best)),
        );
        row(
            format!("colour chart, {kelvin} K: the same of its greys"),
            &|verdict| colour(verdict).map(|found| format!("{:.2}", found.greys)),
        );
        row(
            format!("colour chart, {kelvin} K: middle greys, stops too light"),
            &|verdict| colour(verdict).map(|found| format!("{:+.2}", found.stops)),
        );
    }
    row(
        "worker: processor time a frame, least of all runs".into(),
        &|verdict| verdict.cpu_us.map(|time| format!("{time:.0} µs")),
    );
    row("worker: resident memory".into(), &|verdict| {
        verdict.resident_kib.map(|size| format!("{size} KiB"))
    });
    row("worker: heap allocations a frame".into(), &|verdict| {
        verdict.allocations.map(|count| format!("{count:.1}"))
    });
    text += "\nWhite is compared as the sensor sees it: what `ColourGains` takes for grey, against the sensor model's \
             grey in that light; an oracle that knows the truth of the same pairs fits a polynomial of second degree to \
             the mean colours, without the illuminance. Middle greys are the chart's patches of densities 0.44, 0.70 \
             and 1.05. Heap allocations are counted by the guest's kernel, in a run by itself.\n";
    for (whose, verdict) in ["libcamera's", "Bayonet's"].iter().zip(both) {
        for failure in &verdict.failures {
            text += &format!("\nNot measured with {whose}: {failure}\n");
        }
    }
    text
}

fn frames(found: Convergence) -> String {
    found
        .frames
        .map_or_else(|| "never".into(), |frames| frames.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_has_both_figures_or_says_that_there_is_none() {
        let found = Convergence {
            frames: None,
            overshoot: 0.123,
            ripple: 0.0,
        };
        let stock = Verdict {
            exposures: vec![Some(found); EXPOSURES.len()],
            whites: [vec![1.0, 2.0], Vec::new()],
            cpu_us: Some(12.3),
            ..Verdict::default()
        };
        let ours = Verdict {
            failures: vec!["colour 2900: no frame".into()],
            ..Verdict::default()
        };
        let text = markdown("imx219", &stock, &ours, &[Some(0.75), None]);
        let rows: Vec<_> = text.lines().filter(|line| line.starts_with("| ")).collect();
        assert_eq!(
            rows.len(),
            1 + 3 * EXPOSURES.len() + 4 * WHITE.len() + 4 * COLOURS.len() + 3
        );
        assert!(rows.iter().all(|row| row.matches('|').count() == 4));
        for words in [
            "| never | - |",
            "| 12.3 % | - |",
            "| 1.50° | - |",
            "| 12 µs | - |",
            "| 0.75° | 0.75° |",
            "| 2 | 0 |",
        ] {
            assert!(text.contains(words), "{words}: {text}");
        }
        assert!(text.contains("Not measured with Bayonet's: colour 2900: no frame"));
    }
}
