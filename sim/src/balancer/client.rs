//! A client's connection: requests one after the other, until one side has had enough.

use std::future::poll_fn;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;

use bytes::Bytes;
use http::header::{CONNECTION, HeaderValue};
use tokio::sync::oneshot;

use super::Balancer;
use super::answer::{answer, error_page, redirect};
use super::forward::{Answer, forward};
use super::request::{Ends, Place, Received};
use super::routing::{Action, Block, Route, Site};
use crate::config::nginx::ClientSettings;
use crate::http::{IdleTimer, RequestHead, Response, ServerConnection, Whole};
use crate::network::TcpStream;

/// Headers of a server's answer that are not passed on: they are about its connection.
const NOT_PASSED: [&[u8]; 2] = [b"connection", b"keep-alive"];

/// The connection ends without an answer.
#[derive(Debug)]
struct Closed;

/// Serves one connection to its end.
pub(super) async fn serve(balancer: Rc<Balancer>, worker: usize, site: usize, stream: TcpStream) {
    let process = &balancer.process;
    let site = &balancer.sites[site];
    let opened = process.now();
    // What holds for the place that the last request came to.
    let mut settings = balancer.blocks[site.default].client;
    let (client, own) = (stream.peer_addr(), stream.local_addr().ip());
    let mut connection = ServerConnection::new(stream);
    let mut timer = IdleTimer::default();
    if site.tls {
        let mut accepting = pin!(connection.accept_tls());
        let accepted = poll_fn(|cx| {
            if let Poll::Ready(accepted) = accepting.as_mut().poll(cx) {
                return Poll::Ready(accepted.unwrap_or(false));
            }
            timer.poll(process, opened + settings.header_timeout, cx).map(|()| false)
        });
        if !accepted.await {
            return;
        }
    }
    let client_text = balancer.address_text(client.ip());
    let ends = Ends { client, client_text, own, port: site.port, tls: site.tls };
    let (mut last, mut requests) = (opened, 0);
    loop {
        let limit = if requests == 0 { settings.header_timeout } else { settings.keepalive.timeout };
        let head = poll_fn(|cx| {
            if let Poll::Ready(head) = connection.poll_head(cx) {
                return Poll::Ready(head);
            }
            if balancer.is_quitting() {
                return Poll::Ready(Ok(None));
            }
            timer.poll(process, last + limit, cx).map(|()| Ok(None))
        });
        // How a connection ended is its client's business: nginx only logs it.
        let head = match head.await {
            Ok(Some(head)) => head,
            Ok(None) => return,
            Err(error) => return drop(connection.refuse(error).await),
        };
        requests += 1;
        let handled =
            handle(&balancer, worker, site, ends.clone(), &mut settings, head, &mut connection).await;
        let Ok(answer) = handled else { return };
        last = process.now();
        let keepalive = settings.keepalive;
        let worn = keepalive.timeout.is_zero()
            || requests >= keepalive.requests
            || last.since(opened) >= keepalive.time;
        if worn {
            connection.close_after_answer();
        }
        let goes_on = match answer {
            Answer::Own(response) => connection.answer(&response).await,
            Answer::Passed { head, body, is_whole } => {
                let wanted = |name: &[u8]| !NOT_PASSED.iter().any(|own| own.eq_ignore_ascii_case(name));
                connection.pass_on(&head, &body, wanted).await.map(|goes_on| goes_on && is_whole)
            }
        };
        if !goes_on.unwrap_or(false) {
            return;
        }
    }
}

async fn handle(
    balancer: &Rc<Balancer>,
    worker: usize,
    site: &Site,
    ends: Ends,
    settings: &mut ClientSettings,
    head: Box<RequestHead>,
    connection: &mut ServerConnection,
) -> Result<Answer, Closed> {
    let own = |response| Ok(Answer::Own(response));
    let Some(mut request) = Received::new(ends, head) else { return own(closing(400)) };
    let block = site.block(&request.host);
    let Block { name, answer: rule, client, .. } = &balancer.blocks[block];
    *settings = *client;
    let place = Place { server_name: name, proxy_host: "" };
    if let Some(rule) = rule {
        return answer(rule, &request, place).map(Answer::Own).ok_or(Closed);
    }
    let (action, client) = match balancer.blocks[block].route(&request.path) {
        Route::To(action, client) => (action, client),
        Route::AddSlash => {
            let mut address = format!("{}/", request.path);
            if let Some(query) = request.query() {
                address = format!("{address}?{query}");
            }
            return own(redirect(301, &address, &request, place));
        }
    };
    *settings = client;
    let passing = match action {
        Action::Pass(passing) => passing,
        Action::Answer(rule) => return answer(rule, &request, place).map(Answer::Own).ok_or(Closed),
        Action::Files if request.path.ends_with('/') => return own(error_page(403)),
        Action::Files => return own(error_page(404)),
    };
    if connection.body_left() > 0 {
        request.body = match read_body(balancer, &client, connection).await? {
            Ok(bytes) => bytes,
            Err(status) => return own(closing(status)),
        };
    }
    if passing.ignores_client_abort {
        let apart = pin!(forward_apart(balancer, worker, block, request));
        return connection.while_open(apart).await.unwrap_or(Err(Closed));
    }
    let upstream = &balancer.workers[worker].upstreams[passing.upstream];
    let forwarded = pin!(forward(&balancer.process, upstream, passing, &request, name));
    connection.while_open(forwarded).await.ok_or(Closed)
}

/// Passes a request on in a task of its own, which outlives the client's connection.
async fn forward_apart(
    balancer: &Rc<Balancer>,
    worker: usize,
    block: usize,
    request: Received,
) -> Result<Answer, Closed> {
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
    connection: &mut ServerConnection,
) -> Result<Result<Bytes, u16>, Closed> {
    if client.body_bytes_max.is_some_and(|most| connection.body_left() > most) {
        return Ok(Err(413));
    }
    let mut whole = Whole::default();
    while connection.body_left() > 0 {
        let more = poll_fn(|cx| connection.poll_body(cx));
        let Ok(more) = balancer.process.timeout(client.body_timeout, more).await else { return Ok(Err(408)) };
        match more {
            Ok(Some(piece)) => whole.push(piece),
            Ok(None) => break,
            Err(_) => return Err(Closed),
        }
    }
    Ok(Ok(whole.into_bytes()))
}

/// An error after which nothing more is read from the client.
fn closing(status: u16) -> Response {
    error_page(status).with(CONNECTION, HeaderValue::from_static("close"))
}
