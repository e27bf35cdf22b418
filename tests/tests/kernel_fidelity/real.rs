//! A program of a case as a real process on real sockets: this binary, run again with [`ARGUMENT`].
#![expect(clippy::disallowed_types, clippy::disallowed_methods, reason = "a real process in real time")]

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::script::{self, PORT, Received, Step, Stop, name_of};

/// The first argument of a program; then the server's address and the steps. The start, in
/// nanoseconds since 1970, is the line on standard input.
pub const ARGUMENT: &str = "--as-a-program";

/// Runs the steps and writes a line `MILLISECONDS WHAT` for each note.
pub fn run(arguments: &[String]) {
    let [server, line] = arguments else { panic!("server, steps: {arguments:?}") };
    let mut start_ns = String::new();
    std::io::stdin().read_line(&mut start_ns).expect("it is text");
    let start = UNIX_EPOCH + Duration::from_nanos(start_ns.trim().parse().expect("nanoseconds"));
    let server = SocketAddr::from((server.parse::<Ipv4Addr>().expect("an address"), PORT));
    let mut program = Program { start, server, listener: None, stream: None };
    for step in script::steps(line) {
        if let Some(what) = program.take(step) {
            println!("{} {what}", program.elapsed_ms());
        }
    }
    // Who ends, closes: a program that has nothing more to do stays until it is killed.
    loop {
        std::thread::park();
    }
}

struct Program {
    start: SystemTime,
    server: SocketAddr,
    listener: Option<TcpListener>,
    stream: Option<TcpStream>,
}

impl Program {
    fn elapsed_ms(&self) -> u64 {
        SystemTime::now().duration_since(self.start).map_or(0, |span| span.as_millis() as u64)
    }

    fn wait_until(&self, at_ms: u64) {
        let moment = self.start + Duration::from_millis(at_ms);
        if let Ok(left) = moment.duration_since(SystemTime::now()) {
            std::thread::sleep(left);
        }
    }

    fn take(&mut self, step: Step) -> Option<String> {
        match step {
            Step::At(at_ms) => {
                self.wait_until(at_ms);
                None
            }
            Step::Listen => {
                // The standard library sets SO_REUSEADDR, as nginx, sshd and Java do.
                match TcpListener::bind((Ipv4Addr::UNSPECIFIED, PORT)) {
                    Ok(listener) => {
                        self.listener = Some(listener);
                        None
                    }
                    Err(error) => Some(name_of(&error)),
                }
            }
            Step::Accept => {
                let accepted = self.listener.as_ref()?.accept();
                Some(self.keep(accepted.map(|(stream, _)| stream), "accepted"))
            }
            Step::Connect => {
                let connected = TcpStream::connect(self.server);
                Some(self.keep(connected, "connected"))
            }
            Step::Write(bytes) => {
                let written = self.stream.as_mut()?.write(&vec![0; bytes]);
                Some(written.map_or_else(|error| name_of(&error), |bytes| format!("wrote {bytes}")))
            }
            Step::Stream(pieces, bytes, every_ms) => Some(self.stream(pieces, bytes, every_ms)?),
            Step::Read(bytes) => self.read(bytes),
            Step::ReadAll => self.read(usize::MAX),
            Step::Shutdown => {
                let said = self.stream.as_ref()?.shutdown(Shutdown::Write);
                Some(said.map_or_else(|error| name_of(&error), |()| "shut down".to_owned()))
            }
            Step::Close => {
                self.stream.take()?;
                Some("closed".to_owned())
            }
        }
    }

    fn keep(&mut self, stream: std::io::Result<TcpStream>, what: &str) -> String {
        match stream {
            Ok(stream) => {
                stream.set_nodelay(true).expect("it is a TCP socket");
                self.stream = Some(stream);
                what.to_owned()
            }
            Err(error) => name_of(&error),
        }
    }

    fn stream(&mut self, pieces: usize, bytes: usize, every_ms: u64) -> Option<String> {
        let (first_ms, piece) = (self.elapsed_ms(), vec![0; bytes]);
        for index in 0..pieces {
            self.wait_until(first_ms + index as u64 * every_ms);
            if let Err(error) = self.stream.as_mut()?.write_all(&piece) {
                return Some(name_of(&error));
            }
        }
        Some(format!("wrote {}", pieces * bytes))
    }

    fn read(&mut self, wanted: usize) -> Option<String> {
        let stream = self.stream.as_mut()?;
        let (mut received, mut buffer) = (Received::default(), vec![0; 64 * 1024]);
        loop {
            let room = buffer.len().min(wanted - received.bytes);
            let why = match stream.read(&mut buffer[..room]) {
                Ok(0) => Stop::End,
                Ok(count) => {
                    received.bytes += count;
                    if received.bytes < wanted {
                        continue;
                    }
                    Stop::Enough
                }
                Err(error) => Stop::Error(name_of(&error)),
            };
            return Some(received.ended(why));
        }
    }
}
