//! What libcamera is told of IPA modules, and Bayonet's own.

use super::super::*;
use super::board::{Board, IPA, PID};
use crate::ipa::Layout;

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
        "version: 1\nconfiguration:\n  ipa:\n    module_paths:\n      - /opt/none\n",
    );
    let fix = "correct module_paths in /etc/libcamera/configuration.yaml";
    board.wrong(
        "IPA path",
        Verdict::Warning,
        "/opt/none is no directory; libcamera uses its own",
        fix,
    );
    board.write("etc/libcamera/configuration.yaml", "version: 2\n");
    let unused = "/etc/libcamera/configuration.yaml, line 1: version is not 1";
    board.wrong("IPA path", Verdict::Warning, unused, "correct");

    let board = Board::new();
    board.remove(IPA);
    board.wrong(
        "IPA module",
        Verdict::Bad,
        "not installed",
        "apt install libcamera-ipa",
    );
}

/// As `bayonet ipa install` leaves it, then broken in each way.
#[test]
fn bayonets_ipa() {
    let layout = Layout::new("/usr/local");
    let directories = layout.directories();
    let text = |path: std::path::PathBuf| path.to_str().unwrap().to_owned();
    let (module, worker) = (text(layout.module()), text(layout.worker()));
    let etc = "etc/libcamera/configuration.yaml";
    let installed = || {
        let board = Board::new();
        let write = |path: &str, text: &str| board.write(path.trim_start_matches('/'), text);
        write(&module, "");
        write(&worker, "");
        board.mode(worker.trim_start_matches('/'), 0o755);
        write(&text(layout.tuning().join("imx219.yaml")), "");
        let version = env!("CARGO_PKG_VERSION");
        let manifest = format!("{{\"version\":\"{version}\",\"files\":[]}}");
        write(&text(layout.manifest()), &manifest);
        write(
            etc,
            &bayonet_cli::libcamera_configuration::made(&directories),
        );
        board
    };
    let wrong = |board: &Board, verdict, detail: &str, fix: &str| {
        board.wrong("software ISP's IPA", verdict, detail, fix);
    };
    assert_eq!(installed().troubles(), []);

    let board = installed();
    board.mode(worker.trim_start_matches('/'), 0o644);
    wrong(
        &board,
        Verdict::Bad,
        "not executable",
        "chmod 755 /usr/local/libexec",
    );
    board.remove(worker.trim_start_matches('/'));
    wrong(
        &board,
        Verdict::Bad,
        "worker is missing",
        "bayonet ipa install",
    );

    let board = installed();
    board.remove(etc);
    wrong(
        &board,
        Verdict::Warning,
        "no configuration file",
        "bayonet ipa install",
    );
    board.write(etc, "version: 1\n");
    wrong(
        &board,
        Verdict::Warning,
        "does not name it in module_paths",
        "bayonet ipa install",
    );

    let mut board = installed();
    board.environment.insert("HOME".into(), "/home/ada".into());
    board.write(
        "home/ada/.config/libcamera/configuration.yaml",
        "version: 1\n",
    );
    wrong(
        &board,
        Verdict::Warning,
        "goes before the system's",
        "module_paths:",
    );

    let board = installed();
    board.write(
        &text(layout.manifest())[1..],
        "{\"version\":\"0.0.9\",\"files\":[]}",
    );
    wrong(
        &board,
        Verdict::Warning,
        "0.0.9, and this is",
        "bayonet ipa install",
    );

    let board = installed();
    board.remove("usr/lib/aarch64-linux-gnu/libcamera.so.0.7.1");
    board.write("usr/lib/aarch64-linux-gnu/libcamera.so.0.8.0", "");
    wrong(
        &board,
        Verdict::Bad,
        "0.8.0 is installed",
        "bayonet ipa remove",
    );
}
