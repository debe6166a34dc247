//! What the command line refuses before anything is prepared or booted.

use super::host::Host;
use bayonet_board::machine::OrderServer;
use bayonet_board::orders::Reply;
use std::net::TcpListener;
use std::os::unix::net::UnixListener;

/// Refused by the board: status 1, and the cache was not even made.
fn refused(words: &[&str], parts: &[&str]) {
    let host = Host::new();
    host.refuses(words, 1, parts);
    assert!(!host.path("cache").exists(), "{words:?}");
}

/// Refused by the parser of the command line: status 2.
fn misused(words: &[&str], parts: &[&str]) {
    Host::new().refuses(words, 2, parts);
}

#[test]
fn an_unknown_sensor_comes_with_the_known_ones() {
    let known = ["there is no sensor \"imx999\"", "imx283, imx219, imx296"];
    refused(&["exec", "--main", "imx999", "--", "true"], &known);
    refused(&["run", "--headless", "--mount", "imx999"], &known);
    refused(
        &["exec", "--main", "none", "--", "true"],
        &["no sensor \"none\""],
    );
}

#[test]
fn light_and_lens_have_ranges() {
    let light = |value| ["exec", "--light", value, "--", "true"];
    misused(&light("9000:10"), &["9000 K is outside 2300 to 7500 K"]);
    misused(&light("2299:10"), &["--light <KELVIN:LUX>", "outside"]);
    misused(&light("5000:-1"), &["\"-1\" is not an illuminance in lux"]);
    misused(&light("5000:inf"), &["not an illuminance"]);
    misused(&light("NaN:1"), &["not a positive number of kelvin"]);
    misused(&light("5000"), &["write KELVIN:LUX, e.g. 5000:800"]);
    let lens = |value| ["exec", "--lens", value, "--", "true"];
    misused(&lens("64"), &["the code has 6 bits, 64 is above 63"]);
    misused(&lens("0b1000000"), &["64 is above 63"]);
    misused(&lens("1:4"), &["the frame-line selector is 0 to 3"]);
    misused(&lens("x"), &["\"x\" is not a number"]);
}

#[test]
fn ports_are_checked_before_a_boot() {
    let forward = |value| ["exec", "--forward", value, "--", "true"];
    misused(&forward("80"), &["write HOSTPORT:GUESTPORT"]);
    misused(&forward("0:80"), &["\"0\" is not a port"]);
    misused(&forward("8080:65536"), &["\"65536\" is not a port"]);
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let words = format!("{port}:80");
    let in_use = format!("port {port} of this system cannot be forwarded");
    refused(&forward(&words), &[&in_use, "choose another one"]);
    drop(taken);
    let twice = [
        "run",
        "--headless",
        "--forward",
        &words,
        "--forward",
        &words,
    ];
    refused(&twice, &[&in_use]);
}

#[test]
fn a_file_to_copy_in_is_checked_before_a_boot() {
    let words = ["run", "--headless", "--copy-in", "/nowhere/file:/tmp/file"];
    refused(&words, &["reading /nowhere/file"]);
}

#[test]
fn frames_take_as_long_as_on_hardware_or_up_to_a_hundred_times_that() {
    let slow = |factor| ["exec", "--slow", factor, "--", "true"];
    misused(&slow("0"), &["--slow <FACTOR>", "0 is not in 1..=100"]);
    misused(&slow("101"), &["101 is not in 1..=100"]);
    misused(&slow("fast"), &["--slow <FACTOR>", "invalid digit"]);
}

#[test]
fn a_parameter_has_a_name() {
    let words = ["exec", "--dtparam", "=180", "--", "true"];
    misused(&words, &["--dtparam <NAME[=VALUE]>", "write NAME=VALUE"]);
}

#[test]
fn cargo_wants_words() {
    misused(&["cargo"], &["<ARG>"]);
}

#[test]
fn incomplete_and_contradicting_commands_are_refused() {
    misused(&["exec"], &["<CMD>"]);
    misused(&["exec", "--timeout", "0", "--", "true"], &["--timeout"]);
    misused(
        &["exec", "--copy-out", "a:b", "--", "true"],
        &["begin with a slash"],
    );
    misused(
        &["run", "--board", "rpi6"],
        &["[possible values: rpi5, imx8mm]"],
    );
    misused(&["build", "--update", "--locked"], &["cannot be used with"]);
    refused(
        &["run", "--tour", "--mount", "none"],
        &["leave out `--mount none`"],
    );
}

#[test]
fn files_of_the_host_are_looked_for_before_the_boot() {
    let missing = ["reading /no/such/file: No such file"];
    refused(&["exec", "--script", "/no/such/file"], &missing);
    refused(
        &["exec", "--copy-in", "/no/such/file:/tmp/x", "--", "true"],
        &missing,
    );
}

#[test]
fn a_socket_in_use_is_not_taken_over() {
    let host = Host::new();
    let path = host.word("orders");
    let _server = OrderServer::start(path.as_ref(), |_| Reply::Done).unwrap();
    let words = ["exec", "--board-socket", &path, "--", "true"];
    let end = format!("`bayonet-board ctl --board-socket {path} quit`");
    host.refuses(&words, 1, &["in use by a running board", &end]);
    assert!(host.path("orders").exists());
    let long = host.word(&"x".repeat(100));
    let words = ["exec", "--board-socket", &long, "--", "true"];
    host.refuses(&words, 1, &["is longer than 107 bytes"]);
}

#[test]
fn the_emulator_must_be_there_and_new_enough() {
    let host = Host::new();
    let refused = |qemu: &str, parts: &[&str]| {
        host.refuses(&["exec", "--qemu", qemu, "--", "true"], 1, parts);
    };
    let other = "leave out --qemu to use the one of the build root";
    refused(
        "/no/such/qemu",
        &["cannot run /no/such/qemu", "No such file", other],
    );
    let file = host.write("qemu", "not a program");
    refused(&file, &["Permission denied", other]);
    let old = host.program(
        "qemu-old",
        "echo QEMU emulator version 7.2.19 '(Debian 1:7.2)'",
    );
    refused(
        &old,
        &[&old, "is QEMU 7.2, but 11.1 or later is needed", other],
    );
    let mute = host.program("qemu-mute", "exit 0");
    refused(&mute, &["does not tell its version", other]);
    let broken = host.program("qemu-broken", "echo libfoo.so is missing >&2; exit 127");
    refused(&broken, &["libfoo.so is missing", other]);
}

#[test]
fn a_stale_socket_is_no_board() {
    let host = Host::new();
    drop(UnixListener::bind(host.path("stale")).unwrap());
    let words = ["status", "--board-socket", &host.word("stale")];
    host.refuses(
        &words,
        1,
        &["no board takes orders at", "bayonet-board run"],
    );
}
