//! ssh: a login on another host, and a command there whose standard input and output are the connection.
//!
//! The handshake's messages have about the sizes of OpenSSH's and take its round trips; nothing is encrypted. The
//! server shows which host key it has, and says whether it accepts the client's key. What goes over the channel
//! afterwards is the command's own business.

use std::cell::{Cell, RefCell};
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::task::{Poll, Waker};
use std::time::Duration;

use harness::trace::uses::Use;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::http;
use crate::network::TcpStream;
use crate::process::{EMFILE, Process};
use crate::rsync::race;

/// Where sshd listens.
pub const PORT: u16 = 22;

/// The messages of a handshake before the login, as sizes: (from the client, the server's answer). Banners, key
/// exchange, service request.
const ROUNDS: [(usize, usize); 3] = [(42, 42), (1_500, 1_600), (60, 60)];
/// The round whose answer begins with the number of the server's host key.
const KEY_EXCHANGE: usize = 1;
/// The login by public key, and its answer, which begins with whether the key is accepted.
const LOGIN: (usize, usize) = (650, 36);
const ACCEPTED: u8 = 0;
const REJECTED: u8 = 1;
/// Longer command lines are refused.
const COMMAND_BYTES_MAX: usize = 128 * 1024;

/// How long sshd waits after accept(2) has failed for want of a file descriptor.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What ssh exits with when it fails itself.
pub const FAILED: u8 = 255;

/// The state of a host's sshd that outlives the process: its keys, and whom they let in.
#[derive(Debug, Default)]
pub struct Daemon {
    /// How often the host key was replaced; clients know the first one.
    host_key: Cell<u64>,
    rejects_keys: Cell<bool>,
    hangs: Cell<bool>,
    waiting: RefCell<Vec<Waker>>,
}

impl Daemon {
    /// Gives the host another key, or the one that clients know.
    pub fn set_host_key_changed(&self, changed: bool) {
        self.host_key.set(u64::from(changed));
    }

    /// Makes it refuse every user's key, or accept them.
    pub fn set_rejects_keys(&self, rejects: bool) {
        self.rejects_keys.set(rejects);
    }

    /// Makes it say nothing on connections that it accepts, or go on with them.
    pub fn set_hangs(&self, hangs: bool) {
        self.hangs.set(hangs);
        if !hangs {
            self.waiting.take().into_iter().for_each(Waker::wake);
        }
    }

    async fn answers(&self) {
        std::future::poll_fn(|cx| {
            if !self.hangs.get() {
                return Poll::Ready(());
            }
            self.waiting.borrow_mut().push(cx.waker().clone());
            Poll::Pending
        })
        .await;
    }
}

/// `StrictHostKeyChecking`: what a client does about a host key that is not the one that it knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HostKeyChecking {
    /// `no`, `off`: it warns and goes on, with public keys only.
    Off,
    /// `accept-new`, `yes`, and `ask` (the default) where there is nobody to ask: it gives up.
    Strict,
}

impl HostKeyChecking {
    /// What the words of an ssh command say; the first setting holds, as in ssh_config(5).
    pub fn of_command(words: &[String]) -> Self {
        let mut options = words.iter().enumerate().filter_map(|(at, word)| match word.strip_prefix("-o") {
            Some("") => words.get(at + 1).map(String::as_str),
            other => other,
        });
        let value = options.find_map(|option| {
            let (key, value) = option.split_once(['=', ' '])?;
            key.trim()
                .eq_ignore_ascii_case("StrictHostKeyChecking")
                .then(|| value.trim().to_ascii_lowercase())
        });
        match value.as_deref() {
            Some("no" | "off") => HostKeyChecking::Off,
            _ => HostKeyChecking::Strict,
        }
    }
}

/// Whom a client wants to log in as, and where.
#[derive(Debug)]
pub struct Login<'a> {
    /// The host, as it is written.
    pub host: &'a str,
    /// The user there.
    pub user: &'a str,
    /// What it does about a host key that it does not know.
    pub checking: HostKeyChecking,
    /// How long the connection, the handshake and the login may take; without it, as long as the kernel has patience.
    pub connect_timeout: Option<Duration>,
}

/// A connection on which a command runs, and what ssh has printed about it.
#[derive(Debug)]
pub struct Session {
    /// The command's standard input and output.
    pub stream: TcpStream,
    /// Lines on standard error.
    pub warnings: Vec<String>,
}

