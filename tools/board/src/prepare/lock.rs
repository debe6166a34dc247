//! `guest.lock`: the exact packages of every root, one `ROOT PACKAGE ARCHITECTURE VERSION` a line, sorted.
//!
//! The file records what was tried; it cannot bring old packages back, for the archive keeps the newest only.
//! So a difference is shown, loudly, and the newer packages are used.

use super::error::{Error, Result};
use std::collections::BTreeMap;
use std::path::Path;

/// The explanation at the top of the file.
const HEADER: &str = "\
# Packages of the build roots and of the guest: root, package, architecture, version.
# Written by `bayonet-board build --update`.
";

/// Most differences that are shown one by one.
const SHOWN_DIFFERENCES: usize = 12;

/// A package of one architecture.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Package {
    /// Name, as `apt` knows it.
    pub(super) name: String,
    /// Debian architecture; `all` for none.
    pub(super) architecture: String,
}

/// Packages of one root with their versions.
pub(super) type Packages = BTreeMap<Package, String>;

/// The recorded packages of all roots.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Lock {
    roots: BTreeMap<String, Packages>,
}

impl Lock {
    /// Reads the file; one that is not there records nothing.
    pub(super) fn read(path: &Path) -> Result<Self> {
        use super::error::AtPath;
        match std::fs::read_to_string(path) {
            Ok(text) => Self::parse(&text).ok_or_else(|| Error::Unexpected {
                path: path.to_path_buf(),
                problem: "not lines of root, package, architecture, version".to_owned(),
            }),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(error).at("read", path),
        }
    }

    /// Reads the file's text; `None` for a line that is not four words.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut lock = Self::default();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let words: Vec<&str> = line.split_whitespace().collect();
            let [root, name, architecture, version] = words[..] else {
                return None;
            };
            let package = Package {
                name: name.to_owned(),
                architecture: architecture.to_owned(),
            };
            let packages = lock.roots.entry(root.to_owned()).or_default();
            packages.insert(package, version.to_owned());
        }
        Some(lock)
    }

    /// The file's text.
    pub(super) fn text(&self) -> String {
        let lines = self.roots.keys().map(|root| self.root_text(root));
        HEADER.to_owned() + &lines.collect::<String>()
    }

    /// The lines of one root.
    pub(super) fn root_text(&self, root: &str) -> String {
        let packages = self.roots.get(root).into_iter().flatten();
        packages
            .map(|(package, version)| {
                format!(
                    "{root} {} {} {version}\n",
                    package.name, package.architecture
                )
            })
            .collect()
    }

    /// The packages of one root.
    pub(super) fn root(&self, root: &str) -> Packages {
        self.roots.get(root).cloned().unwrap_or_default()
    }

    /// Version of a package of one root; empty where it is not there.
    pub(super) fn version(&self, root: &str, name: &str) -> String {
        let mut packages = self.roots.get(root).into_iter().flatten();
        let found = packages.find(|(package, _)| package.name == name);
        found.map_or_else(String::new, |(_, version)| version.clone())
    }

    /// Records the packages of one root in the place of what was recorded for it.
    pub(super) fn set(&mut self, root: &str, packages: Packages) {
        self.roots.insert(root.to_owned(), packages);
    }

    /// What is different in the root as installed, one line a package; empty where nothing is.
    pub(super) fn differences(&self, root: &str, installed: &Packages) -> String {
        let recorded = self.root(root);
        let mut lines = Vec::new();
        for (package, version) in installed {
            match recorded.get(package) {
                Some(old) if old == version => {}
                Some(old) => lines.push((package, format!("{old} -> {version}"))),
                None => lines.push((package, format!("{version} is not recorded"))),
            }
        }
        let gone = recorded.keys().filter(|name| !installed.contains_key(name));
        lines.extend(gone.map(|package| (package, "recorded, not installed".to_owned())));
        let mut text: Vec<String> = lines
            .iter()
            .take(SHOWN_DIFFERENCES)
            .map(|(package, what)| {
                format!("  {root}: {}:{} {what}", package.name, package.architecture)
            })
            .collect();
        if lines.len() > SHOWN_DIFFERENCES {
            text.push(format!(
                "  {root}: and {} more",
                lines.len() - SHOWN_DIFFERENCES
            ));
        }
        text.join("\n")
    }
}

