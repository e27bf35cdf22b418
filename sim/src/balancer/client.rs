//! A client's connection: requests one after the other, until one side has had enough.

use std::cell::Cell;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use harness::time::SimTime;
use http_body_util::BodyExt;
use hyper::Response;
use hyper::body::{Body as _, Incoming};
use hyper::header::{CONNECTION, HeaderValue};
use hyper::service::service_fn;

use super::answer::{answer, error_page, redirect};
use super::body::PassedBody;
use super::forward::forward;
use super::request::{Ends, Place, Received};
use super::routing::{Action, Route, Site};
use super::{Balancer, Worker};
use crate::engine::Sleep;
use crate::http::accept_tls;
use crate::network::TcpStream;

/// `client_header_timeout`
const FIRST_REQUEST_TIMEOUT: Duration = Duration::from_secs(60);
/// `client_body_timeout`, between two reads.
const BODY_TIMEOUT: Duration = Duration::from_secs(60);
/// `keepalive_timeout`
const IDLE_TIMEOUT: Duration = Duration::from_secs(75);
/// `keepalive_requests`
const REQUESTS_MAX: u32 = 1000;
/// `keepalive_time`
const AGE_MAX: Duration = Duration::from_secs(3600);
/// `client_max_body_size`
const BODY_BYTES_MAX: u64 = 1024 * 1024;

/// The connection ends without an answer.
#[derive(Debug, thiserror::Error)]
#[error("closed without an answer")]
pub(super) struct Closed;

/// What a connection's timers must know.
struct Activity {
    last: Cell<SimTime>,
    running: Cell<bool>,
    requests: Cell<u32>,
}

/// Serves one connection to its end.
pub(super) async fn serve(balancer: Rc<Balancer>, worker: usize, site: usize, mut stream: TcpStream) {
    let process = &balancer.process;
    let site = &balancer.sites[site];
    let opened = process.now();
    if site.tls {
        match process.timeout(FIRST_REQUEST_TIMEOUT, accept_tls(&mut stream)).await {
            Ok(Ok(true)) => {}
            Ok(Ok(false) | Err(_)) | Err(_) => return,
        }
    }
    let ends =
        Ends { client: stream.peer_addr(), own: stream.local_addr().ip(), port: site.port, tls: site.tls };
    let activity = Activity { last: Cell::new(opened), running: Cell::new(false), requests: Cell::new(0) };
    let worker = &balancer.workers[worker];
    let service = service_fn(|request| {
        activity.running.set(true);
        activity.requests.set(activity.requests.get() + 1);
        let (activity, balancer) = (&activity, &balancer);
        async move {
            let result = handle(balancer, worker, site, ends, request).await;
            activity.running.set(false);
            let now = process.now();
            activity.last.set(now);
            let worn = activity.requests.get() >= REQUESTS_MAX || now.since(opened) >= AGE_MAX;
            result.map(|mut response| {
                if worn {
                    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
                }
                response
            })
        }
    });
    let mut server = hyper::server::conn::http1::Builder::new();
    // hyper's `Date` and timers come from the machine's clock, which no run may see.
    server.auto_date_header(false).header_read_timeout(None);
    let mut connection = pin!(server.serve_connection(stream, service));
    let mut timer: Option<(SimTime, Sleep)> = None;
    let mut closing = false;
    std::future::poll_fn(|cx| {
        loop {
            // How a connection ended is its client's business: nginx only logs it.
            if connection.as_mut().poll(cx).is_ready() {
                return Poll::Ready(());
            }
            if closing || activity.running.get() {
                return Poll::Pending;
            }
            let is_new = activity.requests.get() == 0;
            let limit = if is_new { FIRST_REQUEST_TIMEOUT } else { IDLE_TIMEOUT };
            let deadline = activity.last.get() + limit;
            let now = process.now();
            if now >= deadline || balancer.is_quitting() {
                if is_new {
                    return Poll::Ready(());
                }
                closing = true;
                connection.as_mut().graceful_shutdown();
                continue;
            }
            // The task's waker never changes, so a timer that waits needs no second look; one that ended
            // before the deadline, which has moved on meanwhile, is set anew.
            if timer.as_ref().is_none_or(|(until, _)| *until <= now) {
                let mut sleep = process.sleep_until(deadline);
                let _ = pin!(&mut sleep).poll(cx);
                timer = Some((deadline, sleep));
            }
            return Poll::Pending;
        }
    })
    .await;
}

async fn handle(
    balancer: &Balancer,
    worker: &Worker,
    site: &Site,
    ends: Ends,
    request: hyper::Request<Incoming>,
) -> Result<Response<PassedBody>, Closed> {
    let (head, body) = request.into_parts();
    let Some(mut request) = Received::new(ends, head) else { return Ok(closing(400)) };
    let block = &balancer.blocks[site.block(&request.host)];
    let place = Place { server_name: &block.name, proxy_host: "" };
    if let Some(rule) = &block.answer {
        return answer(rule, &request, place).ok_or(Closed);
    }
    let passing = match block.route(&request.path) {
        Route::To(Action::Pass(passing)) => passing,
        Route::To(Action::Answer(rule)) => return answer(rule, &request, place).ok_or(Closed),
        Route::To(Action::Files) if request.path.ends_with('/') => return Ok(error_page(403)),
        Route::To(Action::Files) => return Ok(error_page(404)),
        Route::AddSlash => {
            let mut address = format!("{}/", request.path);
            if let Some(query) = request.query() {
                address = format!("{address}?{query}");
            }
            return Ok(redirect(301, &address, &request, place));
        }
    };
    if !body.is_end_stream() {
        if body.size_hint().lower() > BODY_BYTES_MAX {
            return Ok(closing(413));
        }
        request.body = match read_body(balancer, body).await? {
            Ok(bytes) => bytes,
            Err(status) => return Ok(closing(status)),
        };
    }
    let upstream = &worker.upstreams[passing.upstream];
    Ok(forward(&balancer.process, upstream, passing, &request, &block.name).await)
}

/// All of a request's body, which nginx reads before it asks a server, or the status that refuses it.
async fn read_body(balancer: &Balancer, mut body: Incoming) -> Result<Result<Bytes, u16>, Closed> {
    let mut all = BytesMut::new();
    while !body.is_end_stream() {
        let Ok(frame) = balancer.process.timeout(BODY_TIMEOUT, body.frame()).await else {
            return Ok(Err(408));
        };
        match frame {
            None => break,
            Some(Err(_)) => return Err(Closed),
            Some(Ok(frame)) => {
                if let Ok(data) = frame.into_data() {
                    all.extend_from_slice(&data);
                }
            }
        }
        if all.len() as u64 > BODY_BYTES_MAX {
            return Ok(Err(413));
        }
    }
    Ok(Ok(all.freeze()))
}

/// An error after which nothing more is read from the client.
fn closing(status: u16) -> Response<PassedBody> {
    let mut response = error_page(status);
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    response
}
