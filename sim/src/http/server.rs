//! A server's connection: requests one after the other.

use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use harness::time::SimTime;
use http::{Method, StatusCode, Version};
use tokio::io::AsyncWriteExt;

use super::head::{Asked, HEAD_BYTES_MAX, RequestHead, ResponseHead, parse_request, write_response};
use super::transport::{Transport, Whole};
use super::{BODY_BYTES_MAX, CLIENT_HELLO, Error, Response, SERVER_HELLO, Scheme};
use crate::engine::Sleep;
use crate::network::TcpStream;
use crate::process::Process;

/// Serves requests on one connection, one after the other, until the client closes it, it fails, or
/// `idle_timeout` passes without a request (none: it may stay open for ever). A client that speaks plain HTTP to
/// a TLS port gets 400 and is cut off, as nginx and Tomcat do. When the client goes away, the handler's future is
/// dropped.
///
/// # Errors
/// What ended the connection out of order.
pub async fn serve<H, F>(
    process: &Process,
    stream: TcpStream,
    scheme: Scheme,
    idle_timeout: Option<Duration>,
    handler: H,
) -> io::Result<()>
where
    H: Fn(Incoming) -> F,
    F: Future<Output = Response>,
{
    let mut connection = ServerConnection::new(stream);
    if scheme == Scheme::Https && !connection.accept_tls().await? {
        return Ok(());
    }
    let mut timer = IdleTimer::default();
    loop {
        let quiet_until = idle_timeout.map(|span| process.now() + span);
        let request = poll_fn(|cx| {
            if let Poll::Ready(request) = connection.poll_request(cx) {
                return Poll::Ready(Some(request));
            }
            match quiet_until {
                Some(until) => timer.poll(process, until, cx).map(|()| None),
                None => Poll::Pending,
            }
        });
        let request = match request.await {
            Some(Ok(Some(request))) => request,
            Some(Ok(None)) | None => return Ok(()),
            Some(Err(error)) => return Err(connection.refuse(error).await),
        };
        let response = {
            let answering = pin!(handler(request));
            connection.while_open(answering).await
        };
        let Some(response) = response else { return Ok(()) };
        if !connection.answer(&response).await? {
            return Ok(());
        }
    }
}

/// A request with its whole body, as a server gets it.
#[derive(Debug)]
pub struct Incoming {
    /// Its head.
    pub head: Box<RequestHead>,
    /// Its body.
    pub body: Bytes,
}

/// A connection to a client. Dropping it closes it.
#[derive(Debug)]
pub struct ServerConnection {
    transport: Transport,
    /// The last request, as far as its answer depends on it.
    asked: Asked,
    /// How many bytes of its body have not been read.
    left: u64,
    /// A request whose body is coming.
    coming: Option<(Box<RequestHead>, Whole)>,
}

impl ServerConnection {
    /// On a socket that was accepted.
    pub fn new(stream: TcpStream) -> Self {
        let asked = Asked { method: Method::GET, version: Version::HTTP_11, keeps: true };
        Self { transport: Transport::new(stream), asked, left: 0, coming: None }
    }

    /// The server's side of a TLS handshake. Whether there was one: a client that speaks plain HTTP was answered 400
    /// and cut off.
    ///
    /// # Errors
    /// When the connection broke.
    pub async fn accept_tls(&mut self) -> io::Result<bool> {
        if self.transport.read(CLIENT_HELLO.len()).await? == CLIENT_HELLO[..] {
            self.transport.write(Bytes::from_static(SERVER_HELLO)).await?;
            return Ok(true);
        }
        let refusal = b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
        self.transport.write(Bytes::from_static(refusal)).await?;
        self.transport.stream.shutdown().await?;
        // Closing with unread data would send a reset, which would overtake the answer.
        while poll_fn(|cx| self.transport.poll_more(cx)).await? {
            self.transport.skip(usize::MAX);
        }
        Ok(false)
    }

