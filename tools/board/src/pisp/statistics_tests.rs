use super::*;
use crate::pisp::layout::{FE_CONFIG_SIZE, u32_at};
use crate::pisp::typical::{BLACK, front_end, put_u16s};

const WIDTH: u16 = 640;
const HEIGHT: u16 = 480;

/// Statistics of a frame whose pixel is `scene(x, y)`, 16 bits.
fn measure(
    config: &[u8; FE_CONFIG_SIZE],
    order: BayerOrder,
    scene: impl Fn(usize, usize) -> u16,
) -> Vec<u8> {
    let mut statistics = Statistics::default();
    statistics.begin(config, Some(order), WIDTH.into(), HEIGHT.into());
    for y in (0..usize::from(HEIGHT)).step_by(2) {
        let rows = [y, y + 1].map(|y| {
            (0..usize::from(WIDTH))
                .map(|x| scene(x, y))
                .collect::<Vec<_>>()
        });
        statistics.add(y, [&rows[0], &rows[1]]);
    }
    statistics.bytes().to_vec()
}

fn u64_at(bytes: &[u8], offset: usize) -> u64 {
    super::super::layout::address_at(bytes, offset)
}

#[test]
fn a_flat_field_has_known_sums() {
    for order in [
        BayerOrder::Rggb,
        BayerOrder::Gbrg,
        BayerOrder::Bggr,
        BayerOrder::Grbg,
    ] {
        let levels = [3000, 8000, 5000];
        let flat = |x: usize, y: usize| BLACK + levels[order.colour(x, y) as usize];
        let bytes = measure(&front_end(WIDTH, HEIGHT), order, flat);
        // Zones of 20 by 16 pixels (480 / 32 = 15, rounded to even): 80 quads; 30 rows of zones fill the image.
        for zone in [0, 31, 32 * 29 + 31] {
            let fields = [0, 4, 8, 12].map(|field| u32_at(&bytes, stats::AWB + 16 * zone + field));
            assert_eq!(fields, [80 * 3000, 80 * 8000, 80 * 5000, 80]);
        }
        assert_eq!(u32_at(&bytes, stats::AWB + 16 * 32 * 30 + 12), 0);
        let luminance = (3000 * 459 + 8000 * 601 + 5000 * 175) >> 10;
        let quads = u64::from(WIDTH) * u64::from(HEIGHT) / 4;
        assert_eq!(u64_at(&bytes, stats::AGC_FLOATING), quads * luminance);
        assert_eq!(u32_at(&bytes, stats::AGC_FLOATING + 8), quads as u32);
        assert_eq!(u32_at(&bytes, stats::AWB_FLOATING + 12), quads as u32);
        // The weighted zones are 15 x 15 of 42 x 32 pixels.
        let bin = (luminance >> BIN_SHIFT) as usize;
        assert_eq!(u32_at(&bytes, stats::HISTOGRAM + 4 * bin), 225 * 21 * 16);
        let total: u32 = (0..HISTOGRAM_BINS)
            .map(|bin| u32_at(&bytes, stats::HISTOGRAM + 4 * bin))
            .sum();
        assert_eq!(total, 225 * 21 * 16);
        assert_eq!(u32_at(&bytes, stats::ROW_SUMS), 320 * luminance as u32);
        assert_eq!(u64_at(&bytes, stats::CDAF), 0);
    }
}

#[test]
fn weights_limits_and_shifts_count() {
    let mut config = front_end(WIDTH, HEIGHT);
    config[fe::AGC_WEIGHTS..][..128].fill(0);
    config[fe::AGC_WEIGHTS + 8] = 0x50;
    config[fe::AWB_SHIFT] = 3;
    put_u16s(
        &mut config,
        fe::AWB_LIMITS,
        &[0, 1000, 0, 65_535, 0, 65_535],
    );
    // The left half is too red to count.
    let bytes = measure(&config, BayerOrder::Rggb, |x, _| {
        if x < 320 { BLACK + 1001 } else { BLACK + 1000 }
    });
    let zone = |x: usize| [0, 12].map(|field| u32_at(&bytes, stats::AWB + 16 * x + field));
    assert_eq!((zone(0), zone(31)), ([0, 0], [(80 * 1000) >> 3, 80]));
    // Weight 5 for the second zone of the second row only.
    let total: u32 = (0..HISTOGRAM_BINS)
        .map(|bin| u32_at(&bytes, stats::HISTOGRAM + 4 * bin))
        .sum();
    assert_eq!(total, 5 * 21 * 16);
}

#[test]
fn greyscale_sensors_have_a_black_level_too() {
    let mut statistics = Statistics::default();
    statistics.begin(&front_end(WIDTH, HEIGHT), None, WIDTH.into(), HEIGHT.into());
    let row = [BLACK + 100; WIDTH as usize];
    statistics.add(0, [&row, &row]);
    assert_eq!(u32_at(statistics.bytes(), stats::AWB), 100 * 10);
}

#[test]
fn a_crop_moves_the_zones() {
    let mut config = front_end(WIDTH, HEIGHT);
    config[fe::ENABLES] |= 0x20;
    put_u16s(&mut config, fe::STATS_CROP, &[320, 240, 320, 240]);
    put_u16s(&mut config, fe::AWB, &[0, 0, 10, 8]);
    let corner = |x: usize, y: usize| {
        if x >= 320 && y >= 240 {
            BLACK + 500
        } else {
            BLACK
        }
    };
    let bytes = measure(&config, BayerOrder::Rggb, corner);
    for zone in [0, 31, 32 * 29 + 31] {
        assert_eq!(u32_at(&bytes, stats::AWB + 16 * zone), 500 * 20);
    }
}

#[test]
fn the_decimator_takes_every_second_quad() {
    let mut config = front_end(WIDTH, HEIGHT);
    config[fe::ENABLES] |= 0x40;
    put_u16s(&mut config, fe::AWB, &[0, 0, 10, 8]);
    let bytes = measure(&config, BayerOrder::Rggb, |x, y| {
        BLACK + if x % 4 < 2 && y % 4 < 2 { 700 } else { 0 }
    });
    let fields = [0, 12].map(|field| u32_at(&bytes, stats::AWB + 16 * 32 + field));
    assert_eq!(fields, [700 * 20, 20]);
}

#[test]
fn focus_follows_sharpness() {
    let bar = |width: f64| {
        move |x: usize, _: usize| {
            let position = (x % 80) as f64 - 40.0;
            BLACK + (8000.0 + 6000.0 * (position / width).tanh()) as u16
        }
    };
    let config = front_end(WIDTH, HEIGHT);
    let focus = |width: f64| {
        u64_at(
            &measure(&config, BayerOrder::Rggb, bar(width)),
            stats::CDAF + 8 * 9,
        ) >> 20
    };
    let measured: Vec<u64> = [1.0, 2.0, 4.0, 8.0].map(focus).to_vec();
    assert!(
        measured.windows(2).all(|pair| pair[0] > pair[1]),
        "{measured:?}"
    );
    assert!(measured[0] > 1000, "{measured:?}");
}

#[test]
fn noise_is_not_sharpness() {
    let config = front_end(WIDTH, HEIGHT);
    // Second differences of at most 2 * 150; the noise model allows 5 * sqrt(8000) = 447.
    let noisy = |x: usize, y: usize| BLACK + 8000 + ((x * 7919 + y * 104_729) % 150) as u16;
    let bytes = measure(&config, BayerOrder::Rggb, noisy);
    assert_eq!(u64_at(&bytes, stats::CDAF), 0);
}
