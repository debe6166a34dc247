//! A camera's chain of devices: sensor, receiver, a bridge to memory on some boards, image processor.
//!
//! The device tree says which sensors belong to the module, sysfs which devices and device nodes that makes. All of it
//! can be told whether or not drivers are bound; only device nodes come and go with them.

use crate::device_tree::{DeviceTree, MODULE, Node};
use crate::mount_lines::MountLines;
use crate::sysfs::{self, SYS};
use crate::{Error, Result};
use std::path::{Path, PathBuf};

/// Bus of the sensors.
const I2C: &str = "i2c";
/// Bus of receivers and image processors.
const PLATFORM: &str = "platform";
/// Driver of the Raspberry Pi 5's image processors.
const IMAGE_PROCESSOR: &str = "pispbe";
/// Receivers and bridges whose driver is not called as their `compatible` says: (compatible, driver).
///
/// Sources: `bcm2835-unicam.c`, `imx-mipi-csis.c`, `imx7-media-csi.c` below `drivers/media/platform`.
const RECEIVER_DRIVERS: [(&str, &str); 4] = [
    ("brcm,bcm2835-unicam", "unicam"),
    ("fsl,imx8mm-mipi-csi2", "imx-mipi-csis"),
    ("fsl,imx8mm-csi", IMX_BRIDGE),
    ("fsl,imx7-csi", IMX_BRIDGE),
];
/// Driver of the bridge of NXP's i.MX 7, 8M and 8M Mini, which makes the camera's media and video devices.
const IMX_BRIDGE: &str = "imx7-csi";
/// What libcamera puts before a node's path to make a camera's id of it.
const LIBCAMERA_ROOT: &str = "/base";

/// The module's cameras.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Module {
    /// The camera behind the fixed lens.
    pub main: Chain,
    /// The camera behind the lens mount, where the module has one.
    pub mount: Option<Chain>,
    /// The lines of mount and lens. Without them the mount cannot be used; the main camera can.
    pub mount_lines: Result<MountLines>,
}

/// One camera's devices.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain {
    /// The sensor.
    pub sensor: Device,
    /// What the sensor sends to.
    pub receiver: Device,
    /// What takes the receiver's pixels to memory, where it does not do that by itself.
    pub bridge: Option<Device>,
    /// The image processor that this camera uses; `None` where the system has none, or too few.
    pub image_processor: Option<Device>,
    /// How the sensor is asked.
    pub i2c: I2cAddress,
    /// What sensor it is by the device tree, e.g. `imx283`.
    pub model: String,
    /// libcamera's name for the camera.
    pub libcamera_id: String,
}

/// A device, whether or not a driver is bound to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// Directory below `/sys/bus`.
    pub bus: &'static str,
    /// Its name there, e.g. `1-001a`.
    pub name: String,
    /// The driver that is bound to it, or is to be.
    pub driver: String,
    /// Path of its node in the device tree.
    pub node: String,
}

/// Where on which I2C bus.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct I2cAddress {
    /// Number of the bus, as in `/dev/i2c-1`.
    pub adapter: u32,
    /// Address of the device, 7 bits.
    pub address: u16,
}

/// Which drivers of a chain are bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bound {
    /// The sensor's.
    pub sensor: bool,
    /// The receiver's.
    pub receiver: bool,
    /// The bridge's, where there is one.
    pub bridge: Option<bool>,
}

impl Bound {
    /// Whether all of them are.
    pub fn all(self) -> bool {
        self.sensor && self.receiver && self.bridge != Some(false)
    }

    /// Whether any of them is.
    pub fn any(self) -> bool {
        self.sensor || self.receiver || self.bridge == Some(true)
    }
}

/// Finds the module's cameras.
///
/// # Errors
/// [`Error::NoModule`] without a node in the device tree, [`Error::DeviceTree`] where it is wrong,
/// [`Error::NoDevice`] where a bus did not make a device of a node.
pub fn discover() -> Result<Module> {
    // A system without any device tree has no module in it either.
    let tree = DeviceTree::open().map_err(|_| Error::NoModule)?;
    discover_in(&tree, Path::new(SYS))
}

/// The same with trees elsewhere: `sys` is laid out as `/sys`.
///
/// # Errors
/// Those of [`discover`].
pub fn discover_in(tree: &DeviceTree, sys: &Path) -> Result<Module> {
    let module = tree.find_compatible(MODULE).ok_or(Error::NoModule)?;
    let main = tree
        .reference(&module, "main-sensor")?
        .ok_or_else(|| module.error("it has no property main-sensor"))?;
    let mut main = Chain::find(tree, sys, &main)?;
    let mount = tree
        .reference(&module, "mount-sensor")?
        .filter(Node::is_enabled);
    let mut mount = mount
        .map(|sensor| Chain::find(tree, sys, &sensor))
        .transpose()?;
    give_image_processors(
        std::iter::once(&mut main).chain(&mut mount).collect(),
        image_processors(tree, sys),
    );
    Ok(Module {
        main,
        mount,
        mount_lines: MountLines::find(tree, sys, &module),
    })
}

