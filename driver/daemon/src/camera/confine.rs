//! Confinement: the process keeps the device nodes of its own camera and little else.
//!
//! Landlock forbids every file but the system's, for reading, and the nodes; a network namespace of its own keeps
//! udev's messages about other cameras away; what is left of root is given up. libcamera opens every camera's nodes
//! that it may open, so this is what lets the other camera's drivers be unbound while this one streams.
//!
//! To be called before any thread is started: older kernels confine the calling thread and its children only.

use landlock::{
    ABI, Access, AccessFs, PathBeneath, PathFd, RestrictSelfAttr, Ruleset, RulesetAttr,
    RulesetCreatedAttr, RulesetError, RulesetStatus,
};
use nix::errno::Errno;
use nix::sched::{CloneFlags, unshare};
use nix::sys::prctl::{set_no_new_privs, set_pdeathsig};
use nix::sys::signal::Signal;
use nix::unistd::{Gid, Group, Uid, User, getppid, setgroups, setresgid, setresuid};
use std::collections::BTreeSet;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// What libcamera reads: itself, its settings, sysfs, the device tree, udev's data.
const READABLE: [&str; 5] = ["/usr", "/etc", "/sys", "/proc", "/run"];
/// What libcamera allocates memory for frames and parameters from, where the kernel has it, and what every program
/// may open.
const DEVICES: [&str; 4] = ["/dev/dma_heap", "/dev/udmabuf", "/dev/null", "/dev/urandom"];
/// Access rights that are known here; a kernel that has fewer forbids what it can.
const LANDLOCK: ABI = ABI::V5;

