//! `ctl` and `status`: boards that are not there, too many, unwilling, or spoken to in nonsense.

use super::host::Host;
use bayonet_board::board::{Board, BoardOptions};
use bayonet_board::machine::OrderServer;
use bayonet_board::model::Model;
use bayonet_board::optics::Light;
use bayonet_board::orders::Reply;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;

/// The orders' socket of a board of this name, as a running one has it.
fn socket(host: &Host, name: &str) -> PathBuf {
    let directory = host.sockets().join(format!("board-{name}"));
    fs::create_dir_all(&directory).unwrap();
    directory.join("orders.socket")
}

/// A board without a machine around it, which takes orders.
fn board(host: &Host) -> OrderServer {
    let options = BoardOptions {
        model: Model::Rpi5,
        main: "imx219".into(),
        mount: None,
        lens: None,
        scene: "chart".into(),
        light: Light::new(5000.0, 100.0).unwrap(),
        seed: 1,
        slow: 1,
    };
    let board = Board::start(&options, &host.path("bus.socket")).unwrap();
    OrderServer::start(&socket(host, "one"), move |order| board.order(order)).unwrap()
}

#[test]
fn without_a_board_there_is_nobody_to_order() {
    let host = Host::new();
    let directory = host.sockets().display().to_string();
    let parts = [
        "no board runs below",
        &directory,
        "bayonet-board run",
        "--board-socket",
    ];
    host.refuses(&["status"], 1, &parts);
    host.refuses(&["ctl", "unplug", "mount"], 1, &parts);
    // One that was killed leaves its socket; the next board removes it.
    drop(UnixListener::bind(socket(&host, "killed")).unwrap());
    host.run(&["status"]).is_refusal(1, &parts);
    let named = ["ctl", "--board-socket", "/no/such/socket", "quit"];
    host.run(&named).is_refusal(
        1,
        &["no board takes orders at /no/such/socket", "No such file"],
    );
}

#[test]
fn one_of_several_boards_must_be_named() {
    let host = Host::new();
    let sockets = ["one", "two"].map(|name| socket(&host, name));
    let servers = sockets
        .each_ref()
        .map(|path| OrderServer::start(path, |_| Reply::Done).unwrap());
    let names = sockets.each_ref().map(|path| path.to_str().unwrap());
    let parts = ["several boards run", "--board-socket", names[0], names[1]];
    host.run(&["ctl", "plug", "main"]).is_refusal(1, &parts);
    let named = host.run(&["ctl", "--board-socket", names[1], "plug", "main"]);
    assert!(named.status.success(), "{named:?}");
    drop(servers);
}

#[test]
fn a_board_says_why_it_refuses() {
    let host = Host::new();
    let server = board(&host);
    let refused = |words: &[&str], parts: &[&str]| {
        let words = [&["ctl"], words].concat();
        let all = [&["the board refused"], parts].concat();
        host.run(&words).is_refusal(1, &all);
    };
    refused(
        &["plug", "mount", "--sensor", "imx9"],
        &["no sensor \"imx9\"", "imx283"],
    );
    refused(&["scene", "/no/picture"], &["No such file", "raccoon"]);
    refused(&["focus", "2"], &["no lens on the mount"]);
    for (words, part) in [
        (&["light", "9000", "1"][..], "outside 2300 to 7500 K"),
        (&["lens", "64"], "above 63"),
        (&["unplug", "left"], "[possible values: main, mount]"),
        (&["fault", "main", "nak-transfer", "0"], "not in 1.."),
        (&["explode"], "unrecognized subcommand"),
    ] {
        host.run(&[&["ctl"], words].concat()).is_refusal(2, &[part]);
    }
    drop(server);
}

#[test]
fn malformed_requests_are_answered_and_harm_nobody() {
    let host = Host::new();
    let server = board(&host);
    let stream = UnixStream::connect(socket(&host, "one")).unwrap();
    let mut reader = BufReader::new(&stream);
    let mut ask = |line: &[u8]| {
        (&stream).write_all(&[line, b"\n"].concat()).unwrap();
        let mut reply = String::new();
        reader.read_line(&mut reply).unwrap();
        serde_json::from_str::<Reply>(&reply).unwrap()
    };
    let unknown = br#"{"order":"explode"}"#;
    let wrong = br#"{"order":"lens","code":"many"}"#;
    let outside = br#"{"order":"light","kelvin":1,"lux":1}"#;
    let deep = [b"[".repeat(60_000), b"]".repeat(1000)].concat();
    for (line, part) in [
        (&b"hello"[..], "not an order"),
        (b"\xff\xfe\0", "not an order"),
        (unknown, "unknown variant `explode`, expected one of `plug`"),
        (wrong, "expected u8"),
        (outside, "2300"),
        (&deep, "not an order"),
        (&b"x".repeat(1 << 17), "at most 65536 bytes"),
    ] {
        match ask(line) {
            Reply::Refused { reason } => assert!(reason.contains(part), "{part}: {reason}"),
            other => panic!("{other:?}"),
        }
    }
    (&stream).write_all(b"{\"order\":\"sta").unwrap();
    drop(stream);
    let status = host.run(&["status"]);
    assert!(status.stdout.contains("imx219"), "{status:?}");
    drop(server);
}

#[test]
fn a_server_that_is_no_board_is_told_from_one() {
    let host = Host::new();
    for (answer, part) in [
        (&b""[..], "hung up without an answer"),
        (b"HTTP/1.1 400 Bad Request\r\n", "expected value"),
    ] {
        let path = host.path("strange");
        let listener = UnixListener::bind(&path).unwrap();
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut line = String::new();
            BufReader::new(&stream).read_line(&mut line).unwrap();
            stream.write_all(answer).unwrap();
        });
        let words = ["status", "--board-socket", &host.word("strange")];
        host.refuses(&words, 1, &["giving an order at", part]);
        server.join().unwrap();
        fs::remove_file(path).unwrap();
    }
}
