//! Back-end jobs: settings and tiles as libcamera writes them, with words of both replaced.

#![no_main]

use bayonet_board::guest_ram::GuestRam;
use bayonet_board::pisp::{BackEnd, layout};
use libfuzzer_sys::fuzz_target;
use std::cell::RefCell;

#[allow(dead_code, reason = "benchmarks and tests use the rest")]
#[path = "../../../tools/board/src/pisp/typical.rs"]
mod typical;
#[allow(dead_code, reason = "benchmarks and tests use the rest")]
#[path = "../../../tools/board/src/pisp/typical_tiles.rs"]
mod typical_tiles;

/// Small, so that a job that reads far soon leaves it.
const MEMORY: usize = 1 << 20;
/// Room for each plane of the picture.
const PLANE: u64 = 0x2_0000;
/// An edit: byte offset, then the word to write there.
const EDIT: usize = 6;

thread_local! {
    static BACK_END: RefCell<BackEnd> = RefCell::default();
}

fuzz_target!(|data: &[u8]| {
    let Some((&shape, edits)) = data.split_first() else {
        return;
    };
    let formats = [typical::NV12, typical::XBGR8888];
    let format = formats[usize::from(shape & 1)];
    let mut job = typical::Job::new([160, 96], [128, 64], format);
    job.max_tile = [64, 64];
    job.branch = usize::from(shape >> 1 & 1);
    job.transform = shape >> 2 & 3;
    let mut config = job.config();
    for plane in 0..3 {
        let at = layout::be::OUTPUT_BUFFER + layout::be::OUTPUT_BUFFER_SIZE * job.branch;
        let address = typical::RAW + PLANE * (plane + 1);
        typical::put(&mut config, at + 8 * plane as usize, address.to_le_bytes());
    }
    let mut bytes = [&config[..], &job.tiles()].concat();
    for edit in edits.chunks_exact(EDIT) {
        let offset = usize::from(u16::from_le_bytes([edit[0], edit[1]])) % (bytes.len() - 4);
        bytes[offset..offset + 4].copy_from_slice(&edit[2..]);
    }
    let (config, tiles) = bytes.split_first_chunk().expect("settings come first");
    let ram = GuestRam::anonymous(typical::RAW, MEMORY).expect("a megabyte");
    // One back end for all jobs: what a bad one leaves behind must not hurt the next.
    BACK_END.with_borrow_mut(|back_end| {
        let _ = back_end.run(config, tiles, &ram);
    });
});
