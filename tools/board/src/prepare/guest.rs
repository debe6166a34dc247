//! The guest's disk: Debian's packages, unpacked and trimmed, with what maintainer scripts would have made.
//!
//! The scripts cannot run where the host is no arm64 machine; what they would leave behind and a camera guest
//! needs is little: merged-`/usr` links, users and groups, a shell, module indexes.

use super::build_root::BuildRoot;
use super::error::{AtPath, Error, Result};
use super::kernel::{SENSOR_DRIVERS, only_entry};
use super::tool::Steps;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The kernel that QEMU boots, in the artefact of the guest.
pub(super) const KERNEL: &str = "kernel";
/// The disk image, in the artefact of the guest.
pub(super) const IMAGE: &str = "root.ext4";
/// Directory of the modules that the initramfs loads, in the artefact of the guest.
pub(super) const EARLY_MODULES: &str = "early-modules";
/// File name of the order in which they are loaded, beside them.
pub(super) const MODULE_ORDER: &str = "modules.list";

/// Left out of the guest: hardware that no camera board of ours has, and software rendering.
///
/// Of the network, virtio's card stays, and `failover` that it needs (`net/core`).
/// libcamera links EGL for its software ISP on a GPU; without Mesa's drivers it uses the CPU.
pub(super) const EXCLUDED: &[&str] = &[
    "./usr/bin/dracut*",
    "./usr/bin/qcam",
    "./usr/include",
    "./usr/lib/aarch64-linux-gnu/dri",
    "./usr/lib/aarch64-linux-gnu/gconv",
    "./usr/lib/aarch64-linux-gnu/libgallium*",
    "./usr/lib/aarch64-linux-gnu/libLLVM*",
    "./usr/lib/aarch64-linux-gnu/libQt6*",
    "./usr/lib/aarch64-linux-gnu/libvulkan*",
    "./usr/lib/aarch64-linux-gnu/libz3*",
    "./usr/lib/aarch64-linux-gnu/qt6",
    "./usr/lib/dracut",
    "./usr/lib/modules/*/dtb",
    "./usr/lib/modules/*/kernel/drivers/ata",
    "./usr/lib/modules/*/kernel/drivers/bluetooth",
    "./usr/lib/modules/*/kernel/drivers/gpu",
    "./usr/lib/modules/*/kernel/drivers/infiniband",
    "./usr/lib/modules/*/kernel/drivers/md",
    "./usr/lib/modules/*/kernel/drivers/media/dvb-frontends",
    "./usr/lib/modules/*/kernel/drivers/media/pci",
    "./usr/lib/modules/*/kernel/drivers/media/usb",
    "./usr/lib/modules/*/kernel/drivers/mtd",
    "./usr/lib/modules/*/kernel/drivers/net/*/*",
    "./usr/lib/modules/*/kernel/drivers/nvme",
    "./usr/lib/modules/*/kernel/drivers/scsi",
    "./usr/lib/modules/*/kernel/drivers/target",
    "./usr/lib/modules/*/kernel/fs/btrfs",
    "./usr/lib/modules/*/kernel/fs/ceph",
    "./usr/lib/modules/*/kernel/fs/gfs2",
    "./usr/lib/modules/*/kernel/fs/nfs*",
    "./usr/lib/modules/*/kernel/fs/ocfs2",
    "./usr/lib/modules/*/kernel/fs/smb",
    "./usr/lib/modules/*/kernel/fs/xfs",
    "./usr/lib/modules/*/kernel/net/[!c]*",
    "./usr/lib/modules/*/kernel/net/c[!o]*",
    "./usr/lib/modules/*/kernel/sound",
    "./usr/share/X11",
    "./usr/share/qt6",
];

/// What the initramfs must load before the disk can be mounted; a module that is built in is no file.
const EARLY: [&str; 3] = ["virtio_pci", "virtio_blk", "ext4"];
/// Free space on the disk for what a session writes, in bytes.
const SPARE: u64 = 64 << 20;
/// Longest time for each of the small tools.
const LIMIT: Duration = Duration::from_secs(5 * 60);