/// Why a process could not be confined; it must not go on then.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A system call failed.
    #[error("{call}: {reason}")]
    System {
        /// The call.
        call: &'static str,
        /// Its error.
        reason: Errno,
    },
    /// Landlock refused, although the kernel has it.
    #[error("Landlock: {0}")]
    Landlock(#[from] RulesetError),
    /// There is no such user or group.
    #[error("the system has no {kind} `{name}`: name another one in the configuration")]
    Unknown {
        /// `user` or `group`.
        kind: &'static str,
        /// Its name.
        name: String,
    },
    /// A device node cannot be used.
    #[error("{}: {reason}", path.display())]
    Node {
        /// The node.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// `bayonetd` ended in the meantime.
    #[error("the process that started this one is gone")]
    Orphaned,
}

/// Confines this process to `nodes`, and gives root's rights up for those of `user` and `group`.
///
/// The groups that own the nodes stay, so that udev's rules hold as for any other user. Without root, user and
/// network stay as they are.
///
/// # Errors
/// [`Error`].
pub fn confine(nodes: &[PathBuf], user: &str, group: &str) -> Result<(), Error> {
    let parent = getppid();
    let root = Uid::effective().is_root();
    if root {
        unshare(CloneFlags::CLONE_NEWNET).map_err(failed("unshare"))?;
    }
    set_no_new_privs().map_err(failed("prctl(PR_SET_NO_NEW_PRIVS)"))?;
    restrict_files(nodes)?;
    if root {
        give_up_root(nodes, user, group)?;
    } else {
        log::debug!("not root: the user stays");
    }
    // Set last: a change of user clears it.
    set_pdeathsig(Signal::SIGKILL).map_err(failed("prctl(PR_SET_PDEATHSIG)"))?;
    if getppid() != parent {
        return Err(Error::Orphaned);
    }
    Ok(())
}

fn failed(call: &'static str) -> impl FnOnce(Errno) -> Error {
    move |reason| Error::System { call, reason }
}

fn restrict_files(nodes: &[PathBuf]) -> Result<(), Error> {
    let everything = AccessFs::from_all(LANDLOCK);
    let mut rules = Ruleset::default().handle_access(everything)?.create()?;
    for path in READABLE {
        if let Ok(place) = PathFd::new(path) {
            rules = rules.add_rule(PathBeneath::new(place, AccessFs::from_read(LANDLOCK)))?;
        }
    }
    for path in DEVICES {
        if let Ok(place) = PathFd::new(path) {
            rules = rules.add_rule(device(path.as_ref(), place))?;
        }
    }
    for path in nodes {
        let place = PathFd::new(path).map_err(|error| Error::Node {
            path: path.clone(),
            reason: error.to_string(),
        })?;
        rules = rules.add_rule(device(path, place))?;
    }
    let status = rules.all_threads(true)?.restrict_self()?;
    if status.ruleset == RulesetStatus::NotEnforced {
        log::warn!(
            "the kernel has no Landlock: this camera's process may hold nodes of the other camera, whose drivers \
             then cannot be bound anew"
        );
    }
    Ok(())
}

fn device(path: &Path, place: PathFd) -> PathBeneath<PathFd> {
    let file = AccessFs::from_file(LANDLOCK) & !AccessFs::Execute;
    let access = match path.is_dir() {
        true => file | AccessFs::ReadDir,
        false => file,
    };
    PathBeneath::new(place, access)
}

fn give_up_root(nodes: &[PathBuf], user: &str, group: &str) -> Result<(), Error> {
    let unknown = |kind, name: &str| Error::Unknown {
        kind,
        name: name.to_owned(),
    };
    let uid = User::from_name(user).map_err(failed("getpwnam"))?;
    let uid = uid.ok_or_else(|| unknown("user", user))?.uid;
    let gid = Group::from_name(group).map_err(failed("getgrnam"))?;
    let gid = gid.ok_or_else(|| unknown("group", group))?.gid;
    setgroups(&owners(nodes)).map_err(failed("setgroups"))?;
    setresgid(gid, gid, gid).map_err(failed("setresgid"))?;
    setresuid(uid, uid, uid).map_err(failed("setresuid"))
}

/// Groups that own the nodes and the memory devices; root's is not given.
fn owners(nodes: &[PathBuf]) -> Vec<Gid> {
    let heaps = std::fs::read_dir(DEVICES[0]).into_iter().flatten();
    let heaps = heaps.flatten().map(|entry| entry.path());
    let devices = DEVICES.iter().map(PathBuf::from).chain(heaps);
    let all = devices.chain(nodes.iter().cloned());
    let groups: BTreeSet<u32> = all
        .filter_map(|path| path.metadata().ok())
        .map(|data| data.gid())
        .filter(|&group| group != 0)
        .collect();
    groups.into_iter().map(Gid::from_raw).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{File, Permissions};
    use std::os::unix::fs::PermissionsExt;
    use std::process::Command;

    /// Names the node in the process that confines itself.
    const NODE: &str = "BAYONET_TEST_NODE";
    const FORBIDDEN: &str = "BAYONET_TEST_FORBIDDEN";
    const ME: &str = "camera::confine::tests::a_confined_process_opens_its_nodes_and_no_other_file";

    #[test]
    fn a_confined_process_opens_its_nodes_and_no_other_file() {
        if let Some(node) = std::env::var_os(NODE) {
            let forbidden = std::env::var_os(FORBIDDEN).unwrap();
            return confined(node.as_ref(), forbidden.as_ref());
        }
        let directory = tempfile::tempdir().unwrap();
        std::fs::set_permissions(directory.path(), Permissions::from_mode(0o755)).unwrap();
        let file = |name: &str| {
            let path = directory.path().join(name);
            File::create(&path).unwrap();
            std::fs::set_permissions(&path, Permissions::from_mode(0o666)).unwrap();
            path
        };
        // A process confines itself once and for all, so it is another one.
        let output = Command::new(std::env::current_exe().unwrap())
            .args([ME, "--exact", "--nocapture"])
            .env(NODE, file("node"))
            .env(FORBIDDEN, file("forbidden"))
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}");
        if said.contains("SKIPPED") {
            println!("SKIPPED: this kernel has no Landlock");
        }
    }

    fn confined(node: &Path, forbidden: &Path) {
        let open = |path: &Path| File::options().read(true).write(true).open(path);
        confine(&[node.to_owned()], "nobody", "nogroup").unwrap();
        assert!(!Uid::effective().is_root());
        open(node).unwrap();
        File::open("/proc/self/status").unwrap();
        if open(forbidden).is_ok() {
            eprintln!("SKIPPED");
        }
    }

    #[test]
    fn a_node_that_is_not_there_is_named() {
        let error = restrict_files(&[PathBuf::from("/dev/nowhere")]).unwrap_err();
        assert!(error.to_string().contains("/dev/nowhere"), "{error}");
    }
}
