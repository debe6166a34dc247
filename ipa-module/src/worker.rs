//! The worker's loop: a message, what it asks for, what is sent for it.

use crate::channel::{Channel, End};
use crate::session::{Next, Session};
use crate::wire::outbox::Outbox;
use log::info;
use std::os::fd::OwnedFd;

/// Serves the camera at the other side of this socket until libcamera ends that, or itself. Between `start` and
/// `stop` nothing is allocated.
pub fn run(socket: OwnedFd) -> Result<(), End> {
    let mut channel = Channel::new(socket)?;
    let mut session = Session::default();
    let mut outbox = Outbox::default();
    match serve(&mut channel, &mut session, &mut outbox) {
        Err(End::Gone) => {
            info!("libcamera has gone");
            Ok(())
        }
        ended => ended,
    }
}

fn serve(channel: &mut Channel, session: &mut Session, outbox: &mut Outbox) -> Result<(), End> {
    loop {
        let message = channel.receive()?;
        outbox.clear();
        let next = session.handle(message.bytes, message.descriptors, outbox);
        channel.send(outbox)?;
        if next == Next::Exit {
            return Ok(());
        }
    }
}
