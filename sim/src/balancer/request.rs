//! A request as nginx sees it, and the variables that it gives.

use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;

use bytes::Bytes;
use http::Version;

use super::uri;
use crate::config::nginx::{Part, Template, Variable};
use crate::http::RequestHead;

/// The two ends of a client's connection.
#[derive(Debug, Clone)]
pub(super) struct Ends {
    pub(super) client: SocketAddr,
    /// The client's address as text.
    pub(super) client_text: Rc<str>,
    pub(super) own: IpAddr,
    pub(super) port: u16,
    pub(super) tls: bool,
}

/// A request whose host and path are understood.
#[derive(Debug)]
pub(super) struct Received {
    pub(super) ends: Ends,
    pub(super) head: Box<RequestHead>,
    /// The normalised path.
    pub(super) path: String,
    /// The host's name without its port, in lower case; empty when an HTTP/1.0 client gave none.
    pub(super) host: String,
    pub(super) body: Bytes,
}

/// What a template may ask of the place where it stands.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Place<'a> {
    pub(super) server_name: &'a str,
    pub(super) proxy_host: &'a str,
}

impl Received {
    /// Nothing when nginx answers 400.
    pub(super) fn new(ends: Ends, head: Box<RequestHead>) -> Option<Self> {
        let path = uri::normalise(head.target.path())?.into_owned();
        let host = match head.target.host() {
            Some(host) => valid_host(host)?,
            None => match head.fields.all("host").next() {
                Some(host) => valid_host(std::str::from_utf8(host).ok()?)?,
                None if head.version == Version::HTTP_11 => return None,
                None => String::new(),
            },
        };
        Some(Self { ends, head, path, host, body: Bytes::new() })
    }

    /// Path and query as they came.
    pub(super) fn request_uri(&self) -> &str {
        self.head.target.path_and_query().map_or("/", |target| target.as_str())
    }

    /// The query, without its `?`.
    pub(super) fn query(&self) -> Option<&str> {
        self.head.target.query()
    }

    pub(super) fn scheme(&self) -> &'static str {
        if self.ends.tls { "https" } else { "http" }
    }

    /// The template's text for this request.
    pub(super) fn expand<'a>(&'a self, template: &'a Template, place: Place<'a>) -> Cow<'a, str> {
        match template.parts.as_slice() {
            [] => Cow::Borrowed(""),
            [part] => self.part(part, place),
            parts => parts.iter().map(|part| self.part(part, place)).collect::<String>().into(),
        }
    }

    /// The text of one part of a template.
    pub(super) fn part<'a>(&'a self, part: &'a Part, place: Place<'a>) -> Cow<'a, str> {
        match part {
            Part::Text(text) => text.as_str().into(),
            Part::Variable(variable) => self.variable(variable, place),
        }
    }

    fn variable<'a>(&'a self, variable: &Variable, place: Place<'a>) -> Cow<'a, str> {
        match variable {
            Variable::Host if self.host.is_empty() => place.server_name.into(),
            Variable::Host => self.host.as_str().into(),
            Variable::Header(name) => self.header(name),
            Variable::RequestUri => self.request_uri().into(),
            Variable::Uri => self.path.as_str().into(),
            Variable::UriAfterSlash => self.path[1..].into(),
            Variable::Args => self.query().unwrap_or("").into(),
            Variable::IsArgs => {
                if self.query().is_some_and(|query| !query.is_empty()) { "?" } else { "" }.into()
            }
            Variable::Scheme => self.scheme().into(),
            Variable::ServerName => place.server_name.into(),
            Variable::ServerPort => self.ends.port.to_string().into(),
            Variable::ServerAddress => self.ends.own.to_string().into(),
            Variable::RemoteAddress => (&*self.ends.client_text).into(),
            Variable::RemotePort => self.ends.client.port().to_string().into(),
            Variable::RequestMethod => self.head.method.as_str().into(),
            Variable::ProxyHost => place.proxy_host.into(),
            Variable::ProxyPort => place.proxy_host.rsplit_once(':').map_or("", |(_, port)| port).into(),
            Variable::ProxyAddXForwardedFor => {
                let (before, client) = (self.header("x-forwarded-for"), &*self.ends.client_text);
                if before.is_empty() { client.into() } else { [&before, ", ", client].concat().into() }
            }
        }
    }

    /// `$http_NAME`: all values of the header, with `, ` between them.
    fn header(&self, name: &str) -> Cow<'_, str> {
        let mut values = self.head.fields.all(name).map(String::from_utf8_lossy);
        let Some(mut text) = values.next() else { return "".into() };
        for value in values {
            text = format!("{text}, {value}").into();
        }
        text
    }
}

