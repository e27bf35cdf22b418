//! A location's `proxy_pass`: what is sent to a server of the group, and when another one is tried.

use std::time::Duration;

use http::header::{
    CONNECTION, CONTENT_LENGTH, EXPECT, HOST, HeaderName, HeaderValue, TE, TRANSFER_ENCODING, UPGRADE,
};
use http::{HeaderMap, Method, Uri, Version};

use super::request::{Place, Received};
use super::uri;
use crate::config::nginx::{NextUpstream, Part, Proxy, Template};
use crate::http::{Request, Scheme};

/// Headers of a client that are never passed on as they are (`ngx_http_proxy_headers`).
static NOT_PASSED: [HeaderName; 8] = [
    HOST,
    CONNECTION,
    HeaderName::from_static("keep-alive"),
    CONTENT_LENGTH,
    TRANSFER_ENCODING,
    TE,
    EXPECT,
    UPGRADE,
];

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
    headers: Vec<(HeaderName, Header)>,
    /// Headers of a client that are not passed on as they are: nginx's own list and those that are set here.
    replaced: Vec<HeaderName>,
    version: Version,
    next: NextUpstream,
    next_timeout: Duration,
}

#[derive(Debug)]
enum Header {
    Fixed(HeaderValue),
    Template(Template),
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
        let headers = proxy.headers.iter().filter_map(|(name, template)| {
            // A name that cannot stand in a header would be refused by every server: the parser says so.
            let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
            let fixed = match template.parts.as_slice() {
                [] => Some(HeaderValue::from_static("")),
                [Part::Text(text)] => HeaderValue::from_str(text).ok(),
                _ => None,
            };
            Some((name, fixed.map_or_else(|| Header::Template(template.clone()), Header::Fixed)))
        });
        let headers: Vec<_> = headers.collect();
        let set_here = headers.iter().map(|(name, _)| name);
        let replaced = NOT_PASSED.iter().chain(set_here).cloned().collect();
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
            replaced,
            version: if proxy.http_1_1 { Version::HTTP_11 } else { Version::HTTP_10 },
            next: proxy.next_upstream.clone(),
            next_timeout: proxy.next_upstream_timeout,
        }
    }

    /// The request as the servers of the group get it.
    pub(super) fn outgoing(&self, request: &Received, server_name: &str) -> Request {
        let place = Place { server_name, proxy_host: &self.host };
        let mut outgoing = Request::new(request.body.clone());
        *outgoing.method_mut() = request.method.clone();
        *outgoing.uri_mut() = self.target(request);
        *outgoing.version_mut() = self.version;
        let mut headers = HeaderMap::with_capacity(request.headers.len() + self.headers.len());
        for (name, value) in request.headers.iter().filter(|(name, _)| !self.replaced.contains(name)) {
            headers.append(name, value.clone());
        }
        for (name, value) in &self.headers {
            let value = match value {
                Header::Fixed(value) => Some(value.clone()),
                Header::Template(template) => {
                    HeaderValue::from_maybe_shared(request.expand(template, place).into_owned().into_bytes())
                        .ok()
                }
            };
            match value.filter(|value| !value.is_empty()) {
                Some(value) => headers.insert(name.clone(), value),
                None => headers.remove(name),
            };
        }
        *outgoing.headers_mut() = headers;
        outgoing
    }

    fn target(&self, request: &Received) -> Uri {
        let text = match &self.path {
            None if request.target.scheme().is_none() => return request.target.clone(),
            None => request.request_uri().to_owned(),
            Some(path) => {
                let rest = uri::escape(request.path.get(self.location_length..).unwrap_or(""));
                let (mark, query) = request.query().map_or(("", ""), |query| ("?", query));
                format!("{path}{rest}{mark}{query}")
            }
        };
        // What came as a target still is one after a change of its path.
        text.parse().unwrap_or_else(|_| request.target.clone())
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
