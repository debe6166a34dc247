//! `bayonet-camera`: the process that owns one camera.

fn main() {
    println!("{}", libcamera::version::runtime_version());
}
