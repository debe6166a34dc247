//! A board that works, made of files, and everything that can be wrong with it.

use super::*;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::PathBuf;
use tempfile::TempDir;

const PID: &str = "4711";
const IPA: &str = "usr/lib/aarch64-linux-gnu/libcamera/ipa/ipa_rpi_pisp.so";
const LINES: &[u8] =
    b"\0MOUNT_PRESENT\0LENS_CODE5\0LENS_CODE4\0LENS_CODE3\0LENS_CODE2\0LENS_CODE1\0LENS_CODE0\0\
    FRAME_SELECT1\0FRAME_SELECT0\0";

struct Board {
    directory: TempDir,
    environment: BTreeMap<String, String>,
}

impl Board {
    /// Main camera and mount, both bound, and `bayonetd` that runs.
    fn new() -> Self {
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
        board.tree("gpio/gpio-line-names", LINES);
        for (number, name, sensor) in [(1, "main", "imx219"), (2, "mount", "imx283")] {
            let node = format!("i2c@{number}/sensor@1a");
            board.tree(&format!("module/{name}-sensor"), &[0, 0, 0, number]);
            board.tree(
                &format!("{node}/compatible"),
                format!("sony,{sensor}\0").as_bytes(),
            );
            board.tree(&format!("{node}/phandle"), &[0, 0, 0, number]);
            board.tree(
                &format!("{node}/port/endpoint/remote-endpoint"),
                &[0, 0, 0, number + 10],
            );
            board.tree(
                &format!("csi@{number}/compatible"),
                b"raspberrypi,rp1-cfe\0",
            );
            board.tree(
                &format!("csi@{number}/port/endpoint/phandle"),
                &[0, 0, 0, number + 10],
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

    fn path(&self, path: &str) -> PathBuf {
        self.directory.path().join(path)
    }

    fn write(&self, path: &str, text: impl AsRef<[u8]>) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn remove(&self, path: &str) {
        let path = self.path(path);
        fs::remove_file(&path)
            .or_else(|_| fs::remove_dir_all(&path))
            .unwrap();
    }

    fn tree(&self, path: &str, value: &[u8]) {
        self.write(&format!("proc/device-tree/{path}"), value);
    }

    /// A device with a driver.
    fn device(&self, bus: &str, name: &str, node: &str, driver: &str) -> String {
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
    fn node(&self, directory: &str, name: &str) {
        fs::create_dir_all(self.path(directory).join(name)).unwrap();
        self.write(&format!("dev/{name}"), "");
        self.mode(&format!("dev/{name}"), 0o660);
    }

    fn mode(&self, path: &str, mode: u32) {
        fs::set_permissions(self.path(path), fs::Permissions::from_mode(mode)).unwrap();
    }

    fn system(&self) -> System {
        System {
            root: self.directory.path().into(),
            environment: self.environment.clone(),
            user: 1000,
            groups: vec![1000, 990],
            program: None,
        }
    }

    fn examine(&self) -> Vec<Finding> {
        let connection = Connection {
            socket: self.path("run/bayonet/api.sock"),
            url: None,
            token_file: None,
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(examine(&self.system(), &connection))
    }

    /// The findings that are not good, but for the server that no test here has.
    #[track_caller]
    fn troubles(&self) -> Vec<Finding> {
        let findings = self.examine().into_iter();
        findings
            .filter(|finding| finding.verdict != Verdict::Good && finding.what != "bayonetd")
            .collect()
    }

    /// The one thing that is wrong: what, how, and that the texts say this.
    #[track_caller]
    fn wrong(&self, what: &str, verdict: Verdict, detail: &str, fix: &str) {
        let troubles = self.troubles();
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

#[test]
fn a_board_that_works_has_nothing_wrong() {
    let board = Board::new();
    assert_eq!(board.troubles(), []);
    let findings = board.examine();
    let detail = |what| {
        &findings
            .iter()
            .find(|finding| finding.what == what)
            .expect(what)
            .detail
    };
    assert_eq!(detail("device tree"), "main imx219, mount imx283");
    assert_eq!(
        detail("main nodes"),
        "media1 video1 v4l-subdev1 media11, all for group video"
    );
    assert_eq!(detail("libcamera"), "0.7.1 in /usr/lib/aarch64-linux-gnu");
    let bayonetd = findings
        .iter()
        .find(|finding| finding.what == "bayonetd")
        .unwrap();
    assert_eq!(bayonetd.verdict, Verdict::Bad);
    assert!(
        bayonetd
            .fix
            .as_ref()
            .unwrap()
            .contains("systemctl start bayonetd")
    );
}

/// Whatever is not good comes with what to do, and every title fits its column.
#[test]
fn an_empty_system_is_told_what_to_do_about_everything() {
    let board = Board {
        directory: tempfile::tempdir().unwrap(),
        environment: BTreeMap::new(),
    };
    let findings = board.examine();
    assert!(
        findings
            .iter()
            .filter(|finding| finding.verdict == Verdict::Bad)
            .count()
            > 5
    );
    for finding in findings {
        assert!(
            finding.fix.is_some() || !matches!(finding.verdict, Verdict::Bad | Verdict::Warning),
            "{finding:?}"
        );
        assert!(finding.what.len() <= crate::output::WHAT, "{finding:?}");
    }
}

#[test]
fn user_namespaces() {
    let board = Board::new();
    let off = |name: &str, value: &str, back: &str, fix: &str| {
        let path = format!("proc/sys/{}", name.replace('.', "/"));
        board.write(&path, value);
        board.wrong("user namespaces", Verdict::Bad, &format!("{name} is "), fix);
        board.write(&path, back);
        assert_eq!(board.troubles(), []);
    };
    off(
        "user.max_user_namespaces",
        "0\n",
        "7000\n",
        "sysctl -w user.max_user_namespaces=10000",
    );
    off(
        "kernel.unprivileged_userns_clone",
        "0\n",
        "1\n",
        "sysctl -w kernel.unprivileged_userns_clone=1",
    );
    let apparmor = "kernel.apparmor_restrict_unprivileged_userns";
    off(apparmor, "1\n", "0\n", &format!("sysctl -w {apparmor}=0"));
    board.remove("proc/self/ns/user");
    board.wrong(
        "user namespaces",
        Verdict::Bad,
        "the kernel has none",
        "CONFIG_USER_NS",
    );
}

#[test]
fn kernel_and_its_modules() {
    let board = Board::new();
    board.write("sys/kernel/security/lsm", "capability,apparmor");
    board.wrong(
        "Landlock",
        Verdict::Bad,
        "off",
        "lsm=landlock,capability,apparmor",
    );
    board.remove("sys/kernel/security/lsm");
    board.wrong("Landlock", Verdict::Skipped, "not mounted", "");
    let board = Board::new();
    board.remove("sys/class/i2c-dev");
    board.wrong("i2c-dev", Verdict::Bad, "not loaded", "modprobe i2c-dev");
}

#[test]
fn device_tree_without_the_module() {
    let board = Board::new();
    board.remove("proc/device-tree/module");
    board.wrong(
        "device tree",
        Verdict::Bad,
        "the overlay is missing",
        "boot loader's configuration",
    );
    let board = Board::new();
    board.tree("module/main-sensor", &[0, 0, 0, 99]);
    board.wrong(
        "device tree",
        Verdict::Bad,
        "refers to no node",
        "correct the module's overlay",
    );
    let board = Board::new();
    board.remove("sys/bus/i2c/devices/2-001a");
    board.wrong(
        "device tree",
        Verdict::Bad,
        "no device on the i2c bus",
        "modprobe i2c-designware-platform",
    );
}

#[test]
fn lines_that_are_not_there_or_have_other_names() {
    let board = Board::new();
    board.tree(
        "gpio/gpio-line-names",
        &LINES[..LINES.len() - b"FRAME_SELECT0\0".len()],
    );
    board.wrong(
        "GPIO lines",
        Verdict::Bad,
        "not in the device tree: FRAME_SELECT0",
        "gpio-line-names",
    );
    board.write(
        "etc/bayonet/bayonetd.toml",
        "[mount]\nframe_lines = [\"FRAME_SELECT1\", \"LENS_CODE0\"]\n",
    );
    assert_eq!(board.troubles(), []);
}

#[test]
fn drivers_that_are_not_bound() {
    let board = Board::new();
    board.remove("sys/bus/i2c/devices/1-001a/driver");
    board.wrong(
        "main drivers",
        Verdict::Bad,
        "not bound: imx219 (1-001a)",
        "dmesg",
    );

    let board = Board::new();
    board.remove("sys/bus/i2c/devices/2-001a/driver");
    board.wrong(
        "mount drivers",
        Verdict::Warning,
        "not bound: imx283 (2-001a)",
        "bayonet status",
    );
    // Both are away: that is how it is after an unplug.
    board.remove("sys/bus/platform/devices/2.csi/driver");
    assert_eq!(board.troubles(), []);

    let board = Board::new();
    board.remove("sys/bus/i2c/devices/1-001a/driver");
    board.remove("sys/bus/i2c/drivers/imx219");
    board.wrong(
        "main drivers",
        Verdict::Bad,
        "the driver imx219 of 1-001a is not loaded",
        "modprobe imx219",
    );

    let board = Board::new();
    board.remove("sys/bus/platform/drivers/pispbe/2.isp");
    board.wrong(
        "mount drivers",
        Verdict::Bad,
        "no image processor is left",
        "modprobe pispbe",
    );
}

#[test]
fn device_nodes_that_a_camera_process_cannot_open() {
    let board = Board::new();
    board.mode("dev/video2", 0o600);
    board.wrong(
        "mount nodes",
        Verdict::Bad,
        "/dev/video2 has group",
        "udevadm trigger",
    );
    let board = Board::new();
    board.remove("dev/media1");
    board.wrong(
        "main nodes",
        Verdict::Bad,
        "/dev/media1 is not there",
        "systemctl restart bayonetd",
    );
}

#[test]
fn accounts() {
    let board = Board::new();
    board.write("etc/passwd", "root:x:0:0::/:/bin/sh\n");
    board.wrong(
        "camera processes",
        Verdict::Bad,
        "no user nobody",
        "useradd",
    );
    let board = Board::new();
    board.remove("usr/libexec/bayonet-camera");
    board.wrong("camera processes", Verdict::Bad, "not installed", "install");
    let board = Board::new();
    board.write(
        "etc/bayonet/bayonetd.toml",
        "[api]\ncontrol_group = \"video\"\n",
    );
    board.wrong(
        "your rights",
        Verdict::Warning,
        "no member of video",
        "usermod --append --groups video",
    );
}

#[test]
fn ipa_module_paths() {
    let mut board = Board::new();
    board.environment.insert(
        "LIBCAMERA_IPA_MODULE_PATH".into(),
        "/opt/none:/usr/share".into(),
    );
    let detail = "LIBCAMERA_IPA_MODULE_PATH=/opt/none:/usr/share: /opt/none is no directory, /usr/share has no";
    board.wrong(
        "your IPA path",
        Verdict::Warning,
        detail,
        "unset LIBCAMERA_IPA_MODULE_PATH",
    );
    board.write("opt/none/ipa_rpi_pisp.so", "");
    assert_eq!(board.troubles(), []);

    let board = Board::new();
    board.write(
        &format!("proc/{PID}/environ"),
        "LIBCAMERA_IPA_MODULE_PATH=/opt/none\0",
    );
    board.wrong(
        "bayonetd's IPA path",
        Verdict::Warning,
        "/opt/none is no directory",
        "systemctl edit bayonetd",
    );

    let board = Board::new();
    board.write(
        "etc/libcamera/configuration.yaml",
        "configuration:\n  ipa:\n    module_paths:\n      - /opt/none\n",
    );
    let fix = "correct module_paths in /etc/libcamera/configuration.yaml";
    board.wrong(
        "IPA path",
        Verdict::Warning,
        "/opt/none is no directory; libcamera uses its own",
        fix,
    );

    let board = Board::new();
    board.remove(IPA);
    board.wrong(
        "IPA module",
        Verdict::Bad,
        "not installed",
        "apt install libcamera-ipa",
    );
}

#[test]
fn libcamera_and_tuning_files() {
    let board = Board::new();
    board.write("usr/local/lib/aarch64-linux-gnu/libcamera.so.0.5.2", "");
    board.wrong("libcamera", Verdict::Warning, "several: 0.5.2", "remove");
    let board = Board::new();
    board.remove("usr/lib/aarch64-linux-gnu/libcamera.so.0.7.1");
    board.wrong("libcamera", Verdict::Bad, "not installed", "apt install");
    let mut board = Board::new();
    board.remove("usr/share/libcamera/ipa/rpi/pisp/imx283.json");
    board.wrong(
        "tuning files",
        Verdict::Warning,
        "none for imx283",
        "libcamera-ipa",
    );
    board
        .environment
        .insert("LIBCAMERA_RPI_TUNING_FILE".into(), "/none.json".into());
    board.wrong(
        "tuning files",
        Verdict::Bad,
        "/none.json is not there",
        "unset",
    );
}

#[test]
fn configuration_and_room_for_pictures() {
    let board = Board::new();
    board.write("etc/bayonet/bayonetd.toml", "[api]\n\nport = 80\n");
    board.wrong(
        "configuration",
        Verdict::Bad,
        "/etc/bayonet/bayonetd.toml:3: unknown field",
        "correct that line",
    );
    board.write(
        "etc/bayonet/bayonetd.toml",
        "[captures]\nminimum_free_mib = 4294967295\n",
    );
    board.wrong(
        "room for pictures",
        Verdict::Bad,
        "no picture is taken",
        "captures.minimum_free_mib",
    );
    let board = Board::new();
    board.remove("var/lib/bayonet/captures");
    board.wrong(
        "room for pictures",
        Verdict::Skipped,
        "bayonetd makes it",
        "",
    );
}
