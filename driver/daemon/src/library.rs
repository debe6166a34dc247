//! Lens profiles: the built-in ones, and those in the configured directories.

use bayonet_core::lens::{Library, Profile};
use log::{error, info};
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// Ending of a profile's file.
const ENDING: &str = "toml";

/// The built-in profiles and those of `directories`, where a later profile replaces one of the same name. What is
/// wrong with a file or a directory is logged, and costs that file.
pub fn load(directories: &[PathBuf]) -> Library {
    let mut library = Library::built_in();
    for directory in directories {
        let files = match files(directory) {
            Ok(files) => files,
            Err(problem) if problem.kind() == ErrorKind::NotFound => continue,
            Err(problem) => {
                error!("{}: {problem}", directory.display());
                continue;
            }
        };
        for file in files {
            match read(&file) {
                Ok(profile) => {
                    info!("lens profile {} from {}", profile.name, file.display());
                    library.add(profile);
                }
                Err(problem) => error!("{}: {problem}; it is left out", file.display()),
            }
        }
    }
    library
}

/// The profiles' files in a directory, in the order of their names.
fn files(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.extension().is_some_and(|ending| ending == ENDING) {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn read(file: &Path) -> Result<Profile, String> {
    let text = fs::read_to_string(file).map_err(|problem| problem.to_string())?;
    Profile::parse(&text).map_err(|problem| problem.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_file_costs_only_itself() {
        let directory = tempfile::tempdir().expect("a directory");
        let built_in = Library::built_in();
        let count = |library: &Library| library.profiles().count();
        fs::write(directory.path().join("a.toml"), "name = 7").expect("written");
        fs::write(directory.path().join("b.txt"), "nothing").expect("written");
        let missing = directory.path().join("none");
        let loaded = load(&[missing, directory.path().to_path_buf()]);
        assert_eq!(count(&loaded), count(&built_in));
    }
}
