//! Messages byte by byte, as libcamera 0.7.1 has them.

use crate::client;
use bayonet_ipa::controls::{Few, Info, List, Value, id, v4l2};
use bayonet_ipa::wire::Reader;
use bayonet_ipa::wire::ipa_controls::{Numbers, read_list};
use bayonet_ipa::wire::outbox::Outbox;
use bayonet_ipa::wire::v0_7::{self, Call};

/// Words, in which the fields of a message can be counted.
fn words(message: &[u8]) -> Vec<u32> {
    let (words, rest) = message.as_chunks();
    assert!(rest.is_empty(), "{rest:?}");
    words
        .iter()
        .map(|bytes| u32::from_le_bytes(*bytes))
        .collect()
}

fn only(write: impl FnOnce(&mut Outbox) -> Result<(), bayonet_ipa::wire::Error>) -> Vec<u8> {
    let mut outbox = Outbox::default();
    write(&mut outbox).unwrap();
    let messages: Vec<_> = outbox.messages().collect();
    assert_eq!(messages.len(), 1);
    messages[0].into()
}

#[test]
fn replies() {
    let call = |command, cookie| Call { command, cookie };
    let start = only(|outbox| v0_7::reply(call(2, 5), 0, outbox));
    assert_eq!(words(&start), [2, 5, 0]);
    let configure = only(|outbox| v0_7::reply(call(4, 6), -22, outbox));
    assert_eq!(words(&configure), [4, 6, -22i32 as u32]);
    let stop = only(|outbox| v0_7::reply_stop(call(3, 7), outbox));
    assert_eq!(words(&stop), [3, 7]);
    let parameters = only(v0_7::set_isp_params);
    assert_eq!(words(&parameters), [2, 0]);
}

#[test]
fn the_reply_to_init() {
    let contrast = Info {
        id: id::CONTRAST,
        minimum: Value::F32(0.0),
        maximum: Value::F32(2.0),
        default: Value::Other,
    };
    let call = Call {
        command: 1,
        cookie: 0,
    };
    let mut reply = only(|outbox| v0_7::reply_init(call, 0, &[contrast], true, outbox));
    assert_eq!(reply.pop(), Some(1));
    #[rustfmt::skip]
    let expected = [
        1, 0,                               // command, cookie
        0,                                  // result
        4 + 104, 1,                         // sizes of the map and of the flag
        104,                                // size of the map's blob
        2, 2, 1, 104, 96, 0, 0, 0,          // version, handle, entries, size, place of the values, libcamera's numbers
        15, 7, 3, 0,                        // contrast, float, in and out
        0x0001_0007, 0, 0, 0,               // one float at 0
        0x0001_0007, 4, 0, 0,
        0, 8, 0, 0,                         // none
        0, 2.0f32.to_bits(),
    ];
    assert_eq!(words(&reply), expected);

    // After an error libcamera still reads what the reply would bring.
    let mut refused = only(|outbox| v0_7::refuse(call, 22, outbox));
    assert_eq!(refused.pop(), Some(0));
    let expected = [1, 0, -22i32 as u32, 36, 1, 32, 2, 2, 0, 32, 32, 0, 0, 0];
    assert_eq!(words(&refused), expected);
}

#[test]
fn metadata() {
    let mut list = List::default();
    list.set(id::EXPOSURE_TIME, Value::I32(10_000));
    let gains = Few::new(&[2.0f32, 1.5]).unwrap();
    list.set(id::COLOUR_GAINS, Value::F32s(gains));
    list.set(99, Value::Other);
    let event = only(|outbox| v0_7::metadata_ready(7, &list, outbox));
    #[rustfmt::skip]
    let expected = [
        3, 0,                               // event, cookie
        4, 8 + 84, 7,                       // sizes of the frame and of the list; the frame
        0, 84,                              // no map, size of the list's blob
        2, 0, 2, 84, 72, 0, 0, 0,
        7, 0x0001_0005, 0, 0, 0,            // one integer at 0
        20, 0x0002_0107, 4, 0, 0,           // an array of two floats at 4
        10_000, 2.0f32.to_bits(), 1.5f32.to_bits(),
    ];
    assert_eq!(words(&event), expected);
}

#[test]
fn orders_to_the_sensor() {
    let exposure = Info {
        id: v4l2::EXPOSURE,
        minimum: Value::I32(4),
        maximum: Value::I32(1759),
        default: Value::I32(1600),
    };
    let mut orders = List::default();
    orders.set(v4l2::EXPOSURE, Value::I32(333));
    #[rustfmt::skip]
    let map = [
        2, 2, 1, 108, 96, 2, 0, 0,          // an even handle, the kernel's numbers
        v4l2::EXPOSURE, 5, 3, 0,
        0x0001_0005, 0, 0, 0,
        0x0001_0005, 4, 0, 0,
        0x0001_0005, 8, 0, 0,
        4, 1759, 1600,
    ];
    let list = [
        2,
        2,
        1,
        56,
        52,
        2,
        0,
        0,
        v4l2::EXPOSURE,
        0x0001_0005,
        0,
        0,
        0,
        333,
    ];
    let first = only(|outbox| v0_7::set_sensor_controls(Some(&[exposure]), &orders, outbox));
    assert_eq!(words(&first), [&[1, 0, 108, 56][..], &map, &list].concat());
    let later = only(|outbox| v0_7::set_sensor_controls(None, &orders, outbox));
    assert_eq!(words(&later), [&[1, 0, 0, 56][..], &list].concat());
}

#[test]
fn a_value_that_is_not_understood_is_stepped_over() {
    let rectangle = client::Raw {
        kind: 9,
        array: false,
        count: 1,
        bytes: vec![1; 16],
    };
    let blob = client::list_blob(
        0,
        client::CONTROLS,
        &[
            (1, client::text("night")),
            (2, rectangle),
            (15, client::float(1.25)),
        ],
    );
    let mut list = List::default();
    assert_eq!(
        read_list(Reader::new(&blob, 0), Numbers::Controls, &mut list),
        Ok(0)
    );
    let read: Vec<_> = list.iter().collect();
    let expected = [(1, Value::Other), (2, Value::Other), (15, Value::F32(1.25))];
    assert_eq!(read, expected);
}

#[test]
fn more_controls_than_there_is_room_for_are_counted() {
    let controls: Vec<_> = (1..=50).map(|id| (id, client::int(1))).collect();
    let blob = client::list_blob(0, client::CONTROLS, &controls);
    let mut list = List::default();
    let left_out = read_list(Reader::new(&blob, 0), Numbers::Controls, &mut list);
    assert_eq!((left_out, list.len()), (Ok(10), 40));
}
