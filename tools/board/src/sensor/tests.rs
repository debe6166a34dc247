//! The sensors as their drivers use them, and as nobody should.

use super::drive::{imx219, imx283, imx296, powered, read, write};
use super::*;
use crate::bayer::BayerOrder;
use crate::orders::Fault;
use proptest::prelude::*;

fn close(value: f64, expected: f64) -> bool {
    (value / expected - 1.0).abs() < 1e-6
}

#[test]
fn drivers_find_their_chips() {
    assert_eq!(read(&mut powered("imx219"), 0x0000, 2), [0x02, 0x19]);
    assert_eq!(read(&mut powered("imx283"), 0x3000, 1), [0x0b]);
    let info = read(&mut powered("imx296"), 0x3148, 2);
    assert_eq!((u16::from_le_bytes([info[0], info[1]]) >> 6) & 0x1ff, 296);
}

#[test]
fn imx283_modes() {
    let expected = [
        (5472, 3648, 12, 1, 900.0 * 4000.0, 209.0),
        (5472, 3648, 10, 1, 750.0 * 3840.0, 157.0),
        (2736, 1824, 12, 2, 375.0 * 3840.0, 157.0),
        (1824, 1216, 12, 3, 285.0 * 4200.0, 157.0),
    ];
    for (mode, (width, height, bits, binning, clocks, offset)) in expected.into_iter().enumerate() {
        let frame = imx283(mode).next_frame().unwrap();
        assert_eq!(
            (frame.width, frame.height, frame.bits),
            (width, height, bits)
        );
        assert_eq!(frame.binning, [binning; 2]);
        let top = if binning == 3 { 36 } else { 40 };
        assert_eq!(
            frame.crop,
            Rect {
                left: 108,
                top,
                width: 5472,
                height: 3648
            }
        );
        assert_eq!(frame.order, BayerOrder::Rggb);
        assert_eq!(frame.black_level, 3200 >> (16 - bits));
        assert!(close(frame.frame_s, clocks / 72e6), "{frame:?}");
        assert!(
            close(frame.exposure_s, 1000.0 * frame.line_s + offset / 72e6),
            "{frame:?}"
        );
    }
}

#[test]
fn imx219_modes() {
    for (width, height, binned) in [
        (3280, 2464, false),
        (1920, 1080, false),
        (1640, 1232, true),
        (640, 480, true),
    ] {
        let frame = imx219(width, height, binned).next_frame().unwrap();
        assert_eq!((frame.width, frame.height), (width.into(), height.into()));
        let factor = if binned { 2 } else { 1 };
        assert_eq!(frame.crop.width, u32::from(width) * factor);
        assert_eq!(frame.crop.left, 8 + (3280 - frame.crop.width) / 2);
        assert!(close(frame.line_s, 3448.0 / 182.4e6));
        assert!(close(frame.exposure_s, 600.0 * frame.line_s));
        assert!(close(frame.frame_s, 1763.0 * frame.line_s));
    }
}

#[test]
fn imx296_is_only_data() {
    let frame = imx296(false).next_frame().unwrap();
    assert_eq!((frame.width, frame.height, frame.bits), (1456, 1088, 10));
    assert_eq!(frame.order, BayerOrder::Bggr);
    assert!(close(
        frame.exposure_s,
        1000.0 * 550.0 / 37.125e6 + 1059.0 / 74.25e6
    ));
    let mut sensor = imx296(true);
    let frame = sensor.next_frame().unwrap();
    assert_eq!(
        (frame.width, frame.height, frame.binning),
        (728, 544, [2, 2])
    );
    write(&mut sensor, 0x300d, &[0]);
    write(&mut sensor, 0x3300, &[3]);
    write(&mut sensor, 0x3310, &[8, 0, 16, 0, 80, 0, 64, 0]);
    let frame = sensor.next_frame().unwrap();
    assert_eq!(
        frame.crop,
        Rect {
            left: 8,
            top: 16,
            width: 80,
            height: 64
        }
    );
    assert_eq!((frame.width, frame.height), (80, 64));
    write(&mut sensor, 0x3204, &200u16.to_le_bytes());
    sensor.next_frame();
    assert!(
        close(sensor.next_frame().unwrap().analogue_gain, 10.0),
        "200 times 0.1 dB"
    );
}

