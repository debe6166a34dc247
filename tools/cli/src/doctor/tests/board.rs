//! A board that works, made of files.

use super::super::*;
use bayonet_daemon::config;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

pub(super) const PID: &str = "4711";
pub(super) const IPA: &str = "usr/lib/aarch64-linux-gnu/libcamera/ipa/ipa_rpi_pisp.so";
/// Phandle of the GPIO controller.
const GPIO: u8 = 99;

pub(super) struct Board {
    pub(super) directory: TempDir,
    pub(super) environment: BTreeMap<String, String>,
}

impl Board {
    /// Main camera and mount, both bound, and `bayonetd` that runs.
    pub(super) fn new() -> Self {
        let board = Self {
            directory: tempfile::tempdir().unwrap(),
            environment: BTreeMap::new(),
        };
        board.write("proc/sys/kernel/osrelease", "7.3.4-arm64\n");
        board.write("proc/sys/user/max_user_namespaces", "7000\n");
        board.write("proc/self/ns/user", "");
        board.write("sys/kernel/security/lsm", "capability,landlock,apparmor\n");
        board.write("sys/class/i2c-dev/i2c-1/name", "");
        board.tree("module/compatible", b"bayonet,module\0");
        board.tree("gpio/phandle", &[0, 0, 0, GPIO]);
        board.tree("gpio/#gpio-cells", &[0, 0, 0, 2]);
        board.device("gpio", "gpiochip0", "gpio", "pinctrl-rp1");
        board.lines("present-gpios", &[6]);
        board.lines("lens-code-gpios", &[16, 17, 18, 19, 20, 21]);
        board.lines("frame-select-gpios", &[22, 23]);
        for (number, name, sensor) in [(1, "main", "imx219"), (2, "mount", "imx283")] {
            let node = format!("i2c@{number}/sensor@1a");
            board.tree(&format!("module/{name}-sensor"), &[0, 0, 0, number]);
            board.tree(
                &format!("{node}/compatible"),
                format!("sony,{sensor}\0").as_bytes(),
            );
            board.tree(&format!("{node}/phandle"), &[0, 0, 0, number]);
            board.tree(&format!("{node}/reg"), &[0, 0, 0, 0x1a]);
            let csi = format!("csi@{number}");
            for (node, own, other) in [(&node, 20, 10), (&csi, 10, 20)] {
                let endpoint = format!("{node}/port/endpoint");
                let tree =
                    |property, value: &[u8]| board.tree(&format!("{endpoint}/{property}"), value);
                tree("phandle", &[0, 0, 0, number + own]);
                tree("remote-endpoint", &[0, 0, 0, number + other]);
                tree("data-lanes", &[0, 0, 0, 1, 0, 0, 0, 2]);
            }
            board.tree(
                &format!("csi@{number}/compatible"),
                b"raspberrypi,rp1-cfe\0",
            );
            board.tree(&format!("isp@{number}/compatible"), b"raspberrypi,pispbe\0");
            let device = board.device("i2c", &format!("{number}-001a"), &node, sensor);
            board.write(&format!("{device}/name"), format!("{sensor}\n"));
            board.node(
                &format!("{device}/video4linux"),
                &format!("v4l-subdev{number}"),
            );
            let device = board.device(
                "platform",
                &format!("{number}.csi"),
                &format!("csi@{number}"),
                "rp1-cfe",
            );
            board.node(&device, &format!("media{number}"));
            board.node(&format!("{device}/video4linux"), &format!("video{number}"));
            let device = board.device(
                "platform",
                &format!("{number}.isp"),
                &format!("isp@{number}"),
                "pispbe",
            );
            board.node(&device, &format!("media1{number}"));
            board.write(
                &format!("usr/share/libcamera/ipa/rpi/pisp/{sensor}.json"),
                "{}",
            );
        }
        let group = fs::metadata(board.directory.path()).unwrap().gid();
        board.write(
            "etc/group",
            format!("root:x:0:\nvideo:x:{group}:\nbayonet:x:990:\n"),
        );
        board.write(
            "etc/passwd",
            "root:x:0:0::/:/bin/sh\nnobody:x:65534:65534::/:/bin/false\n",
        );
        board.write("usr/libexec/bayonet-camera", "");
        board.write("usr/lib/aarch64-linux-gnu/libcamera.so.0.7.1", "");
        board.write("usr/lib/aarch64-linux-gnu/libcamera.so.0.7", "");
        board.write(IPA, "");
        board.write("var/lib/bayonet/captures/x", "");
        board.write("run/bayonet/api.sock.lock", format!("{PID}\n"));
        board.write(&format!("proc/{PID}/environ"), "A=b\0LANG=C\0");
        board
    }

