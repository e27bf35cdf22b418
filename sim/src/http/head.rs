//! Heads of messages, written and parsed.

use std::borrow::Cow;
use std::io::Write as _;
use std::mem::MaybeUninit;

use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_LENGTH, HeaderName, HeaderValue, TRANSFER_ENCODING};
use http::{HeaderMap, Method, Request, Response, StatusCode, Uri, Version};

use super::Error;

/// As hyper's.
const HEADERS_MAX: usize = 100;
/// As hyper's buffer.
pub(super) const HEAD_BYTES_MAX: usize = 8192 + 4096 * 100;
/// A head, and what it says of what follows.
#[derive(Debug)]
pub(super) struct Head<T> {
    pub(super) head: T,
    /// The length of its body in bytes.
    pub(super) body: u64,
    /// Whether its sender goes on with the connection.
    pub(super) keeps: bool,
    /// How many bytes the head took.
    pub(super) bytes: usize,
}

type Fields<'a> = [MaybeUninit<httparse::Header<'a>>; HEADERS_MAX];

/// A request's head at the beginning of `bytes`; none when it is not complete.
pub(super) fn parse_request(bytes: &Bytes) -> Result<Option<Head<Request<()>>>, Error> {
    let mut fields: Fields<'_> = [const { MaybeUninit::uninit() }; HEADERS_MAX];
    let mut parsed = httparse::Request::new(&mut []);
    let status = parsed.parse_with_uninit_headers(bytes, &mut fields).map_err(invalid)?;
    let httparse::Status::Complete(length) = status else { return Ok(None) };
    let path = parsed.path.expect("it is complete").as_bytes();
    let mut head = Request::new(());
    *head.method_mut() = Method::from_bytes(parsed.method.expect("it is complete").as_bytes())
        .map_err(|_| Error::Invalid("invalid HTTP method parsed"))?;
    *head.uri_mut() =
        Uri::from_maybe_shared(bytes.slice_ref(path)).map_err(|_| Error::Invalid("invalid URI"))?;
    *head.version_mut() = version(parsed.version);
    let framing = take_fields(bytes, parsed.headers, head.version(), head.headers_mut())?;
    Ok(Some(Head { head, body: framing.length.stated()?.unwrap_or(0), keeps: framing.keeps, bytes: length }))
}

/// The head of the answer at the beginning of `bytes`, to a request of this method; none when it is not complete.
/// What interim answers (RFC 9110, 15.2) announce comes later: they are passed over.
pub(super) fn parse_response(bytes: &Bytes, method: &Method) -> Result<Option<Head<Response<()>>>, Error> {
    let mut passed_over = 0;
    while let Some(mut parsed) = parse_one_response(&bytes.slice(passed_over..), method)? {
        parsed.bytes += passed_over;
        match parsed.head.status() {
            StatusCode::SWITCHING_PROTOCOLS => return Err(Error::Invalid("another protocol than HTTP/1.1")),
            status if status.is_informational() => passed_over = parsed.bytes,
            _ => return Ok(Some(parsed)),
        }
    }
    Ok(None)
}

fn parse_one_response(bytes: &Bytes, method: &Method) -> Result<Option<Head<Response<()>>>, Error> {
    let mut fields: Fields<'_> = [const { MaybeUninit::uninit() }; HEADERS_MAX];
    let mut parsed = httparse::Response::new(&mut []);
    let config = httparse::ParserConfig::default();
    let status =
        config.parse_response_with_uninit_headers(&mut parsed, bytes, &mut fields).map_err(invalid)?;
    let httparse::Status::Complete(length) = status else { return Ok(None) };
    let mut head = Response::new(());
    *head.status_mut() = StatusCode::from_u16(parsed.code.expect("it is complete"))
        .map_err(|_| Error::Invalid("invalid HTTP status-code parsed"))?;
    *head.version_mut() = version(parsed.version);
    let framing = take_fields(bytes, parsed.headers, head.version(), head.headers_mut())?;
    let is_empty = *method == Method::HEAD || !has_body(head.status());
    let body = match is_empty {
        true => 0,
        false => framing.length.stated()?.ok_or(Error::Invalid("an answer without its length"))?,
    };
    Ok(Some(Head { head, body, keeps: framing.keeps, bytes: length }))
}

