//! Answers that nginx gives by itself: redirects, texts and error pages.

use http::StatusCode;
use http::header::{CONTENT_TYPE, HeaderValue, LOCATION};

use super::request::{Place, Received};
use super::uri;
use crate::config::nginx::{Answer, Part, Template, Variable};
use crate::http::Response;

/// `return 444` closes the connection without an answer.
const NO_ANSWER: u16 = 444;

/// What `return` and `rewrite` say; none when the connection is to be closed without a word.
pub(super) fn answer(rule: &Answer, request: &Received, place: Place<'_>) -> Option<Response> {
    if rule.status == NO_ANSWER {
        return None;
    }
    let Some(template) = &rule.text else { return Some(error_page(rule.status)) };
    if !is_redirect(rule.status) {
        let text = request.expand(template, place).into_owned();
        let plain = HeaderValue::from_static("text/plain");
        return Some(Response::new(status(rule.status), text).with(CONTENT_TYPE, plain));
    }
    let mut address = expand_address(template, request, place);
    if let Some(query) = request.query().filter(|query| rule.add_query && !query.is_empty()) {
        address.push(if address.contains('?') { '&' } else { '?' });
        address.push_str(query);
    }
    Some(redirect(rule.status, &address, request, place))
}

/// A redirect to an address, which becomes absolute when it is a path (`absolute_redirect` is on by default).
pub(super) fn redirect(code: u16, address: &str, request: &Received, place: Place<'_>) -> Response {
    let absolute = if address.starts_with('/') {
        let host = if request.host.is_empty() { place.server_name } else { &request.host };
        let default_port = if request.ends.tls { 443 } else { 80 };
        let port =
            if request.ends.port == default_port { String::new() } else { format!(":{}", request.ends.port) };
        format!("{}://{host}{port}{address}", request.scheme())
    } else {
        address.to_owned()
    };
    let page = error_page(code);
    match HeaderValue::from_str(&absolute) {
        Ok(location) => page.with(LOCATION, location),
        Err(_) => page,
    }
}

/// nginx's own page for a status.
pub(super) fn error_page(code: u16) -> Response {
    let status = status(code);
    let title = match code {
        302 => "302 Found".to_owned(),
        413 => "413 Request Entity Too Large".to_owned(),
        503 => "503 Service Temporarily Unavailable".to_owned(),
        504 => "504 Gateway Time-out".to_owned(),
        _ => format!("{code} {}", status.canonical_reason().unwrap_or("")).trim_end().to_owned(),
    };
    let has_page = code >= 300 && code != 304;
    let page = if has_page {
        format!(
            "<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1></center>\r\n\
             <hr><center>nginx/1.22.1</center>\r\n</body>\r\n</html>\r\n"
        )
    } else {
        String::new()
    };
    let response = Response::new(status, page);
    match has_page {
        true => response.with(CONTENT_TYPE, HeaderValue::from_static("text/html")),
        false => response,
    }
}

fn is_redirect(code: u16) -> bool {
    matches!(code, 301 | 302 | 303 | 307 | 308)
}

fn status(code: u16) -> StatusCode {
    StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// An address to go to. What a regular expression captured from the decoded path is escaped again.
fn expand_address(template: &Template, request: &Received, place: Place<'_>) -> String {
    let mut address = String::new();
    for part in &template.parts {
        match part {
            Part::Variable(Variable::UriAfterSlash) => address.push_str(&uri::escape(&request.path[1..])),
            other => address.push_str(&request.part(other, place)),
        }
    }
    address
}
