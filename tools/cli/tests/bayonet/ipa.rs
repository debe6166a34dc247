//! Installing the IPA into a system made of files: none of it asks `bayonetd`.

use crate::{finish, program, refused};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

const ETC: &str = "etc/libcamera/configuration.yaml";
const MODULE: &str = "usr/local/lib/bayonet/libcamera/ipa_bayonet.so";
const WORKER: &str = "usr/local/libexec/bayonet/libcamera/soft_ipa_proxy";
const FOREIGN: &str =
    "version: 1\nconfiguration:\n  # Mine.\n  ipa:\n    module_paths:\n    - /opt/ipa\n";

/// A system with libcamera and the built files.
struct Root(TempDir);

impl Root {
    fn new() -> Self {
        let root = Self(tempfile::tempdir().unwrap());
        root.write("usr/lib/aarch64-linux-gnu/libcamera.so.0.7.1", "");
        root.write("built/libbayonet_ipa.so", "module");
        root.write("built/soft_ipa_proxy", "worker");
        root.write("built/tuning/imx219.yaml", "version: 1\n");
        root.write("built/tuning/imx283.yaml", "version: 1\n");
        root.write("built/tuning/README", "no tuning\n");
        root
    }

    fn path(&self, path: &str) -> PathBuf {
        self.0.path().join(path)
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn read(&self, path: &str) -> String {
        fs::read_to_string(self.path(path)).unwrap()
    }

    /// Every file with its text.
    fn files(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut files = BTreeMap::new();
        let mut directories = vec![self.0.path().to_owned()];
        while let Some(directory) = directories.pop() {
            for entry in fs::read_dir(directory).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    directories.push(path);
                } else {
                    files.insert(path.clone(), fs::read(path).unwrap());
                }
            }
        }
        files
    }

    fn command(&self, arguments: &[&str]) -> tokio::process::Command {
        let root = self.0.path().to_str().unwrap();
        let mut all = vec!["ipa", arguments[0], "--root", root];
        let from = self.path("built");
        if arguments[0] == "install" {
            all.extend(["--from", from.to_str().unwrap()]);
        }
        all.extend(&arguments[1..]);
        let mut command = program(Path::new("/nowhere"), &all);
        command
            .env("HOME", "/home/ada")
            .env_remove("XDG_CONFIG_HOME");
        for variable in ["MODULE", "PROXY", "CONFIG"] {
            command.env_remove(format!("LIBCAMERA_IPA_{variable}_PATH"));
        }
        command
    }

    async fn ipa(&self, arguments: &[&str]) -> String {
        let output = finish(self.command(arguments)).await;
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {errors}");
        assert_eq!(errors, "");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Complaints, after which nothing may have changed.
    async fn refused(&self, arguments: &[&str]) -> String {
        let before = self.files();
        let output = finish(self.command(arguments)).await;
        assert_eq!(output.status.code(), Some(1));
        assert_eq!(self.files(), before);
        String::from_utf8(output.stderr).unwrap()
    }

    async fn status(&self) -> Value {
        serde_json::from_str(&self.ipa(&["status", "--json"]).await).unwrap()
    }
}

