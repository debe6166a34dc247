//! What is written is read again, whatever it is.

use crate::client::{self, Bytes, Event, Raw};
use bayonet_ipa::controls::{ARRAY, Few, Info, LIST, List, Value};
use bayonet_ipa::soft::exchange::{Rectangle, Size};
use bayonet_ipa::wire::ipa_controls::{
    Numbers, infos_size, list_size, read_infos, read_list, write_infos, write_list,
};
use bayonet_ipa::wire::outbox::Outbox;
use bayonet_ipa::wire::v0_7::{self, Call, Command};
use bayonet_ipa::wire::{Error, Reader, Writer};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;

fn few<T: Copy + Default + std::fmt::Debug>(
    item: impl Strategy<Value = T>,
) -> impl Strategy<Value = Few<T>> {
    vec(item, 0..=ARRAY).prop_map(|items| Few::new(&items).expect("not too many"))
}

/// Any value that is understood. Not a number is not equal to itself, so there is none.
fn value() -> impl Strategy<Value = Value> {
    let float = || any::<f32>().prop_filter("a number", |float| !float.is_nan());
    prop_oneof![
        any::<bool>().prop_map(Value::Bool),
        any::<u8>().prop_map(Value::Byte),
        any::<u16>().prop_map(Value::U16),
        any::<u32>().prop_map(Value::U32),
        any::<i32>().prop_map(Value::I32),
        any::<i64>().prop_map(Value::I64),
        float().prop_map(Value::F32),
        few(any::<i32>()).prop_map(Value::I32s),
        few(any::<i64>()).prop_map(Value::I64s),
        few(float()).prop_map(Value::F32s),
    ]
}

fn list() -> impl Strategy<Value = List> {
    btree_map(any::<u32>(), value(), 0..=LIST).prop_map(|values| {
        let mut list = List::default();
        for (id, value) in values {
            assert!(list.set(id, value));
        }
        list
    })
}

fn infos() -> impl Strategy<Value = Vec<Info>> {
    let limit = || prop_oneof![4 => value(), 1 => Just(Value::Other)];
    btree_map(any::<u32>(), (limit(), limit(), limit()), 0..30).prop_map(|limits| {
        let info = |(id, (minimum, maximum, default))| Info {
            id,
            minimum,
            maximum,
            default,
        };
        limits.into_iter().map(info).collect()
    })
}