/// Gives each chain, the most important one first, the image processor that libcamera pairs its receiver with.
///
/// libcamera takes receivers in the order of their devices, and for each the next processor
/// (`src/libcamera/pipeline/rpi/pisp/pisp.cpp`). An application that has one of the cameras would otherwise find its
/// processor in use by the other one.
fn give_image_processors(mut chains: Vec<&mut Chain>, processors: Vec<Device>) {
    if processors.len() >= chains.len() {
        chains.sort_by(|one, other| one.receiver.name.cmp(&other.receiver.name));
    }
    for (chain, processor) in chains.into_iter().zip(processors) {
        chain.image_processor = Some(processor);
    }
}

/// The image processors that a driver is bound to, in the order of their media devices.
fn image_processors(tree: &DeviceTree, sys: &Path) -> Vec<Device> {
    let driver = sysfs::driver(sys, PLATFORM, IMAGE_PROCESSOR);
    let mut found: Vec<(u32, Device)> = sysfs::names(&driver)
        .into_iter()
        .filter_map(|name| {
            let directory = sysfs::devices(sys, PLATFORM).join(&name);
            let media = media_number(&directory)?;
            let node = std::fs::canonicalize(directory.join("of_node")).ok()?;
            let node = node.strip_prefix(tree.root().directory()).ok()?;
            let node = format!("/{}", node.display());
            let device = Device {
                bus: PLATFORM,
                name,
                driver: IMAGE_PROCESSOR.to_owned(),
                node,
            };
            Some((media, device))
        })
        .collect();
    found.sort_by_key(|(media, _)| *media);
    found.into_iter().map(|(_, device)| device).collect()
}

/// Number of the media device below a device's directory.
fn media_number(directory: &Path) -> Option<u32> {
    sysfs::names(directory)
        .iter()
        .find_map(|name| name.strip_prefix("media")?.parse().ok())
}

impl Chain {
    fn find(tree: &DeviceTree, sys: &Path, sensor: &Node) -> Result<Self> {
        let receiver = remote(tree, sensor)?;
        let bridge = bridge(tree, &receiver)?;
        let bridge = bridge.map(|node| Device::find(sys, PLATFORM, &node));
        let receiver = Device::find(sys, PLATFORM, &receiver)?;
        let model = model(sensor)?;
        let node = sensor.path();
        let sensor = Device::find(sys, I2C, sensor)?;
        Ok(Self {
            i2c: I2cAddress::of(&sensor)?,
            libcamera_id: format!("{LIBCAMERA_ROOT}{node}"),
            sensor,
            receiver,
            bridge: bridge.transpose()?,
            image_processor: None,
            model,
        })
    }

    /// The devices whose drivers come and go together, in the way of a frame: sensor, receiver, bridge.
    pub fn devices(&self) -> impl DoubleEndedIterator<Item = &Device> {
        [&self.sensor, &self.receiver]
            .into_iter()
            .chain(&self.bridge)
    }

    /// The device that makes the media device and its video nodes: the last one before the image processor.
    fn last(&self) -> &Device {
        self.bridge.as_ref().unwrap_or(&self.receiver)
    }

    /// The device nodes that this camera needs and no other: those of its devices and of its image processor.
    ///
    /// Those that are not there, because no driver is bound, are left out.
    pub fn nodes(&self) -> Vec<PathBuf> {
        let mut nodes = self.binding_nodes();
        nodes.extend(self.image_processor.iter().flat_map(Device::nodes));
        nodes
    }

    /// The device nodes that go and come with the drivers.
    pub fn binding_nodes(&self) -> Vec<PathBuf> {
        self.devices().rev().flat_map(Device::nodes).collect()
    }

    /// Which drivers are bound now.
    pub fn bound(&self) -> Bound {
        Bound {
            sensor: self.sensor.is_bound(),
            receiver: self.receiver.is_bound(),
            bridge: self.bridge.as_ref().map(Device::is_bound),
        }
    }

    /// The camera's media device, while the driver is bound that makes it.
    pub fn media(&self) -> Option<PathBuf> {
        media_number(&self.last().directory()).map(|number| format!("/dev/media{number}").into())
    }

    /// The sensor's subdevice, while all drivers are bound.
    pub fn subdevice(&self) -> Option<PathBuf> {
        self.sensor.nodes().into_iter().next()
    }
}

impl Device {
    fn find(sys: &Path, bus: &'static str, node: &Node) -> Result<Self> {
        let name = sysfs::device_of(sys, bus, node.directory());
        let name = name.ok_or_else(|| Error::NoDevice {
            bus,
            node: node.path(),
        })?;
        let bound = sysfs::link_name(&sysfs::devices(sys, bus).join(&name).join("driver"));
        let driver = bound.unwrap_or_else(|| expected_driver(sys, bus, node));
        Ok(Self {
            bus,
            name,
            driver,
            node: node.path(),
        })
    }

