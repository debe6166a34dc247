//! The kernel: its release, what it lets a process do, the drivers that belong to no camera.

use super::{Finding, System};
use landlock::{AccessFs, CompatLevel, Compatible, Ruleset, RulesetAttr};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

/// Word on the command line that has the program try user namespaces, see `main.rs`.
pub(crate) const TRY: &str = "try-user-namespace";
/// The kernel's "nobody", and user and group of libcamera's workers.
const NOBODY: u32 = 65534;

pub(super) fn examine(system: &System) -> Vec<Finding> {
    vec![
        release(system),
        landlock(system),
        user_namespaces(system),
        i2c(system),
    ]
}

fn release(system: &System) -> Finding {
    match system.text("proc/sys/kernel/osrelease") {
        Some(release) => Finding::good("kernel", format!("Linux {release}")),
        None => Finding::bad("kernel", "/proc is not mounted").fix("mount -t proc proc /proc"),
    }
}

/// Camera processes are confined to their own camera's device nodes.
fn landlock(system: &System) -> Finding {
    const WHAT: &str = "Landlock";
    let listed = system.text("sys/kernel/security/lsm");
    let on = match &listed {
        Some(modules) => modules.split(',').any(|module| module == "landlock"),
        // A rule set that is never enforced tells as well.
        None if system.program.is_some() => can_confine(),
        None => {
            return Finding::skipped(
                WHAT,
                "securityfs is not mounted, so the kernel does not say",
            );
        }
    };
    if on {
        return Finding::good(WHAT, "on: a camera's process sees its own camera alone");
    }
    let modules = listed.unwrap_or_default();
    let detail = "off: a camera's process would hold the other camera's nodes as well, and the mount's drivers could \
                  not be bound anew";
    let fix =
        format!("boot with lsm=landlock,{modules}, on a kernel with CONFIG_SECURITY_LANDLOCK");
    Finding::bad(WHAT, detail).fix(fix.replace(",,", ","))
}

/// Whether the kernel takes a rule about files.
fn can_confine() -> bool {
    Ruleset::default()
        .set_compatibility(CompatLevel::HardRequirement)
        .handle_access(AccessFs::WriteFile)
        .and_then(Ruleset::create)
        .is_ok()
}

/// libcamera isolates an IPA module that it did not sign: `clone3` with `CLONE_NEWUSER` and `CLONE_NEWNET`
/// (`src/libcamera/process.cpp`).
fn user_namespaces(system: &System) -> Finding {
    const WHAT: &str = "user namespaces";
    const NEED: &str = "libcamera cannot isolate an IPA module that is not its own";
    let setting = |path: &str| system.text(format!("proc/sys/{}", path.replace('.', "/")));
    let off = |name: &str, value: &str, right: &str| {
        Finding::bad(WHAT, format!("{name} is {value}: {NEED}")).fix(format!(
            "sysctl -w {name}={right}, and the same in /etc/sysctl.d/ for the next boot"
        ))
    };
    if !system.exists("proc/self/ns/user") {
        return Finding::bad(WHAT, format!("the kernel has none: {NEED}"))
            .fix("use a kernel with CONFIG_USER_NS");
    }
    for name in ["user.max_user_namespaces", "user.max_net_namespaces"] {
        if let Some("0") = setting(name).as_deref() {
            return off(name, "0", "10000");
        }
    }
    if let Some("0") = setting("kernel.unprivileged_userns_clone").as_deref() {
        return off("kernel.unprivileged_userns_clone", "0", "1");
    }
    if let Some("1") = setting("kernel.apparmor_restrict_unprivileged_userns").as_deref() {
        return off("kernel.apparmor_restrict_unprivileged_userns", "1", "0");
    }
    match try_user_namespace(system) {
        None => Finding::good(WHAT, "allowed"),
        Some(Ok(())) => Finding::good(WHAT, "allowed, and one could be made"),
        Some(Err(error)) => Finding::bad(WHAT, format!("one could not be made ({error}): {NEED}")).fix(
            "look for what forbids it: RestrictNamespaces= of a systemd unit, a container's seccomp filter, AppArmor",
        ),
    }
}

/// Makes a user namespace in a process of its own, as nobody where that is possible.
fn try_user_namespace(system: &System) -> Option<Result<(), String>> {
    let mut command = Command::new(system.program.as_ref()?);
    command
        .arg(TRY)
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::null());
    if system.user == 0 {
        command.uid(NOBODY).gid(NOBODY);
    }
    // Nobody may be kept from the program's directory, which tells nothing about namespaces.
    let output = command.output().ok()?;
    let errors = String::from_utf8_lossy(&output.stderr);
    Some(if output.status.success() {
        Ok(())
    } else {
        Err(errors.trim().into())
    })
}

/// The sensor on the mount is asked who it is through this driver.
fn i2c(system: &System) -> Finding {
    const WHAT: &str = "i2c-dev";
    match system.names("sys/class/i2c-dev").len() {
        0 => Finding::bad(
            WHAT,
            "not loaded: a sensor that is plugged cannot be asked who it is",
        )
        .fix("modprobe i2c-dev, and i2c-dev in /etc/modules-load.d/ for the next boot"),
        count => Finding::good(WHAT, format!("loaded, {count} buses")),
    }
}
