//! Passing a request on: choose a server, ask it, and try the next one where nginx would.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;

use bytes::Bytes;
use harness::time::SimTime;
use harness::trace::event::{CLIENT_GONE, NO_DESCRIPTOR};
use harness::trace::{EventKind, NodeName};

use super::answer::error_page;
use super::passing::{Passing, Trouble};
use super::peers::{Group, PeerId, Release, Selection};
use super::pool::{Link, Pool};
use super::request::Received;
use crate::http::{Connection, Request, Response, ResponseHead, Whole, root_cause};
use crate::process::{EMFILE, Process};

const NANOS_A_SECOND: i64 = 1_000_000_000;

/// An upstream group as every worker process knows it from the configuration.
#[derive(Debug)]
pub(super) struct Members {
    pub(super) name: Arc<str>,
    pub(super) primary: Vec<(SocketAddr, NodeName)>,
    pub(super) backup: Vec<(SocketAddr, NodeName)>,
}

impl Members {
    fn get(&self, id: PeerId) -> &(SocketAddr, NodeName) {
        if id.backup { &self.backup[id.index] } else { &self.primary[id.index] }
    }
}

/// An upstream group as one worker process sees it.
#[derive(Debug)]
pub(super) struct Upstream {
    pub(super) members: Rc<Members>,
    pub(super) group: Rc<RefCell<Group>>,
    pub(super) pool: RefCell<Pool>,
}

/// What stood in the way of an answer.
#[derive(Debug)]
struct Failure {
    trouble: Trouble,
    /// In words; empty when a status says it all.
    error: Arc<str>,
    /// Whether sending had begun.
    sent: bool,
    /// Whether the connection had been kept from an earlier request.
    reused: bool,
}

/// A client's answer.
#[derive(Debug)]
pub(super) enum Answer {
    /// One of nginx's own.
    Own(Response),
    /// A server's.
    Passed {
        head: Box<ResponseHead>,
        body: Bytes,
        /// Whether the body is all that the head announces. The client sees the connection close in the middle of an
        /// answer that is not.
        is_whole: bool,
    },
}

/// Asks the servers of the location's group, one after the other where that is allowed, and gives the client's
/// answer. Dropping the future aborts the request at the server, as nginx does when its client goes away.
pub(super) async fn forward(
    process: &Process,
    upstream: &Upstream,
    passing: &Passing,
    request: &Received,
    server_name: &str,
) -> Answer {
    let started = process.now();
    let selection = upstream.group.borrow().begin(request.ends.client.ip(), passing.tries_max);
    let mut turn = Turn { process, upstream, selection, current: None };
    if !turn.next() {
        turn.record_no_live();
        return Answer::Own(error_page(502));
    }
    loop {
        let server = turn.server();
        let outgoing = || passing.outgoing(request, server_name);
        let failure = match exchange(process, upstream, passing, server, outgoing).await {
            Ok((link, response)) => {
                let status = response.status.as_u16();
                let trouble = Trouble::Status(status);
                let spent = process.now().since(started);
                let passed_over = passing.is_unwanted(status)
                    && turn.selection.tries > 1
                    && passing.may_pass_on(trouble, true, &request.head.method, spent);
                if !passed_over {
                    return receive(&mut turn, passing, link, response).await;
                }
                Failure { trouble, error: "".into(), sent: true, reused: false }
            }
            Err(failure) => failure,
        };
        let spent = process.now().since(started);
        let marked = turn.fail(&failure);
        let may_go_on = turn.selection.tries > 0
            && passing.may_pass_on(failure.trouble, failure.sent, &request.head.method, spent);
        let failed = turn.current.take().expect("a server was being asked");
        let goes_on = may_go_on && turn.next();
        turn.record_tried(&failed, failure.trouble, failure.error, goes_on);
        if let Some(until) = marked {
            turn.record_marked(failed.id, until);
        }
        if !goes_on && may_go_on {
            turn.record_no_live();
            return Answer::Own(error_page(502));
        }
        if !goes_on {
            return Answer::Own(error_page(failure.trouble.status()));
        }
    }
}

/// One attempt, up to the head of the answer.
async fn exchange(
    process: &Process,
    upstream: &Upstream,
    passing: &Passing,
    server: SocketAddr,
    outgoing: impl FnOnce() -> Request,
) -> Result<(Link, Box<ResponseHead>), Failure> {
    let kept = upstream.pool.borrow_mut().take(server, passing.scheme, process.now());
    let mut link = match kept {
        Some(link) => link,
        None => connect(process, passing, server).await?,
    };
    let reused = link.is_reused();
    let failure = |trouble, error: Arc<str>| Failure { trouble, error, sent: true, reused };
    match process.timeout(passing.read_timeout, link.connection.send(outgoing())).await {
        Ok(Ok(response)) => Ok((link, response)),
        Ok(Err(error)) => {
            let trouble = if error.is_parse() { Trouble::InvalidHeader } else { Trouble::Error };
            Err(failure(trouble, root_cause(&error).into()))
        }
        Err(_) => Err(failure(Trouble::Timeout, "timed out while reading the response header".into())),
    }
}