#[test]
fn registers_take_effect_with_their_delays() {
    let mut sensor = imx219(640, 480, true);
    let before = sensor.next_frame().unwrap();
    write(&mut sensor, 0x015a, &1200u16.to_be_bytes());
    write(&mut sensor, 0x0157, &[128]);
    write(&mut sensor, 0x0158, &0x0200u16.to_be_bytes());
    write(&mut sensor, 0x0160, &3526u16.to_be_bytes());
    let next = sensor.next_frame().unwrap();
    assert_eq!(
        (next.exposure_s, next.frame_s),
        (before.exposure_s, before.frame_s)
    );
    assert_eq!((next.analogue_gain, next.digital_gain), (2.0, 2.0));
    let after = sensor.next_frame().unwrap();
    assert!(close(after.exposure_s, 2.0 * before.exposure_s));
    assert!(close(after.frame_s, 2.0 * before.frame_s));
    // A new start has everything settled at once.
    write(&mut sensor, 0x0100, &[0]);
    assert_eq!(sensor.next_frame(), None);
    write(&mut sensor, 0x015a, &600u16.to_be_bytes());
    write(&mut sensor, 0x0100, &[1]);
    assert!(close(
        sensor.next_frame().unwrap().exposure_s,
        before.exposure_s
    ));
}

#[test]
fn exposure_ends_with_the_frame() {
    let mut sensor = imx219(640, 480, true);
    write(&mut sensor, 0x015a, &[0xff, 0xff]);
    let frame = sensor.next_frame().unwrap();
    assert_eq!(frame.exposure_s, frame.frame_s);
    let mut sensor = imx283(2);
    write(&mut sensor, 0x303b, &[0xff, 0xff]);
    assert!(sensor.next_frame().unwrap().exposure_s < 1e-5);
}

#[test]
fn gains_follow_their_formulas() {
    let mut sensor = imx283(2);
    write(&mut sensor, 0x3042, &1024u16.to_le_bytes());
    write(&mut sensor, 0x3044, &[1]);
    let frame = sensor.next_frame().unwrap();
    assert_eq!(frame.analogue_gain, 2.0);
    assert!((frame.digital_gain - 2.0).abs() < 0.01);
    write(&mut sensor, 0x3042, &[0xff, 0xff]);
    assert!(close(
        sensor.next_frame().unwrap().analogue_gain,
        2048.0 / (2048.0 - 1957.0)
    ));
}

#[test]
fn flips_move_the_colours() {
    let mut sensor = imx219(640, 480, true);
    for (value, order) in [
        BayerOrder::Rggb,
        BayerOrder::Grbg,
        BayerOrder::Gbrg,
        BayerOrder::Bggr,
    ]
    .into_iter()
    .enumerate()
    {
        write(&mut sensor, 0x0172, &[value as u8]);
        let frame = sensor.next_frame().unwrap();
        assert_eq!(
            (frame.order, frame.hflip, frame.vflip),
            (order, value & 1 == 1, value & 2 == 2)
        );
    }
    // Reversed, the imx283 driver counts the first row from the other end.
    let mut sensor = imx283(0);
    write(&mut sensor, 0x300f, &(-20i16).to_le_bytes());
    write(&mut sensor, 0x300b, &[0x11]);
    let frame = sensor.next_frame().unwrap();
    assert!(frame.vflip);
    assert_eq!(frame.crop.top, 3710 - 3648 - 40);
}

#[test]
fn power_and_reset_lose_everything() {
    let mut sensor = imx283(2);
    assert!(sensor.streaming() && sensor.frame_period().is_some());
    sensor.power(false);
    assert!(!sensor.streaming() && sensor.next_frame().is_none());
    assert_eq!(write(&mut sensor, 0x3000, &[0]), Ack::Nak);
    sensor.power(true);
    assert_eq!(
        read(&mut sensor, 0x3000, 1),
        [0x0b],
        "standby and chip id share a register"
    );
    let mut sensor = imx283(2);
    sensor.reset(true);
    assert_eq!(write(&mut sensor, 0x3000, &[0]), Ack::Nak);
    sensor.reset(false);
    assert_eq!(read(&mut sensor, 0x3036, 2), [0, 0]);
}

#[test]
fn a_frame_never_sees_half_a_field() {
    let mut sensor = imx283(2);
    sensor.start(0x1a, Direction::Write);
    for byte in [0x30, 0x38, 0x00] {
        assert_eq!(sensor.write(byte), Ack::Ack);
    }
    sensor.next_frame();
    let during = sensor.next_frame().unwrap().frame_s;
    sensor.write(0x1e);
    sensor.stop();
    sensor.next_frame();
    assert!(close(during, 0.02));
    assert!(close(sensor.next_frame().unwrap().frame_s, 0.04));
}

