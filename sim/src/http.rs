//! HTTP/1.1 between simulated programs: hyper on both sides, over simulated sockets.
//!
//! TLS is modelled as what it costs and what it refuses: one round trip before the first request, and an error
//! when one side speaks it and the other does not. There are no certificates.

use std::cell::Cell;
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use harness::time::SimTime;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1::SendRequest;
use hyper::service::service_fn;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::engine::Sleep;
use crate::network::TcpStream;
use crate::process::{Process, Task};

/// A body whose bytes are all there.
pub type Body = Full<Bytes>;
/// A request as it is sent.
pub type Request = hyper::Request<Body>;
/// An answer as it is sent.
pub type Response = hyper::Response<Body>;

/// What stands in for a TLS 1.3 handshake: a record of type 22 each way.
const CLIENT_HELLO: &[u8; 8] = b"\x16\x03\x01hello";
const SERVER_HELLO: &[u8; 8] = b"\x16\x03\x03hello";

/// No body of the model is longer.
const BODY_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Whether TLS stands between HTTP and the socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scheme {
    /// Plain HTTP.
    Http,
    /// HTTP over TLS.
    Https,
}

/// Serves requests on one connection, one after the other, until the client closes it, it fails, or
/// `idle_timeout` passes without a request (none: it may stay open for ever). A client that speaks plain HTTP to
/// a TLS port gets 400 and is cut off, as nginx and Tomcat do.
///
/// # Errors
/// What ended the connection out of order.
pub async fn serve<H, F>(
    process: &Process,
    mut stream: TcpStream,
    scheme: Scheme,
    idle_timeout: Option<Duration>,
    handler: H,
) -> io::Result<()>
where
    H: Fn(hyper::Request<Incoming>) -> F,
    F: Future<Output = Response>,
{
    if scheme == Scheme::Https && !accept_tls(&mut stream).await? {
        return Ok(());
    }
    let activity = Activity { last: Cell::new(process.now()), running: Cell::new(0) };
    let service = service_fn(|request| {
        activity.running.set(activity.running.get() + 1);
        let answer = handler(request);
        let activity = &activity;
        async move {
            let response = answer.await;
            activity.running.set(activity.running.get() - 1);
            activity.last.set(process.now());
            Ok::<_, std::convert::Infallible>(response)
        }
    });
    let mut server = hyper::server::conn::http1::Builder::new();
    // hyper's `Date` and timers come from the machine's clock, which no run may see.
    server.auto_date_header(false).header_read_timeout(None);
    let mut connection = pin!(server.serve_connection(stream, service));
    let Some(idle_timeout) = idle_timeout else {
        return connection.await.map_err(io::Error::other);
    };
    loop {
        let quiet_until = activity.last.get() + idle_timeout;
        let wait = process.sleep_until(quiet_until.max(process.now() + Duration::from_millis(1)));
        match until(connection.as_mut(), wait).await {
            Some(result) => return result.map_err(io::Error::other),
            None if activity.running.get() == 0 && process.now() >= activity.last.get() + idle_timeout => {
                connection.as_mut().graceful_shutdown();
                return connection.await.map_err(io::Error::other);
            }
            None => {}
        }
    }
}

/// What a connection's idle timer must know.
struct Activity {
    last: Cell<SimTime>,
    running: Cell<u32>,
}

/// What `future` gives, or nothing when `sleep` ends first.
async fn until<F: Future>(mut future: Pin<&mut F>, sleep: Sleep) -> Option<F::Output> {
    let mut sleep = pin!(sleep);
    std::future::poll_fn(|cx| {
        if let Poll::Ready(output) = future.as_mut().poll(cx) {
            return Poll::Ready(Some(output));
        }
        sleep.as_mut().poll(cx).map(|()| None)
    })
    .await
}

/// The server's side of a handshake. Whether there was one: a client that speaks plain HTTP was answered 400 and
/// cut off.
pub(crate) async fn accept_tls(stream: &mut TcpStream) -> io::Result<bool> {
    let mut hello = [0; CLIENT_HELLO.len()];
    stream.read_exact(&mut hello).await?;
    if &hello == CLIENT_HELLO {
        stream.write_all(SERVER_HELLO).await?;
        return Ok(true);
    }
    let refusal = b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    stream.write_all(refusal).await?;
    stream.shutdown().await?;
    // Closing with unread data would send a reset, which would overtake the answer.
    let mut rest = [0; 1024];
    while stream.read(&mut rest).await? > 0 {}
    Ok(false)
}

/// A client's connection. Dropping it closes it.
#[derive(Debug)]
pub struct Connection {
    sender: SendRequest<Body>,
    /// Whether nothing was sent on it yet: hyper takes the first request without being asked whether it would.
    is_fresh: bool,
    task: Task,
}

