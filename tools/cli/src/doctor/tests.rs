//! A board that works, and everything that can be wrong with it.

mod board;
mod ipa;

use super::*;
use board::Board;
use std::collections::BTreeMap;

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
        detail("GPIO lines"),
        "presence gpiochip0 6; lens code gpiochip0 16 17 18 19 20 21; frame selector gpiochip0 22 23"
    );
    assert_eq!(
        detail("main nodes"),
        "media1 media11 v4l-subdev1 video1, all for group video"
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
    board.tree("module/main-sensor", &[0, 0, 0, 77]);
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
fn contradictions_in_the_tree() {
    let board = Board::new();
    board.tree("csi@1/status", b"disabled\0");
    board.wrong(
        "overlay",
        Verdict::Bad,
        "/csi@1: it is disabled, and is the receiver of /i2c@1/sensor@1a",
        "enable it",
    );
}

#[test]
fn why_the_module_is_not_in_the_tree() {
    let board = Board::new();
    board.remove("proc/device-tree/module");
    let wrong = |detail: &str, fix: &str| board.wrong("overlay", Verdict::Bad, detail, fix);
    wrong(
        "not installed: no bayonet*.dtbo in /boot/firmware/overlays, ",
        "make install",
    );
    board.write("boot/firmware/overlays/imx219.dtbo", "");
    wrong("not installed", "make install");

    board.write("boot/firmware/overlays/bayonet.dtbo", "not that");
    let path = "/boot/firmware/overlays/bayonet.dtbo";
    wrong(
        &format!("{path} cannot be loaded: no device tree blob"),
        "install it anew",
    );
    board.write(
        "boot/firmware/overlays/bayonet.dtbo",
        overlay(&["cam0_reg", "csi0", "csi1"]),
    );
    wrong("the running tree, which has no labels", "dtc -@");
    board.tree("__symbols__/csi1", b"/csi@1\0");
    wrong(
        &format!("{path} is not for this base tree, which has no label cam0_reg, csi0"),
        "bayonet-pi5-mainline.dtbo",
    );
    for label in ["cam0_reg", "csi0"] {
        board.tree(&format!("__symbols__/{label}"), b"/csi@2\0");
    }
    let line = "add the line dtoverlay=bayonet to /boot/firmware/config.txt";
    wrong(&format!("{path} is installed, and not loaded"), line);
    board.write(
        "boot/firmware/config.txt",
        "# dtoverlay=bayonet\ndtoverlay=bayonet-none\n",
    );
    wrong("not loaded", line);
    board.write(
        "boot/firmware/config.txt",
        "[all]\ndtoverlay=bayonet,mount=imx219\n",
    );
    wrong(
        &format!("{path} is in /boot/firmware/config.txt, and not in the running tree"),
        "reboot",
    );

    // One that fits is told of rather than one that does not.
    board.write("boot/firmware/overlays/bayonet.dtbo", overlay(&["none"]));
    board.write("boot/dtbo/bayonet-rock.dtbo", overlay(&["csi0"]));
    wrong(
        "/boot/dtbo/bayonet-rock.dtbo is installed",
        "fdtoverlays /boot/dtbo/bayonet-rock.dtbo",
    );
    board.write(
        "boot/extlinux/extlinux.conf",
        "  fdtoverlays /dtbo/a.dtbo /dtbo/bayonet-rock.dtbo\n",
    );
    wrong("is in /boot/extlinux/extlinux.conf", "reboot");
}

/// An overlay with a fragment for each of these labels.
fn overlay(labels: &[&str]) -> Vec<u8> {
    use bayonet_overlay::dtoolkit::model::{DeviceTree, DeviceTreeNode, DeviceTreeProperty};
    let mut tree = DeviceTree::new();
    let mut fixups = DeviceTreeNode::new_unchecked("__fixups__");
    for (number, label) in labels.iter().enumerate() {
        let name = format!("fragment@{number}");
        let place = format!("/{name}:target:0");
        fixups.add_property(DeviceTreeProperty::new_unchecked(*label, place.as_str()));
        let mut fragment = DeviceTreeNode::new_unchecked(name);
        fragment.add_property(DeviceTreeProperty::new_unchecked("target", u32::MAX));
        fragment.add_child(DeviceTreeNode::new_unchecked("__overlay__"));
        tree.root.add_child(fragment);
    }
    tree.root.add_child(fixups);
    tree.to_dtb()
}

#[test]
fn lines_that_the_device_tree_does_not_tell() {
    let board = Board::new();
    board.lines("frame-select-gpios", &[22]);
    board.wrong(
        "GPIO lines",
        Verdict::Bad,
        "frame-select-gpios names 1 lines; there must be 2",
        "correct the module's overlay",
    );
    board.remove("proc/device-tree/module/frame-select-gpios");
    board.wrong(
        "GPIO lines",
        Verdict::Bad,
        "it has no property frame-select-gpios",
        "correct the module's overlay",
    );
    let board = Board::new();
    board.remove("sys/bus/gpio/devices/gpiochip0");
    board.wrong(
        "GPIO lines",
        Verdict::Bad,
        "no device on the gpio bus belongs to the device tree's /gpio",
        "load the GPIO controller's driver",
    );
}

/// As the overlay leaves it with `mount=none`.
#[test]
fn a_board_without_a_mount_needs_no_lines() {
    let board = Board::new();
    board.tree("i2c@2/sensor@1a/status", b"disabled\0");
    board.remove("proc/device-tree/module/present-gpios");
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
