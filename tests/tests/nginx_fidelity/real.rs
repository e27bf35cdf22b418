//! Runs a case with the real nginx, on loopback addresses.
#![expect(clippy::disallowed_methods, clippy::disallowed_types, reason = "real programs live in real time")]

use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, SystemTime};

use libtest_mimic::Failed;

use crate::namespace;
use crate::script::{self, Ask, Case, HALF, Mode, SERVERS, Step, name_of};

/// No request takes longer.
const PATIENCE: Duration = Duration::from_secs(30);
/// nginx is up, and its log is written, within this time.
const START_MAX: Duration = Duration::from_secs(10);
/// A listener that was closed lives on for a moment in another thread's child, between fork and exec.
const HELD: Duration = Duration::from_millis(5);
/// A server that is not silent accepts within this time.
const WAKE_MAX: Duration = Duration::from_millis(300);

/// Whether nginx can be run here.
pub fn is_installed() -> bool {
    let version = Command::new("nginx").arg("-v").stdin(Stdio::null()).stderr(Stdio::null()).status();
    version.is_ok_and(|status| status.success())
}

/// The lines to compare.
pub fn run(case: &Case) -> Result<Vec<String>, Failed> {
    let folder = tempfile::tempdir()?;
    let mut servers = Servers::start()?;
    let nginx = Nginx::start(folder.path(), case, servers.port)?;
    let mut asked: Vec<(usize, Ask, Asked)> = Vec::new();
    // Marks count whole seconds: a case begins early in one.
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
    thread::sleep(Duration::from_millis(1100 - u64::from(now.subsec_millis())));
    for step in case.steps() {
        match step {
            Step::Repeat(..) => unreachable!("written out"),
            Step::Wait(ms) => thread::sleep(Duration::from_millis(ms)),
            Step::Set(server, mode) => servers.set(server, mode)?,
            Step::Ask(ask) => {
                let id = asked.len() + 1;
                asked.push((id, ask, Asked::Done(request(nginx.address, id, ask, None)?)));
            }
            Step::Begin(ask) => {
                let id = asked.len() + 1;
                let address = nginx.address;
                let beside = thread::spawn(move || request(address, id, ask, None));
                asked.push((id, ask, Asked::Beside(beside)));
                thread::sleep(Duration::from_millis(100));
            }
            Step::Leave(ask, ms) => {
                let id = asked.len() + 1;
                request(nginx.address, id, ask, Some(Duration::from_millis(ms)))?;
                asked.push((id, ask, Asked::Left));
                thread::sleep(Duration::from_millis(100));
            }
        }
    }
    let mut lines = Vec::new();
    let mut last = Vec::new();
    for (id, ask, asked) in asked {
        let (outcome, lines) = match asked {
            Asked::Done(bytes) => (script::outcome(&ask, &bytes), &mut lines),
            Asked::Left => (script::outcome(&ask, b""), &mut last),
            Asked::Beside(thread) => {
                let bytes = thread.join().map_err(|_| "a client panicked")??;
                (script::outcome(&ask, &bytes), &mut last)
            }
        };
        let outcome = outcome.replace(&format!(":{}", nginx.address.port()), "");
        let outcome = outcome.replace(&format!(":{}", servers.port), ":80");
        let outcome = outcome.replace("127.0.0.2", "10.0.0.2");
        // What nginx refuses to read has no headers, and so no number in the log.
        let tried = if outcome == "400" { Vec::new() } else { nginx.tried(id)? };
        lines.push(script::line(id, &ask, &outcome, &tried));
    }
    lines.append(&mut last);
    lines.push(format!("connections: {:?}", servers.connections()));
    Ok(lines)
}

/// A request under way.
enum Asked {
    Done(Vec<u8>),
    Left,
    Beside(JoinHandle<std::io::Result<Vec<u8>>>),
}

fn request(nginx: SocketAddr, id: usize, ask: Ask, leaves: Option<Duration>) -> std::io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(nginx)?;
    stream.set_read_timeout(Some(leaves.unwrap_or(PATIENCE)))?;
    stream.write_all(&ask.bytes(id))?;
    let mut bytes = Vec::new();
    match stream.read_to_end(&mut bytes) {
        Err(error) if leaves.is_none() && error.kind() == std::io::ErrorKind::WouldBlock => Err(error),
        // What came before a reset is what the client saw.
        _ => Ok(bytes),
    }
}

