//! What comes in over the module's wires: presence, lens lines, shutter key.
//!
//! An edge tells only that something moved; what is said to the event loop is the level read after it.

use crate::config::{self, Level};
use bayonet_core::lens::LensPins;
use bayonet_kernel::gpio::Lines;
use bayonet_kernel::input::{Action, Key};
use log::{error, warn};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use tokio::io::unix::AsyncFd;

/// What is wrong with a wire, for people.
type Result<T> = std::result::Result<T, String>;

/// The shutter key's code (`KEY_CAMERA`, `linux/input-event-codes.h`).
const KEY_CAMERA: u16 = 212;
/// Name under which the lines are in use.
const CONSUMER: &str = "bayonetd";

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

/// The mount's lines.
pub(crate) struct MountLines {
    presence: Watched<Lines>,
    lens: Watched<Lines>,
    settings: config::Mount,
}

impl MountLines {
    /// Takes the lines that the configuration names.
    ///
    /// # Errors
    /// When a line is missing or in use.
    pub(crate) fn open(settings: &config::Mount) -> Result<Self> {
        let watched = |names: &[&str]| {
            let lines = Lines::request(names, CONSUMER).map_err(text)?;
            Watched::new(lines).map_err(text)
        };
        let lens: Vec<&str> = settings
            .code_lines
            .iter()
            .chain(&settings.frame_lines)
            .map(String::as_str)
            .collect();
        Ok(Self {
            presence: watched(&[&settings.present_line])?,
            lens: watched(&lens)?,
            settings: settings.clone(),
        })
    }

    /// Whether a module is plugged now.
    ///
    /// # Errors
    /// When the line cannot be read.
    pub(crate) fn present(&self) -> Result<bool> {
        let levels = self.presence.source.levels().map_err(text)?;
        Ok(active(&levels, self.settings.present_active) == 1)
    }

    /// What the lens lines show now.
    ///
    /// # Errors
    /// When a line cannot be read.
    pub(crate) fn lens(&self) -> Result<LensPins> {
        let levels = self.lens.source.levels().map_err(text)?;
        let (code, frame) = levels.split_at(self.settings.code_lines.len());
        let (code, frame) = (
            active(code, self.settings.code_active),
            active(frame, self.settings.frame_active),
        );
        LensPins::new(code, frame).ok_or_else(|| "a lens code of more than six lines".to_owned())
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

/// The lines' levels as a number, the first line its highest bit.
fn active(levels: &[bool], active: Level) -> u8 {
    let bit = |&level: &bool| u8::from(level == (active == Level::High));
    levels
        .iter()
        .map(bit)
        .fold(0, |number, bit| number << 1 | bit)
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
    mount: Option<MountLines>,
    shutter: Option<Watched<Key>>,
}

impl Wires {
    /// Takes the mount's lines, and the shutter key where one is wanted and there.
    pub(crate) fn new(mount: Option<MountLines>, shutter: bool) -> Self {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_is_the_highest_bit() {
        assert_eq!(
            active(&[true, false, false, false, false, true], Level::High),
            33
        );
        assert_eq!(
            active(&[true, false, false, false, false, true], Level::Low),
            30
        );
        assert_eq!(active(&[false], Level::Low), 1);
    }
}
