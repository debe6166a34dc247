//! Configurations of `bayonetd`, as people write them.

#![no_main]

use bayonet_daemon::config::{Config, Error};
use libfuzzer_sys::fuzz_target;
use std::path::Path;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    if let Err(Error::Parse { line, message, .. }) = Config::parse(text, Path::new("x.toml")) {
        assert!(
            (1..=text.lines().count() + 1).contains(&line),
            "line {line}"
        );
        assert!(!message.is_empty());
    }
});
