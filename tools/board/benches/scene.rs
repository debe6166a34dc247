//! Cost of the scene: projecting it after a change, and the rows of every frame.

use bayonet_board::optics::{Lens, Light, Projection, Scene, World};
use bayonet_board::sensor::{Ack, Direction, Readout, Sensor, SensorModel};
use divan::Bencher;
use divan::counter::ItemsCount;

fn main() {
    divan::main();
}

/// Read-outs of the imx283 by their mode registers: name, MDSEL1, MDSEL2, lines.
const MODES: [(&str, u8, u8, u16); 2] = [
    ("2736x1824", 0x0d, 0x11, 1824),
    ("5472x3648", 0x04, 0x03, 3648),
];

fn readout(mode: &str) -> Readout {
    let (_, mdsel1, mdsel2, lines) = *MODES.iter().find(|entry| entry.0 == mode).unwrap();
    let mut sensor = Sensor::new(SensorModel::named("imx283").unwrap());
    sensor.power(true);
    let registers: [(u16, &[u8]); 8] = [
        (0x3004, &[mdsel1, mdsel2]),
        (0x300f, &[0, 0]),
        (0x302f, &lines.to_le_bytes()),
        (0x3036, &[0x77, 0x01, 0x00, 0x0f, 0x00, 0x00, 0x08]),
        (0x3058, &[0x6c, 0x00, 0xcc, 0x15]),
        (0x3000, &[0]),
        (0x3105, &[0]),
        (0x3042, &[0, 0]),
    ];
    for (register, values) in registers {
        assert_eq!(sensor.start(0x1a, Direction::Write), Ack::Ack);
        for byte in register.to_be_bytes().iter().chain(values) {
            sensor.write(*byte);
        }
        sensor.stop();
    }
    sensor.next_frame().unwrap()
}

fn world(scene: &str, focus: f32) -> World {
    World {
        scene: Scene::load(scene).unwrap(),
        light: Light::new(5000.0, 400.0).unwrap(),
        lens: Some(Lens::mounted(33, 3).focused(focus)),
    }
}

#[divan::bench(args = MODES.map(|mode| mode.0))]
fn rows(bencher: Bencher, mode: &str) {
    let model = SensorModel::named("imx283").unwrap();
    let readout = readout(mode);
    let mut projection = Projection::new();
    projection.update(&world("raccoon", 3.0), &model, &readout);
    let mut rows = vec![0; readout.width * readout.height];
    let mut frame = 0;
    bencher
        .counter(ItemsCount::new(rows.len()))
        .bench_local(|| {
            frame += 1;
            projection.rows(&model, &readout, frame, 1, 0, &mut rows);
        });
}

#[divan::bench(args = MODES.map(|mode| mode.0), sample_count = 5)]
fn update_sharp(bencher: Bencher, mode: &str) {
    update(bencher, mode, 3.0);
}

#[divan::bench(args = MODES.map(|mode| mode.0), sample_count = 5)]
fn update_blurred(bencher: Bencher, mode: &str) {
    update(bencher, mode, 1.0);
}

fn update(bencher: Bencher, mode: &str, focus: f32) {
    let model = SensorModel::named("imx283").unwrap();
    let readout = readout(mode);
    let world = world("chart", focus);
    bencher
        .counter(ItemsCount::new(readout.width * readout.height))
        .bench_local(|| Projection::new().update(&world, &model, &readout));
}