#[tokio::test]
async fn files_and_configuration_come_and_go() {
    let root = Root::new();
    let before = root.files();
    assert_eq!(root.status().await["in_use"], false);
    let told = root.ipa(&["install"]).await;
    let expected = "\
installed  /usr/local/lib/bayonet/libcamera/ipa_bayonet.so
installed  /usr/local/libexec/bayonet/libcamera/soft_ipa_proxy
installed  /usr/local/share/bayonet/libcamera/ipa/bayonet/imx219.yaml
installed  /usr/local/share/bayonet/libcamera/ipa/bayonet/imx283.yaml
created    /etc/libcamera/configuration.yaml
";
    assert_eq!(told, expected);
    assert_eq!(root.read(MODULE), "module");
    let mode = |path| fs::metadata(root.path(path)).unwrap().permissions().mode() & 0o777;
    assert_eq!(
        (mode(MODULE), mode(WORKER), mode(ETC)),
        (0o644, 0o755, 0o644)
    );
    let status = root.status().await;
    assert_eq!(status["in_use"], true);
    assert_eq!(status["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(status["worker"], "executable");

    let installed = root.files();
    let again = root.ipa(&["install", "--json"]).await;
    let again: Value = serde_json::from_str(&again).unwrap();
    assert_eq!(again["configuration"], Value::Array(vec![]));
    assert_eq!(root.files(), installed);

    root.write(
        "usr/local/share/bayonet/libcamera/ipa/bayonet/mine.yaml",
        "mine",
    );
    root.ipa(&["remove"]).await;
    let mut left = root.files();
    let mine = root.path("usr/local/share/bayonet/libcamera/ipa/bayonet/mine.yaml");
    assert_eq!(left.remove(&mine).unwrap(), b"mine");
    assert_eq!(left, before);
    for directory in ["usr/local/lib/bayonet", "etc/libcamera"] {
        assert!(!root.path(directory).exists(), "{directory}");
    }
    assert_eq!(
        root.ipa(&["remove"]).await,
        "nothing  there was nothing to do\n"
    );
}

#[tokio::test]
async fn a_file_of_others_is_shown_backed_up_and_given_back() {
    let root = Root::new();
    root.write(ETC, FOREIGN);
    fs::set_permissions(root.path(ETC), fs::Permissions::from_mode(0o600)).unwrap();
    let said = root.refused(&["install"]).await;
    for words in [
        "/etc/libcamera/configuration.yaml is there already and was not changed; --yes",
        "    - /opt/ipa\n",
        "+     - /usr/local/lib/bayonet/libcamera # bayonet\n",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
    let told = root.ipa(&["install", "--yes"]).await;
    assert!(
        told.contains("+     - /usr/local/lib/bayonet/libcamera # bayonet\n"),
        "{told}"
    );
    assert!(
        told.contains("edited     /etc/libcamera/configuration.yaml\n"),
        "{told}"
    );
    assert!(
        told.contains("/etc/libcamera/configuration.yaml.bayonet-backup-1\n"),
        "{told}"
    );
    assert!(root.read(ETC).contains("  # Mine.\n"));
    let mode = fs::metadata(root.path(ETC)).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(root.status().await["in_use"], true);

    root.refused(&["remove"]).await;
    root.ipa(&["remove", "--yes"]).await;
    assert_eq!(root.read(ETC), FOREIGN);
    // A backup is not made twice, and none is replaced.
    root.ipa(&["install", "--yes"]).await;
    root.write(ETC, &FOREIGN.replace("Mine", "Ours"));
    root.ipa(&["install", "--yes"]).await;
    assert_eq!(root.read(&format!("{ETC}.bayonet-backup-1")), FOREIGN);
    assert!(
        root.read(&format!("{ETC}.bayonet-backup-3"))
            .contains("Ours")
    );
}

#[tokio::test]
async fn a_link_stays_one() {
    let root = Root::new();
    root.write("etc/libcamera/real.yaml", FOREIGN);
    symlink("real.yaml", root.path(ETC)).unwrap();
    root.ipa(&["install", "--yes"]).await;
    assert!(root.path(ETC).is_symlink());
    assert!(root.read("etc/libcamera/real.yaml").contains("# bayonet"));
    root.ipa(&["remove", "--yes"]).await;
    assert_eq!(root.read("etc/libcamera/real.yaml"), FOREIGN);
}

#[tokio::test]
async fn what_is_wrong_is_told_before_anything_is_written() {
    let root = Root::new();
    root.write(
        ETC,
        "version: 1\nconfiguration:\n  ipa: { module_paths: [ /x ] }\n",
    );
    let said = root.refused(&["install", "--yes"]).await;
    for words in [
        "write into it by hand:\nversion: 1\nconfiguration:\n  ipa:\n    module_paths:\n      - /usr/local/lib/bayonet",
        "because: line 3: ipa is not alone on its line",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
    fs::remove_file(root.path(ETC)).unwrap();
    fs::remove_file(root.path("built/soft_ipa_proxy")).unwrap();
    let said = root.refused(&["install"]).await;
    assert!(
        said.contains("built/soft_ipa_proxy; make install-ipa builds it"),
        "{said}"
    );
    let root = Root::new();
    fs::rename(
        root.path("usr/lib/aarch64-linux-gnu/libcamera.so.0.7.1"),
        root.path("usr/lib/aarch64-linux-gnu/libcamera.so.0.6.0"),
    )
    .unwrap();
    let said = root.refused(&["install"]).await;
    assert_eq!(
        said,
        "bayonet: libcamera 0.6.0 in /usr/lib/aarch64-linux-gnu speaks with IPA modules in another way; this one is \
         for 0.7\n"
    );
    let (code, _) = refused(root.command(&["status", "--prefix", "usr"])).await;
    assert_eq!(code, 2);
}

#[tokio::test]
async fn what_goes_before_is_told() {
    let root = Root::new();
    let own = "home/ada/.config/libcamera/configuration.yaml";
    root.write(
        "etc/passwd",
        "root:x:0:0::/root:/bin/sh\nada:x:1:1::/home/ada:/bin/sh\n",
    );
    root.write(own, "version: 1\nconfiguration:\n");
    let told = root.ipa(&["install"]).await;
    let shadow = "/home/ada/.config/libcamera/configuration.yaml does not name it in module_paths, proxy_paths, \
                  config_paths, and goes before the system's; write into it:\nversion: 1\n";
    assert!(told.contains(shadow), "{told}");
    assert_eq!(root.status().await["in_use"], false);
    assert!(root.ipa(&["status"]).await.contains(shadow));
    // Root's own stands in the way of nobody but root.
    fs::rename(root.path("home"), root.path("root")).unwrap();
    assert_eq!(root.status().await["in_use"], true);
    let mut command = root.command(&["status"]);
    command.env("LIBCAMERA_IPA_MODULE_PATH", "/opt/ipa");
    let told = String::from_utf8(finish(command).await.stdout).unwrap();
    assert!(
        told.contains("LIBCAMERA_IPA_MODULE_PATH goes before and does not name it"),
        "{told}"
    );
    assert!(told.ends_with("used           no\n"), "{told}");
}

#[tokio::test]
async fn a_system_that_is_put_together_needs_no_libcamera_yet() {
    let root = Root::new();
    fs::remove_dir_all(root.path("usr")).unwrap();
    let told = root.ipa(&["install", "--prefix", "/usr"]).await;
    assert!(told.contains("There is no libcamera in "), "{told}");
    assert!(
        root.path("usr/libexec/bayonet/libcamera/soft_ipa_proxy")
            .exists()
    );
    assert!(
        root.read(ETC)
            .contains("- /usr/share/bayonet/libcamera/ipa # bayonet\n")
    );
    // What another prefix has stays.
    root.ipa(&["install", "--prefix", "/opt"]).await;
    root.ipa(&["remove", "--prefix", "/usr"]).await;
    assert!(
        root.read(ETC)
            .contains("- /opt/share/bayonet/libcamera/ipa # bayonet\n")
    );
    assert!(!root.path("usr").join("lib").join("bayonet").exists());
}