#[test]
fn faults_are_felt_on_the_bus() {
    let mut sensor = powered("imx219");
    assert!(sensor.fault(&Fault::NakTransfer { nth: 2 }));
    let acks: Vec<_> = (0..3).map(|_| write(&mut sensor, 0x0160, &[1])).collect();
    assert_eq!(acks, [Ack::Ack, Ack::Nak, Ack::Ack]);
    sensor.fault(&Fault::NakRegister { register: 0x0161 });
    assert_eq!(write(&mut sensor, 0x0160, &[2]), Ack::Ack);
    assert_eq!(write(&mut sensor, 0x0160, &[3, 4]), Ack::Nak);
    assert_eq!(write(&mut sensor, 0x0161, &[5]), Ack::Nak);
    sensor.fault(&Fault::Clear);
    assert_eq!(write(&mut sensor, 0x0161, &[5]), Ack::Ack);
    sensor.fault(&Fault::PowerLoss);
    assert_eq!(read(&mut sensor, 0x0161, 1), [0]);
    assert!(!sensor.fault(&Fault::Stall));
    assert_eq!(
        sensor.start(0x1a, Direction::Write),
        Ack::Nak,
        "another address"
    );
}

#[test]
fn test_patterns() {
    let mut sensor = imx219(640, 480, true);
    let mut shows = |code: u8| {
        write(&mut sensor, 0x0600, &[0, code]);
        sensor.next_frame().unwrap().test_pattern
    };
    assert_eq!(shows(0), None);
    assert_eq!(shows(2), Some(TestPattern::VerticalBars));
    assert_eq!(shows(1), Some(TestPattern::Solid([0; 4])));
    assert_eq!(shows(4), Some(TestPattern::VerticalBars), "not modelled");
    write(&mut sensor, 0x0600, &[0, 1]);
    write(
        &mut sensor,
        0x0602,
        &[0x03, 0xff, 0x02, 0x00, 0x01, 0x00, 0x00, 0x80],
    );
    let pattern = sensor.next_frame().unwrap().test_pattern;
    assert_eq!(
        pattern,
        Some(TestPattern::Solid([0xffc0, 0x8000, 0x4000, 0x2000]))
    );
    let mut sensor = imx283(2);
    write(&mut sensor, 0x3156, &[0x11, 0x01]);
    let pattern = sensor.next_frame().unwrap().test_pattern;
    assert_eq!(pattern, Some(TestPattern::Solid([0xffff; 4])));
}

#[test]
fn registers_without_a_picture_give_no_frames() {
    let mut sensor = powered("imx219");
    write(&mut sensor, 0x0100, &[1]);
    assert!(
        !sensor.streaming() && sensor.next_frame().is_none() && sensor.frame_period().is_none()
    );
    for (register, bytes) in [
        (0x016c, [0, 0]),
        (0x0160, [0, 0]),
        (0x0162, [0, 0]),
        (0x018c, [0, 9]),
    ] {
        let mut sensor = imx219(640, 480, true);
        assert!(sensor.streaming());
        write(&mut sensor, register, &bytes);
        // The frame length takes effect one frame later.
        sensor.next_frame();
        assert_eq!(sensor.next_frame(), None, "{register:#x}");
        assert!(!sensor.streaming(), "{register:#x}");
    }
    // As the kernel's driver starts the 10-bit mode.
    let mut sensor = imx283(1);
    write(&mut sensor, 0x302f, &[0, 0]);
    assert!(!sensor.streaming());
    let mut sensor = imx219(640, 480, true);
    write(&mut sensor, 0x016c, &[0xff, 0xff, 0xff, 0xff]);
    let frame = sensor.next_frame().unwrap();
    assert_eq!(
        (frame.width, frame.height),
        (640, 480),
        "no more than the window"
    );
}

#[test]
fn bad_sensor_files_are_explained() {
    let text = include_str!("../../sensors/imx296.toml");
    let error = |from: &str, to: &str| {
        assert!(text.contains(from));
        SensorModel::from_toml("my.toml", &text.replacen(from, to, 1))
            .unwrap_err()
            .to_string()
    };
    let unknown = error("pitch_um", "pitch_mm");
    assert!(
        unknown.contains("my.toml") && unknown.contains("line 3") && unknown.contains("pitch_mm"),
        "{unknown}"
    );
    let value = |from: &str, to: &str, key: &str| {
        let error = error(from, to);
        assert!(
            error.starts_with("my.toml: ") && error.contains(key),
            "{error}"
        );
    };
    value("address = 0x1a", "address = 0x80", "bus.address");
    value("bits = 10", "bits = 17", "bits must be 8 to 16");
    value("binning = [1, 1]", "binning = [0, 1]", "binning");
    value("width = 1456,", "width = 1457,", "array.active");
    value(
        "mask = 0x01, value = 0x01 }",
        "mask = 0x01, value = 0x02 }",
        "can never hold",
    );
    value("exposure = 2", "exposure = 0", "delays");
    value("full_well_e = 4658", "full_well_e = 0", "noise.full_well_e");
    value("[2875, ", "[9875, ", "colour.ct_curve");
    value("[1.95054, ", "[0.5, ", "colour.matrices at 2500 K");
    value("[2875, 0.4699", "[2875, nan", "colour.ct_curve");
    value("decibel = 0.1", "reciprocal = 100", "analogue_gain");
    value(
        "0x3014, bytes = 2",
        "0x3014, bytes = 9",
        "timing.line_length",
    );
    let unknown = SensorModel::named("imx999").unwrap_err().to_string();
    assert!(
        unknown.contains("imx999") && unknown.contains("imx283"),
        "{unknown}"
    );
}

