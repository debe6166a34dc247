//! Chains in a small device tree and a small sysfs.

use super::*;
use std::fs;
use std::os::unix::fs::symlink;
use tempfile::TempDir;

/// Two sensors, their receivers, two image processors; no driver but theirs.
struct System {
    directory: TempDir,
}

impl System {
    fn new() -> Self {
        let system = Self {
            directory: tempfile::tempdir().unwrap(),
        };
        system.property("module/compatible", b"bayonet,module\0");
        for (number, name) in [(1, "main"), (2, "mount")] {
            system.property(&format!("module/{name}-sensor"), &[0, 0, 0, number]);
            let sensor = format!("bus/i2c@{number}/sensor@1a");
            system.property(&format!("{sensor}/compatible"), b"sony,imx283\0");
            system.property(&format!("{sensor}/phandle"), &[0, 0, 0, number]);
            let far = number + 10;
            system.property(
                &format!("{sensor}/port/endpoint/remote-endpoint"),
                &[0, 0, 0, far],
            );
            let receiver = format!("bus/csi@{number}");
            system.property(&format!("{receiver}/compatible"), b"raspberrypi,rp1-cfe\0");
            system.property(
                &format!("{receiver}/ports/port@0/endpoint@0/phandle"),
                &[0, 0, 0, far],
            );
            system.device("i2c", &format!("{number}-001a"), &sensor);
            system.device("platform", &format!("{number}.csi"), &receiver);
            let isp = format!("bus/isp@{number}");
            system.property(&format!("{isp}/compatible"), b"raspberrypi,pispbe\0");
            system.device("platform", &format!("{number}.isp"), &isp);
            system.bind("platform", &format!("{number}.isp"), "pispbe");
        }
        // The second one was probed first.
        system.make("sys/bus/platform/devices/1.isp/media10");
        system.make("sys/bus/platform/devices/2.isp/media9");
        system
    }

    /// The main sensor sends to the second receiver, the mount's to the first.
    fn crossed() -> Self {
        let system = Self::new();
        for (sensor, receiver) in [(1, 12), (2, 11)] {
            let remote = format!("bus/i2c@{sensor}/sensor@1a/port/endpoint/remote-endpoint");
            system.property(&remote, &[0, 0, 0, receiver]);
        }
        system
    }

    /// The main camera's receiver passes its pixels on to a bridge, as on an i.MX 8M Mini.
    fn bridged() -> Self {
        let system = Self::new();
        system.property("bus/csi@1/compatible", b"fsl,imx8mm-mipi-csi2\0");
        let out = "bus/csi@1/ports/port@1/endpoint";
        system.property(&format!("{out}/remote-endpoint"), &[0, 0, 0, 21]);
        system.property(&format!("{out}/phandle"), &[0, 0, 0, 22]);
        let input = "bus/csi@1/ports/port@0/endpoint@0/remote-endpoint";
        system.property(input, &[0, 0, 0, 31]);
        system.property("bus/i2c@1/sensor@1a/port/endpoint/phandle", &[0, 0, 0, 31]);
        let compatible = b"fsl,imx8mm-csi\0fsl,imx7-csi\0";
        system.property("bus/bridge@1/compatible", compatible);
        system.property("bus/bridge@1/port/endpoint/phandle", &[0, 0, 0, 21]);
        system.device("platform", "1.bridge", "bus/bridge@1");
        system
    }

    fn path(&self, path: &str) -> PathBuf {
        self.directory.path().join(path)
    }

    fn make(&self, path: &str) -> PathBuf {
        let path = self.path(path);
        fs::create_dir_all(&path).unwrap();
        path
    }