/// The name in a `Host` header: without the port and a closing dot, in lower case. Nothing when nginx calls it
/// invalid.
fn valid_host(host: &str) -> Option<String> {
    let end = match host.strip_prefix('[') {
        Some(inside) => inside.find(']')? + 2,
        None => host.find(':').unwrap_or(host.len()),
    };
    let name = &host[..end];
    let name = name.strip_suffix('.').unwrap_or(name);
    let is_sound = |byte: u8| byte > b' ' && !matches!(byte, 0x7f | b'/' | b'\\');
    let is_valid = !name.is_empty()
        && !name.as_bytes().windows(2).any(|pair| pair == b"..")
        && name.bytes().all(is_sound);
    is_valid.then(|| name.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use http::Method;

    use super::*;

    fn received(host: &str, target: &str) -> Received {
        let fields = [("host", host), ("x-forwarded-for", "192.0.2.1")];
        let (method, target, version) = (Method::GET, target.parse().unwrap(), Version::HTTP_11);
        let head = RequestHead { method, target, version, fields: fields.into_iter().collect() };
        let ends = Ends {
            client: ([10, 0, 0, 9], 40000).into(),
            client_text: "10.0.0.9".into(),
            own: [10, 0, 0, 5].into(),
            port: 80,
            tls: false,
        };
        Received::new(ends, Box::new(head)).unwrap()
    }

    fn expand(request: &Received, variables: Vec<Variable>) -> String {
        let template = Template { parts: variables.into_iter().map(Part::Variable).collect() };
        let place = Place { server_name: "am.wso2.com", proxy_host: "gw:8243" };
        request.expand(&template, place).into_owned()
    }

    #[test]
    fn variables_are_what_the_request_gives() {
        let request = received("AM.wso2.com:80", "/a%20b/?x=1");
        for (variable, text) in [
            (Variable::Host, "am.wso2.com"),
            (Variable::Header("host".to_owned()), "AM.wso2.com:80"),
            (Variable::Header("x-none".to_owned()), ""),
            (Variable::RequestUri, "/a%20b/?x=1"),
            (Variable::Uri, "/a b/"),
            (Variable::UriAfterSlash, "a b/"),
            (Variable::Args, "x=1"),
            (Variable::IsArgs, "?"),
            (Variable::Scheme, "http"),
            (Variable::ServerName, "am.wso2.com"),
            (Variable::ServerPort, "80"),
            (Variable::ServerAddress, "10.0.0.5"),
            (Variable::RemoteAddress, "10.0.0.9"),
            (Variable::RemotePort, "40000"),
            (Variable::RequestMethod, "GET"),
            (Variable::ProxyHost, "gw:8243"),
            (Variable::ProxyPort, "8243"),
            (Variable::ProxyAddXForwardedFor, "192.0.2.1, 10.0.0.9"),
        ] {
            assert_eq!(expand(&request, vec![variable.clone()]), text, "{variable:?}");
        }
        assert_eq!(expand(&request, vec![Variable::Scheme, Variable::Host]), "httpam.wso2.com");
    }

    #[test]
    fn a_host_that_nginx_calls_invalid_is_refused() {
        for host in ["a/b", "", ".", ":80", "a..b", "[::1"] {
            assert_eq!(valid_host(host), None, "{host}");
        }
        assert_eq!(valid_host("[::1]:80").as_deref(), Some("[::1]"));
        assert_eq!(valid_host("a.b.").as_deref(), Some("a.b"));
    }
}
