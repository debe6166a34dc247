//! Where developed pictures go.

use super::encode::Encoding;
use crate::arguments::Develop;
use anyhow::{anyhow, bail};
use std::path::{Path, PathBuf};

impl Encoding {
    fn ending(self) -> &'static str {
        match self {
            Self::Jpeg { .. } => "jpg",
            Self::Png { .. } => "png",
            Self::Tiff => "tiff",
        }
    }
}

/// For each file, where its picture goes, or why it cannot go anywhere.
///
/// # Errors
/// When there is one place for several pictures.
pub(super) fn pictures(
    order: &Develop,
    encoding: Encoding,
) -> anyhow::Result<Vec<anyhow::Result<PathBuf>>> {
    let directory = order.output.as_deref().filter(|output| output.is_dir());
    if let (Some(output), None, 2..) = (&order.output, directory, order.files.len()) {
        bail!(
            "{} is no directory, and {} pictures need one",
            output.display(),
            order.files.len()
        );
    }
    let mut taken: Vec<&Path> = Vec::new();
    let mut pictures: Vec<anyhow::Result<PathBuf>> = Vec::new();
    let places = order
        .files
        .iter()
        .map(|file| place(order, directory, file, encoding));
    let places: Vec<PathBuf> = places.collect();
    for (file, picture) in order.files.iter().zip(&places) {
        pictures.push(if picture == file {
            Err(anyhow!(
                "its picture would take its own place: name another with --output"
            ))
        } else if taken.contains(&picture.as_path()) {
            let picture = picture.display();
            Err(anyhow!(
                "its picture would take the place of another one's, {picture}"
            ))
        } else {
            Ok(picture.clone())
        });
        taken.push(picture);
    }
    Ok(pictures)
}

fn place(order: &Develop, directory: Option<&Path>, file: &Path, encoding: Encoding) -> PathBuf {
    let renamed = file.with_extension(encoding.ending());
    match (directory, &order.output) {
        (Some(directory), _) => directory.join(renamed.file_name().unwrap_or_default()),
        (None, Some(output)) => output.clone(),
        (None, None) => renamed,
    }
}