    /// Waits for the head of the next request; none when the client has closed the connection.
    ///
    /// # Errors
    /// When the connection broke, or ended within a head, or what came is no head; see
    /// [`ServerConnection::refuse`].
    pub fn poll_head(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Box<RequestHead>>, Error>> {
        loop {
            if !self.transport.came().is_empty()
                && let Some(parsed) = parse_request(self.transport.came())?
            {
                self.transport.skip(parsed.bytes);
                let (method, version) = (parsed.head.method.clone(), parsed.head.version);
                self.asked = Asked { method, version, keeps: parsed.keeps };
                self.left = parsed.body;
                return Poll::Ready(Ok(Some(parsed.head)));
            }
            if self.transport.came().len() > HEAD_BYTES_MAX {
                return Poll::Ready(Err(Error::TooLarge));
            }
            if !ready!(self.transport.poll_more(cx)).map_err(Error::Io)? {
                let is_between = self.transport.came().is_empty();
                return Poll::Ready(if is_between { Ok(None) } else { Err(Error::Incomplete) });
            }
        }
    }

    /// How many bytes of the request's body have not been read.
    pub fn body_left(&self) -> u64 {
        self.left
    }

    /// The next bytes of the request's body; none at its end.
    ///
    /// # Errors
    /// When the connection broke before the end.
    pub fn poll_body(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, Error>> {
        self.transport.poll_body(&mut self.left, cx)
    }

    /// Waits for the next request with its whole body; none when the client has closed the connection.
    ///
    /// # Errors
    /// As [`ServerConnection::poll_head`], and when the body is longer than 8 MiB.
    pub fn poll_request(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Incoming>, Error>> {
        if self.coming.is_none() {
            match ready!(self.poll_head(cx))? {
                Some(_) if self.left > BODY_BYTES_MAX => return Poll::Ready(Err(Error::LongBody)),
                Some(head) => self.coming = Some((head, Whole::default())),
                None => return Poll::Ready(Ok(None)),
            }
        }
        while let Some(piece) = ready!(self.poll_body(cx))? {
            let (_, whole) = self.coming.as_mut().expect("it is coming");
            whole.push(piece);
        }
        let request = self.coming.take();
        Poll::Ready(Ok(request.map(|(head, whole)| Incoming { head, body: whole.into_bytes() })))
    }

    /// What `future` gives, or nothing when the client goes away before it does.
    pub async fn while_open<F: Future>(&mut self, mut future: Pin<&mut F>) -> Option<F::Output> {
        // Who sends the next request already is still there.
        let mut watches = self.transport.came().is_empty();
        poll_fn(|cx| {
            if watches {
                match self.transport.poll_more(cx) {
                    Poll::Ready(Ok(true)) => watches = false,
                    Poll::Ready(Ok(false) | Err(_)) => return Poll::Ready(None),
                    Poll::Pending => {}
                }
            }
            future.as_mut().poll(cx).map(Some)
        })
        .await
    }

    /// The connection ends with the next answer.
    pub fn close_after_answer(&mut self) {
        self.asked.keeps = false;
    }

    /// Answers the last request. Whether the client may send another one: otherwise the connection is closed.
    ///
    /// # Errors
    /// When the connection broke.
    pub async fn answer(&mut self, response: &Response) -> io::Result<bool> {
        let written = self.write(response.status, || response.fields(), &response.body);
        self.send(written).await
    }

    /// As [`ServerConnection::answer`] with the answer of another server, of which only the fields that are `wanted`
    /// are passed on.
    ///
    /// # Errors
    /// When the connection broke.
    pub async fn pass_on(
        &mut self,
        head: &ResponseHead,
        body: &[u8],
        wanted: impl Fn(&[u8]) -> bool,
    ) -> io::Result<bool> {
        let fields = || head.fields.iter().filter(|(name, _)| wanted(name));
        let written = self.write(head.status, fields, body);
        self.send(written).await
    }

    fn write<'a, F>(&mut self, status: StatusCode, fields: impl Fn() -> F, body: &[u8]) -> (Vec<u8>, bool)
    where
        F: Iterator<Item = (&'a [u8], &'a [u8])>,
    {
        // A body that nobody has read stands in the way of the next request.
        self.asked.keeps &= self.left == 0;
        write_response(status, fields, body, &self.asked)
    }

    async fn send(&mut self, (bytes, keeps): (Vec<u8>, bool)) -> io::Result<bool> {
        self.transport.write(bytes.into()).await?;
        if !keeps {
            self.transport.stream.shutdown().await?;
        }
        Ok(keeps)
    }

    /// Answers what is no request as a server does, and closes the connection; gives the error back.
    pub async fn refuse(&mut self, error: Error) -> io::Error {
        let status = match error {
            Error::Invalid(_) => StatusCode::BAD_REQUEST,
            Error::TooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            other => return io::Error::other(other),
        };
        self.asked = Asked { method: Method::GET, version: Version::HTTP_11, keeps: false };
        // Whether it gets there is the client's affair.
        let _ = self.answer(&super::answer(status.as_u16(), Bytes::new())).await;
        io::Error::other(error)
    }
}

/// Ends when nothing has come for too long.
#[derive(Debug, Default)]
pub(crate) struct IdleTimer(Option<(SimTime, Sleep)>);

impl IdleTimer {
    /// Ready at `deadline`.
    pub(crate) fn poll(&mut self, process: &Process, deadline: SimTime, cx: &mut Context<'_>) -> Poll<()> {
        let now = process.now();
        if now >= deadline {
            return Poll::Ready(());
        }
        // The task's waker never changes, so a timer that waits needs no second look, unless it is too late; one
        // that ended before the deadline, which has moved on meanwhile, is set anew.
        if self.0.as_ref().is_none_or(|(until, _)| *until <= now || *until > deadline) {
            let mut sleep = process.sleep_until(deadline);
            let _ = Pin::new(&mut sleep).poll(cx);
            self.0 = Some((deadline, sleep));
        }
        Poll::Pending
    }
}