fn version(minor: Option<u8>) -> Version {
    if minor == Some(0) { Version::HTTP_10 } else { Version::HTTP_11 }
}

fn invalid(error: httparse::Error) -> Error {
    Error::Invalid(match error {
        httparse::Error::TooManyHeaders => return Error::TooLarge,
        httparse::Error::Status => "invalid HTTP status-code parsed",
        httparse::Error::Token => "invalid HTTP method or URI parsed",
        httparse::Error::Version => "invalid HTTP version parsed",
        httparse::Error::HeaderName | httparse::Error::HeaderValue | httparse::Error::NewLine => {
            "invalid HTTP header parsed"
        }
    })
}

/// What a head's fields say of its body and its connection.
struct Framing {
    length: Length,
    keeps: bool,
}

/// What a head states of its body's length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Length {
    Unstated,
    Bytes(u64),
    /// No number, or several.
    Nonsense,
}

impl Length {
    fn stated(self) -> Result<Option<u64>, Error> {
        match self {
            Length::Unstated => Ok(None),
            Length::Bytes(bytes) => Ok(Some(bytes)),
            Length::Nonsense => Err(Error::Invalid("invalid content-length parsed")),
        }
    }

    /// It is stated once more.
    fn and(self, value: &HeaderValue) -> Self {
        match (self, content_length(value)) {
            (Length::Unstated, Some(bytes)) => Length::Bytes(bytes),
            (Length::Bytes(before), Some(bytes)) if before == bytes => self,
            _ => Length::Nonsense,
        }
    }
}

