//! GPIO lines by name, through libgpiod's tools and so the character device.

use crate::process::{Running, output};
use anyhow::{Context, Result, ensure};
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(30);

/// Levels of lines, in the order asked for.
pub(crate) fn levels(lines: &[&str]) -> Result<Vec<bool>> {
    let mut arguments = vec!["--numeric"];
    arguments.extend(lines);
    let text = output("gpioget", &arguments, LIMIT)?;
    let levels: Vec<bool> = text.split_whitespace().map(|word| word == "1").collect();
    ensure!(
        levels.len() == lines.len(),
        "gpioget {} said {text:?}",
        lines.join(" ")
    );
    Ok(levels)
}

/// Whether the mount's presence line says that a sensor is connected: it is pulled low then.
pub(crate) fn mount_present() -> Result<bool> {
    Ok(!levels(&["MOUNT_PRESENT"])?[0])
}

/// Watches a line for `count` edges.
pub(crate) fn watch(line: &str, count: usize) -> Result<Running> {
    let count = format!("--num-events={count}");
    let mut watching = Running::start("gpiomon", &["--banner", &count, "--format=%E", line])?;
    watching
        .wait_for(LIMIT, |text| text.contains("Monitoring"))
        .context("gpiomon")?;
    Ok(watching)
}

/// The edges that a watch saw, `rising` or `falling`.
pub(crate) fn edges(watching: Running) -> Result<Vec<String>> {
    let ended = watching.finish(LIMIT)?;
    ensure!(
        ended.success(),
        "gpiomon: {}; it saw {:?}",
        ended.last_words(),
        ended.stdout
    );
    let words = ended
        .stdout
        .lines()
        .filter(|line| !line.contains("Monitoring"));
    Ok(words.map(|word| word.trim().to_owned()).collect())
}
