//! What the kernel and udev tell in bytes: uevents, input events, properties of the device tree.

#![no_main]

use bayonet_kernel::{device_tree, input, uevent};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let Some(event) = uevent::parse(data) {
        assert_eq!(event.properties["ACTION"], event.action);
        assert_eq!(event.properties["DEVPATH"], event.path);
        let _ = event.node();
    }
    assert!(input::parse(data).count() <= data.len() / input::EVENT_SIZE);
    if let Some(cells) = device_tree::cells(data) {
        let bytes: Vec<u8> = cells.iter().flat_map(|cell| cell.to_be_bytes()).collect();
        assert_eq!(bytes, data);
    }
    if let Some(words) = device_tree::strings(data) {
        assert_eq!((words.join("\0") + "\0").as_bytes(), data);
    }
});
