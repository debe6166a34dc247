//! PiSP-compressed rows: any bytes decode.

#![no_main]

use bayonet_imaging::compressed::decode_row;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((&[low, high, missing], bytes)) = data.split_first_chunk::<3>() else {
        return;
    };
    let offset = u16::from_le_bytes([low, high]);
    // Rows may be longer or shorter than what is there for them.
    let width = (bytes.len() + 16).saturating_sub(missing.into());
    let mut row = vec![offset; width];
    decode_row(bytes, offset, &mut row);
    assert!(row.iter().all(|&value| value >= offset));
});
