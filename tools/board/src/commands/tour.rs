//! `run --tour`: what board and driver can do, told step by step, with a picture from each camera.

use super::session::Session;
use anyhow::{Context, Result, bail, ensure};
use bayonet_board::machine::{Deadline, Forward, Job, Output, Program, Progress};
use bayonet_board::model::Model;
use bayonet_board::orders::{Order, Port};
use std::fs::File;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// TCP port of bayonetd's API in the guest, and on this system if it is free.
const API_PORT: u16 = 8787;
const DAEMON: &str = "/usr/sbin/bayonetd";
const CONFIGURATION: &str = "/etc/bayonet/bayonetd.toml";
/// Where pictures are put in the guest, in memory.
const GUEST_PICTURE: &str = "/tmp/tour.jpg";
const CAMERAS: [&str; 2] = ["main", "mount"];
/// Longest time for a command, and for an event to come.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(60);
const CAPTURE_TIMEOUT: Duration = Duration::from_secs(180);
/// Bytes of the API's token.
const TOKEN_BYTES: usize = 16;

/// How the host reaches the API of the guest.
///
/// # Errors
/// When this system has no port left.
pub(crate) fn forward() -> Result<Forward> {
    let free = |port| TcpListener::bind((Ipv4Addr::LOCALHOST, port));
    let listener = free(API_PORT)
        .or_else(|_| free(0))
        .context("a free port for the API")?;
    Ok(Forward {
        host: listener
            .local_addr()
            .context("a free port for the API")?
            .port(),
        guest: API_PORT,
    })
}

/// Shows everything, then says where the pictures are and how to go on.
///
/// # Errors
/// The first step that does not go as it must.
pub(crate) fn tour(session: &Session, model: Model, folder: &Path, api: Forward) -> Result<()> {
    std::fs::create_dir_all(folder).with_context(|| format!("making {}", folder.display()))?;
    let tour = Tour { session };
    tell(&format!(
        "The board is up: an unmodified Debian kernel and libcamera on a {} that does not exist.",
        model.title()
    ));
    tour.show(&["uname", "-srm"])?;
    let token = token()?;
    let _daemon = tour.start_daemon(&token)?;
    tell("bayonetd is running. `bayonet list`:");
    tour.show(&["bayonet", "list"])?;
    tell("A picture from both cameras at once, `bayonet capture --camera both -o tour.jpg`:");
    let mut pictures = tour.capture("both", &CAMERAS, folder)?;
    tour.hands()?;
    tell("The mount camera works again, `bayonet capture --camera mount -o again.jpg`:");
    pictures.extend(tour.capture("mount", &["again"], folder)?);
    tell("The API, from this system:");
    let url = format!("http://127.0.0.1:{}/v1/module", api.host);
    println!("  curl -H 'Authorization: Bearer {token}' {url}");
    println!("  {}", get(api.host, "/v1/module", &token)?);
    tell("Your pictures:");
    for picture in pictures {
        println!("  {}", picture.display());
    }
    tell("How to go on:");
    println!(
        "  bayonet-board run --driver    a shell on the board, with the driver installed\n  \
         bayonet-board exec -- cam -l  one command in it\n  \
         bayonet-board ctl --help      what hands can do to a running board\n  \
         bayonet-board --help          everything else"
    );
    Ok(())
}

fn tell(text: &str) {
    println!("\n{text}");
}

/// A token that nobody can guess.
fn token() -> Result<String> {
    let mut bytes = [0; TOKEN_BYTES];
    let read = File::open("/dev/urandom").and_then(|mut source| source.read_exact(&mut bytes));
    read.context("reading /dev/urandom")?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// What a path of the API answers.
fn get(port: u16, path: &str, token: &str) -> Result<String> {
    let ask = || {
        let mut connection = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        connection.set_read_timeout(Some(COMMAND_TIMEOUT))?;
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: board\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n\r\n"
        );
        connection.write_all(request.as_bytes())?;
        let mut answer = String::new();
        connection.read_to_string(&mut answer).map(|_| answer)
    };
    let answer = ask().with_context(|| format!("asking port {port} for {path}"))?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let status = head.lines().next().unwrap_or_default();
    ensure!(status.contains(" 200 "), "{path}: {status} {body}");
    Ok(body.trim().to_owned())
}

struct Tour<'a> {
    session: &'a Session,
}