fn written(
    size: usize,
    write: impl FnOnce(&mut Writer<'_>) -> Result<(), Error>,
) -> Result<Vec<u8>, Error> {
    let mut bytes = vec![0; size];
    let mut writer = Writer::new(&mut bytes);
    write(&mut writer)?;
    assert_eq!(writer.length(), size);
    Ok(bytes)
}

fn raw(value: Value) -> Raw {
    let of = |kind, array, count: usize, bytes: Vec<u8>| Raw {
        kind,
        array,
        count: count as u16,
        bytes,
    };
    macro_rules! array {
        ($kind:literal, $few:expr) => {{
            let items = $few.as_slice();
            let bytes = items.iter().flat_map(|item| item.to_ne_bytes()).collect();
            of($kind, true, items.len(), bytes)
        }};
    }
    match value {
        Value::Other => of(0, false, 0, vec![]),
        Value::Bool(value) => of(1, false, 1, vec![value.into()]),
        Value::Byte(value) => of(2, false, 1, vec![value]),
        Value::U16(value) => of(3, false, 1, value.to_ne_bytes().into()),
        Value::U32(value) => of(4, false, 1, value.to_ne_bytes().into()),
        Value::I32(value) => of(5, false, 1, value.to_ne_bytes().into()),
        Value::I64(value) => of(6, false, 1, value.to_ne_bytes().into()),
        Value::F32(value) => of(7, false, 1, value.to_ne_bytes().into()),
        Value::I32s(few) => array!(5, few),
        Value::I64s(few) => array!(6, few),
        Value::F32s(few) => array!(7, few),
    }
}

fn raws(list: &List) -> Vec<(u32, Raw)> {
    list.iter().map(|(id, value)| (id, raw(value))).collect()
}

fn command(command: u32, body: &[u8], descriptors: usize) -> Command {
    let message = client::message(command, 9, body);
    let mut body = Reader::new(&message, 0);
    let call = Call::read(&mut body).unwrap();
    assert_eq!(call, Call { command, cookie: 9 });
    call.command(body, descriptors).unwrap()
}

proptest! {
    #[test]
    fn lists(list in list(), handle in any::<u32>()) {
        let blob = written(list_size(&list), |to| write_list(handle, Numbers::V4l2, &list, to));
        let blob = blob.unwrap();
        let mut read = List::default();
        prop_assert_eq!(read_list(Reader::new(&blob, 0), Numbers::V4l2, &mut read), Ok(0));
        prop_assert_eq!(&read, &list);
        prop_assert_eq!(Bytes(&blob).list(), (handle, client::V4L2, raws(&list)));
        // And as the other side writes it.
        let blob = client::list_blob(handle, client::V4L2, &raws(&list));
        prop_assert_eq!(read_list(Reader::new(&blob, 0), Numbers::V4l2, &mut read), Ok(0));
        prop_assert_eq!(read, list);
    }

    #[test]
    fn maps(infos in infos(), handle in 1u32..) {
        let blob = written(infos_size(&infos), |to| write_infos(handle, Numbers::V4l2, &infos, to));
        let blob = blob.unwrap();
        let read = read_infos(Reader::new(&blob, 0), Numbers::V4l2);
        prop_assert_eq!(read, Ok(Some(infos.clone())));
        let limits = |info: &Info| [info.minimum, info.maximum, info.default].map(raw);
        let raws: Vec<_> = infos.iter().map(|info| (info.id, limits(info))).collect();
        prop_assert_eq!(Bytes(&blob).map(), (handle, client::V4L2, raws.clone()));
        let blob = client::map_blob(handle, client::V4L2, &raws);
        prop_assert_eq!(read_infos(Reader::new(&blob, 0), Numbers::V4l2), Ok(Some(infos)));
    }

    #[test]
    fn events(list in list(), infos in infos(), frame in any::<u32>()) {
        let mut outbox = Outbox::default();
        v0_7::metadata_ready(frame, &list, &mut outbox).unwrap();
        v0_7::set_sensor_controls(Some(&infos), &list, &mut outbox).unwrap();
        v0_7::set_sensor_controls(None, &list, &mut outbox).unwrap();
        let controls = raws(&list);
        let orders = |map| Event::SetSensorControls { map, handle: 2, controls: controls.clone() };
        let metadata = Event::MetadataReady { frame, controls: controls.clone() };
        let expected = [metadata, orders(Some((2, infos.len()))), orders(None)];
        let events: Vec<_> = outbox.messages().map(client::event).collect();
        prop_assert_eq!(events, expected);
    }

    #[test]
    fn commands_with_lists(list in list(), frame in any::<u32>()) {
        let body = client::queue_request(frame, &raws(&list));
        let controls = list.clone();
        let expected = Command::QueueRequest { frame, controls, left_out: 0 };
        prop_assert_eq!(command(client::QUEUE_REQUEST, &body, 0), expected);
        for map in [vec![], client::sensor_map(), vec![0; 100]] {
            let body = client::process_stats(frame, &map, &raws(&list));
            let expected = Command::ProcessStats { frame, buffer: 0, sensor: list.clone() };
            prop_assert_eq!(command(client::PROCESS_STATS, &body, 0), expected);
        }
    }
}

#[test]
fn init_and_configure() {
    let Command::Init {
        settings,
        sensor,
        controls,
    } = command(client::INIT, &client::init(), 2)
    else {
        panic!("no init");
    };
    assert_eq!(settings.sensor_model, "imx219");
    assert_eq!(settings.configuration_file, "");
    assert_eq!(sensor.model, "imx219");
    assert_eq!((sensor.bits_per_pixel, sensor.cfa_pattern), (10, 0));
    let size = |width, height| Size { width, height };
    assert_eq!(sensor.active_area, size(3280, 2464));
    let crop = Rectangle {
        x: 0,
        y: 0,
        width: 3280,
        height: 2464,
    };
    assert_eq!(sensor.analog_crop, crop);
    assert_eq!(sensor.output_size, size(1640, 1232));
    assert_eq!(sensor.pixel_rate, 182_400_000);
    assert_eq!(
        (sensor.min_line_length, sensor.max_line_length),
        (3448, 3448)
    );
    assert_eq!(
        (sensor.min_frame_length, sensor.max_frame_length),
        (1264, 65535)
    );
    let ids: Vec<_> = controls.iter().map(|info| info.id).collect();
    assert_eq!(
        ids,
        [client::EXPOSURE, client::VBLANK, client::ANALOGUE_GAIN]
    );
    assert_eq!(controls[0].maximum, Value::I32(1759));

    let configure = command(client::CONFIGURE, &client::configure(), 0);
    assert_eq!(configure, Command::Configure { controls });
    let nothing = command(client::CONFIGURE, &[0; 4], 0);
    assert_eq!(nothing, Command::Configure { controls: vec![] });
}