/// Puts the fields, whose text lies in `bytes`, into `headers`.
fn take_fields(
    bytes: &Bytes,
    fields: &[httparse::Header<'_>],
    version: Version,
    headers: &mut HeaderMap,
) -> Result<Framing, Error> {
    headers.reserve(fields.len());
    let mut framing = Framing { length: Length::Unstated, keeps: version == Version::HTTP_11 };
    let mut closes = false;
    for field in fields {
        const FIELD: Error = Error::Invalid("invalid HTTP header parsed");
        let name = HeaderName::from_bytes(field.name.as_bytes()).map_err(|_| FIELD)?;
        let value = HeaderValue::from_maybe_shared(bytes.slice_ref(field.value)).map_err(|_| FIELD)?;
        match name {
            TRANSFER_ENCODING => return Err(Error::Invalid("unexpected transfer-encoding parsed")),
            CONTENT_LENGTH => {
                let is_said_again = framing.length != Length::Unstated;
                framing.length = framing.length.and(&value);
                if is_said_again {
                    continue;
                }
            }
            CONNECTION => {
                closes |= lists(&value, "close");
                framing.keeps = !closes && (framing.keeps || lists(&value, "keep-alive"));
            }
            _ => {}
        }
        headers.append(name, value);
    }
    Ok(framing)
}

fn content_length(value: &HeaderValue) -> Option<u64> {
    let text = value.to_str().ok()?;
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

/// Whether a list of words holds this one.
fn lists(value: &HeaderValue, word: &str) -> bool {
    let text = value.to_str().unwrap_or("");
    text.split(',').any(|listed| listed.trim().eq_ignore_ascii_case(word))
}

/// Whether an answer with this status has a body, and may state its length.
fn has_body(status: StatusCode) -> bool {
    !status.is_informational() && !matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
}

/// A request as it is sent, and whether its connection may carry another one.
pub(super) fn write_request(request: &Request<Bytes>) -> (Vec<u8>, bool) {
    let (headers, body, target) = (request.headers(), request.body(), request.uri());
    let has_path_alone = target.scheme().is_none() && target.authority().is_none();
    let target = match target.path_and_query() {
        Some(path) if has_path_alone => Cow::Borrowed(path.as_str()),
        _ => target.to_string().into(),
    };
    let mut out = Vec::with_capacity(BEGINNING_BYTES + target.len() + fields_bytes(headers) + body.len());
    let version = if request.version() == Version::HTTP_10 { " HTTP/1.0\r\n" } else { " HTTP/1.1\r\n" };
    for piece in [request.method().as_str(), " ", &*target, version] {
        out.extend_from_slice(piece.as_bytes());
    }
    for (name, value) in headers {
        write_field(&mut out, name, value.as_bytes());
    }
    if !body.is_empty() && !headers.contains_key(CONTENT_LENGTH) {
        write_length(&mut out, body.len());
    }
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(body);
    (out, !headers.get_all(CONNECTION).iter().any(|value| lists(value, "close")))
}

/// What a server knows of the request that it answers.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub(super) method: Method,
    pub(super) version: Version,
    /// Whether the client goes on with the connection.
    pub(super) keeps: bool,
}

/// An answer as it is sent, and whether the connection may carry another one.
pub(super) fn write_response(response: &Response<Bytes>, asked: &Asked) -> (Vec<u8>, bool) {
    let (status, headers, body) = (response.status(), response.headers(), response.body());
    let (mut connection, keeps) = connection(headers, asked);
    let is_head = asked.method == Method::HEAD;
    let mut out = Vec::with_capacity(BEGINNING_BYTES + fields_bytes(headers) + body.len());
    let version = if asked.version == Version::HTTP_10 { "HTTP/1.0 " } else { "HTTP/1.1 " };
    for piece in [version, status.as_str(), " ", status.canonical_reason().unwrap_or("<none>"), "\r\n"] {
        out.extend_from_slice(piece.as_bytes());
    }
    for (name, value) in headers {
        if *name != CONNECTION {
            write_field(&mut out, name, value.as_bytes());
        } else if let Some(list) = connection.take() {
            // However many there were, it is one list in one line.
            write_field(&mut out, name, &list);
        }
    }
    if let Some(list) = connection {
        write_field(&mut out, &CONNECTION, &list);
    }
    if has_body(status) && !headers.contains_key(CONTENT_LENGTH) && !(is_head && body.is_empty()) {
        write_length(&mut out, body.len());
    }
    out.extend_from_slice(b"\r\n");
    if has_body(status) && !is_head {
        out.extend_from_slice(body);
    }
    (out, keeps)
}

/// What an answer with these headers says of its connection, with what the client must hear beside, and whether it is
/// kept.
fn connection(headers: &HeaderMap, asked: &Asked) -> (Option<Vec<u8>>, bool) {
    let (mut list, mut closes, mut keeps) = (None, false, false);
    for value in headers.get_all(CONNECTION) {
        add_to(&mut list, value.as_bytes());
        closes |= lists(value, "close");
        keeps |= lists(value, "keep-alive");
    }
    // Who speaks HTTP/1.0 takes silence for the end, who speaks HTTP/1.1 takes it for more.
    let is_old = asked.version == Version::HTTP_10;
    if is_old && asked.keeps && !keeps {
        add_to(&mut list, b"keep-alive");
    } else if !is_old && !asked.keeps && !closes {
        add_to(&mut list, b"close");
    }
    (list, asked.keeps && !closes)
}

fn add_to(list: &mut Option<Vec<u8>>, words: &[u8]) {
    match list {
        Some(list) => list.extend([b", ", words].concat()),
        None => *list = Some(words.to_vec()),
    }
}

/// Room for the first line and the length.
const BEGINNING_BYTES: usize = 80;

/// How many bytes all fields take, or a few more.
fn fields_bytes(headers: &HeaderMap) -> usize {
    headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum()
}

fn write_field(out: &mut Vec<u8>, name: &HeaderName, value: &[u8]) {
    for piece in [name.as_str().as_bytes(), b": ", value, b"\r\n"] {
        out.extend_from_slice(piece);
    }
}

fn write_length(out: &mut Vec<u8>, bytes: usize) {
    // Writing to memory cannot fail.
    let _ = write!(out, "{CONTENT_LENGTH}: {bytes}\r\n");
}
