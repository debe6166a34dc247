//! Bodies of requests, names of pictures and tables of accounts, as clients and systems write them.

#![no_main]

use bayonet_daemon::api::access::{Access, Peer, access};
use bayonet_daemon::api::body;
use bayonet_daemon::captures::FileName;
use bayonet_daemon::wire::Encoding;
use libfuzzer_sys::fuzz_target;

/// In no file that is shorter than its digits.
const STRANGER: Peer = Peer {
    user: 4_294_000_000,
    group: 4_294_000_000,
};

fuzz_target!(|data: &[u8]| {
    if let Ok(request) = body::capture_request(data, 90) {
        assert!((1..=2).contains(&request.cameras.len()));
        if let Encoding::Jpeg { quality } = request.encoding {
            assert!((1..=100).contains(&quality));
        }
    }
    if let Ok(request) = body::record_request(data) {
        assert!((1..=2).contains(&request.cameras.len()));
        assert!(request.frames != Some(0) && request.duration.is_none_or(|it| !it.is_zero()));
    }
    let _ = body::controls_request(data);
    let _ = body::lens_request(data);
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    if let Ok(name) = text.parse::<FileName>() {
        assert_eq!(name.to_string(), text);
        assert!(!text.contains(['/', '\0']));
    }
    let (groups, users) = text.split_once('\0').unwrap_or((text, text));
    if access(STRANGER, 500, "bayonet", groups, users) == Access::Control {
        assert!(text.contains("4294000000"), "a stranger may control");
    }
});