/// Users; the groups' numbers are those of Debian's base-passwd where it fixes one.
const PASSWD: &str = "\
root:x:0:0:root:/root:/bin/sh
nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin
";
const GROUP: &str = "\
root:x:0:
daemon:x:1:
adm:x:4:
tty:x:5:
disk:x:6:
lp:x:7:
kmem:x:15:
dialout:x:20:
cdrom:x:24:
tape:x:26:
sudo:x:27:
audio:x:29:
video:x:44:root
users:x:100:
input:x:995:
sgx:x:994:
clock:x:993:
kvm:x:992:
render:x:991:
gpio:x:990:root
nogroup:x:65534:
";

/// Turns the unpacked packages in `directory/root` into the files named by the constants above.
pub(super) fn finish(
    build_root: &BuildRoot,
    steps: &Steps,
    directory: &Path,
    sensor_modules: &Path,
    headers: &str,
) -> Result<()> {
    let root = directory.join("root");
    let modules = only_entry(&root.join("usr/lib/modules"), |_| true)?;
    let release = modules
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    if release != headers {
        let headers = headers.to_owned();
        return Err(Error::KernelDiffers {
            headers,
            kernel: release,
        });
    }
    rename(&modules.join("vmlinuz"), &directory.join(KERNEL))?;
    let updates = modules.join("updates");
    make_directory(&updates)?;
    for driver in SENSOR_DRIVERS {
        let module = format!("{driver}.ko");
        copy(&sensor_modules.join(&module), &updates.join(&module))?;
    }
    lay_out(&root)?;
    add_applets(build_root, steps, directory, &root)?;
    let depmod = build_root
        .command("depmod")
        .args(["-b", "/guest", &release]);
    let depmod = depmod.bind(&root, "/guest");
    steps.run("guest: index modules", depmod.build(), LIMIT)?;
    collect_early_modules(build_root, steps, directory, &modules)?;
    make_image(build_root, steps, directory, &root)?;
    fs::remove_dir_all(&root).at("remove", &root)
}

/// Links, mount points and accounts.
fn lay_out(root: &Path) -> Result<()> {
    // The host's resolver, which mmdebstrap copied.
    let resolver = root.join("etc/resolv.conf");
    if resolver.exists() {
        fs::remove_file(&resolver).at("remove", &resolver)?;
    }
    for name in ["bin", "sbin", "lib"] {
        let link = root.join(name);
        if fs::symlink_metadata(&link).is_err() {
            symlink(format!("usr/{name}"), &link).at("link", &link)?;
        }
    }
    for name in ["dev", "proc", "sys", "run", "tmp", "root", "mnt", "var/log"] {
        make_directory(&root.join(name))?;
    }
    let tmp = root.join("tmp");
    // Everybody's, with the sticky bit.
    fs::set_permissions(&tmp, fs::Permissions::from_mode(0o1777)).at("set mode of", &tmp)?;
    let id = Path::new("/proc/sys/kernel/random/uuid");
    let id = fs::read_to_string(id).at("read", id)?.replace('-', "");
    for (name, text) in [
        ("etc/passwd", PASSWD),
        ("etc/group", GROUP),
        ("etc/hostname", "bayonet\n"),
        ("etc/hosts", "127.0.0.1 localhost bayonet\n"),
        ("etc/machine-id", &id),
    ] {
        let path = root.join(name);
        fs::write(&path, text).at("write", &path)?;
    }
    Ok(())
}

