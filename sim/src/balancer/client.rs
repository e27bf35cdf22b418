//! A client's connection: requests one after the other, until one side has had enough.

use std::cell::Cell;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;

use bytes::{Bytes, BytesMut};
use harness::time::SimTime;
use http_body_util::BodyExt;
use hyper::Response;
use hyper::body::{Body as _, Incoming};
use hyper::header::{CONNECTION, HeaderValue};
use hyper::service::service_fn;
use tokio::sync::oneshot;

use super::Balancer;
use super::answer::{answer, error_page, redirect};
use super::body::PassedBody;
use super::forward::forward;
use super::request::{Ends, Place, Received};
use super::routing::{Action, Block, Route, Site};
use crate::config::nginx::ClientSettings;
use crate::engine::Sleep;
use crate::http::accept_tls;
use crate::network::TcpStream;

/// The connection ends without an answer.
#[derive(Debug, thiserror::Error)]
#[error("closed without an answer")]
pub(super) struct Closed;

/// What a connection's timers must know.
struct Activity {
    last: Cell<SimTime>,
    running: Cell<bool>,
    requests: Cell<u32>,
    /// What holds for the place that the last request came to.
    settings: Cell<ClientSettings>,
}

/// Serves one connection to its end.
pub(super) async fn serve(balancer: Rc<Balancer>, worker: usize, site: usize, mut stream: TcpStream) {
    let process = &balancer.process;
    let site = &balancer.sites[site];
    let opened = process.now();
    let settings = balancer.blocks[site.default].client;
    if site.tls {
        match process.timeout(settings.header_timeout, accept_tls(&mut stream)).await {
            Ok(Ok(true)) => {}
            Ok(Ok(false) | Err(_)) | Err(_) => return,
        }
    }
    let client = stream.peer_addr();
    let client_text = balancer.address_text(client.ip());
    let ends = Ends { client, client_text, own: stream.local_addr().ip(), port: site.port, tls: site.tls };
    let activity = Activity {
        last: Cell::new(opened),
        running: Cell::new(false),
        requests: Cell::new(0),
        settings: Cell::new(settings),
    };
    let service = service_fn(|request| {
        activity.running.set(true);
        activity.requests.set(activity.requests.get() + 1);
        let (activity, balancer, ends) = (&activity, &balancer, ends.clone());
        async move {
            let result = handle(balancer, worker, site, ends, &activity.settings, request).await;
            activity.running.set(false);
            let now = process.now();
            activity.last.set(now);
            let keepalive = activity.settings.get().keepalive;
            let worn = keepalive.timeout.is_zero()
                || activity.requests.get() >= keepalive.requests
                || now.since(opened) >= keepalive.time;
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
            let settings = activity.settings.get();
            let limit = if is_new { settings.header_timeout } else { settings.keepalive.timeout };
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
            // The task's waker never changes, so a timer that waits needs no second look, unless it is too late;
            // one that ended before the deadline, which has moved on meanwhile, is set anew.
            if timer.as_ref().is_none_or(|(until, _)| *until <= now || *until > deadline) {
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
    balancer: &Rc<Balancer>,
    worker: usize,
    site: &Site,
    ends: Ends,
    settings: &Cell<ClientSettings>,
    request: hyper::Request<Incoming>,
) -> Result<Response<PassedBody>, Closed> {
    let (head, body) = request.into_parts();
    let Some(mut request) = Received::new(ends, head) else { return Ok(closing(400)) };
    let block = site.block(&request.host);
    let Block { name, answer: rule, client, .. } = &balancer.blocks[block];
    settings.set(*client);
    let place = Place { server_name: name, proxy_host: "" };
    if let Some(rule) = rule {
        return answer(rule, &request, place).ok_or(Closed);
    }
    let (action, client) = match balancer.blocks[block].route(&request.path) {
        Route::To(action, client) => (action, client),
        Route::AddSlash => {
            let mut address = format!("{}/", request.path);
            if let Some(query) = request.query() {
                address = format!("{address}?{query}");
            }
            return Ok(redirect(301, &address, &request, place));
        }
    };
    settings.set(client);
    let passing = match action {
        Action::Pass(passing) => passing,
        Action::Answer(rule) => return answer(rule, &request, place).ok_or(Closed),
        Action::Files if request.path.ends_with('/') => return Ok(error_page(403)),
        Action::Files => return Ok(error_page(404)),
    };
    if !body.is_end_stream() {
        request.body = match read_body(balancer, &client, body).await? {
            Ok(bytes) => bytes,
            Err(status) => return Ok(closing(status)),
        };
    }
    if passing.ignores_client_abort {
        return forward_apart(balancer, worker, block, request).await;
    }
    let upstream = &balancer.workers[worker].upstreams[passing.upstream];
    Ok(forward(&balancer.process, upstream, passing, &request, name).await)
}

/// Passes a request on in a task of its own, which outlives the client's connection.
async fn forward_apart(
    balancer: &Rc<Balancer>,
    worker: usize,
    block: usize,
    request: Received,
) -> Result<Response<PassedBody>, Closed> {
    let (sender, receiver) = oneshot::channel();
    let shared = Rc::clone(balancer);
    balancer.process.spawn(async move {
        let block = &shared.blocks[block];
        if let Route::To(Action::Pass(passing), _) = block.route(&request.path) {
            let upstream = &shared.workers[worker].upstreams[passing.upstream];
            // Nobody waits for it when the client is gone.
            let _ = sender.send(forward(&shared.process, upstream, passing, &request, &block.name).await);
        }
    });
    receiver.await.map_err(|_| Closed)
}

/// All of a request's body, which nginx reads before it asks a server, or the status that refuses it.
async fn read_body(
    balancer: &Balancer,
    client: &ClientSettings,
    mut body: Incoming,
) -> Result<Result<Bytes, u16>, Closed> {
    let is_too_long = |bytes: u64| client.body_bytes_max.is_some_and(|most| bytes > most);
    if is_too_long(body.size_hint().lower()) {
        return Ok(Err(413));
    }
    let mut all = BytesMut::new();
    while !body.is_end_stream() {
        let Ok(frame) = balancer.process.timeout(client.body_timeout, body.frame()).await else {
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
        if is_too_long(all.len() as u64) {
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
