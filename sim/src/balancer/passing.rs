//! A location's `proxy_pass`: what is sent to a server of the group, and when another one is tried.

use std::borrow::Cow;
use std::time::Duration;

use ::http::{HeaderName, Method, Uri, Version};

use super::request::{Place, Received};
use super::uri;
use crate::config::nginx::{NextUpstream, Proxy, Template};
use crate::http::{self, Request, Scheme};

/// Headers of a client that are never passed on as they are (`ngx_http_proxy_headers`).
static NOT_PASSED: [&str; 8] =
    ["host", "connection", "keep-alive", "content-length", "transfer-encoding", "te", "expect", "upgrade"];

/// Compiled `proxy_*` settings of a location.
#[derive(Debug)]
pub(super) struct Passing {
    /// The group, by its place in the configuration.
    pub(super) upstream: usize,
    pub(super) scheme: Scheme,
    pub(super) connect_timeout: Duration,
    pub(super) read_timeout: Duration,
    pub(super) tries_max: u32,
    /// Whether the request goes on when its client is gone.
    pub(super) ignores_client_abort: bool,
    host: String,
    path: Option<String>,
    location_length: usize,
    /// Headers that are set here, each name once.
    headers: Vec<(HeaderName, Template)>,
    version: Version,
    next: NextUpstream,
    next_timeout: Duration,
}

/// Why an attempt did not bring an answer that is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trouble {
    Error,
    Timeout,
    InvalidHeader,
    Status(u16),
    /// nginx itself cannot go on: it has no file descriptor for a connection.
    OwnError,
}

impl Trouble {
    /// The status that the client gets when nobody else is tried.
    pub(super) fn status(self) -> u16 {
        match self {
            Trouble::Error | Trouble::InvalidHeader => 502,
            Trouble::OwnError => 500,
            Trouble::Timeout => 504,
            Trouble::Status(status) => status,
        }
    }
}

impl Passing {
    pub(super) fn new(proxy: &Proxy, location: &str) -> Self {
        let mut headers: Vec<(HeaderName, Template)> = Vec::new();
        for (name, template) in &proxy.headers {
            // A name that cannot stand in a header would be refused by every server: the parser says so.
            let Ok(name) = HeaderName::from_bytes(name.as_bytes()) else { continue };
            match headers.iter_mut().find(|(known, _)| *known == name) {
                Some((_, before)) => before.clone_from(template),
                None => headers.push((name, template.clone())),
            }
        }
        Self {
            upstream: proxy.upstream,
            scheme: if proxy.tls { Scheme::Https } else { Scheme::Http },
            connect_timeout: proxy.connect_timeout,
            read_timeout: proxy.read_timeout,
            tries_max: proxy.next_upstream_tries,
            ignores_client_abort: proxy.ignore_client_abort,
            host: proxy.host.clone(),
            path: proxy.path.clone(),
            location_length: location.len(),
            headers,
            version: if proxy.http_1_1 { Version::HTTP_11 } else { Version::HTTP_10 },
            next: proxy.next_upstream.clone(),
            next_timeout: proxy.next_upstream_timeout,
        }
    }

    /// The request as the servers of the group get it.
    pub(super) fn outgoing(&self, request: &Received, server_name: &str) -> Request {
        let place = Place { server_name, proxy_host: &self.host };
        let mut outgoing = Request::new(request.head.method.clone(), &self.target(request), self.version);
        for (name, value) in request.head.fields.iter().filter(|(name, _)| !self.replaces(name)) {
            outgoing.field(name, value);
        }
        for (name, template) in &self.headers {
            let value = request.expand(template, place);
            if !value.is_empty() && http::is_value(value.as_bytes()) {
                outgoing.field(name.as_str().as_bytes(), value.as_bytes());
            }
        }
        outgoing.end(&request.body);
        outgoing
    }

    /// Whether a client's header of this name is not passed on as it is.
    fn replaces(&self, name: &[u8]) -> bool {
        let set_here = self.headers.iter().map(|(name, _)| name.as_str());
        NOT_PASSED.into_iter().chain(set_here).any(|replaced| replaced.as_bytes().eq_ignore_ascii_case(name))
    }

    fn target<'a>(&self, request: &'a Received) -> Cow<'a, str> {
        match &self.path {
            None if request.head.target.scheme().is_none() => http::target(&request.head.target),
            None => request.request_uri().into(),
            Some(path) => {
                let rest = uri::escape(request.path.get(self.location_length..).unwrap_or(""));
                let (mark, query) = request.query().map_or(("", ""), |query| ("?", query));
                let text = format!("{path}{rest}{mark}{query}");
                // What came as a target still is one after a change of its path.
                if text.parse::<Uri>().is_ok() { text.into() } else { http::target(&request.head.target) }
            }
        }
    }

    /// Whether a status is passed over for another server's answer.
    pub(super) fn is_unwanted(&self, status: u16) -> bool {
        self.next.statuses.contains(&status)
    }

    /// Whether another server may be tried, as far as the trouble and the request go. `sent`: whether sending
    /// had begun.
    pub(super) fn may_pass_on(&self, trouble: Trouble, sent: bool, method: &Method, spent: Duration) -> bool {
        let wanted = match trouble {
            Trouble::Error => self.next.error,
            Trouble::OwnError => false,
            Trouble::Timeout => self.next.timeout,
            Trouble::InvalidHeader => self.next.invalid_header,
            Trouble::Status(status) => self.is_unwanted(status),
        };
        let not_idempotent = matches!(method.as_str(), "POST" | "LOCK" | "PATCH");
        let in_time = self.next_timeout.is_zero() || spent < self.next_timeout;
        wanted && in_time && (self.next.non_idempotent || !sent || !not_idempotent)
    }
}
