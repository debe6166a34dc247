//! Indexes of recordings, as crashes and people leave them. What is taken can be written and read again, and names no
//! file outside.

#![no_main]

use bayonet_daemon::recordings::index::{Line, Malformed, parse_line, read};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let contents = read(data).expect("memory can be read");
    for line in &contents.lines {
        let text = serde_json::to_vec(line).expect("lines are JSON");
        assert_eq!(parse_line(&text).as_ref(), Ok(line));
        if let Line::Frame(entry) = line {
            let name = entry.file.to_string();
            let inside = name.starts_with("main/") || name.starts_with("mount/");
            assert!(inside && name.matches('/').count() == 1, "{name}");
        }
    }
    let torn = contents.damaged.iter().filter(|(_, why)| *why == Malformed::Torn);
    assert!(torn.count() <= 1, "only the last line can be torn");
    let lines = 1 + data.iter().filter(|&&byte| byte == b'\n').count();
    assert!(contents.lines.len() + contents.damaged.len() <= lines);
});