    pub(super) fn path(&self, path: &str) -> PathBuf {
        self.directory.path().join(path)
    }

    pub(super) fn write(&self, path: &str, text: impl AsRef<[u8]>) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub(super) fn remove(&self, path: &str) {
        let path = self.path(path);
        fs::remove_file(&path)
            .or_else(|_| fs::remove_dir_all(&path))
            .unwrap();
    }

    pub(super) fn tree(&self, path: &str, value: &[u8]) {
        self.write(&format!("proc/device-tree/{path}"), value);
    }

    /// A property of the module's node that names lines of the chip.
    pub(super) fn lines(&self, property: &str, offsets: &[u8]) {
        let cells = offsets.iter().flat_map(|&offset| [GPIO, offset, 16]);
        let value: Vec<u8> = cells.flat_map(|cell| [0, 0, 0, cell]).collect();
        self.tree(&format!("module/{property}"), &value);
    }

    /// A device with a driver.
    pub(super) fn device(&self, bus: &str, name: &str, node: &str, driver: &str) -> String {
        let device = format!("sys/bus/{bus}/devices/{name}");
        let driver = format!("sys/bus/{bus}/drivers/{driver}");
        for directory in [&device, &driver] {
            fs::create_dir_all(self.path(directory)).unwrap();
        }
        symlink(
            self.path("proc/device-tree").join(node),
            self.path(&device).join("of_node"),
        )
        .unwrap();
        symlink(self.path(&driver), self.path(&device).join("driver")).unwrap();
        symlink(self.path(&device), self.path(&driver).join(name)).unwrap();
        device
    }

    /// A device node, in sysfs and in /dev.
    pub(super) fn node(&self, directory: &str, name: &str) {
        fs::create_dir_all(self.path(directory).join(name)).unwrap();
        self.write(&format!("dev/{name}"), "");
        self.mode(&format!("dev/{name}"), 0o660);
    }

    pub(super) fn mode(&self, path: &str, mode: u32) {
        fs::set_permissions(self.path(path), fs::Permissions::from_mode(mode)).unwrap();
    }

    pub(super) fn system(&self) -> System {
        System {
            root: self.directory.path().into(),
            environment: self.environment.clone(),
            user: 1000,
            groups: vec![1000, 990],
            program: None,
        }
    }

    pub(super) fn examine(&self) -> Vec<Finding> {
        let connection = Connection {
            socket: self.path("run/bayonet/api.sock"),
            url: None,
            token_file: None,
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(examine(
            &self.system(),
            Path::new(config::PATH),
            &connection,
        ))
    }

    /// The findings that are not good, but for the server that no test here has.
    #[track_caller]
    pub(super) fn troubles(&self) -> Vec<Finding> {
        let findings = self.examine().into_iter();
        findings
            .filter(|finding| finding.verdict != Verdict::Good && finding.what != "bayonetd")
            .collect()
    }

    /// The one thing that is wrong: what, how, and that the texts say this.
    #[track_caller]
    pub(super) fn wrong(&self, what: &str, verdict: Verdict, detail: &str, fix: &str) {
        let mut troubles = self.troubles();
        // What is wrong in the tree keeps other things from working, which is told as well.
        if what != "overlay" {
            troubles.retain(|finding| finding.what != "overlay");
        } else {
            troubles.retain(|finding| finding.what != "device tree");
        }
        let [finding] = &troubles[..] else {
            panic!("one thing is wrong: {troubles:#?}");
        };
        assert_eq!(
            (finding.what, finding.verdict),
            (what, verdict),
            "{finding:?}"
        );
        assert!(finding.detail.contains(detail), "{finding:?}");
        assert!(
            finding.fix.as_deref().unwrap_or_default().contains(fix),
            "{finding:?}"
        );
    }
}
