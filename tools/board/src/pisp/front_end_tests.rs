use proptest::prelude::*;

use super::*;
use crate::pisp::layout::{STATISTICS_SIZE, stats};
use crate::pisp::typical::{
    BLACK, COMPRESSION_OFFSET, RAW, STATISTICS, front_end, put, put_u16s, scene,
};

const WIDTH: usize = 644;
const HEIGHT: usize = 36;
const STRIDE: usize = 656;

fn memory() -> GuestRam {
    GuestRam::anonymous(RAW, 0x2100_0000).unwrap()
}

fn bytes_at(ram: &GuestRam, address: u64, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    ram.read(address, &mut bytes).unwrap();
    bytes
}

fn frame(config: &[u8; FE_CONFIG_SIZE], bands: &[usize]) -> GuestRam {
    let ram = memory();
    let pixels = scene(WIDTH as u16, HEIGHT as u16);
    let mut front = FrontEnd::default();
    front.begin(config, WIDTH, HEIGHT, 12).unwrap();
    let mut y = 0;
    for rows in bands {
        front
            .rows(y, &pixels[y * WIDTH..(y + rows) * WIDTH], &ram)
            .unwrap();
        y += rows;
    }
    front.finish(&ram).unwrap();
    ram
}

#[test]
fn the_raw_frame_is_the_compressed_scene() {
    let ram = frame(&front_end(WIDTH as u16, HEIGHT as u16), &[HEIGHT]);
    let pixels = scene(WIDTH as u16, HEIGHT as u16);
    for y in 0..HEIGHT {
        let bytes = bytes_at(&ram, RAW + (y * STRIDE) as u64, compress::row_bytes(WIDTH));
        let mut row = vec![0; WIDTH];
        compress::decode_row(Mode::Delta, COMPRESSION_OFFSET, &bytes, &mut row);
        for (pixel, value) in pixels[y * WIDTH..].iter().zip(row) {
            assert!((pixel << 4).abs_diff(value) <= 256);
        }
    }
    let statistics = bytes_at(&ram, STATISTICS, STATISTICS_SIZE);
    let counted = u32_at(&statistics, stats::AGC_FLOATING + 8);
    assert_eq!(counted as usize, WIDTH * HEIGHT / 4);
}

#[test]
fn bands_make_no_difference() {
    let config = front_end(WIDTH as u16, HEIGHT as u16);
    let all = |ram: &GuestRam| {
        (
            bytes_at(ram, RAW, HEIGHT * STRIDE),
            bytes_at(ram, STATISTICS, STATISTICS_SIZE),
        )
    };
    let whole = all(&frame(&config, &[HEIGHT]));
    assert!(all(&frame(&config, &[2, 10, 4, 20])) == whole);
    assert!(all(&frame(&config, &[2; 18])) == whole);
}

#[test]
fn outputs_crop_and_align_black() {
    let mut config = front_end(WIDTH as u16, HEIGHT as u16);
    // Both outputs uncompressed, the second cropped; red's black level is 100 too high.
    put(&mut config, fe::ENABLES, 0x0098_1789_u32.to_le_bytes());
    put(
        &mut config,
        fe::OUTPUT_BUFFER + 8,
        (RAW + 0x10_0000).to_le_bytes(),
    );
    put_u16s(
        &mut config,
        fe::BLA,
        &[BLACK + 100, BLACK, BLACK, BLACK, BLACK],
    );
    for (index, (width, height)) in [(WIDTH, HEIGHT), (100, 10)].into_iter().enumerate() {
        let branch = fe::BRANCH + index * fe::BRANCH_SIZE;
        put_u16s(&mut config, branch, &[20, 6, 100, 10]);
        put_u16s(
            &mut config,
            branch + fe::BRANCH_FORMAT,
            &[width as u16, height as u16],
        );
        put(
            &mut config,
            branch + fe::BRANCH_FORMAT + 4,
            3_u32.to_le_bytes(),
        );
        put(
            &mut config,
            branch + fe::BRANCH_FORMAT + 8,
            (2 * WIDTH as i32).to_le_bytes(),
        );
    }
    let ram = frame(&config, &[HEIGHT]);
    let pixels = scene(WIDTH as u16, HEIGHT as u16);
    let expected = |x: usize, y: usize| {
        (pixels[y * WIDTH + x] << 4)
            - if x.is_multiple_of(2) && y.is_multiple_of(2) {
                100
            } else {
                0
            }
    };
    for (address, left, top, width, height) in [
        (RAW, 0, 0, WIDTH, HEIGHT),
        (RAW + 0x10_0000, 20, 6, 100, 10),
    ] {
        for y in 0..height {
            let bytes = bytes_at(&ram, address + (y * 2 * WIDTH) as u64, 2 * width);
            for x in 0..width {
                assert_eq!(u16_at(&bytes, 2 * x), expected(left + x, top + y));
            }
        }
    }
}

