//! Times of everything that touches every pixel, one thread.
//!
//! `cargo bench -p bayonet-board`; the frame is that of an imx283 in its 2736 x 1824 mode.

use bayonet_board::guest_ram::GuestRam;
use bayonet_board::pisp::{BackEnd, FrontEnd, compress, layout};

#[path = "../src/pisp/typical.rs"]
mod typical;
#[path = "../src/pisp/typical_tiles.rs"]
mod typical_tiles;

use typical::{Job, NV12, RAW, XBGR8888, front_end, scene};

const WIDTH: u16 = 2736;
const HEIGHT: u16 = 1824;

fn main() {
    divan::main();
}

fn memory() -> GuestRam {
    GuestRam::anonymous(RAW, 0x2100_0000).expect("512 MiB of address space")
}

fn pixels() -> divan::counter::ItemsCount {
    divan::counter::ItemsCount::new(usize::from(WIDTH) * usize::from(HEIGHT))
}

/// One frame through the front end: compressed output and all statistics.
fn take(front: &mut FrontEnd, frame: &[u16], ram: &GuestRam) {
    front
        .begin(&front_end(WIDTH, HEIGHT), WIDTH.into(), HEIGHT.into(), 12)
        .expect("typical settings");
    front.rows(0, frame, ram).expect("memory");
    front.finish(ram).expect("memory");
}

#[divan::bench(sample_count = 10)]
fn front_end_compressed(bencher: divan::Bencher) {
    let (mut front, frame, ram) = (FrontEnd::default(), scene(WIDTH, HEIGHT), memory());
    take(&mut front, &frame, &ram);
    bencher
        .counter(pixels())
        .bench_local(|| take(&mut front, &frame, &ram));
}

#[divan::bench(sample_count = 10, consts = [720, 1080])]
fn back_end_nv12<const LINES: u16>(bencher: divan::Bencher) {
    back_end(bencher, NV12, LINES);
}

#[divan::bench(sample_count = 10, consts = [720, 1080])]
fn back_end_xbgr8888<const LINES: u16>(bencher: divan::Bencher) {
    back_end(bencher, XBGR8888, LINES);
}

/// One frame to a picture of 16:9.
fn back_end(bencher: divan::Bencher, format: u32, lines: u16) {
    let ram = memory();
    take(&mut FrontEnd::default(), &scene(WIDTH, HEIGHT), &ram);
    let job = Job::new([WIDTH, HEIGHT], [lines / 9 * 16, lines], format);
    let (config, tiles) = (job.config(), job.tiles());
    let mut back = BackEnd::default();
    back.run(&config, &tiles, &ram).expect("typical job");
    bencher
        .counter(pixels())
        .bench_local(|| back.run(&config, &tiles, &ram).expect("typical job"));
}

#[divan::bench(sample_count = 10)]
fn encode(bencher: divan::Bencher) {
    let frame: Vec<u16> = scene(WIDTH, HEIGHT)
        .iter()
        .map(|value| value << 4)
        .collect();
    let mut bytes = vec![0; compress::row_bytes(WIDTH.into())];
    bencher.counter(pixels()).bench_local(|| {
        for row in frame.chunks_exact(WIDTH.into()) {
            compress::encode_row(
                compress::Mode::Delta,
                typical::COMPRESSION_OFFSET,
                row,
                divan::black_box(&mut bytes),
            );
        }
    });
}

#[divan::bench(sample_count = 10)]
fn decode(bencher: divan::Bencher) {
    let row: Vec<u16> = scene(WIDTH, 2).iter().map(|value| value << 4).collect();
    let mut bytes = vec![0; compress::row_bytes(WIDTH.into())];
    compress::encode_row(
        compress::Mode::Delta,
        typical::COMPRESSION_OFFSET,
        &row[..WIDTH.into()],
        &mut bytes,
    );
    let mut out = vec![0; WIDTH.into()];
    bencher.counter(pixels()).bench_local(|| {
        for _ in 0..HEIGHT {
            compress::decode_row(
                compress::Mode::Delta,
                typical::COMPRESSION_OFFSET,
                &bytes,
                divan::black_box(&mut out),
            );
        }
    });
}
