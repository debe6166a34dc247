//! Orders as the guest and the control socket send them, carried out by a board without a machine.

#![no_main]

use bayonet_board::board::{Board, BoardOptions};
use bayonet_board::model::Model;
use bayonet_board::optics::Light;
use bayonet_board::orders::Order;
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;

static BOARD: LazyLock<Board> = LazyLock::new(|| {
    let options = BoardOptions {
        model: Model::default(),
        main: "imx283".into(),
        mount: Some("imx219".into()),
        lens: None,
        scene: "chart".into(),
        light: Light::new(5000.0, 500.0).expect("daylight"),
        seed: 1,
        slow: 1,
    };
    let directory = tempfile::tempdir().expect("a directory for the bus");
    Board::start(&options, &directory.path().join("bus")).expect("a board")
});

fuzz_target!(|data: &[u8]| {
    for line in data.split(|&byte| byte == b'\n') {
        match serde_json::from_slice(line) {
            // The scene's own target reads files; this one leaves those of the host alone.
            Ok(Order::Scene { .. }) | Err(_) => {}
            Ok(order) => {
                BOARD.order(order);
                BOARD.status();
            }
        }
    }
});
