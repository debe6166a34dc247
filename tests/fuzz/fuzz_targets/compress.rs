//! PiSP-compressed rows: any bytes decode, and what was decoded can be coded again.

#![no_main]

use bayonet_board::pisp::compress::{Mode, decode_row, encode_row, row_bytes};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((&[mode, low, high, missing], bytes)) = data.split_first_chunk::<4>() else {
        return;
    };
    let Some(mode) = Mode::from_number(mode) else {
        return;
    };
    let offset = u16::from_le_bytes([low, high]);
    // Rows may be longer or shorter than what is there for them.
    let width = (bytes.len() + 16).saturating_sub(missing.into());
    let mut row = vec![0; width];
    decode_row(mode, offset, bytes, &mut row);
    let mut again = vec![0; row_bytes(width)];
    encode_row(mode, offset, &row, &mut again);
    decode_row(mode, offset, &again, &mut row);
    assert!(row.iter().all(|&value| value >= offset));
});
