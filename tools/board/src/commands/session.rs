//! A running board: everything between "prepared" and "gone", in the order it has to be undone.

use crate::cli::BoardArgs;
use anyhow::{Context, Result};
use bayonet_board::board::{Board, BoardOptions};
use bayonet_board::device_tree::{self, Wanted};
use bayonet_board::machine::{
    Deadline, Forward, Machine, MachineOptions, OrderServer, Programs, RunDirectory, Show, Stop,
    kernel_complaints,
};
use bayonet_board::optics::Scene;
use bayonet_board::orders::{Order, Reply};
use bayonet_board::prepare::{Options, Prepared, prepare};
use bayonet_board::sensor::SensorModel;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Time for the guest to switch itself off before the plug is pulled.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(10);
/// Kernel log level that brings every message to the console.
const CHATTY: u8 = 7;

/// Mode of a file that everybody may read.
const READABLE: u32 = 0o644;

/// How the console is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ConsoleUse {
    /// Kept for errors.
    Quiet,
    /// Kernel messages to standard error.
    Log,
    /// Everything to standard output.
    Show,
    /// A shell on standard output.
    Shell,
}

/// A booted board. Fields are dropped in order: the machine first, its directory last.
pub(crate) struct Session {
    machine: Machine,
    _orders: Vec<OrderServer>,
    board: Arc<Board>,
    _directory: RunDirectory,
    stop: Stop,
    quit: Stop,
}

impl Session {
    /// Prepares, starts the board, boots, copies files in.
    pub(crate) fn start(
        arguments: &BoardArgs,
        console: ConsoleUse,
        timeout: Option<Duration>,
    ) -> Result<Self> {
        let board = check(arguments)?;
        let deadline = timeout.map_or(Deadline::never(), Deadline::after);
        let prepared = prepare(&Options::default())?;
        let model = board.model;
        let wanted = Wanted {
            model,
            main: board.main.clone(),
            mount: board.mount.clone(),
            parameters: arguments.dtparam.clone(),
        };
        let overlay = device_tree::overlay(&prepared, &wanted)?;
        let programs_inside = guest_programs(arguments, &prepared)?;
        let stop = Stop::default();
        for signal in [SIGINT, SIGTERM, SIGHUP] {
            signal_hook::flag::register(signal, stop.flag()).context("watching for signals")?;
        }
        let directory = RunDirectory::create()?;
        let socket = directory.device_socket();
        let board = Arc::new(Board::start(&board, &socket)?);
        let build_root = Programs::BuildRoot(prepared.build_root.clone());
        let programs = arguments.qemu.clone().map_or(build_root, Programs::Host);
        let device_tree =
            device_tree::compose(&prepared, &programs, model, &overlay, directory.path())?;
        let quit = Stop::default();
        let mut orders = Vec::new();
        for path in [
            Some(&directory.orders_socket()),
            arguments.board_socket.as_ref(),
        ] {
            let Some(path) = path else { continue };
            let (board, quit) = (Arc::clone(&board), quit.clone());
            orders.push(OrderServer::start(path, move |order| match order {
                Order::Quit => {
                    quit.raise();
                    Reply::Done
                }
                order => board.order(order),
            })?);
        }
        let mut options = MachineOptions::new(
            programs,
            prepared.kernel,
            prepared.initramfs,
            prepared.image,
        );
        options.device_socket = Some(socket);
        options.device_tree = Some(device_tree);
        options.orders_socket = Some(directory.orders_socket());
        options.forwards.clone_from(&arguments.forward);
        options.kernel_arguments.clone_from(&arguments.append);
        options.shell = console == ConsoleUse::Shell;
        options.show = match console {
            ConsoleUse::Quiet => Show::Nothing,
            ConsoleUse::Log => Show::Stderr,
            ConsoleUse::Show | ConsoleUse::Shell => Show::Stdout,
        };
        if matches!(console, ConsoleUse::Log | ConsoleUse::Show) {
            options.log_level = CHATTY;
        }
        options.boot_timeout = timeout.unwrap_or(options.boot_timeout);
        options.stop = stop.clone();
        let machine = Machine::start(&options, &directory)?;
        for (path, text) in model.guest_files() {
            let agent = machine.agent();
            agent.write_file(text.as_bytes(), path, READABLE, deadline)?;
        }
        let programs = programs_inside.iter().map(|(host, guest)| (host, *guest));
        let files = arguments.copy_in.iter();
        for (host, guest) in programs.chain(files.map(|(host, guest)| (host, guest.as_str()))) {
            machine.agent().copy_in(host, guest, deadline)?;
        }
        Ok(Self {
            machine,
            _orders: orders,
            board,
            _directory: directory,
            stop,
            quit,
        })
    }

    /// The machine.
    pub(crate) fn machine(&self) -> &Machine {
        &self.machine
    }

    /// Gives the board an order from here.
    pub(crate) fn order(&self, order: Order) -> Result<()> {
        match self.board.order(order) {
            Reply::Refused { reason } => Err(anyhow::anyhow!("the board refused: {reason}")),
            Reply::Done | Reply::Status { .. } => Ok(()),
        }
    }

    /// Raised by a signal.
    pub(crate) fn stop(&self) -> &Stop {
        &self.stop
    }

    /// Raised by the order to quit.
    pub(crate) fn quit(&self) -> &Stop {
        &self.quit
    }

    /// Switches the guest off and tells what its kernel complained about.
    pub(crate) fn end(self) -> Result<()> {
        let log = self.machine.console_log();
        let ended = self.machine.shutdown(SHUTDOWN_TIMEOUT);
        for complaint in kernel_complaints(&log) {
            log::warn!("{complaint}");
        }
        Ok(ended?)
    }
}

/// Compiles the programs of this workspace that the guest is to have: each with its place there.
fn guest_programs(
    arguments: &BoardArgs,
    prepared: &Prepared,
) -> Result<Vec<(PathBuf, &'static str)>> {
    let mut programs = Vec::new();
    if arguments.driver {
        programs.extend(prepared.driver()?);
    }
    if arguments.board.software_isp() {
        programs.extend(prepared.ipa()?);
    }
    Ok(programs)
}

/// Refuses what no preparation can mend before minutes go into one.
fn check(arguments: &BoardArgs) -> Result<BoardOptions> {
    let options = arguments.board_options()?;
    for sensor in [Some(&options.main), options.mount.as_ref()] {
        sensor.map(|name| SensorModel::named(name)).transpose()?;
    }
    Scene::load(&options.scene)?;
    for (path, _) in &arguments.copy_in {
        check_readable(path)?;
    }
    Forward::check(&arguments.forward)?;
    if let Some(socket) = &arguments.board_socket {
        OrderServer::check(socket)?;
    }
    if let Some(qemu) = &arguments.qemu {
        Programs::Host(qemu.clone()).check()?;
    }
    Ok(options)
}

/// Refuses a file that cannot be read before a guest boots for it.
pub(crate) fn check_readable(path: &Path) -> Result<()> {
    let opened = File::open(path);
    opened.with_context(|| format!("reading {}", path.display()))?;
    Ok(())
}
