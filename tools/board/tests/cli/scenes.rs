//! Pictures that cannot be read: each names the file, what is wrong with it and, where there is one, the limit.

use super::host::Host;

const PHOTOGRAPH: &[u8] = include_bytes!("../../scenes/coffee.jpg");

fn refused(host: &Host, file: &str, parts: &[&str]) {
    let all = [&[file], parts].concat();
    host.refuses(&["exec", "--scene", file, "--", "true"], 1, &all);
}

#[test]
fn a_scene_that_is_not_there_comes_with_those_that_are() {
    let host = Host::new();
    let names = "chart, raccoon, coffee, astronaut";
    refused(
        &host,
        "/no/such/picture.png",
        &["No such file", "PNG or JPEG", names],
    );
    refused(&host, "cofee", &["No such file", names]);
    refused(&host, &host.word("bin"), &["not a file", names]);
    refused(&host, "/dev/zero", &["not a file"]);
}

#[test]
fn what_is_no_picture_is_refused() {
    let host = Host::new();
    let unreadable = "is not a readable PNG or JPEG picture";
    for (name, content) in [
        ("empty.png", &b""[..]),
        ("text.jpg", b"this is no picture"),
        ("other.png", b"GIF89a\x01\0\x01\0\0\0\0;"),
    ] {
        refused(&host, &host.write(name, content), &[unreadable]);
    }
}

#[test]
fn pictures_that_were_cut_off_are_refused() {
    let host = Host::new();
    image::RgbImage::new(64, 48)
        .save(host.path("whole.png"))
        .unwrap();
    let png = std::fs::read(host.path("whole.png")).unwrap();
    for length in [20, png.len() / 2] {
        let file = host.write("cut.png", &png[..length]);
        refused(&host, &file, &["is not a readable"]);
    }
    for length in [20, 400, PHOTOGRAPH.len() / 2, PHOTOGRAPH.len() - 2] {
        let file = host.write("cut.jpg", &PHOTOGRAPH[..length]);
        refused(&host, &file, &["is not a readable", "cut off"]);
    }
}

#[test]
fn a_scene_that_is_too_large_comes_with_the_limits() {
    let host = Host::new();
    let limits = ["at most 40 megapixels and 12000 a side"];
    image::GrayImage::new(12_002, 2)
        .save(host.path("wide.png"))
        .unwrap();
    refused(
        &host,
        &host.word("wide.png"),
        &["12002 by 2 pixels", limits[0]],
    );
    image::GrayImage::new(8000, 6000)
        .save(host.path("large.png"))
        .unwrap();
    refused(
        &host,
        &host.word("large.png"),
        &["8000 by 6000 pixels", limits[0]],
    );
}
