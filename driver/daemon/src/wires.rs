//! What comes in over the module's wires: presence, lens lines, shutter key.
//!
//! An edge tells only that something moved; what is said to the event loop is read after it.

use bayonet_core::lens::LensPins;
use bayonet_kernel::gpio::Lines;
use bayonet_kernel::input::{Action, Key};
use bayonet_kernel::mount_lines::{Line, MountLines};
use log::{error, warn};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use tokio::io::unix::AsyncFd;

/// What is wrong with a wire, for people.
type Result<T> = std::result::Result<T, String>;

/// The shutter key's code (`KEY_CAMERA`, `linux/input-event-codes.h`).
const KEY_CAMERA: u16 = 212;
/// Name under which `bayonetd` uses its lines.
pub const CONSUMER: &str = "bayonetd";

fn text(problem: impl ToString) -> String {
    problem.to_string()
}

/// Something that moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wire {
    /// Whether a module is plugged.
    Presence(bool),
    /// What the lens lines show.
    Lens(LensPins),
    /// The shutter key went down.
    Shutter,
}

/// Lines that can be waited for.
struct Watched<T> {
    source: T,
    // A descriptor of its own: what the event loop waits for outlives no source.
    ready: AsyncFd<OwnedFd>,
}

impl<T: AsFd> Watched<T> {
    fn new(source: T) -> io::Result<Self> {
        let descriptor = source.as_fd().try_clone_to_owned()?;
        #[expect(
            deprecated,
            reason = "an OwnedFd stays open and the same, as the unsafe successor asks"
        )]
        let ready = AsyncFd::new(descriptor)?;
        Ok(Self { source, ready })
    }
}

/// The mount's lines, taken.
pub(crate) struct MountWires {
    presence: Watched<Lines>,
    lens: Watched<Lines>,
}

impl MountWires {
    /// Takes the lines.
    ///
    /// # Errors
    /// When a line is missing or in use.
    pub(crate) fn open(lines: &MountLines) -> Result<Self> {
        let watched = |lines: &[&Line]| {
            let lines = Lines::request(lines, CONSUMER).map_err(text)?;
            Watched::new(lines).map_err(text)
        };
        Ok(Self {
            presence: watched(&[&lines.present])?,
            lens: watched(&lines.lens())?,
        })
    }

    /// Whether a module is plugged now.
    ///
    /// # Errors
    /// When the line cannot be read.
    pub(crate) fn present(&self) -> Result<bool> {
        let active = self.presence.source.active().map_err(text)?;
        Ok(active == [true])
    }

    /// What the lens lines show now.
    ///
    /// # Errors
    /// When a line cannot be read.
    pub(crate) fn lens(&self) -> Result<LensPins> {
        let active = self.lens.source.active().map_err(text)?;
        match active[..] {
            [c5, c4, c3, c2, c1, c0, f1, f0] => {
                Ok(LensPins::from_lines([c5, c4, c3, c2, c1, c0], [f1, f0]))
            }
            _ => Err(format!("{} lens lines instead of eight", active.len())),
        }
    }

    /// Waits for the next movement.
    async fn moved(&self) -> Result<Wire> {
        tokio::select! {
            drained = drain(&self.presence) => {
                drained?;
                Ok(Wire::Presence(self.present()?))
            }
            drained = drain(&self.lens) => {
                drained?;
                Ok(Wire::Lens(self.lens()?))
            }
        }
    }
}

/// Waits for an edge, and reads all there are.
async fn drain(lines: &Watched<Lines>) -> Result<()> {
    loop {
        let mut ready = lines.ready.readable().await.map_err(text)?;
        let mut moved = false;
        while lines.source.read_event().map_err(text)?.is_some() {
            moved = true;
        }
        ready.clear_ready();
        if moved {
            return Ok(());
        }
    }
}

/// All wires. One that fails is reported once and then silent; the others go on.
pub(crate) struct Wires {
    mount: Option<MountWires>,
    shutter: Option<Watched<Key>>,
}

impl Wires {
    /// Takes the mount's lines, and the shutter key where one is wanted and there.
    pub(crate) fn new(mount: Option<MountWires>, shutter: bool) -> Self {
        let shutter = shutter.then(|| {
            let key = Key::open(KEY_CAMERA).map_err(text)?;
            Watched::new(key).map_err(text)
        });
        let shutter = shutter.and_then(|opened| {
            opened
                .inspect_err(|problem| warn!("no shutter key: {problem}"))
                .ok()
        });
        Self { mount, shutter }
    }

    /// Waits for the next movement; for ever where there is nothing to move.
    pub(crate) async fn moved(&mut self) -> Wire {
        loop {
            let Self { mount, shutter } = self;
            let mount_moved = async {
                match mount {
                    Some(lines) => lines.moved().await,
                    None => std::future::pending().await,
                }
            };
            let pressed = async {
                match shutter {
                    Some(key) => pressed(key).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                moved = mount_moved => match moved {
                    Ok(wire) => return wire,
                    Err(problem) => {
                        error!("the mount's lines are lost: {problem}");
                        self.mount = None;
                    }
                },
                pressed = pressed => match pressed {
                    Ok(()) => return Wire::Shutter,
                    Err(problem) => {
                        error!("the shutter key is lost: {problem}");
                        self.shutter = None;
                    }
                },
            }
        }
    }
}

async fn pressed(key: &mut Watched<Key>) -> Result<()> {
    loop {
        let mut ready = key.ready.readable().await.map_err(text)?;
        while let Some(event) = key.source.read_event().map_err(text)? {
            if event.action == Action::Pressed {
                return Ok(());
            }
        }
        ready.clear_ready();
    }
}
