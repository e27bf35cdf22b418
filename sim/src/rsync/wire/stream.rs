//! Messages over a byte stream: buffered, counted, held to `--bwlimit` and `--timeout`.

use std::cell::Cell;
use std::io;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::{HEADER_BYTES, Message};
use crate::rsync::env::{Env, race};
use crate::rsync::stop::Stop;

/// How much is gathered before it is written without being asked to.
const WRITE_BYTES: usize = 32 * 1024;

/// When a process last heard from, or got something through to, the other side; and how much.
#[derive(Debug, Default)]
pub struct Activity {
    /// Nanoseconds since 1970 of the last byte.
    pub last_ns: Cell<i64>,
    /// Bytes that came in.
    pub received: Cell<u64>,
    /// Bytes that went out.
    pub sent: Cell<u64>,
}

impl Activity {
    /// Waits for `io`, at most until nothing has happened for `timeout_s` seconds (0 waits for ever).
    async fn guard<T>(
        &self,
        env: &impl Env,
        timeout_s: u64,
        io: impl Future<Output = io::Result<T>>,
    ) -> Result<T, Stop> {
        let mut io = std::pin::pin!(io);
        loop {
            let result = if timeout_s == 0 {
                io.as_mut().await
            } else {
                let idle = env.now_ns().saturating_sub(self.last_ns.get()).max(0) as u64;
                let left = Duration::from_secs(timeout_s).saturating_sub(Duration::from_nanos(idle));
                if left.is_zero() {
                    return Err(Stop::TimedOut(timeout_s));
                }
                match race(io.as_mut(), env.sleep(left)).await {
                    Ok(result) => result,
                    Err(()) => continue,
                }
            };
            self.last_ns.set(env.now_ns());
            return result.map_err(|_| Stop::ConnectionLost);
        }
    }
}

/// The incoming half of a connection.
pub struct Inbound<'a, R, E> {
    io: R,
    env: &'a E,
    activity: &'a Activity,
    timeout_s: u64,
    buffer: BytesMut,
}

impl<'a, R: AsyncRead + Unpin, E: Env> Inbound<'a, R, E> {
    pub fn new(io: R, env: &'a E, activity: &'a Activity) -> Self {
        Self { io, env, activity, timeout_s: 0, buffer: BytesMut::new() }
    }

    /// Sets `--timeout`, in seconds.
    pub fn set_timeout(&mut self, timeout_s: u64) {
        self.timeout_s = timeout_s;
    }

    /// The next message that says something. A closed or broken connection is `Stop::ConnectionLost`.
    pub async fn next(&mut self) -> Result<Message, Stop> {
        loop {
            match Message::decode(&mut self.buffer).map_err(|_| Stop::Garbled)? {
                Some(Message::KeepAlive) => continue,
                Some(Message::Exit(code)) => return Err(Stop::Told(code)),
                Some(message) => return Ok(message),
                None => {}
            }
            self.buffer.reserve(WRITE_BYTES + HEADER_BYTES);
            let read = self.io.read_buf(&mut self.buffer);
            let count = self.activity.guard(self.env, self.timeout_s, read).await?;
            if count == 0 {
                return Err(Stop::ConnectionLost);
            }
            self.activity.received.set(self.activity.received.get() + count as u64);
        }
    }
}

/// How fast a process may write (`--bwlimit`): it sleeps off what it wrote too fast.
#[derive(Debug, Clone, Copy, Default)]
pub struct Pace {
    /// Bytes a second; 0 is no limit.
    pub bytes_per_s: u64,
    began_ns: i64,
    written: u64,
}

impl Pace {
    pub fn new(bytes_per_s: u64) -> Self {
        Self { bytes_per_s, began_ns: 0, written: 0 }
    }

    /// How long to sleep after writing so much.
    fn pause(&mut self, now_ns: i64, bytes: u64) -> Duration {
        if self.bytes_per_s == 0 {
            return Duration::ZERO;
        }
        let due = |written: u64| (u128::from(written) * 1_000_000_000 / u128::from(self.bytes_per_s)) as i64;
        // Time in which nothing was written earns nothing.
        if now_ns > self.began_ns.saturating_add(due(self.written)) {
            (self.began_ns, self.written) = (now_ns, 0);
        }
        self.written += bytes;
        let until = self.began_ns.saturating_add(due(self.written));
        let ahead = Duration::from_nanos(until.saturating_sub(now_ns).max(0) as u64);
        // rsync sleeps when it is a tenth of a second ahead.
        if ahead >= Duration::from_millis(100) { ahead } else { Duration::ZERO }
    }
}

/// The outgoing half of a connection.
pub struct Outbound<'a, W, E> {
    io: W,
    env: &'a E,
    activity: &'a Activity,
    timeout_s: u64,
    pace: Pace,
    buffer: Vec<u8>,
}

impl<'a, W: AsyncWrite + Unpin, E: Env> Outbound<'a, W, E> {
    pub fn new(io: W, env: &'a E, activity: &'a Activity) -> Self {
        Self { io, env, activity, timeout_s: 0, pace: Pace::default(), buffer: Vec::new() }
    }

    /// Sets `--timeout`, in seconds, and `--bwlimit`.
    pub fn set_limits(&mut self, timeout_s: u64, pace: Pace) {
        self.timeout_s = timeout_s;
        self.pace = pace;
    }

    /// Adds a message to what will be written.
    pub fn push(&mut self, message: &Message) {
        message.encode(&mut self.buffer);
    }

    /// Adds a literal without copying it twice.
    pub fn push_literal(&mut self, bytes: &Bytes) {
        Message::Literal(bytes.clone()).encode(&mut self.buffer);
    }

    /// Whether so much is waiting that it should be written now.
    pub fn is_full(&self) -> bool {
        self.buffer.len() >= WRITE_BYTES
    }

    /// Writes all that waits.
    pub async fn flush(&mut self) -> Result<(), Stop> {
        let mut at = 0;
        while at < self.buffer.len() {
            let end = self.buffer.len().min(at + WRITE_BYTES);
            let write = self.io.write(&self.buffer[at..end]);
            let count = self.activity.guard(self.env, self.timeout_s, write).await?;
            if count == 0 {
                return Err(Stop::ConnectionLost);
            }
            at += count;
            self.activity.sent.set(self.activity.sent.get() + count as u64);
            let pause = self.pace.pause(self.env.now_ns(), count as u64);
            if !pause.is_zero() {
                self.env.sleep(pause).await;
            }
        }
        self.buffer.clear();
        let flush = self.io.flush();
        self.activity.guard(self.env, self.timeout_s, flush).await
    }

    /// Writes all that waits and says that nothing more comes.
    pub async fn close(&mut self) -> Result<(), Stop> {
        self.flush().await?;
        self.io.shutdown().await.map_err(|_| Stop::ConnectionLost)
    }
}