/// Links every busybox applet that no package provides.
fn add_applets(build_root: &BuildRoot, steps: &Steps, directory: &Path, root: &Path) -> Result<()> {
    let applets = directory.join("applets");
    make_directory(&applets)?;
    let list = build_root
        .command("busybox")
        .args(["--install", "-s", "/applets"])
        .bind(&applets, "/applets");
    steps.run("guest: shell", list.build(), LIMIT)?;
    for entry in fs::read_dir(&applets).at("list", &applets)? {
        let name = entry.at("list", &applets)?.file_name();
        let provided = ["usr/bin", "usr/sbin"]
            .iter()
            .any(|place| provides(&root.join(place).join(&name)));
        if !provided {
            let link = root.join("usr/bin").join(&name);
            let _ = fs::remove_file(&link);
            symlink("busybox", &link).at("link", &link)?;
        }
    }
    fs::remove_dir_all(&applets).at("remove", &applets)
}

/// Whether a program is there; a link to an alternative leads nowhere without maintainer scripts.
fn provides(program: &Path) -> bool {
    match fs::read_link(program) {
        Ok(target) => !target.starts_with("/etc/alternatives"),
        Err(_) => program.exists(),
    }
}

/// Copies [`EARLY`] and what it needs, decompressed, and writes the order.
fn collect_early_modules(
    build_root: &BuildRoot,
    steps: &Steps,
    directory: &Path,
    modules: &Path,
) -> Result<()> {
    let read = |name: &str| {
        let path = modules.join(name);
        fs::read_to_string(&path).at("read", &path)
    };
    let (index, built_in) = (read("modules.dep")?, read("modules.builtin")?);
    let order = load_order(&index, &built_in, &EARLY).map_err(|module| Error::Unexpected {
        path: modules.to_path_buf(),
        problem: format!("the kernel has no module {module}"),
    })?;
    let early = directory.join(EARLY_MODULES);
    make_directory(&early)?;
    let mut list = String::new();
    let mut compressed = Vec::new();
    for path in &order {
        let name = path.rsplit('/').next().unwrap_or(path);
        copy(&modules.join(path), &early.join(name))?;
        if name.ends_with(".xz") {
            compressed.push(format!("/early/{name}"));
        }
        list += &format!("/modules/{}\n", name.trim_end_matches(".xz"));
    }
    if !compressed.is_empty() {
        let xz = build_root
            .command("xz")
            .arg("--decompress")
            .args(compressed);
        steps.run(
            "guest: early modules",
            xz.bind(&early, "/early").build(),
            LIMIT,
        )?;
    }
    let path = early.join(MODULE_ORDER);
    fs::write(&path, list).at("write", &path)
}

/// Paths of `wanted` and everything they need, each after what it needs.
///
/// `index` is the text of `modules.dep`, `built_in` that of `modules.builtin`. The error is a module in neither.
fn load_order<'a>(
    index: &'a str,
    built_in: &str,
    wanted: &[&'a str],
) -> std::result::Result<Vec<&'a str>, &'a str> {
    let name = |path: &str| {
        let file = path.rsplit('/').next().unwrap_or(path);
        file.split('.').next().unwrap_or(file).replace('-', "_")
    };
    let entries = || index.lines().filter_map(|line| line.split_once(':'));
    let mut order: Vec<&str> = Vec::new();
    for module in wanted {
        let Some((path, needs)) = entries().find(|(path, _)| name(path) == *module) else {
            if built_in.lines().any(|path| name(path) == *module) {
                continue;
            }
            return Err(module);
        };
        // depmod lists everything a module needs, directly or not, the deepest last.
        for path in needs.split_whitespace().rev().chain([path]) {
            if !order.contains(&path) {
                order.push(path);
            }
        }
    }
    Ok(order)
}

/// Makes the ext4 image from the tree.
fn make_image(build_root: &BuildRoot, steps: &Steps, directory: &Path, root: &Path) -> Result<()> {
    let mebibytes = (content_size(root)? + SPARE).div_ceil(1 << 20);
    let mke2fs = build_root
        .command("mke2fs")
        .args([
            "-q", "-t", "ext4", "-b", "4096", "-m", "0", "-L", "bayonet", "-d", "/guest",
        ])
        .arg(format!("/image/{IMAGE}"))
        .arg(format!("{mebibytes}M"))
        .bind_read_only(root, "/guest")
        .bind(directory, "/image");
    steps.run("guest: make image", mke2fs.build(), LIMIT)
}

