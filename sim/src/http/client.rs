//! A client's connection.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::task::Poll;

use bytes::Bytes;
use http::Method;

use super::head::{HEAD_BYTES_MAX, Request, ResponseHead, parse_response};
use super::transport::{Transport, Whole};
use super::{BODY_BYTES_MAX, CLIENT_HELLO, Error, SERVER_HELLO, Scheme};
use crate::process::{Process, Task};

/// A client's connection. Dropping it closes it.
#[derive(Debug)]
pub struct Connection {
    transport: Transport,
    /// How many bytes of the last answer's body have not been read.
    left: u64,
    /// Whether it may carry another request when the last answer was read.
    keeps: bool,
}

impl Connection {
    /// Connects to a server.
    ///
    /// # Errors
    /// As [`Process::connect`]; `InvalidData` when the server does not speak TLS but should.
    pub async fn open(process: &Process, server: SocketAddr, scheme: Scheme) -> io::Result<Self> {
        let mut transport = Transport::new(process.connect(server).await?);
        if scheme == Scheme::Https {
            transport.write(Bytes::from_static(CLIENT_HELLO)).await?;
            if transport.read(SERVER_HELLO.len()).await? != SERVER_HELLO[..] {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "the server does not speak TLS"));
            }
        }
        Ok(Self { transport, left: 0, keeps: true })
    }

    /// Whether another request can be sent on it.
    pub fn is_open(&self) -> bool {
        self.keeps && self.left == 0 && !self.transport.stream.has_ended()
    }

    /// Sends a request; gives the head of the answer.
    ///
    /// # Errors
    /// When the connection broke before the head had come, or the head is none that can be understood.
    pub async fn send(&mut self, request: Request) -> Result<Box<ResponseHead>, Error> {
        let Request { bytes, method, keeps, .. } = request;
        self.check_silence().await?;
        self.transport.write(bytes.into()).await.map_err(Error::Io)?;
        self.receive_head(&method, keeps).await
    }

    /// Before a request nothing may have come.
    async fn check_silence(&mut self) -> Result<(), Error> {
        if self.left > 0 || !self.transport.came().is_empty() {
            return Err(Error::Unexpected);
        }
        poll_fn(|cx| {
            Poll::Ready(match self.transport.poll_more(cx) {
                Poll::Pending => Ok(()),
                Poll::Ready(Ok(true)) => Err(Error::Unexpected),
                Poll::Ready(Ok(false)) => Err(Error::Closed),
                Poll::Ready(Err(error)) => Err(Error::Io(error)),
            })
        })
        .await
    }

    async fn receive_head(&mut self, method: &Method, keeps: bool) -> Result<Box<ResponseHead>, Error> {
        loop {
            if !poll_fn(|cx| self.transport.poll_more(cx)).await.map_err(Error::Io)? {
                return Err(Error::Incomplete);
            }
            if let Some(parsed) = parse_response(self.transport.came(), method)? {
                self.transport.skip(parsed.bytes);
                (self.left, self.keeps) = (parsed.body, keeps && parsed.keeps);
                return Ok(parsed.head);
            }
            if self.transport.came().len() > HEAD_BYTES_MAX {
                return Err(Error::TooLarge);
            }
        }
    }

    /// How many bytes of the last answer's body have not been read.
    pub fn body_left(&self) -> u64 {
        self.left
    }

    /// The next bytes of the last answer's body; none at its end.
    ///
    /// # Errors
    /// When the connection broke before the end.
    pub async fn more(&mut self) -> Result<Option<Bytes>, Error> {
        let (transport, left) = (&mut self.transport, &mut self.left);
        poll_fn(|cx| transport.poll_body(left, cx)).await
    }

    /// All bytes of the last answer's body.
    ///
    /// # Errors
    /// When the connection broke before the end, or the body is longer than 8 MiB.
    pub async fn read_body(&mut self) -> Result<Bytes, Error> {
        if self.left > BODY_BYTES_MAX {
            return Err(Error::LongBody);
        }
        let mut whole = Whole::default();
        while let Some(piece) = self.more().await? {
            whole.push(piece);
        }
        Ok(whole.into_bytes())
    }

    /// Lays it by until another request is to be sent. What the server does meanwhile ends it at once.
    pub fn rest(self, process: &Process) -> Resting {
        let slot = Rc::new(RefCell::new(Some(self)));
        let watched = Rc::clone(&slot);
        let watch = process.spawn(async move {
            poll_fn(|cx| {
                let mut slot = watched.borrow_mut();
                slot.as_mut().map_or(Poll::Ready(()), |own| own.transport.poll_more(cx).map(drop))
            })
            .await;
            watched.take();
        });
        Resting { slot, watch }
    }
}

/// A connection that waits for its next request. Dropping it closes it.
#[derive(Debug)]
pub struct Resting {
    /// Empty when it has ended.
    slot: Rc<RefCell<Option<Connection>>>,
    watch: Task,
}

impl Resting {
    /// Whether it has not ended.
    pub fn is_open(&self) -> bool {
        self.slot.borrow().is_some()
    }

    /// The connection, unless it has ended.
    pub fn wake(self) -> Option<Connection> {
        self.slot.take()
    }
}

impl Drop for Resting {
    fn drop(&mut self) {
        self.watch.abort();
    }
}