    /// Where the kernel shows it.
    pub fn directory(&self) -> PathBuf {
        sysfs::devices(Path::new(SYS), self.bus).join(&self.name)
    }

    /// Whether a driver is bound to it.
    pub fn is_bound(&self) -> bool {
        self.directory().join("driver").exists()
    }

    /// Its media and video device nodes that are there now, also those of its subdevices.
    pub fn nodes(&self) -> Vec<PathBuf> {
        let directory = self.directory();
        let media = media_number(&directory).map(|number| format!("media{number}"));
        let video = sysfs::names(&directory.join("video4linux"));
        let names = media.into_iter().chain(video);
        names.map(|name| Path::new("/dev").join(name)).collect()
    }
}

impl I2cAddress {
    /// From the device's name, e.g. `1-001a` (`drivers/i2c/i2c-core-base.c`, `i2c_dev_set_name`).
    fn of(device: &Device) -> Result<Self> {
        let parse = || {
            let (adapter, address) = device.name.split_once('-')?;
            Some(Self {
                adapter: adapter.parse().ok()?,
                address: u16::from_str_radix(address, 16).ok()?,
            })
        };
        parse().ok_or_else(|| Error::Malformed {
            what: format!("the I2C device {}", device.name),
            problem: "its name is not BUS-ADDRESS".to_owned(),
        })
    }
}

/// The driver a device gets: usually called as the node is compatible with, without the vendor.
fn expected_driver(sys: &Path, bus: &str, node: &Node) -> String {
    let compatible = node.compatible();
    let names: Vec<&str> = compatible.iter().map(|entry| driver_name(entry)).collect();
    let loaded = names
        .iter()
        .find(|name| sysfs::driver(sys, bus, name).exists());
    loaded
        .or(names.first())
        .map_or_else(String::new, |name| (*name).to_owned())
}

fn driver_name(compatible: &str) -> &str {
    let exception = RECEIVER_DRIVERS
        .iter()
        .find(|(entry, _)| *entry == compatible);
    exception.map_or_else(|| without_vendor(compatible), |(_, driver)| driver)
}

fn without_vendor(compatible: &str) -> &str {
    compatible
        .split_once(',')
        .map_or(compatible, |(_, name)| name)
}

fn model(sensor: &Node) -> Result<String> {
    let compatible = sensor.compatible();
    let first = compatible
        .first()
        .ok_or_else(|| sensor.error("it has no property compatible"))?;
    Ok(without_vendor(first).to_owned())
}

/// The device on the other end of a sensor's only link: `port/endpoint/remote-endpoint`
/// (Documentation/devicetree/bindings/graph.txt of dt-schema). Ports may be grouped in `ports`.
fn remote(tree: &DeviceTree, sensor: &Node) -> Result<Node> {
    let endpoints = endpoints(sensor);
    let endpoint = endpoints
        .first()
        .ok_or_else(|| sensor.error("it has no port with an endpoint: it sends to nothing"))?;
    far_end(tree, endpoint)
}

/// What the receiver passes its pixels on to, where that is a bridge.
fn bridge(tree: &DeviceTree, receiver: &Node) -> Result<Option<Node>> {
    let endpoints = endpoints(receiver);
    // An output need not be connected to anything.
    let connected = endpoints.iter().filter(|node| node.has("remote-endpoint"));
    for endpoint in connected {
        let device = far_end(tree, endpoint)?;
        let mut compatible = device.compatible().into_iter();
        if compatible.any(|entry| driver_name(entry.as_ref()) == IMX_BRIDGE) {
            return Ok(Some(device));
        }
    }
    Ok(None)
}

/// The device that an endpoint leads to.
fn far_end(tree: &DeviceTree, endpoint: &Node) -> Result<Node> {
    let remote = tree
        .reference(endpoint, "remote-endpoint")?
        .ok_or_else(|| endpoint.error("it has no property remote-endpoint"))?;
    let mut device = remote.parent();
    while let Some(node) = device {
        if node.has("compatible") {
            return Ok(node);
        }
        device = node.parent();
    }
    Err(remote.error("it belongs to no device"))
}

/// A device's endpoints, in the order of its ports.
fn endpoints(device: &Node) -> Vec<Node> {
    let children = device.children();
    let groups = children.iter().filter(|node| is_called(node, "ports"));
    let grouped: Vec<Node> = groups.flat_map(Node::children).collect();
    let ports = children.iter().chain(&grouped);
    let ports = ports.filter(|node| is_called(node, "port"));
    ports
        .flat_map(Node::children)
        .filter(|node| is_called(node, "endpoint"))
        .collect()
}

/// Whether a node has this name, whatever its unit address.
fn is_called(node: &Node, name: &str) -> bool {
    let file = node.directory().file_name().unwrap_or_default();
    file.to_string_lossy().split('@').next() == Some(name)
}

#[cfg(test)]
mod tests;
