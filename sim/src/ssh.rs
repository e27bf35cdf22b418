//! ssh: a login on another host, and a command there whose standard input and output are the connection.
//!
//! The handshake's messages have about the sizes of OpenSSH's and take its round trips; nothing is encrypted.
//! What goes over the channel afterwards is the command's own business.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::network::TcpStream;
use crate::process::{EMFILE, Process};
use crate::rsync::race;

/// Where sshd listens.
pub const PORT: u16 = 22;

/// The messages of a handshake before the login, as sizes: (from the client, the server's answer). Banners, key
/// exchange, service request.
const ROUNDS: [(usize, usize); 3] = [(42, 42), (1_500, 1_600), (60, 60)];
/// The login by public key, and its answer.
const LOGIN: (usize, usize) = (650, 36);
/// Longer command lines are refused.
const COMMAND_BYTES_MAX: usize = 128 * 1024;

/// How long sshd waits after accept(2) has failed for want of a file descriptor.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What ssh exits with when it fails itself.
pub const FAILED: u8 = 255;

/// Serves logins for as long as the process lives. `login` is the time that the key exchange and the login take
/// to compute; `run` gets each command line with its connection.
///
/// # Errors
/// When the port is taken.
pub async fn serve<F>(
    process: Process,
    login: Duration,
    run: impl Fn(String, TcpStream) -> F + Clone + 'static,
) -> io::Result<()>
where
    F: Future<Output = ()> + 'static,
{
    let listener = process.listen(PORT).await?;
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
        let (own, run) = (process.clone(), run.clone());
        process.spawn(async move {
            if let Ok((command, stream)) = let_in(&own, stream, login).await {
                run(command, stream).await;
            }
        });
    }
}

async fn let_in(
    process: &Process,
    mut stream: TcpStream,
    login: Duration,
) -> io::Result<(String, TcpStream)> {
    for (from_client, answer) in ROUNDS {
        exchange_as_server(&mut stream, from_client, answer).await?;
    }
    stream.read_exact(&mut [0; LOGIN.0]).await?;
    process.work(login).await;
    stream.write_all(&[0; LOGIN.1]).await?;
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

async fn exchange_as_server(stream: &mut TcpStream, from_client: usize, answer: usize) -> io::Result<()> {
    let mut message = vec![0; from_client.max(answer)];
    stream.read_exact(&mut message[..from_client]).await?;
    stream.write_all(&message[..answer]).await
}

/// Logs in on a host and runs a command there. The connection, the handshake and the login may take
/// `connect_timeout`; without it, as long as the kernel has patience.
///
/// # Errors
/// What ssh would print: no connection, or one that broke before the command ran.
pub async fn connect(
    process: &Process,
    server: SocketAddr,
    command: &str,
    connect_timeout: Option<Duration>,
) -> io::Result<TcpStream> {
    let login = log_in(process, server, command);
    let Some(limit) = connect_timeout else { return login.await };
    match race(login, process.sleep(limit)).await {
        Ok(connected) => connected,
        Err(()) => Err(io::Error::new(io::ErrorKind::TimedOut, "Connection timed out")),
    }
}

async fn log_in(process: &Process, server: SocketAddr, command: &str) -> io::Result<TcpStream> {
    let mut stream = process.connect(server).await?;
    for (request, answer) in ROUNDS.into_iter().chain([LOGIN]) {
        stream.write_all(&vec![0; request]).await?;
        stream.read_exact(&mut vec![0; answer]).await?;
    }
    let length = u32::try_from(command.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
    stream.write_all(&length.to_be_bytes()).await?;
    stream.write_all(command.as_bytes()).await?;
    Ok(stream)
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::net::IpAddr;
    use std::rc::Rc;

    use harness::time::SimTime;
    use harness::trace::Recorder;

    use super::*;
    use crate::config::HostsFile;
    use crate::disk::Disk;
    use crate::engine::Engine;
    use crate::host::HostSpec;
    use crate::network::LinkSpec;

    #[test]
    fn a_login_takes_its_round_trips_and_its_computing_and_then_the_command_has_the_connection() {
        let spec = |name: &str, last: u8| HostSpec {
            name: name.into(),
            address: IpAddr::from([10, 0, 0, last]),
            names: HostsFile::default(),
            disk: Disk::default(),
        };
        let link = LinkSpec { latency: Duration::from_millis(10), bandwidth: None, ..LinkSpec::default() };
        let hosts = vec![spec("client", 1), spec("server", 2)];
        let mut engine = Engine::new(1, Recorder::new(), link, hosts);
        engine.hosts()[1].spawn("sshd", |process| async move {
            let login = Duration::from_millis(200);
            let served = serve(process, login, |command, mut stream| async move {
                stream.write_all(command.to_uppercase().as_bytes()).await.unwrap();
            });
            served.await.unwrap();
        });
        let seen: Rc<RefCell<Vec<(u64, String)>>> = Rc::default();
        let noted = Rc::clone(&seen);
        engine.hosts()[0].spawn("ssh", |process| async move {
            let server = SocketAddr::from(([10, 0, 0, 2], PORT));
            let mut stream = connect(&process, server, "uptime", None).await.unwrap();
            let mut text = String::new();
            stream.read_to_string(&mut text).await.unwrap();
            noted.borrow_mut().push((process.now().as_millis(), text));
        });
        engine.run_until(SimTime::from_secs(5));
        // Connect, four rounds, the command's own; 20 ms each, and the login.
        assert_eq!(*seen.borrow(), [(320, "UPTIME".to_owned())]);
    }

    #[test]
    fn a_host_that_does_not_answer_costs_the_connect_timeout() {
        let spec = HostSpec {
            name: "client".into(),
            address: IpAddr::from([10, 0, 0, 1]),
            names: HostsFile::default(),
            disk: Disk::default(),
        };
        let link = LinkSpec { latency: Duration::from_millis(10), bandwidth: None, ..LinkSpec::default() };
        let mut engine = Engine::new(1, Recorder::new(), link, vec![spec]);
        let seen: Rc<RefCell<Vec<(u64, io::ErrorKind)>>> = Rc::default();
        let noted = Rc::clone(&seen);
        engine.hosts()[0].spawn("ssh", |process| async move {
            let nobody = SocketAddr::from(([10, 0, 0, 9], PORT));
            for limit in [Some(Duration::from_secs(2)), None] {
                let before = process.now();
                let error = connect(&process, nobody, "uptime", limit).await.err().unwrap().kind();
                noted.borrow_mut().push((process.now().since(before).as_secs(), error));
            }
        });
        engine.run_until(SimTime::from_secs(300));
        let seen = seen.borrow();
        assert_eq!(seen[0], (2, io::ErrorKind::TimedOut));
        assert!(seen[1].0 > 2, "the kernel is more patient: {seen:?}");
    }
}
