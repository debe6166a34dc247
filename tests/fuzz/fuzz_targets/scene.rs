//! Pictures as scenes: PNG and JPEG files of any content.

#![no_main]

use bayonet_board::optics::Scene;
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;
use tempfile::NamedTempFile;

static FILE: LazyLock<NamedTempFile> = LazyLock::new(|| NamedTempFile::new().expect("a file"));

fuzz_target!(|data: &[u8]| {
    std::fs::write(FILE.path(), data).expect("room for a picture");
    let path = FILE.path().to_str().expect("a plain path");
    if let Ok(scene) = Scene::load(path) {
        assert_eq!(scene.pixels().len(), scene.width() * scene.height() * 3);
    }
});