    fn property(&self, path: &str, value: &[u8]) {
        let path = self.path("tree").join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, value).unwrap();
    }

    fn without(&self, path: &str) {
        let path = self.path("tree").join(path);
        fs::remove_file(&path)
            .or_else(|_| fs::remove_dir_all(&path))
            .unwrap();
    }

    fn device(&self, bus: &str, name: &str, node: &str) {
        let device = self.make(&format!("sys/bus/{bus}/devices/{name}"));
        symlink(self.path("tree").join(node), device.join("of_node")).unwrap();
    }

    fn bind(&self, bus: &str, name: &str, driver: &str) {
        let driver = self.make(&format!("sys/bus/{bus}/drivers/{driver}"));
        let device = self.path(&format!("sys/bus/{bus}/devices/{name}"));
        symlink(&driver, device.join("driver")).unwrap();
        symlink(&device, driver.join(name)).unwrap();
    }

    fn discover(&self) -> Result<Module> {
        let tree = DeviceTree::at(&self.path("tree"))?;
        discover_in(&tree, &self.path("sys"))
    }

    fn error(&self) -> String {
        self.discover().unwrap_err().to_string()
    }
}

#[test]
fn both_chains_are_found_without_any_driver() {
    let Module { main, mount, .. } = System::new().discover().unwrap();
    assert_eq!(main.sensor.name, "1-001a");
    assert_eq!(main.sensor.node, "/bus/i2c@1/sensor@1a");
    assert_eq!(main.libcamera_id, "/base/bus/i2c@1/sensor@1a");
    assert_eq!(
        (main.model.as_str(), main.sensor.driver.as_str()),
        ("imx283", "imx283")
    );
    assert_eq!(
        (main.receiver.name.as_str(), main.receiver.driver.as_str()),
        ("1.csi", "rp1-cfe")
    );
    let mount = mount.unwrap();
    assert_eq!(
        mount.i2c,
        I2cAddress {
            adapter: 2,
            address: 0x1a
        }
    );
    assert_eq!(mount.receiver.name, "2.csi");
}

#[test]
fn image_processors_are_given_out_in_the_order_of_their_media_devices() {
    let Module { main, mount, .. } = System::new().discover().unwrap();
    let name = |chain: Chain| chain.image_processor.unwrap().name;
    assert_eq!(
        (name(main), name(mount.unwrap())),
        ("2.isp".into(), "1.isp".into())
    );
}

/// As on a Raspberry Pi 5, where the main camera is at the second receiver.
#[test]
fn the_first_receiver_has_the_first_image_processor() {
    let system = System::crossed();
    let Module { main, mount, .. } = system.discover().unwrap();
    let name = |chain: Chain| (chain.receiver.name, chain.image_processor.unwrap().name);
    assert_eq!(name(main), ("2.csi".into(), "1.isp".into()));
    assert_eq!(name(mount.unwrap()), ("1.csi".into(), "2.isp".into()));
}

#[test]
fn an_only_image_processor_is_the_main_cameras() {
    let system = System::crossed();
    fs::remove_file(system.path("sys/bus/platform/drivers/pispbe/1.isp")).unwrap();
    let Module { main, mount, .. } = system.discover().unwrap();
    assert_eq!(main.image_processor.unwrap().name, "2.isp");
    assert_eq!(mount.unwrap().image_processor, None);
}

#[test]
fn a_bridge_behind_the_receiver_is_of_the_chain() {
    let Module { main, mount, .. } = System::bridged().discover().unwrap();
    let devices: Vec<(&str, &str)> = main
        .devices()
        .map(|device| (device.name.as_str(), device.driver.as_str()))
        .collect();
    let expected = [
        ("1-001a", "imx283"),
        ("1.csi", "imx-mipi-csis"),
        ("1.bridge", "imx7-csi"),
    ];
    assert_eq!(devices, expected);
    let mount = mount.unwrap();
    assert_eq!(mount.bridge, None);
    assert_eq!(mount.devices().count(), 2);
}

#[test]
fn a_receiver_that_leads_to_another_device_has_no_bridge() {
    let system = System::bridged();
    system.property("bus/bridge@1/compatible", b"maker,isp\0");
    assert_eq!(system.discover().unwrap().main.bridge, None);
    // An output that is not connected leads nowhere.
    system.without("bus/csi@1/ports/port@1/endpoint/remote-endpoint");
    assert_eq!(system.discover().unwrap().main.bridge, None);
}

#[test]
fn a_bridge_without_a_device_is_named() {
    let system = System::bridged();
    fs::remove_dir_all(system.path("sys/bus/platform/devices/1.bridge")).unwrap();
    let error = system.error();
    assert!(error.contains("/bus/bridge@1"), "{error}");
}