#[test]
fn impossible_settings_are_refused() {
    let good = front_end(64, 32);
    let mut front = FrontEnd::default();
    let size = ConfigError::Size {
        half: Half::FrontEnd,
        what: "sensor image",
        width: 63,
        height: 32,
    };
    assert_eq!(front.begin(&good, 63, 32, 12), Err(size));
    assert!(front.begin(&good, 64, 32, 17).is_err());
    let mut config = good;
    put(
        &mut config,
        fe::BRANCH + fe::BRANCH_FORMAT + 8,
        63_i32.to_le_bytes(),
    );
    let stride = ConfigError::Stride {
        half: Half::FrontEnd,
        what: "output",
        stride: 63,
        needed: 64,
    };
    assert_eq!(front.begin(&config, 64, 32, 12), Err(stride));
    let mut config = good;
    config[fe::BRANCH + fe::BRANCH_COMPRESS + 3] = 4;
    let format = ConfigError::Format {
        half: Half::FrontEnd,
        what: "output",
        format: 0x0100_0000,
    };
    assert_eq!(front.begin(&config, 64, 32, 12), Err(format));
}

#[test]
fn rows_before_the_first_frame_are_dropped() {
    assert_eq!(FrontEnd::default().rows(0, &[1, 2, 3], &memory()), Ok(()));
}

#[test]
fn what_is_not_modelled_has_a_name() {
    assert_eq!(
        unmodelled(Enables::DPC | Enables::BLA | Enables::DOWNSCALE1),
        ["DPC", "DOWNSCALE1"]
    );
    assert!(unmodelled(enables(&front_end(64, 64))).is_empty());
}

#[test]
fn a_second_frame_reserves_nothing() {
    let config = front_end(WIDTH as u16, HEIGHT as u16);
    let (ram, pixels) = (memory(), scene(WIDTH as u16, HEIGHT as u16));
    let mut front = FrontEnd::default();
    let mut shot = || {
        front.begin(&config, WIDTH, HEIGHT, 12).unwrap();
        front.rows(0, &pixels, &ram).unwrap();
        front.finish(&ram).unwrap();
        front.bytes.capacity() + front.pair[1].capacity() + front.statistics.reserved()
    };
    assert_eq!(shot(), shot());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]
    #[test]
    fn no_guest_breaks_the_model(settings in prop::collection::vec((0..FE_CONFIG_SIZE, any::<u8>()), 0..64)) {
        let ram = GuestRam::anonymous(RAW, 0x10000).unwrap();
        let mut config = front_end(64, 32);
        for (offset, value) in settings {
            config[offset] = value;
        }
        let mut front = FrontEnd::default();
        if front.begin(&config, 64, 32, 10).is_ok() {
            let _ = front.rows(0, &scene(64, 32), &ram);
            let _ = front.rows(30, &scene(64, 32), &ram);
            let _ = front.finish(&ram);
        }
    }
}