/// Serves logins on a port for as long as the process lives. `login` is the time that the key exchange and the login
/// take to compute; `run` gets each command line with its connection.
///
/// # Errors
/// When the port is taken.
pub async fn serve<F>(
    process: Process,
    port: u16,
    daemon: Rc<Daemon>,
    login: Duration,
    run: impl Fn(String, TcpStream) -> F + Clone + 'static,
) -> io::Result<()>
where
    F: Future<Output = ()> + 'static,
{
    let listener = process.listen(port).await?;
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) if error.raw_os_error() == Some(EMFILE) => {
                process.log("error: accept: Too many open files");
                process.sleep(ACCEPT_PAUSE).await;
                continue;
            }
            Err(error) => return Err(error),
        };
        let (own, run, daemon) = (process.clone(), run.clone(), Rc::clone(&daemon));
        process.spawn(async move {
            if let Ok((command, stream)) = let_in(&own, stream, &daemon, login).await {
                run(command, stream).await;
            }
        });
    }
}

async fn let_in(
    process: &Process,
    mut stream: TcpStream,
    daemon: &Daemon,
    login: Duration,
) -> io::Result<(String, TcpStream)> {
    process.host().note(Use::Login);
    daemon.answers().await;
    for (round, (from_client, answer)) in ROUNDS.into_iter().enumerate() {
        stream.read_exact(&mut vec![0; from_client]).await?;
        let mut message = vec![0; answer];
        if round == KEY_EXCHANGE {
            process.host().note(Use::Login);
            message[..8].copy_from_slice(&daemon.host_key.get().to_be_bytes());
        }
        stream.write_all(&message).await?;
    }
    stream.read_exact(&mut [0; LOGIN.0]).await?;
    process.work(login).await;
    let mut answer = [ACCEPTED; LOGIN.1];
    process.host().note(Use::Login);
    if daemon.rejects_keys.get() {
        answer[0] = REJECTED;
        stream.write_all(&answer).await?;
        return Err(io::ErrorKind::PermissionDenied.into());
    }
    stream.write_all(&answer).await?;
    let mut length = [0; 4];
    stream.read_exact(&mut length).await?;
    let length = u32::from_be_bytes(length) as usize;
    if length > COMMAND_BYTES_MAX {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut command = vec![0; length];
    stream.read_exact(&mut command).await?;
    let command = String::from_utf8(command).map_err(|_| io::ErrorKind::InvalidData)?;
    Ok((command, stream))
}

/// Logs in on a host and runs a command there.
///
/// # Errors
/// The lines that ssh prints before it exits with [`FAILED`]: no connection, one that broke before the command ran,
/// a host key that it does not take, a key that the server does not.
pub async fn connect(
    process: &Process,
    server: SocketAddr,
    login: &Login<'_>,
    command: &str,
) -> Result<Session, Vec<String>> {
    let trial = log_in(process, server, login, command);
    let Some(limit) = login.connect_timeout else { return trial.await };
    match race(trial, process.sleep(limit)).await {
        Ok(ended) => ended,
        Err(()) => {
            let (host, port) = (login.host, server.port());
            Err(vec![format!("ssh: connect to host {host} port {port}: Connection timed out")])
        }
    }
}

async fn log_in(
    process: &Process,
    server: SocketAddr,
    login: &Login<'_>,
    command: &str,
) -> Result<Session, Vec<String>> {
    let Login { host, user, checking, .. } = login;
    let refused = |error: io::Error| {
        let why = strerror(&error);
        vec![format!("ssh: connect to host {host} port {}: {why}", server.port())]
    };
    let broken = |error: io::Error| {
        let why = strerror(&error);
        vec![format!("kex_exchange_identification: read: {why}")]
    };
    let mut stream = process.connect(server).await.map_err(refused)?;
    let mut warnings = Vec::new();
    for (round, (request, answer)) in ROUNDS.into_iter().enumerate() {
        let answer = exchange(&mut stream, request, answer).await.map_err(broken)?;
        if round == KEY_EXCHANGE && answer[..8] != [0; 8] {
            warnings.extend(key_changed(host, *checking));
            if *checking == HostKeyChecking::Strict {
                return Err(warnings);
            }
        }
    }
    let answer = exchange(&mut stream, LOGIN.0, LOGIN.1).await.map_err(broken)?;
    if answer[0] != ACCEPTED {
        warnings.push(format!("{user}@{host}: Permission denied (publickey)."));
        return Err(warnings);
    }
    let length = u32::try_from(command.len()).expect("a command line is no longer than a file that was read");
    stream.write_all(&length.to_be_bytes()).await.map_err(broken)?;
    stream.write_all(command.as_bytes()).await.map_err(broken)?;
    Ok(Session { stream, warnings })
}

/// What the C library says of an error of a connection.
fn strerror(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => "Connection refused".to_owned(),
        io::ErrorKind::ConnectionReset => "Connection reset by peer".to_owned(),
        io::ErrorKind::TimedOut => "Connection timed out".to_owned(),
        io::ErrorKind::HostUnreachable => "No route to host".to_owned(),
        io::ErrorKind::UnexpectedEof => "Connection closed by remote host".to_owned(),
        io::ErrorKind::BrokenPipe => "Broken pipe".to_owned(),
        _ => http::root_cause(error),
    }
}