#[test]
fn a_chain_is_bound_when_all_of_it_is() {
    let bound = |sensor, receiver, bridge| Bound {
        sensor,
        receiver,
        bridge,
    };
    assert!(bound(true, true, None).all() && bound(true, true, Some(true)).all());
    assert!(!bound(true, true, Some(false)).all());
    assert!(bound(false, false, Some(true)).any());
    assert!(!bound(false, false, None).any() && !bound(false, false, Some(false)).any());
}

#[test]
fn a_driver_is_the_bound_one_or_the_likeliest() {
    let system = System::new();
    system.bind("platform", "1.csi", "another-receiver");
    system.property("bus/csi@2/compatible", b"maker,new\0brcm,bcm2835-unicam\0");
    system.make("sys/bus/platform/drivers/unicam");
    let Module { main, mount, .. } = system.discover().unwrap();
    assert_eq!(main.receiver.driver, "another-receiver");
    assert_eq!(mount.unwrap().receiver.driver, "unicam");
}

#[test]
fn a_module_without_a_mount_is_whole_and_one_without_a_main_sensor_is_not() {
    let system = System::new();
    system.without("module/mount-sensor");
    assert_eq!(system.discover().unwrap().mount, None);
    system.without("module/main-sensor");
    assert_eq!(
        system.error(),
        "device tree, /module: it has no property main-sensor"
    );
}

#[test]
fn a_disabled_mount_sensor_is_no_mount() {
    let system = System::new();
    system.property("bus/i2c@2/sensor@1a/status", b"disabled\0");
    // The kernel makes no device of it.
    fs::remove_dir_all(system.path("sys/bus/i2c/devices/2-001a")).unwrap();
    assert_eq!(system.discover().unwrap().mount, None);
    system.property("bus/i2c@1/sensor@1a/status", b"disabled\0");
    fs::remove_dir_all(system.path("sys/bus/i2c/devices/1-001a")).unwrap();
    assert!(matches!(system.discover(), Err(Error::NoDevice { .. })));
}

#[test]
fn lines_that_are_missing_cost_the_mount_alone() {
    let module = System::new().discover().unwrap();
    assert!(module.mount.is_some());
    let error = module.mount_lines.unwrap_err().to_string();
    assert!(
        error.contains("it has no property present-gpios"),
        "{error}"
    );
}

#[test]
fn a_tree_without_the_module_says_so() {
    let system = System::new();
    system.without("module");
    assert!(matches!(system.discover(), Err(Error::NoModule)));
    assert!(
        system.error().contains("bayonet,module"),
        "{}",
        system.error()
    );
}

#[test]
fn a_sensor_that_leads_nowhere_is_named() {
    for (path, problem) in [
        (
            "bus/i2c@1/sensor@1a/port/endpoint/remote-endpoint",
            "device tree, /bus/i2c@1/sensor@1a/port/endpoint: it has no property remote-endpoint",
        ),
        (
            "bus/i2c@1/sensor@1a/port",
            "device tree, /bus/i2c@1/sensor@1a: it has no port with an endpoint: it sends to nothing",
        ),
        (
            "bus/csi@1/compatible",
            "device tree, /bus/csi@1/ports/port@0/endpoint@0: it belongs to no device",
        ),
    ] {
        let system = System::new();
        system.without(path);
        assert_eq!(system.error(), problem);
    }
}

#[test]
fn a_node_without_a_device_is_named() {
    let system = System::new();
    fs::remove_dir_all(system.path("sys/bus/i2c/devices/2-001a")).unwrap();
    let error = system.error();
    assert!(
        error.contains("i2c bus") && error.contains("/bus/i2c@2/sensor@1a"),
        "{error}"
    );
}

#[test]
fn an_i2c_device_is_named_by_bus_and_address() {
    for (name, expected) in [
        ("12-0010", Some((12, 0x10))),
        ("i2c-3", None),
        ("nothing", None),
        ("1-", None),
    ] {
        let device = Device {
            bus: I2C,
            name: name.to_owned(),
            driver: String::new(),
            node: String::new(),
        };
        let address = I2cAddress::of(&device).ok();
        assert_eq!(
            address.map(|it| (it.adapter, it.address)),
            expected,
            "{name}"
        );
    }
}
