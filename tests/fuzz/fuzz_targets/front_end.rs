//! Front-end frames: settings as libcamera writes them with words replaced, for a sensor of any size.

#![no_main]

use bayonet_board::guest_ram::GuestRam;
use bayonet_board::pisp::{FrontEnd, layout};
use libfuzzer_sys::fuzz_target;
use std::cell::RefCell;

#[allow(dead_code, reason = "benchmarks and tests use the rest")]
#[path = "../../../tools/board/src/pisp/typical.rs"]
mod typical;

const WIDTH: u16 = 128;
const HEIGHT: u16 = 64;
const MEMORY: usize = 1 << 20;
/// An edit: byte offset, then the word to write there.
const EDIT: usize = 6;
const HEAD: usize = 6;

thread_local! {
    static FRONT_END: RefCell<FrontEnd> = RefCell::default();
}

fuzz_target!(|data: &[u8]| {
    let Some((&[w0, w1, h0, h1, bits, line], edits)) = data.split_first_chunk::<HEAD>() else {
        return;
    };
    // Zero stands for the size that the settings were made for.
    let size = |bytes, usual| match u16::from_le_bytes(bytes) {
        0 => usize::from(usual),
        size => usize::from(size),
    };
    let (width, height) = (size([w0, w1], WIDTH), size([h0, h1], HEIGHT));
    let mut config = typical::front_end(WIDTH, HEIGHT);
    let statistics = typical::RAW + (MEMORY - layout::STATISTICS_SIZE) as u64;
    typical::put(
        &mut config,
        layout::fe::STATS_BUFFER,
        statistics.to_le_bytes(),
    );
    for edit in edits.chunks_exact(EDIT) {
        let offset = usize::from(u16::from_le_bytes([edit[0], edit[1]])) % (config.len() - 4);
        config[offset..offset + 4].copy_from_slice(&edit[2..]);
    }
    let ram = GuestRam::anonymous(typical::RAW, MEMORY).expect("a megabyte");
    let rows: Vec<u16> = (0..4 * width)
        .map(|x| (x as u16).wrapping_mul(2531))
        .collect();
    FRONT_END.with_borrow_mut(|front_end| {
        if front_end.begin(&config, width, height, bits).is_err() {
            return;
        }
        for y in [0, 4, usize::from(line) & !1, height.saturating_sub(2) & !1] {
            let _ = front_end.rows(y, &rows, &ram);
        }
        let _ = front_end.finish(&ram);
    });
});
