//! `bayonetd` from its first line to its last: opens what it needs, runs the event loop, ends everything in order.

use crate::api::{Server, Settings};
use crate::captures::Store;
use crate::config::Config;
use crate::hub::{Hub, Start};
use crate::library;
use crate::notify;
use crate::recordings;
use crate::wires::Wires;
use anyhow::{Context, Result};
use log::{info, warn};
use nix::time::{ClockId, clock_gettime};
use std::sync::Arc;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

/// Commands, and words of processes, that may wait for the event loop.
const WAITING: usize = 64;
/// All that the end may take; systemd and people wait no longer than 2 s.
const END_LIMIT: Duration = Duration::from_millis(1_900);

/// Runs until a signal ends it.
///
/// # Errors
/// When the sockets or the pictures' directory cannot be had.
pub fn run(config: &Config) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("making the event loop")?;
    let result = runtime.block_on(serve(config));
    // A thread that hangs in the kernel must not keep the process.
    runtime.shutdown_background();
    result
}

async fn serve(config: &Config) -> Result<()> {
    let begin = Instant::now() - clock()?;
    let mut terminate = signal(SignalKind::terminate()).context("waiting for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("waiting for SIGINT")?;
    // First of all, for its lock: a second bayonetd must touch nothing.
    let server = Server::bind(&config.api).await?;
    let lenses = Arc::new(library::load(&config.lenses.directories));
    let minimum_free = u64::from(config.captures.minimum_free) << 20;
    let store = Store::open(&config.captures.directory, minimum_free)
        .context("opening the directory of pictures")?;
    let recordings = recordings::Store::new(
        &config.recordings.directory,
        u64::from(config.recordings.minimum_free) << 20,
        (config.recordings.queue as usize) << 20,
    );
    let settings = Settings {
        captures: store.clone(),
        recordings: recordings.clone(),
        quality: config.captures.quality,
        lenses: Arc::clone(&lenses),
    };
    let (outputs, mut output) = mpsc::channel(WAITING);
    let (finished, mut finishing) = mpsc::unbounded_channel();
    let (notes, mut noted) = mpsc::unbounded_channel();
    let start = Start {
        config,
        lenses,
        store,
        recordings,
        outputs,
        finished,
        notes,
    };
    let (mut hub, taken) = Hub::start(begin.elapsed(), start)?;
    let mut wires = Wires::new(taken, !config.shutter.cameras.is_empty());
    let (commands, mut commanded) = mpsc::channel(WAITING);
    let (end_server, server_ends) = oneshot::channel::<()>();
    info!("serving at {}", server.socket().display());
    let mut serving = tokio::spawn(server.serve(settings, commands, async {
        // Sent or dropped, it is the end.
        let _ = server_ends.await;
    }));
    let mut end_server = Some(end_server);
    let mut watchdog = notify::watchdog_period().map(tokio::time::interval);
    let mut last_moment = None;
    notify::ready();
    loop {
        let deadline = hub.next_deadline().map(|deadline| begin + deadline);
        let deadline = deadline.into_iter().chain(last_moment).min();
        tokio::select! {
            wire = wires.moved() => hub.wire(begin.elapsed(), wire),
            Some(finished) = finishing.recv() => hub.finished(begin.elapsed(), finished),
            Some(output) = output.recv() => hub.output(begin.elapsed(), output),
            Some(note) = noted.recv() => hub.note(begin.elapsed(), note),
            Some(command) = commanded.recv() => hub.command(begin.elapsed(), command),
            () = until(deadline) => hub.time(begin.elapsed()),
            () = tick(&mut watchdog) => notify::alive(),
            _ = terminate.recv() => hub.end(begin.elapsed()),
            _ = interrupt.recv() => hub.end(begin.elapsed()),
        }
        hub.settle(begin.elapsed());
        if hub.ending() && end_server.take().is_some() {
            info!("ending");
            notify::stopping();
            last_moment = Some(Instant::now() + END_LIMIT);
        }
        let late = last_moment.is_some_and(|moment| moment <= Instant::now());
        if hub.ended() || late {
            if late {
                warn!("not everything has ended in time; what is left is killed");
            }
            break;
        }
    }
    // The processes that are left die with the hub.
    drop(hub);
    let left = last_moment.map_or(END_LIMIT, |moment| moment - Instant::now());
    if tokio::time::timeout(left, &mut serving).await.is_err() {
        warn!("a client did not let go in time");
        serving.abort();
    }
    Ok(())
}

/// Time by the clock of frames' timestamps, on which that of the event loop runs too: V4L2 has it in all of them
/// (`V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC`), whatever libcamera calls it.
fn clock() -> Result<Duration> {
    let now = clock_gettime(ClockId::CLOCK_MONOTONIC).context("reading the clock")?;
    Ok(now.into())
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

async fn tick(watchdog: &mut Option<tokio::time::Interval>) {
    match watchdog {
        Some(interval) => {
            interval.tick().await;
        }
        None => std::future::pending().await,
    }
}