/// Bytes that the tree's files take on a file system with blocks of 4 KiB, directories and inodes included.
fn content_size(directory: &Path) -> Result<u64> {
    const BLOCK: u64 = 4096;
    const INODE: u64 = 256;
    let mut sum = BLOCK;
    for entry in fs::read_dir(directory).at("list", directory)? {
        let entry = entry.at("list", directory)?;
        let path = entry.path();
        let data = entry.metadata().at("examine", &path)?;
        sum += INODE;
        if data.is_dir() {
            sum += content_size(&path)?;
        } else if data.is_file() {
            sum += data.len().next_multiple_of(BLOCK);
        }
    }
    Ok(sum)
}

fn make_directory(path: &Path) -> Result<()> {
    fs::create_dir_all(path).at("create", path)
}

fn rename(from: &Path, to: &Path) -> Result<()> {
    fs::rename(from, to).at("move", from)
}

fn copy(from: &Path, to: &Path) -> Result<PathBuf> {
    fs::copy(from, to).at("copy", from)?;
    Ok(to.to_path_buf())
}

#[cfg(test)]
mod tests {
    use super::*;

    const INDEX: &str = "\
kernel/fs/ext4/ext4.ko.xz: kernel/fs/jbd2/jbd2.ko.xz kernel/fs/mbcache.ko.xz kernel/lib/crc16.ko.xz
kernel/fs/jbd2/jbd2.ko.xz: kernel/lib/crc16.ko.xz
kernel/drivers/block/virtio_blk.ko.xz:
kernel/drivers/media/v4l2-core/v4l2-cci.ko.xz:
";

    #[test]
    fn a_module_comes_after_what_it_needs_and_once() {
        let order = load_order(INDEX, "", &["virtio_blk", "ext4", "v4l2_cci"]).unwrap();
        assert_eq!(order[0], "kernel/drivers/block/virtio_blk.ko.xz");
        let place = |wanted: &str| order.iter().position(|path| path.contains(wanted)).unwrap();
        assert!(place("crc16") < place("jbd2") && place("jbd2") < place("ext4"));
        assert!(place("mbcache") < place("ext4"));
        assert_eq!(order.len(), 6);
    }

    #[test]
    fn a_built_in_module_is_no_file_and_an_unknown_one_is_named() {
        let built_in = "kernel/drivers/virtio/virtio_pci.ko\n";
        assert_eq!(load_order(INDEX, built_in, &["virtio_pci"]), Ok(vec![]));
        assert_eq!(load_order(INDEX, built_in, &["squashfs"]), Err("squashfs"));
    }

    #[test]
    fn a_layout_has_links_accounts_and_a_fresh_identity() {
        let one = tempfile::tempdir().unwrap();
        let two = tempfile::tempdir().unwrap();
        for root in [one.path(), two.path()] {
            fs::create_dir_all(root.join("etc")).unwrap();
            lay_out(root).unwrap();
        }
        let id = |root: &Path| fs::read_to_string(root.join("etc/machine-id")).unwrap();
        assert_ne!(id(one.path()), id(two.path()));
        assert_eq!(
            fs::read_link(one.path().join("lib")).unwrap(),
            Path::new("usr/lib")
        );
        let mode = fs::metadata(one.path().join("tmp"))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o7777, 0o1777);
    }

    #[test]
    fn a_link_to_an_alternative_provides_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let link = |name: &str, target: &str| {
            let path = directory.path().join(name);
            symlink(target, &path).unwrap();
            path
        };
        assert!(!provides(&link("awk", "/etc/alternatives/awk")));
        assert!(provides(&link("lsmod", "kmod")));
        assert!(!provides(&directory.path().join("vi")));
    }
}