impl Tour<'_> {
    /// Starts `bayonetd` and waits until it answers.
    fn start_daemon(&self, token: &str) -> Result<Job> {
        let configuration = format!(
            "[api.tcp]\naddress = \"0.0.0.0:{API_PORT}\"\ntoken = \"{token}\"\n\
             [cameras.main]\nsize = [1280, 720]\n[cameras.mount]\nsize = [1280, 720]\n\
             [captures]\nminimum_free_mib = 1\n"
        );
        self.shell(&format!(
            "mkdir -p /etc/bayonet && cat > {CONFIGURATION} << 'END'\n{configuration}END\n"
        ))?;
        let agent = self.session.machine().agent();
        let daemon = agent.start(&Program::new([DAEMON]))?;
        self.shell("until bayonet status > /dev/null 2>&1; do sleep 0.2; done")?;
        Ok(daemon)
    }

    /// Plugs, unplugs and changes lenses, and shows what `bayonet watch` tells of it.
    fn hands(&self) -> Result<()> {
        let watch = Program::new(["bayonet", "watch"]);
        let mut watch = Watch {
            job: self.session.machine().agent().start(&watch)?,
            rest: String::new(),
        };
        tell("`bayonet watch`, while somebody is at the camera:");
        watch.until(&["mount ", "available"])?;
        let lens = |code, frame| Order::Lens { code, frame };
        self.order("takes the lens off", lens(None, 0))?;
        watch.until(&["module", "no lens"])?;
        self.order("puts another one on", lens(Some(30), 2))?;
        watch.until(&["module", "Summicron"])?;
        let port = Port::Mount;
        self.order("pulls the module out", Order::Unplug { port })?;
        watch.until(&["mount ", "absent"])?;
        let sensor = None;
        self.order("puts it back", Order::Plug { port, sensor })?;
        watch.until(&["module", "Summicron"])?;
        self.order("presses the shutter key", Order::Key { pressed: true })?;
        watch.until(&["capture", "taken"])?;
        self.session.order(Order::Key { pressed: false })
    }

    /// A hand does something to the module.
    fn order(&self, what: &str, order: Order) -> Result<()> {
        println!("  -- {what}");
        self.session.order(order)
    }

    /// Takes pictures with the driver and puts them here as `names`.jpg.
    fn capture(&self, camera: &str, names: &[&str], folder: &Path) -> Result<Vec<PathBuf>> {
        let words = [
            "bayonet",
            "capture",
            "--camera",
            camera,
            "-o",
            GUEST_PICTURE,
        ];
        self.text(&words, CAPTURE_TIMEOUT)?;
        let mut pictures = Vec::new();
        for name in names {
            let taken = match names {
                [_] => GUEST_PICTURE.to_owned(),
                _ => GUEST_PICTURE.replace(".jpg", &format!("-{name}.jpg")),
            };
            let picture = folder.join(format!("{name}.jpg"));
            let deadline = Deadline::after(COMMAND_TIMEOUT);
            let agent = self.session.machine().agent();
            agent.copy_out(&taken, &picture, deadline)?;
            println!("  {}", picture.display());
            pictures.push(picture);
        }
        Ok(pictures)
    }

    /// Prints what a program says.
    fn show(&self, argv: &[&str]) -> Result<()> {
        for line in self.text(argv, COMMAND_TIMEOUT)?.lines() {
            println!("  {line}");
        }
        Ok(())
    }

    fn shell(&self, script: &str) -> Result<String> {
        self.text(&["sh", "-c", script], COMMAND_TIMEOUT)
    }

    /// Standard output of a program that has to succeed.
    fn text(&self, argv: &[&str], timeout: Duration) -> Result<String> {
        let program = Program::new(argv.iter().copied());
        let agent = self.session.machine().agent();
        let output = agent.output(&program, Deadline::after(timeout))?;
        ensure!(
            output.status.success(),
            "{argv:?} failed in the guest:\n{}",
            words(&output)
        );
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

fn words(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr].concat()).into_owned()
}

/// A running `bayonet watch`.
struct Watch {
    job: Job,
    /// Of a line that has not ended.
    rest: String,
}

impl Watch {
    /// Prints what it tells, up to the first line that has all these words.
    fn until(&mut self, words: &[&str]) -> Result<()> {
        let deadline = Deadline::after(COMMAND_TIMEOUT);
        loop {
            while let Some((line, rest)) = self.rest.split_once('\n') {
                let (line, rest) = (line.to_owned(), rest.to_owned());
                self.rest = rest;
                println!("  {line}");
                if words.iter().all(|word| line.contains(word)) {
                    return Ok(());
                }
            }
            match self.job.next(deadline).context("waiting for an event")? {
                Progress::Output(_, bytes) => self.rest += &String::from_utf8_lossy(&bytes),
                Progress::Ended(status) => bail!("bayonet watch ended: {status:?}"),
            }
        }
    }
}