/// Installed packages from the text of dpkg's status file.
pub(super) fn from_dpkg_status(text: &str) -> Packages {
    let mut packages = Packages::new();
    for paragraph in text.split("\n\n") {
        let field = |name: &str| {
            let mut lines = paragraph.lines();
            lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
        };
        if let (Some(name), Some(architecture), Some(version), Some("install ok installed")) = (
            field("Package"),
            field("Architecture"),
            field("Version"),
            field("Status"),
        ) {
            let package = Package {
                name: name.to_owned(),
                architecture: architecture.to_owned(),
            };
            packages.insert(package, version.to_owned());
        }
    }
    packages
}

/// Packages from the names of downloaded archives, `NAME_VERSION_ARCHITECTURE.deb`, one a line.
pub(super) fn from_archive_names(text: &str) -> Packages {
    let mut packages = Packages::new();
    for line in text.lines() {
        let stem = line.strip_suffix(".deb").unwrap_or_default();
        if let [name, version, architecture] = stem.split('_').collect::<Vec<_>>()[..] {
            let package = Package {
                name: name.to_owned(),
                architecture: architecture.to_owned(),
            };
            // apt writes the epoch's colon in the way of URLs.
            packages.insert(package, version.replace("%3a", ":"));
        }
    }
    packages
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn lock(text: &str) -> Lock {
        Lock::parse(text).unwrap()
    }

    #[test]
    fn differences_name_root_and_package() {
        let recorded =
            lock("guest kmod arm64 34-1\nguest udev arm64 257-1\nguest zlib1g arm64 1.3\n");
        let installed =
            lock("guest kmod arm64 34-2\nguest zlib1g arm64 1.3\nguest v4l-utils arm64 1.30\n");
        let text = recorded.differences("guest", &installed.root("guest"));
        assert_eq!(
            text,
            "  guest: kmod:arm64 34-1 -> 34-2\n  guest: v4l-utils:arm64 1.30 is not recorded\n  \
             guest: udev:arm64 recorded, not installed"
        );
        assert_eq!(recorded.differences("guest", &recorded.root("guest")), "");
    }

    #[test]
    fn many_differences_are_counted() {
        let mut installed = Packages::new();
        for number in 0..20 {
            let name = format!("package{number:02}");
            let architecture = "all".to_owned();
            installed.insert(Package { name, architecture }, "1".to_owned());
        }
        let text = Lock::default().differences("guest", &installed);
        assert_eq!(text.lines().count(), SHOWN_DIFFERENCES + 1);
        assert!(text.ends_with("and 8 more"));
    }

    #[test]
    fn a_line_that_is_not_four_words_is_refused() {
        assert_eq!(Lock::parse("guest kmod arm64\n"), None);
    }

    #[test]
    fn dpkg_status_counts_what_is_installed() {
        let text = "Package: gcc\nStatus: install ok installed\nArchitecture: amd64\nVersion: 4:14.2.0-1\n\n\
                    Package: gone\nStatus: deinstall ok config-files\nArchitecture: amd64\nVersion: 1\n";
        let packages = from_dpkg_status(text);
        assert_eq!(packages.len(), 1);
        assert_eq!(packages.values().next().unwrap(), "4:14.2.0-1");
    }

    #[test]
    fn archive_names_give_versions_with_epoch() {
        let packages = from_archive_names("gcc_4%3a14.2.0-1_arm64.deb\nlock\npartial\n");
        let gcc = Package {
            name: "gcc".to_owned(),
            architecture: "arm64".to_owned(),
        };
        assert_eq!(packages, Packages::from([(gcc, "4:14.2.0-1".to_owned())]));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn text_is_read_back(
            lines in prop::collection::vec(("[a-z]{1,8}", "[a-z0-9+.-]{2,12}", "arm64|all", "[0-9][0-9a-z:.+~-]{0,9}"), 0..20)
        ) {
            let text: String = lines.iter().map(|(r, n, a, v)| format!("{r} {n} {a} {v}\n")).collect();
            let lock = lock(&text);
            prop_assert_eq!(Lock::parse(&lock.text()), Some(lock));
        }
    }
}