/// What may happen at a sensor's pins.
#[derive(Clone, Debug)]
enum Op {
    Start(u16, bool),
    Write(u8),
    Read,
    Stop,
    Poke(u16, Vec<u8>),
    Frame,
    Power(bool),
    Reset(bool),
    Fault(Fault),
}

fn op() -> impl Strategy<Value = Op> {
    let register = prop_oneof![
        any::<u16>(),
        0x0100u16..0x0200,
        0x3000u16..0x3060,
        0x3300u16..0x3320
    ];
    prop_oneof![
        (
            prop_oneof![Just(0x10u16), Just(0x1a), any::<u16>()],
            any::<bool>()
        )
            .prop_map(|(address, read)| Op::Start(address, read)),
        any::<u8>().prop_map(Op::Write),
        Just(Op::Read),
        Just(Op::Stop),
        (register, prop::collection::vec(any::<u8>(), 1..5))
            .prop_map(|(r, bytes)| Op::Poke(r, bytes)),
        Just(Op::Frame),
        any::<bool>().prop_map(Op::Power),
        any::<bool>().prop_map(Op::Reset),
        (0u32..4).prop_map(|nth| Op::Fault(Fault::NakTransfer { nth })),
        any::<u16>().prop_map(|register| Op::Fault(Fault::NakRegister { register })),
        Just(Op::Fault(Fault::PowerLoss)),
    ]
}

fn check_frame(sensor: &mut Sensor) {
    let array = sensor.model().array.clone();
    let Some(frame) = sensor.next_frame() else {
        return;
    };
    let crop = frame.crop;
    assert!(crop.left + crop.width <= array.width && crop.top + crop.height <= array.height);
    assert_eq!(
        frame.width * usize::from(frame.binning[0]),
        crop.width as usize
    );
    assert_eq!(
        frame.height * usize::from(frame.binning[1]),
        crop.height as usize
    );
    assert!(frame.width >= 16 && frame.height >= 16);
    assert!(frame.frame_s.is_finite() && frame.frame_s >= 1e-3);
    for value in [
        frame.exposure_s,
        frame.analogue_gain,
        frame.digital_gain,
        frame.line_s,
    ] {
        assert!(value.is_finite() && value >= 0.0);
    }
}

fn apply(sensor: &mut Sensor, op: Op) {
    match op {
        Op::Start(address, true) => drop(sensor.start(address, Direction::Read)),
        Op::Start(address, false) => drop(sensor.start(address, Direction::Write)),
        Op::Write(byte) => drop(sensor.write(byte)),
        Op::Read => drop(sensor.read()),
        Op::Stop => sensor.stop(),
        Op::Poke(register, bytes) => drop(write(sensor, register, &bytes)),
        Op::Frame => check_frame(sensor),
        Op::Power(on) => sensor.power(on),
        Op::Reset(held) => sensor.reset(held),
        Op::Fault(fault) => drop(sensor.fault(&fault)),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn nothing_on_the_pins_breaks_a_sensor(
        which in 0..3usize,
        ops in prop::collection::vec(op(), 0..120),
    ) {
        let mut sensor = match which {
            0 => imx219(640, 480, true),
            1 => imx283(2),
            _ => imx296(false),
        };
        for op in ops {
            apply(&mut sensor, op);
        }
        // A power cycle makes it as new.
        sensor.power(false);
        sensor.reset(false);
        sensor.fault(&Fault::Clear);
        sensor.power(true);
        let fresh = powered(&sensor.model().name.clone());
        prop_assert!((0..=u16::MAX).all(|r| sensor.register(r) == fresh.register(r)));
        prop_assert!(!sensor.streaming());
    }

    #[test]
    fn what_was_written_reads_back(
        register in any::<u16>(),
        bytes in prop::collection::vec(any::<u8>(), 1..9),
    ) {
        let mut sensor = powered("imx296");
        prop_assert_eq!(write(&mut sensor, register, &bytes), Ack::Ack);
        prop_assert_eq!(read(&mut sensor, register, bytes.len()), bytes);
    }
}