/// A running nginx. It is killed when this is dropped.
struct Nginx {
    child: Child,
    address: SocketAddr,
    log: std::path::PathBuf,
}

impl Nginx {
    fn start(folder: &Path, case: &Case, servers_port: u16) -> Result<Self, Failed> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port(Ipv4Addr::LOCALHOST)?));
        let at = folder.display();
        fs::create_dir(folder.join("root"))?;
        let conf = case.conf.replace("listen 80", &format!("listen {address}"));
        let mut conf = conf.replace("10.0.0.2", "127.0.0.2");
        for server in 0..SERVERS {
            let address = address_of(server);
            conf = conf.replace(&format!("{address}:80"), &format!("{address}:{servers_port}"));
        }
        let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .iter()
            .map(|kind| format!("{kind}_temp_path {at}/{kind};\n"))
            .collect();
        let text = format!(
            "user root root;\ndaemon off;\nmaster_process off;\npid {at}/pid;\nerror_log {at}/error.log;\n\
             events {{ worker_connections 128; }}\n\
             http {{\n{temporary}root {at}/root;\n\
             log_format tried '$http_x_id|$upstream_addr|$upstream_status';\naccess_log {at}/access.log tried;\n\
             set_real_ip_from 127.0.0.0/8;\nreal_ip_header X-Real-Client;\n{conf}\n}}\n"
        );
        let file = folder.join("nginx.conf");
        fs::write(&file, text)?;
        let child = Command::new("nginx")
            .args(["-e", &format!("{at}/error.log"), "-c"])
            .arg(&file)
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let mut nginx = Self { child, address, log: folder.join("access.log") };
        // Written once it listens. That somebody accepts proves nothing: it may be the listener that probed for a
        // free port, still held by another thread's child, and nginx waits half a second before it tries again.
        let pid = folder.join("pid");
        let step = Duration::from_millis(10);
        for _ in 0..START_MAX.as_millis() / step.as_millis() {
            if fs::read_to_string(&pid).is_ok_and(|pid| pid.ends_with('\n')) {
                return Ok(nginx);
            }
            if nginx.child.try_wait()?.is_some() {
                break;
            }
            thread::sleep(step);
        }
        let log = fs::read_to_string(folder.join("error.log")).unwrap_or_default();
        Err(format!("nginx did not start:\n{log}").into())
    }

    /// Which servers were tried for a request, and what came of it, as its log says.
    fn tried(&self, id: usize) -> Result<Vec<String>, Failed> {
        let step = Duration::from_millis(10);
        for _ in 0..START_MAX.as_millis() / step.as_millis() {
            let log = fs::read_to_string(&self.log)?;
            let mut found = log.lines().filter(|line| line.split('|').next() == Some(&id.to_string()));
            if let Some(line) = found.next() {
                let mut fields = line.split('|').skip(1);
                let mut list = || fields.next().unwrap_or("").split(", ");
                let (addresses, statuses) = (list(), list());
                let tried = addresses.zip(statuses).filter(|(address, _)| *address != "-");
                return Ok(tried.map(|(peer, status)| format!("{} {status}", peer_name(peer))).collect());
            }
            thread::sleep(step);
        }
        Err(format!("nginx has not logged request {id}").into())
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn peer_name(address: &str) -> String {
    let server = (0..SERVERS).find(|&server| address.starts_with(&format!("{}:", address_of(server))));
    server.map_or_else(|| address.to_owned(), name_of)
}

fn address_of(server: usize) -> Ipv4Addr {
    Ipv4Addr::new(127, 0, 0, u8::try_from(21 + server).expect("a few servers"))
}

/// A port that nobody listens on, below those that the kernel gives to clients.
fn free_port(address: Ipv4Addr) -> std::io::Result<u16> {
    static NEXT: AtomicU16 = AtomicU16::new(20_000);
    loop {
        let port = NEXT.fetch_add(1, Ordering::SeqCst);
        match TcpListener::bind((address, port)) {
            Ok(_) => return Ok(port),
            Err(error) if error.kind() == std::io::ErrorKind::AddrInUse && port < 30_000 => {}
            Err(error) => return Err(error),
        }
    }
}

/// The servers behind nginx, all on one port of different addresses.
struct Servers {
    port: u16,
    all: Vec<Server>,
}

struct Server {
    mode: Arc<Mutex<Mode>>,
    connections: Arc<AtomicUsize>,
    accepting: Option<JoinHandle<()>>,
}

impl Servers {
    fn start() -> std::io::Result<Self> {
        let port = free_port(address_of(0))?;
        let new = |_| Server {
            mode: Arc::new(Mutex::new(Mode::Refuse)),
            connections: Arc::default(),
            accepting: None,
        };
        let mut servers = Self { port, all: (0..SERVERS).map(new).collect() };
        for server in 0..SERVERS {
            servers.set(server, Mode::Answer(200))?;
        }
        Ok(servers)
    }

    fn connections(&self) -> Vec<usize> {
        self.all.iter().map(|server| server.connections.load(Ordering::SeqCst)).collect()
    }

    fn set(&mut self, index: usize, mode: Mode) -> std::io::Result<()> {
        let address = SocketAddr::from((address_of(index), self.port));
        if mode == Mode::Silent {
            return namespace::silence(address);
        }
        let server = &mut self.all[index];
        *server.mode.lock().expect("no holder panics") = mode;
        if mode == Mode::Refuse {
            if let Some(accepting) = server.accepting.take() {
                // Wakes the thread, which sees the mode and closes its listener.
                if TcpStream::connect_timeout(&address, WAKE_MAX).is_ok() {
                    accepting.join().expect("a server does not panic");
                    while TcpStream::connect(address).is_ok() {
                        thread::sleep(HELD);
                    }
                }
            }
        } else if server.accepting.is_none() {
            let listener = bind(address)?;
            let (mode, connections) = (Arc::clone(&server.mode), Arc::clone(&server.connections));
            server.accepting = Some(thread::spawn(move || accept(&listener, index, &mode, &connections)));
        }
        Ok(())
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        for server in 0..SERVERS {
            let _ = self.set(server, Mode::Refuse);
        }
    }
}

fn bind(address: SocketAddr) -> std::io::Result<TcpListener> {
    for _ in 0..START_MAX.as_millis() / HELD.as_millis() {
        match TcpListener::bind(address) {
            Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => thread::sleep(HELD),
            other => return other,
        }
    }
    TcpListener::bind(address)
}

fn accept(listener: &TcpListener, server: usize, mode: &Mutex<Mode>, connections: &AtomicUsize) {
    while let Ok((stream, _)) = listener.accept() {
        let mode = *mode.lock().expect("no holder panics");
        if mode == Mode::Refuse {
            return;
        }
        connections.fetch_add(1, Ordering::SeqCst);
        thread::spawn(move || talk(stream, server, mode));
    }
}

fn talk(mut stream: TcpStream, server: usize, mode: Mode) -> std::io::Result<()> {
    if matches!(mode, Mode::Close) {
        return Ok(());
    }
    loop {
        let mut request = Vec::new();
        let mut buffer = [0; 4096];
        while !script::is_whole_request(&request) {
            let count = stream.read(&mut buffer)?;
            if count == 0 {
                return Ok(());
            }
            request.extend_from_slice(&buffer[..count]);
        }
        match mode {
            Mode::Answer(status) => {
                let text = String::from_utf8_lossy(&request);
                let head = text.split("\r\n\r\n").next().unwrap_or("");
                let (answer, keeps) = script::reply(server, status, head);
                stream.write_all(&answer)?;
                if !keeps {
                    return Ok(());
                }
            }
            Mode::Silent | Mode::Refuse | Mode::Close | Mode::CloseAfterRead => return Ok(()),
            Mode::Half => return stream.write_all(HALF),
            Mode::Hang => {}
            Mode::HalfThenHang => stream.write_all(HALF)?,
        }
    }
}
