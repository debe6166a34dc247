use super::*;
use crate::pisp::layout::BE_CONFIG_SIZE;
use crate::pisp::tiles::Pair;
use crate::pisp::typical::{put, put_u16s};

const BASE: u64 = 0x1000;
const STRIDE: i32 = 16;

/// Writes rows of `c0 + column`, `c1 + column`, `c2 + column` (the high bytes), two rows of four pixels, and gives the
/// bytes of three planes.
fn written(format: u32, transform: u8, limits: [u16; 4]) -> [Vec<u8>; 3] {
    let mut config = [0; BE_CONFIG_SIZE];
    for plane in 0..3 {
        put(
            &mut config,
            be::OUTPUT_BUFFER + 8 * plane,
            (BASE + 0x100 * plane as u64).to_le_bytes(),
        );
    }
    let base = be::OUTPUT_FORMAT;
    put_u16s(&mut config, base, &[4, 2]);
    put(&mut config, base + 4, format.to_le_bytes());
    let stride = if format & 3 == 3 { 2 * STRIDE } else { STRIDE };
    put(&mut config, base + 8, stride.to_le_bytes());
    put(&mut config, base + 12, STRIDE.to_le_bytes());
    config[base + 16] = transform;
    put_u16s(&mut config, base + 20, &limits);
    let settings = Settings::read(&config, 0).unwrap();
    let last_row = if transform & 2 != 0 { stride as u32 } else { 0 };
    let chroma_rows_up = transform & 2 != 0 && settings.chroma.rows == 1;
    let tile = TileBranch {
        output_size: Pair { x: 4, y: 2 },
        output_addr_offset: last_row,
        output_addr_offset2: if chroma_rows_up { STRIDE as u32 } else { 0 },
        ..TileBranch::default()
    };
    let ram = GuestRam::anonymous(BASE, 0x1000).unwrap();
    let mut output = Output::default();
    for y in 0..2 {
        let row = |channel: u16| [0, 1, 2, 3].map(|x| ((channel + 16 * y as u16 + x) << 8) | 0x7f);
        let planes = [row(0x10), row(0x50), row(0x90)];
        output
            .write(
                &settings,
                &tile,
                y,
                planes.each_ref().map(|row| &row[..]),
                &ram,
            )
            .unwrap();
    }
    [0, 1, 2].map(|plane| {
        let mut bytes = vec![0; 2 * stride as usize];
        ram.read(BASE + 0x100 * plane, &mut bytes).unwrap();
        bytes
    })
}

const OPEN: [u16; 4] = [0, 65_535, 0, 65_535];

fn rows(format: u32, transform: u8, plane: usize, length: usize) -> [Vec<u8>; 2] {
    let bytes = &written(format, transform, OPEN)[plane];
    [
        bytes[..length].to_vec(),
        bytes[STRIDE as usize..][..length].to_vec(),
    ]
}

const THREE: u32 = 0x4000_0000;

#[test]
fn interleaved_pixels() {
    assert_eq!(
        rows(THREE, 0, 0, 12)[0],
        [
            0x10, 0x50, 0x90, 0x11, 0x51, 0x91, 0x12, 0x52, 0x92, 0x13, 0x53, 0x93
        ]
    );
    assert_eq!(
        rows(THREE | 0x10_0000, 0, 0, 8)[1],
        [0x20, 0x60, 0xa0, 0xff, 0x21, 0x61, 0xa1, 0xff]
    );
    assert_eq!(
        rows(THREE | 0x10_1000, 0, 0, 8)[0],
        [0xff, 0x10, 0x50, 0x90, 0xff, 0x11, 0x51, 0x91]
    );
    assert_eq!(
        rows(THREE | 3, 0, 0, 8)[0],
        [0x7f, 0x10, 0x7f, 0x50, 0x7f, 0x90, 0x7f, 0x11]
    );
    assert_eq!(rows(0, 0, 0, 5)[0], [0x10, 0x11, 0x12, 0x13, 0]);
}

#[test]
fn interleaved_422() {
    assert_eq!(
        rows(THREE | 0x100, 0, 0, 8)[0],
        [0x10, 0x50, 0x11, 0x90, 0x12, 0x52, 0x13, 0x92]
    );
    assert_eq!(
        rows(THREE | 0x1100, 0, 0, 8)[1],
        [0x60, 0x20, 0xa0, 0x21, 0x62, 0x22, 0xa2, 0x23]
    );
    assert_eq!(
        rows(THREE | 0x100, 1, 0, 8)[0],
        [0x13, 0x52, 0x12, 0x92, 0x11, 0x50, 0x10, 0x90]
    );
}

#[test]
fn planes() {
    let nv12 = THREE | 0x210;
    assert_eq!(
        rows(nv12, 0, 0, 4),
        [[0x10, 0x11, 0x12, 0x13], [0x20, 0x21, 0x22, 0x23]]
    );
    assert_eq!(rows(nv12, 0, 1, 5), [[0x50, 0x90, 0x52, 0x92, 0], [0; 5]]);
    assert_eq!(rows(nv12 | 0x1000, 0, 1, 4)[0], [0x90, 0x50, 0x92, 0x52]);
    assert_eq!(rows(THREE | 0x110, 0, 1, 4)[1], [0x60, 0xa0, 0x62, 0xa2]);
    let yuv420 = THREE | 0x220;
    assert_eq!(rows(yuv420, 0, 1, 3), [[0x50, 0x52, 0], [0; 3]]);
    assert_eq!(rows(yuv420, 0, 2, 3), [[0x90, 0x92, 0], [0; 3]]);
    assert_eq!(rows(THREE | 0x120, 0, 2, 2), [[0x90, 0x92], [0xa0, 0xa2]]);
    assert_eq!(
        rows(THREE | 0x20, 0, 1, 4),
        [[0x50, 0x51, 0x52, 0x53], [0x60, 0x61, 0x62, 0x63]]
    );
}

#[test]
fn transforms() {
    let nv12 = THREE | 0x210;
    assert_eq!(
        rows(nv12, 2, 0, 4),
        [[0x20, 0x21, 0x22, 0x23], [0x10, 0x11, 0x12, 0x13]]
    );
    assert_eq!(
        rows(nv12, 3, 0, 4),
        [[0x23, 0x22, 0x21, 0x20], [0x13, 0x12, 0x11, 0x10]]
    );
    assert_eq!(rows(nv12, 3, 1, 4)[0], [0x52, 0x92, 0x50, 0x90]);
    assert_eq!(rows(THREE | 0x120, 2, 1, 2), [[0x60, 0x62], [0x50, 0x52]]);
}

#[test]
fn limits_clip_luma_and_chroma_apart() {
    let [luma, chroma, _] = written(THREE | 0x210, 0, [0x1100, 0x2100, 0x6000, 0x9100]);
    assert_eq!(luma[..4], [0x11, 0x11, 0x12, 0x13]);
    assert_eq!(luma[16..20], [0x20, 0x21, 0x21, 0x21]);
    assert_eq!(chroma[..4], [0x60, 0x90, 0x60, 0x91]);
    // Limits the wrong way round must not upset anything.
    written(THREE, 0, [9, 1, 9, 1]);
}
