//! What the system refused to do with a file.

use std::io;
use std::path::{Path, PathBuf};

/// The system refused.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} {path}: {error}", path = path.display())]
pub struct IoError {
    /// What was tried.
    pub action: &'static str,
    /// On which file.
    pub path: PathBuf,
    /// What the system says.
    pub error: io::Error,
}

impl IoError {
    pub(crate) fn new(action: &'static str, path: &Path, error: io::Error) -> Self {
        Self {
            action,
            path: path.into(),
            error,
        }
    }
}
