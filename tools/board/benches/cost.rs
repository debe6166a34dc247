//! What a frame costs, as one table: every step that touches every pixel, on one thread.
//!
//! The frame is an imx283's in its 2736 x 1824 mode; costs are per megapixel *of that frame*, the least of some runs, which
//! other work on the machine disturbs least.
//! There is no other software that takes the same steps, so the yardstick is a copy of the frame in memory: a ratio
//! to it means the same on another machine, a time does not. Nothing is asserted here; that frames allocate
//! nothing is shown in the last column.

use allocation_counter::measure;
use bayonet_board::guest_ram::GuestRam;
use bayonet_board::optics::{Lens, Light, Projection, Scene, World};
use bayonet_board::pisp::compress::{Mode, decode_row, encode_row, row_bytes};
use bayonet_board::pisp::{BackEnd, FrontEnd, layout};
use bayonet_board::sensor::{Direction, Readout, Sensor, SensorModel};
use std::hint::black_box;
use std::time::{Duration, Instant};

#[allow(dead_code, reason = "tests use the rest")]
#[path = "../src/pisp/typical.rs"]
mod typical;
#[allow(dead_code, reason = "tests use the rest")]
#[path = "../src/pisp/typical_tiles.rs"]
mod typical_tiles;

use typical::{COMPRESSION_OFFSET, Job, NV12, RAW, XBGR8888};

const WIDTH: u16 = 2736;
const HEIGHT: u16 = 1824;
/// From the raw frame to the end of the statistics and picture buffers.
const MEMORY: usize = 0x2100_0000;
/// Each step runs at least so often and at least so long.
const RUNS: usize = 10;
const TIME: Duration = Duration::from_millis(500);

/// Cost of one step.
struct Cost {
    /// Least time of a frame, seconds.
    least: f64,
    /// Allocations of one frame after the first.
    allocations: u64,
}

fn cost(mut step: impl FnMut()) -> Cost {
    // The first two fill the buffers that later frames use again.
    step();
    step();
    let allocations = measure(&mut step).count_total;
    let began = Instant::now();
    let (mut runs, mut least) = (0, f64::INFINITY);
    while runs < RUNS || began.elapsed() < TIME {
        let start = Instant::now();
        step();
        least = least.min(start.elapsed().as_secs_f64());
        runs += 1;
    }
    Cost { least, allocations }
}

fn main() {
    let rows = [
        ("copy of the frame (yardstick)", copy()),
        ("scene: rows of a frame", scene_rows()),
        ("scene: after a change, in focus", scene_change(3.0)),
        ("scene: after a change, blurred", scene_change(1.0)),
        ("front end: raw, statistics", front_end()),
        ("back end: 1280x720 NV12", back_end(720, NV12)),
        ("back end: 1280x720 XBGR8888", back_end(720, XBGR8888)),
        ("back end: 1920x1080 NV12", back_end(1080, NV12)),
        ("back end: 1920x1080 XBGR8888", back_end(1080, XBGR8888)),
        ("codec: encode", encode()),
        ("codec: decode", decode()),
    ];
    let megapixels = f64::from(WIDTH) * f64::from(HEIGHT) / 1e6;
    println!("imx283, {WIDTH} x {HEIGHT}: {megapixels:.2} megapixels a frame; one thread\n");
    println!(
        "step                             ms/megapixel   ms/frame   copies   allocations/frame"
    );
    for (name, cost) in &rows {
        println!(
            "{name:32} {:12.2} {:10.1} {:8.1} {:19}",
            cost.least * 1e3 / megapixels,
            cost.least * 1e3,
            cost.least / rows[0].1.least,
            cost.allocations
        );
    }
}

fn copy() -> Cost {
    let frame = frame();
    let mut copy = vec![0; frame.len()];
    cost(|| copy.copy_from_slice(black_box(&frame)))
}

fn frame() -> Vec<u16> {
    typical::scene(WIDTH, HEIGHT)
}

fn scene_rows() -> Cost {
    let (model, readout) = camera();
    let mut projection = Projection::new();
    projection.update(&world("raccoon", 3.0), &model, &readout);
    let mut rows = vec![0; readout.width * readout.height];
    let mut number = 0;
    cost(|| {
        number += 1;
        projection.rows(&model, &readout, number, 1, 0, &mut rows);
    })
}

