//! One camera: sensor, bus, supplies, clock, and the receiver that it is connected with.

use super::Check;
use super::index::At;

/// Receiver that is no part of the media controller's graph unless its node says so. Raspberry Pi's kernel gives this
/// name to the older way of `brcm,bcm2835-unicam`, which needs no property today; mainline's driver knows neither.
const LEGACY_RECEIVER: &str = "brcm,bcm2835-unicam-legacy";

/// A camera that is there.
pub(super) struct Camera {
    pub(super) sensor: At,
    pub(super) receiver: Option<At>,
}

impl Check<'_> {
    /// The camera of this role; `None` where there is no such sensor, or none that is enabled.
    pub(super) fn camera(&mut self, module: At, role: &str) -> Option<Camera> {
        let property = format!("{role}-sensor");
        let is_main = role == "main";
        if !self.index.has(module, &property) {
            if is_main {
                self.tell(
                    module,
                    "it has no property main-sensor",
                    "let it refer to the sensor behind the fixed lens",
                );
            }
            return None;
        }
        let phandle = self.index.cell(module, &property);
        let Some(sensor) = phandle.and_then(|phandle| self.index.referred(phandle)) else {
            self.tell(
                module,
                format!("{property} refers to no node"),
                format!("let it refer to a sensor (parameter {role}), or correct the overlay"),
            );
            return None;
        };
        // A mount whose sensor is not enabled is no mount.
        let is_enabled = self.index.disabled(sensor) != Some(sensor);
        if !is_enabled {
            if is_main {
                let what = format!(
                    "main-sensor is {}, which is disabled",
                    self.index.path(sensor)
                );
                self.tell(
                    module,
                    what,
                    "enable the sensor that is there (parameter main)",
                );
            }
            return None;
        }
        let name = self.index.path(sensor).to_owned();
        self.bus(sensor, &name);
        self.supplies(sensor);
        self.clocks(sensor, &name);
        let receiver = self.connection(sensor, &name);
        Some(Camera { sensor, receiver })
    }

    fn bus(&mut self, sensor: At, name: &str) {
        let Some(bus) = self.index.parent(sensor) else {
            return;
        };
        self.needs(bus, &format!("the bus of {name}"));
        let address = |at| {
            self.index
                .cells(at, "reg")
                .and_then(|reg| reg.first().copied())
        };
        let Some(own) = address(sensor) else {
            let advice = "give the sensor its I2C address, e.g. reg = <0x1a>";
            return self.tell(sensor, "it has no property reg", advice);
        };
        let is_in_the_way = |at: &At| {
            *at != sensor
                && self.index.parent(*at) == Some(bus)
                && address(*at) == Some(own)
                && self.index.disabled(*at) != Some(*at)
        };
        let in_the_way: Vec<At> = self.index.all().filter(is_in_the_way).collect();
        for other in in_the_way {
            self.tell(
                other,
                format!("it has address {own:#x} on the same bus as {name}"),
                "use another port or another sensor, or disable this node",
            );
        }
    }

    /// The sensor's supplies, and what these are supplied by.
    fn supplies(&mut self, sensor: At) {
        let mut supplied = vec![sensor];
        let mut next = 0;
        while let Some(node) = supplied.get(next).copied() {
            let name = self.index.path(node).to_owned();
            let properties = self.index.properties(node);
            for property in properties.iter().filter(|name| name.ends_with("-supply")) {
                let phandle = self.index.cell(node, property);
                let Some(supply) = phandle.and_then(|phandle| self.index.referred(phandle)) else {
                    self.nothing(node, property, "supply");
                    continue;
                };
                self.needs(supply, &format!("a supply of {name}"));
                if !supplied.contains(&supply) {
                    supplied.push(supply);
                }
            }
            next += 1;
        }
    }

    fn clocks(&mut self, sensor: At, name: &str) {
        for item in self
            .index
            .list(sensor, "clocks", "#clock-cells")
            .unwrap_or_default()
        {
            match item.node {
                Some(clock) if item.arguments.is_some() => {
                    self.needs(clock, &format!("a clock of {name}"))
                }
                Some(clock) => self.tell(
                    clock,
                    format!(
                        "it is a clock of {name} and has no #clock-cells, or needs more cells there"
                    ),
                    "let clocks refer to a clock",
                ),
                None => self.nothing(sensor, "clocks", "clock"),
            }
        }
    }

    fn nothing(&mut self, node: At, property: &str, kind: &str) {
        self.tell(
            node,
            format!("{property} refers to no node"),
            format!("let it refer to a {kind} that is there"),
        );
    }

    /// Follows the sensor's endpoint to its receiver.
    fn connection(&mut self, sensor: At, name: &str) -> Option<At> {
        const CONNECT: &str = "let remote-endpoint of each end refer to the other";
        let index = &self.index;
        let is_endpoint = |at: &At| {
            index.has(*at, "remote-endpoint") && index.upwards(*at).any(|at| at == sensor)
        };
        let Some(endpoint) = index.all().find(is_endpoint) else {
            self.tell(sensor, "it has no endpoint with a remote-endpoint", CONNECT);
            return None;
        };
        let remote = |at| {
            index
                .cell(at, "remote-endpoint")
                .and_then(|phandle| index.referred(phandle))
        };
        let Some(far) = remote(endpoint) else {
            self.tell(endpoint, "remote-endpoint refers to no node", CONNECT);
            return None;
        };
        if index.cell(far, "remote-endpoint").is_none() || remote(far) != Some(endpoint) {
            let there = match remote(far) {
                Some(other) => index.path(other),
                None => "nothing",
            };
            let what = format!(
                "it is the other end of {}, and refers to {there}",
                index.path(endpoint)
            );
            self.tell(far, what, CONNECT);
        }
        let receiver = self
            .index
            .upwards(far)
            .skip(1)
            .find(|at| self.index.has(*at, "compatible"));
        // The root is compatible with the board.
        let receiver = receiver.filter(|at| self.index.parent(*at).is_some());
        let Some(receiver) = receiver else {
            self.tell(
                far,
                format!("{name} sends to it, and it is in no receiver"),
                CONNECT,
            );
            return None;
        };
        self.needs(receiver, &format!("the receiver of {name}"));
        self.lanes(endpoint, far, receiver);
        if self.index.is_compatible(receiver, LEGACY_RECEIVER)
            && !self.index.has(receiver, "brcm,media-controller")
        {
            self.tell(
                receiver,
                format!("it is \"{LEGACY_RECEIVER}\" without brcm,media-controller: libcamera does not find it"),
                "set the parameter media-controller",
            );
        }
        Some(receiver)
    }

    fn lanes(&mut self, endpoint: At, far: At, receiver: At) {
        let mut counts = Vec::new();
        for at in [endpoint, far] {
            match self.index.cells(at, "data-lanes") {
                Some(lanes) if !lanes.is_empty() => counts.push(lanes.len()),
                _ => self.tell(
                    at,
                    "it has no data-lanes",
                    "list its lanes, e.g. data-lanes = <1 2>",
                ),
            }
        }
        let &[near, other] = counts.as_slice() else {
            return;
        };
        if near != other {
            let path = self.index.path(endpoint).to_owned();
            self.tell(
                far,
                format!("it has {other} data lanes, and its other end {path} has {near}"),
                "give both ends the lanes of the sensor",
            );
        }
        // Raspberry Pi's binding of its older receiver.
        if let Some(most) = self.index.cell(receiver, "brcm,num-data-lanes")
            && near.max(other) > most as usize
        {
            self.tell(
                receiver,
                format!(
                    "it has {most} data lanes (brcm,num-data-lanes), and the sensor uses {}",
                    near.max(other)
                ),
                "use a sensor with fewer lanes, or the other port (parameter cam0)",
            );
        }
    }
}