async fn connect(process: &Process, passing: &Passing, server: SocketAddr) -> Result<Link, Failure> {
    let failure = |trouble, error: Arc<str>| Failure { trouble, error, sent: false, reused: false };
    // Pinned here, since it is large and would be moved about.
    let connecting = pin!(Connection::open(process, server, passing.scheme));
    match process.timeout(passing.connect_timeout, connecting).await {
        Ok(Ok(connection)) => Ok(Link::new(connection, server, passing.scheme, process.now())),
        Ok(Err(error)) if error.raw_os_error() == Some(EMFILE) => {
            process.log("[alert] socket() failed (24: Too many open files) while connecting to upstream");
            Err(failure(Trouble::OwnError, NO_DESCRIPTOR.into()))
        }
        Ok(Err(error)) if error.kind() == std::io::ErrorKind::TimedOut => {
            // ETIMEDOUT from the kernel is an error of connect(2), not a timer of nginx's.
            Err(failure(Trouble::Error, "connection timed out".into()))
        }
        Ok(Err(error)) => Err(failure(Trouble::Error, root_cause(&error).into())),
        Err(_) => Err(failure(Trouble::Timeout, "timed out while connecting".into())),
    }
}

/// Reads the body and makes the client's answer. Small answers leave nginx's buffers only when they are
/// complete, or when the server breaks off; so the client gets what came, then.
async fn receive(turn: &mut Turn<'_>, passing: &Passing, mut link: Link, head: Box<ResponseHead>) -> Answer {
    let process = turn.process;
    let (body, broken) = collect(process, passing, &mut link.connection).await;
    turn.finish(head.status.as_u16(), broken.clone().unwrap_or_default());
    let is_whole = broken.is_none();
    if is_whole {
        turn.upstream.pool.borrow_mut().put(process, link);
    }
    Answer::Passed { head, body, is_whole }
}

/// All that comes of a body, and why it is not all.
async fn collect(
    process: &Process,
    passing: &Passing,
    connection: &mut Connection,
) -> (Bytes, Option<Arc<str>>) {
    let mut whole = Whole::default();
    let broken = loop {
        if connection.body_left() == 0 {
            break None;
        }
        match process.timeout(passing.read_timeout, connection.more()).await {
            Ok(Ok(Some(piece))) => whole.push(piece),
            Ok(Ok(None)) => break None,
            Ok(Err(error)) => break Some(root_cause(&error).into()),
            Err(_) => break Some("timed out while reading the response body".into()),
        }
    };
    (whole.into_bytes(), broken)
}

/// A request's way through its group. It gives the server back whatever happens, also when the client goes away
/// and the future is dropped.
struct Turn<'a> {
    process: &'a Process,
    upstream: &'a Upstream,
    selection: Selection,
    current: Option<Attempt>,
}

#[derive(Debug, Clone, Copy)]
struct Attempt {
    id: PeerId,
    started: SimTime,
}

impl Turn<'_> {
    /// Chooses the next server, if a live one is left.
    fn next(&mut self) -> bool {
        let now_s = self.now_s();
        let id = self.upstream.group.borrow_mut().choose(&mut self.selection, now_s);
        self.current = id.map(|id| Attempt { id, started: self.process.now() });
        self.current.is_some()
    }

    fn server(&self) -> SocketAddr {
        self.upstream.members.get(self.current.expect("a server was chosen").id).0
    }

    /// The attempt brought an answer, or a part of one.
    fn finish(&mut self, status: u16, error: Arc<str>) {
        let Some(attempt) = self.current.take() else { return };
        self.release(attempt.id, Release::Fine);
        self.record(&attempt, Some(status), error, false);
    }

    /// Gives the server back as failed; until when it is left out, if it now is.
    fn fail(&mut self, failure: &Failure) -> Option<SimTime> {
        let id = self.current.expect("a server was being asked").id;
        let how = match failure.trouble {
            Trouble::Status(403 | 404) => Release::Unwanted,
            // The server has done nothing wrong.
            Trouble::OwnError => Release::Fine,
            _ => Release::Failed,
        };
        let until_s = self.release(id, how);
        if failure.reused && failure.trouble == Trouble::Error {
            // A kept connection that the server has closed costs no try.
            self.selection.tries += 1;
        }
        let until_ns = until_s?.saturating_mul(NANOS_A_SECOND);
        Some(self.process.host().clock().moment_of(until_ns, self.process.now()))
    }

    fn release(&mut self, id: PeerId, how: Release) -> Option<i64> {
        let now_s = self.now_s();
        self.upstream.group.borrow_mut().release(&mut self.selection, id, how, now_s)
    }

    fn now_s(&self) -> i64 {
        self.process.host().unix_ns().div_euclid(NANOS_A_SECOND)
    }

    fn record_tried(&self, attempt: &Attempt, trouble: Trouble, error: Arc<str>, retried: bool) {
        let status = if let Trouble::Status(status) = trouble { Some(status) } else { None };
        self.record(attempt, status, error, retried);
    }

    fn record(&self, attempt: &Attempt, status: Option<u16>, error: Arc<str>, retried: bool) {
        let members = &self.upstream.members;
        self.process.record(EventKind::UpstreamTried {
            upstream: members.name.clone(),
            peer: members.get(attempt.id).1.clone(),
            started: attempt.started,
            status,
            error,
            retried,
        });
    }

    fn record_marked(&self, id: PeerId, until: SimTime) {
        let members = &self.upstream.members;
        let (upstream, peer) = (members.name.clone(), members.get(id).1.clone());
        self.process.record(EventKind::PeerMarkedDown { upstream, peer, until });
    }

    fn record_no_live(&self) {
        self.process.record(EventKind::NoLiveUpstreams { upstream: self.upstream.members.name.clone() });
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let Some(attempt) = self.current.take() else { return };
        self.release(attempt.id, Release::Fine);
        if self.process.is_alive() {
            self.record(&attempt, None, CLIENT_GONE.into(), false);
        }
    }
}