/// The light's colour changes from frame to frame.
fn scene_change(focus_metres: f32) -> Cost {
    let (model, readout) = camera();
    let mut projection = Projection::new();
    let mut world = world("raccoon", focus_metres);
    let mut kelvin = 5000.0;
    cost(|| {
        kelvin = 9500.0 - kelvin;
        world.light = Light::new(kelvin, 400.0).expect("daylight");
        assert!(projection.update(&world, &model, &readout));
    })
}

fn world(scene: &str, focus_metres: f32) -> World {
    World {
        scene: Scene::load(scene).expect("a scene of the board"),
        light: Light::new(5000.0, 400.0).expect("daylight"),
        lens: Some(Lens::mounted(33, 3).focused(focus_metres)),
    }
}

/// The sensor in the mode that `imx283_supported_modes` of the kernel's driver calls 2736x1824.
fn camera() -> (std::sync::Arc<SensorModel>, Readout) {
    let model = SensorModel::named("imx283").expect("a sensor of the board");
    let mut sensor = Sensor::new(std::sync::Arc::clone(&model));
    sensor.power(true);
    let registers: [(u16, &[u8]); 8] = [
        (0x3004, &[0x0d, 0x11]),
        (0x300f, &[0, 0]),
        (0x302f, &HEIGHT.to_le_bytes()),
        (0x3036, &[0x77, 0x01, 0x00, 0x0f, 0x00, 0x00, 0x08]),
        (0x3058, &[0x6c, 0x00, 0xcc, 0x15]),
        (0x3000, &[0]),
        (0x3105, &[0]),
        (0x3042, &[0, 0]),
    ];
    for (register, values) in registers {
        sensor.start(model.bus.address.into(), Direction::Write);
        for byte in register.to_be_bytes().iter().chain(values) {
            sensor.write(*byte);
        }
        sensor.stop();
    }
    let readout = sensor.next_frame().expect("a sensor that streams");
    assert_eq!(
        (readout.width, readout.height),
        (WIDTH.into(), HEIGHT.into())
    );
    (model, readout)
}

fn memory() -> GuestRam {
    GuestRam::anonymous(RAW, MEMORY).expect("half a gigabyte of address space")
}

/// One frame through the front end: compressed output and all statistics.
fn take(front: &mut FrontEnd, frame: &[u16], ram: &GuestRam) {
    let config = typical::front_end(WIDTH, HEIGHT);
    front
        .begin(&config, WIDTH.into(), HEIGHT.into(), 12)
        .expect("typical settings");
    front.rows(0, frame, ram).expect("memory");
    front.finish(ram).expect("memory");
}

fn front_end() -> Cost {
    let (mut front, frame, ram) = (FrontEnd::default(), frame(), memory());
    cost(|| take(&mut front, &frame, &ram))
}

/// One compressed frame to a picture of 16:9.
fn back_end(lines: u16, format: u32) -> Cost {
    let ram = memory();
    take(&mut FrontEnd::default(), &frame(), &ram);
    let job = Job::new([WIDTH, HEIGHT], [lines / 9 * 16, lines], format);
    let (config, tiles) = (job.config(), job.tiles());
    let mut back = BackEnd::default();
    cost(|| back.run(&config, &tiles, &ram).expect("a typical job"))
}

fn encode() -> Cost {
    let frame: Vec<u16> = frame().iter().map(|value| value << 4).collect();
    let mut bytes = vec![0; row_bytes(WIDTH.into())];
    cost(|| {
        for row in frame.chunks_exact(WIDTH.into()) {
            encode_row(Mode::Delta, COMPRESSION_OFFSET, row, black_box(&mut bytes));
        }
    })
}

fn decode() -> Cost {
    let row: Vec<u16> = frame()[..WIDTH.into()]
        .iter()
        .map(|value| value << 4)
        .collect();
    let mut bytes = vec![0; row_bytes(WIDTH.into())];
    encode_row(Mode::Delta, COMPRESSION_OFFSET, &row, &mut bytes);
    let mut out = vec![0; WIDTH.into()];
    cost(|| {
        for _ in 0..HEIGHT {
            decode_row(
                Mode::Delta,
                COMPRESSION_OFFSET,
                black_box(&bytes),
                black_box(&mut out),
            );
        }
    })
}