impl Connection {
    /// Connects to a server.
    ///
    /// # Errors
    /// As [`Process::connect`]; `InvalidData` when the server does not speak TLS but should.
    pub async fn open(process: &Process, server: SocketAddr, scheme: Scheme) -> io::Result<Self> {
        let mut stream = process.connect(server).await?;
        if scheme == Scheme::Https {
            stream.write_all(CLIENT_HELLO).await?;
            let mut hello = [0; SERVER_HELLO.len()];
            stream.read_exact(&mut hello).await?;
            if &hello != SERVER_HELLO {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "the server does not speak TLS"));
            }
        }
        let (sender, connection) =
            hyper::client::conn::http1::handshake(stream).await.map_err(io::Error::other)?;
        let task = process.spawn(async move {
            // What goes wrong here is what the request in flight is told.
            let _ = connection.await;
        });
        Ok(Self { sender, is_fresh: true, task })
    }

    /// Whether another request can be sent on it.
    pub fn is_open(&self) -> bool {
        !self.sender.is_closed()
    }

    /// Sends a request; gives the head of the answer.
    ///
    /// # Errors
    /// When the connection broke before the head had come.
    pub async fn send(&mut self, request: Request) -> Result<hyper::Response<Incoming>, hyper::Error> {
        if !std::mem::take(&mut self.is_fresh) {
            self.sender.ready().await?;
        }
        self.sender.send_request(request).await
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// All bytes of a body.
///
/// # Errors
/// When the connection broke before the end, or the body is longer than 8 MiB.
pub async fn read_body(body: Incoming) -> io::Result<Bytes> {
    let collected = Limited::new(body, BODY_BYTES_MAX).collect().await.map_err(io::Error::other)?;
    Ok(collected.to_bytes())
}

/// An answer with this status and text.
pub fn answer(status: u16, text: impl Into<Bytes>) -> Response {
    let mut response = Response::new(Full::new(text.into()));
    *response.status_mut() = hyper::StatusCode::from_u16(status).expect("the model writes valid statuses");
    response
}

/// What a socket or hyper says went wrong, as the system's error if there is one below: what a program would
/// log of it.
pub fn root_cause(error: &(dyn std::error::Error + 'static)) -> String {
    let mut cause = error;
    loop {
        if let Some(io) = cause.downcast_ref::<io::Error>()
            && io.raw_os_error().is_some()
        {
            return io.kind().to_string();
        }
        match cause.source() {
            Some(below) => cause = below,
            None => return cause.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::net::IpAddr;
    use std::rc::Rc;

    use harness::trace::Recorder;

    use super::*;
    use crate::config::HostsFile;
    use crate::disk::Disk;
    use crate::engine::Engine;
    use crate::host::HostSpec;
    use crate::network::LinkSpec;

    /// A client asks a server at these seconds on one connection; what it saw.
    fn ask(server: Scheme, client: Scheme, at_seconds: &'static [u64]) -> Vec<String> {
        let spec = |name: &str, last: u8| HostSpec {
            name: name.into(),
            address: IpAddr::from([10, 0, 0, last]),
            names: HostsFile::default(),
            disk: Disk::default(),
        };
        let hosts = vec![spec("client", 1), spec("server", 2)];
        let mut engine = Engine::new(1, Recorder::new(), LinkSpec::default(), hosts);
        engine.hosts()[1].spawn("server", |process| async move {
            let listener = process.listen(80).await.unwrap();
            while let Ok((stream, _)) = listener.accept().await {
                let own = process.clone();
                process.spawn(async move {
                    let idle = Some(Duration::from_secs(60));
                    let _ = serve(&own, stream, server, idle, |request| async move {
                        answer(200, request.uri().path().to_owned())
                    })
                    .await;
                });
            }
        });
        let seen: Rc<RefCell<Vec<String>>> = Rc::default();
        let noted = Rc::clone(&seen);
        engine.hosts()[0].spawn("client", |process| async move {
            let address = SocketAddr::from(([10, 0, 0, 2], 80));
            let mut connection = match Connection::open(&process, address, client).await {
                Ok(connection) => connection,
                Err(error) => return noted.borrow_mut().push(error.to_string()),
            };
            for &second in at_seconds {
                process.sleep_until(SimTime::from_secs(second)).await;
                let request = hyper::Request::builder().uri("/pizza").body(Body::default()).unwrap();
                let line = match connection.send(request).await {
                    Ok(response) => {
                        let status = response.status();
                        format!("{status} {:?}", read_body(response.into_body()).await.unwrap())
                    }
                    Err(error) => root_cause(&error),
                };
                noted.borrow_mut().push(line);
            }
        });
        engine.run_until(SimTime::from_secs(600));
        seen.take()
    }

    #[test]
    fn requests_are_answered_on_one_connection_until_it_was_idle_too_long() {
        let seen = ask(Scheme::Https, Scheme::Https, &[1, 50, 200]);
        assert_eq!(seen[..2], ["200 OK b\"/pizza\"", "200 OK b\"/pizza\""]);
        assert_eq!(seen.len(), 3);
        assert!(!seen[2].starts_with("200"), "{seen:?}");
    }

    #[test]
    fn plain_http_to_a_tls_port_is_a_bad_request() {
        assert_eq!(ask(Scheme::Https, Scheme::Http, &[1]), ["400 Bad Request b\"\""]);
    }

    #[test]
    fn tls_to_a_plain_port_is_an_error() {
        assert_eq!(ask(Scheme::Http, Scheme::Https, &[1]), ["the server does not speak TLS"]);
    }
}
