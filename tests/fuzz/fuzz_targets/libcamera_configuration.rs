//! libcamera's configuration: our directories go in, everything else stays, and the way back is exact.

#![no_main]

use bayonet_cli::libcamera_configuration::{
    Directories, KEYS, MARK, Value, lists, merge, read, remove,
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let directories: Directories = ["/fuzz/lib", "/fuzz/libexec", "/fuzz/share"].map(str::to_owned);
    let Ok(after) = merge(text, &directories) else {
        return;
    };
    let found = lists(&after).expect("libcamera reads what was merged");
    for (list, directory) in found.iter().zip(&directories) {
        assert!(list.contains(directory), "{after}");
    }
    assert_eq!(merge(&after, &directories).as_deref(), Ok(&*after));
    // What has marks or directories of ours already is another story.
    if text.contains(MARK) || text.contains("/fuzz/") {
        return;
    }
    let back = remove(&after, &directories);
    assert_eq!(back.as_deref(), Ok(text));
    let (before, after) = (read(text), read(&after));
    let before = before
        .expect("it could be merged")
        .map(|value| others(&value));
    let after = after.expect("it could be read").map(|value| others(&value));
    // A file with nothing in it gets its version.
    if let Some(before) = before {
        assert_eq!(after, Some(before));
    }
});

/// What the file says besides the three lists and what is on the way to them.
fn others(value: &Value) -> Vec<(String, Value)> {
    let entries = |value: &Value| match value {
        Value::Mapping(entries) => entries.clone(),
        _ => Vec::new(),
    };
    let mut others = Vec::new();
    for (name, value) in entries(value) {
        if name != "configuration" {
            others.push((name, value));
            continue;
        }
        for (name, value) in entries(&value) {
            if name != "ipa" {
                others.push((name, value));
                continue;
            }
            let inner = entries(&value).into_iter();
            others.extend(inner.filter(|(name, _)| !KEYS.contains(&name.as_str())));
        }
    }
    others
}