async fn exchange(stream: &mut TcpStream, request: usize, answer: usize) -> io::Result<Vec<u8>> {
    stream.write_all(&vec![0; request]).await?;
    let mut answer = vec![0; answer];
    stream.read_exact(&mut answer).await?;
    Ok(answer)
}

/// What OpenSSH 9.2 prints of a host key that is not the known one, without the frame around its first line and the
/// fingerprint.
fn key_changed(host: &str, checking: HostKeyChecking) -> Vec<String> {
    let mut lines = vec![
        "WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!".to_owned(),
        "IT IS POSSIBLE THAT SOMEONE IS DOING SOMETHING NASTY!".to_owned(),
    ];
    match checking {
        HostKeyChecking::Off => lines.extend([
            "Password authentication is disabled to avoid man-in-the-middle attacks.".to_owned(),
            "Keyboard-interactive authentication is disabled to avoid man-in-the-middle attacks.".to_owned(),
        ]),
        HostKeyChecking::Strict => lines.extend([
            format!("Host key for {host} has changed and you have requested strict checking."),
            "Host key verification failed.".to_owned(),
        ]),
    }
    lines
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use harness::time::SimTime;
    use harness::trace::Recorder;

    use super::*;
    use crate::config::HostsFile;
    use crate::disk::Disk;
    use crate::engine::Engine;
    use crate::host::HostSpec;
    use crate::network::LinkSpec;

    /// When the client got its answer, in ms, and what it was.
    type Seen = Rc<RefCell<Vec<(u64, Result<String, Vec<String>>)>>>;

    /// Two hosts 10 ms apart; the second serves a command that shouts back, the first calls it at once.
    fn called(daemon: &Rc<Daemon>, port: u16, checking: HostKeyChecking) -> (Engine, Seen) {
        let spec = |name: &str, last: u8| HostSpec {
            name: name.into(),
            address: IpAddr::from([10, 0, 0, last]),
            names: HostsFile::default(),
            disk: Disk::default(),
        };
        let link = LinkSpec { latency: Duration::from_millis(10), bandwidth: None, ..LinkSpec::default() };
        let hosts = vec![spec("client", 1), spec("server", 2)];
        let engine = Engine::new(1, Recorder::new(), link, hosts);
        let daemon = Rc::clone(daemon);
        engine.hosts()[1].spawn("sshd", move |process| async move {
            let login = Duration::from_millis(200);
            let served = serve(process, port, daemon, login, |command, mut stream| async move {
                stream.write_all(command.to_uppercase().as_bytes()).await.unwrap();
            });
            served.await.unwrap();
        });
        let seen = Seen::default();
        let noted = Rc::clone(&seen);
        engine.hosts()[0].spawn("ssh", move |process| async move {
            let server = SocketAddr::from(([10, 0, 0, 2], PORT));
            let login = Login { host: "worker1", user: "wso2", checking, connect_timeout: None };
            let answer = match connect(&process, server, &login, "uptime").await {
                Ok(Session { mut stream, warnings }) => {
                    let mut text = warnings.concat();
                    stream.read_to_string(&mut text).await.unwrap();
                    Ok(text)
                }
                Err(lines) => Err(lines),
            };
            noted.borrow_mut().push((process.now().as_millis(), answer));
        });
        (engine, seen)
    }

    #[test]
    fn a_login_takes_its_round_trips_and_its_computing_and_then_the_command_has_the_connection() {
        let (mut engine, seen) = called(&Rc::default(), PORT, HostKeyChecking::Strict);
        engine.run_until(SimTime::from_secs(5));
        // Connect, four rounds, the command's own; 20 ms each, and the login.
        assert_eq!(*seen.borrow(), [(320, Ok("UPTIME".to_owned()))]);
    }

    #[test]
    fn a_key_that_is_rejected_ends_ssh_in_its_words() {
        let daemon = Rc::new(Daemon::default());
        daemon.set_rejects_keys(true);
        let (mut engine, seen) = called(&daemon, PORT, HostKeyChecking::Off);
        engine.run_until(SimTime::from_secs(5));
        let lines = vec!["wso2@worker1: Permission denied (publickey).".to_owned()];
        assert_eq!(*seen.borrow(), [(300, Err(lines))]);
    }

    #[test]
    fn a_changed_host_key_stops_ssh_unless_it_is_told_not_to_check() {
        let daemon = Rc::new(Daemon::default());
        daemon.set_host_key_changed(true);
        let (mut engine, seen) = called(&daemon, PORT, HostKeyChecking::Strict);
        engine.run_until(SimTime::from_secs(5));
        let (at, answer) = seen.borrow()[0].clone();
        assert_eq!(
            (at, answer.unwrap_err().pop().unwrap()),
            (60, "Host key verification failed.".to_owned())
        );
        drop(engine);
        let (mut engine, seen) = called(&daemon, PORT, HostKeyChecking::Off);
        engine.run_until(SimTime::from_secs(5));
        let text = seen.borrow()[0].1.clone().unwrap();
        assert!(text.contains("IDENTIFICATION HAS CHANGED") && text.ends_with("UPTIME"), "{text}");
    }

    #[test]
    fn a_daemon_that_hangs_goes_on_with_those_that_wait() {
        let daemon = Rc::new(Daemon::default());
        daemon.set_hangs(true);
        let (mut engine, seen) = called(&daemon, PORT, HostKeyChecking::Off);
        engine.run_until(SimTime::from_secs(3_600));
        assert!(seen.borrow().is_empty(), "no time-out is set");
        daemon.set_hangs(false);
        engine.run_until(SimTime::from_secs(3_605));
        assert!(seen.borrow()[0].1.is_ok());
    }

    #[test]
    fn a_daemon_on_another_port_is_a_refused_connection() {
        let (mut engine, seen) = called(&Rc::default(), 2222, HostKeyChecking::Off);
        engine.run_until(SimTime::from_secs(5));
        let line = "ssh: connect to host worker1 port 22: Connection refused";
        assert!(seen.borrow()[0].1.as_ref().unwrap_err()[0].starts_with(line), "{seen:?}");
    }

    #[test]
    fn a_host_that_does_not_answer_costs_the_connect_timeout() {
        let (mut engine, _) = called(&Rc::default(), PORT, HostKeyChecking::Off);
        let seen = Rc::new(RefCell::new(Vec::<(u64, Vec<String>)>::new()));
        let noted = Rc::clone(&seen);
        engine.hosts()[0].spawn("ssh", |process| async move {
            let nobody = SocketAddr::from(([10, 0, 0, 9], PORT));
            for connect_timeout in [Some(Duration::from_secs(2)), None] {
                let checking = HostKeyChecking::Off;
                let login = Login { host: "worker9", user: "wso2", checking, connect_timeout };
                let before = process.now();
                let lines = connect(&process, nobody, &login, "uptime").await.err().unwrap();
                noted.borrow_mut().push((process.now().since(before).as_secs(), lines));
            }
        });
        engine.run_until(SimTime::from_secs(300));
        let seen = seen.borrow();
        let line = "ssh: connect to host worker9 port 22: Connection timed out";
        assert_eq!(seen[0], (2, vec![line.to_owned()]));
        assert!(seen[1].0 > 2, "the kernel is more patient: {seen:?}");
    }

    #[test]
    fn the_option_is_found_in_the_command_as_ssh_finds_it() {
        let checking =
            |line: &str| HostKeyChecking::of_command(&line.split(' ').map(str::to_owned).collect::<Vec<_>>());
        assert_eq!(checking("ssh -i k -o StrictHostKeyChecking=no"), HostKeyChecking::Off);
        assert_eq!(checking("ssh -ostricthostkeychecking=off"), HostKeyChecking::Off);
        assert_eq!(
            checking("ssh -o StrictHostKeyChecking=yes -o StrictHostKeyChecking=no"),
            HostKeyChecking::Strict
        );
        for line in ["ssh", "ssh -o", "ssh -o StrictHostKeyChecking=accept-new", "ssh -o BatchMode=yes"] {
            assert_eq!(checking(line), HostKeyChecking::Strict, "{line}");
        }
    }
}
