//! Heads of messages, written and parsed.

use std::borrow::Cow;
use std::mem::MaybeUninit;

use bytes::Bytes;
use http::{Method, StatusCode, Uri, Version};

use super::Error;
use super::fields::Fields;

const CONNECTION: &str = "connection";
const CONTENT_LENGTH: &str = "content-length";
const TRANSFER_ENCODING: &str = "transfer-encoding";

/// As hyper's.
const HEADERS_MAX: usize = 100;
/// As hyper's buffer.
pub(super) const HEAD_BYTES_MAX: usize = 8192 + 4096 * 100;

/// A request's head.
#[derive(Debug, Clone)]
pub struct RequestHead {
    /// Its method.
    pub method: Method,
    /// Its target.
    pub target: Uri,
    /// Its version.
    pub version: Version,
    /// Its fields.
    pub fields: Fields,
}

/// An answer's head.
#[derive(Debug, Clone)]
pub struct ResponseHead {
    /// Its status.
    pub status: StatusCode,
    /// Its version.
    pub version: Version,
    /// Its fields.
    pub fields: Fields,
}

/// A head, and what it says of what follows.
#[derive(Debug)]
pub(super) struct Parsed<T> {
    pub(super) head: T,
    /// The length of its body in bytes.
    pub(super) body: u64,
    /// Whether its sender goes on with the connection.
    pub(super) keeps: bool,
    /// How many bytes the head took.
    pub(super) bytes: usize,
}

type Room<'a> = [MaybeUninit<httparse::Header<'a>>; HEADERS_MAX];

/// A request's head at the beginning of `bytes`; none when it is not complete.
pub(super) fn parse_request(bytes: &Bytes) -> Result<Option<Parsed<Box<RequestHead>>>, Error> {
    let mut room: Room<'_> = [const { MaybeUninit::uninit() }; HEADERS_MAX];
    let mut parsed = httparse::Request::new(&mut []);
    let status = parsed.parse_with_uninit_headers(bytes, &mut room).map_err(invalid)?;
    let httparse::Status::Complete(length) = status else { return Ok(None) };
    let path = parsed.path.expect("it is complete").as_bytes();
    let method = Method::from_bytes(parsed.method.expect("it is complete").as_bytes())
        .map_err(|_| Error::Invalid("invalid HTTP method parsed"))?;
    let target = Uri::from_maybe_shared(bytes.slice_ref(path)).map_err(|_| Error::Invalid("invalid URI"))?;
    let version = version(parsed.version);
    let Framing { length: body, keeps } = framing(parsed.headers, version)?;
    let fields = Fields::new(bytes, parsed.headers.iter());
    // In a box, since it is handed on often.
    let head = Box::new(RequestHead { method, target, version, fields });
    Ok(Some(Parsed { head, body: body.stated()?.unwrap_or(0), keeps, bytes: length }))
}

/// The head of the answer at the beginning of `bytes`, to a request of this method; none when it is not complete.
/// What interim answers (RFC 9110, 15.2) announce comes later: they are passed over.
pub(super) fn parse_response(
    bytes: &Bytes,
    method: &Method,
) -> Result<Option<Parsed<Box<ResponseHead>>>, Error> {
    let mut passed_over = 0;
    while let Some(mut parsed) = parse_one_response(bytes, passed_over, method)? {
        parsed.bytes += passed_over;
        match parsed.head.status {
            StatusCode::SWITCHING_PROTOCOLS => return Err(Error::Invalid("another protocol than HTTP/1.1")),
            status if status.is_informational() => passed_over = parsed.bytes,
            _ => return Ok(Some(parsed)),
        }
    }
    Ok(None)
}

fn parse_one_response(
    bytes: &Bytes,
    from: usize,
    method: &Method,
) -> Result<Option<Parsed<Box<ResponseHead>>>, Error> {
    let mut room: Room<'_> = [const { MaybeUninit::uninit() }; HEADERS_MAX];
    let mut parsed = httparse::Response::new(&mut []);
    let config = httparse::ParserConfig::default();
    let status =
        config.parse_response_with_uninit_headers(&mut parsed, &bytes[from..], &mut room).map_err(invalid)?;
    let httparse::Status::Complete(length) = status else { return Ok(None) };
    let status = StatusCode::from_u16(parsed.code.expect("it is complete"))
        .map_err(|_| Error::Invalid("invalid HTTP status-code parsed"))?;
    let version = version(parsed.version);
    let Framing { length: body, keeps } = framing(parsed.headers, version)?;
    let is_empty = *method == Method::HEAD || !has_body(status);
    let body = match is_empty {
        true => 0,
        false => body.stated()?.ok_or(Error::Invalid("an answer without its length"))?,
    };
    let fields = Fields::new(bytes, parsed.headers.iter());
    let head = Box::new(ResponseHead { status, version, fields });
    Ok(Some(Parsed { head, body, keeps, bytes: length }))
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
    fn and(self, value: &[u8]) -> Self {
        match (self, content_length(value)) {
            (Length::Unstated, Some(bytes)) => Length::Bytes(bytes),
            (Length::Bytes(before), Some(bytes)) if before == bytes => self,
            _ => Length::Nonsense,
        }
    }
}

/// What the fields of a head say that its reader must know.
fn framing(fields: &[httparse::Header<'_>], version: Version) -> Result<Framing, Error> {
    let mut framing = Framing { length: Length::Unstated, keeps: version == Version::HTTP_11 };
    let mut closes = false;
    for httparse::Header { name, value } in fields {
        if is(name.as_bytes(), CONTENT_LENGTH) {
            framing.length = framing.length.and(value);
        } else if is(name.as_bytes(), CONNECTION) {
            closes |= lists(value, "close");
            framing.keeps = !closes && (framing.keeps || lists(value, "keep-alive"));
        } else if is(name.as_bytes(), TRANSFER_ENCODING) {
            return Err(Error::Invalid("unexpected transfer-encoding parsed"));
        }
    }
    Ok(framing)
}

/// Whether this is that name, which is in lower case.
fn is(name: &[u8], other: &str) -> bool {
    name.eq_ignore_ascii_case(other.as_bytes())
}

/// Whether this may be the value of a field (RFC 9110, 5.5).
pub(crate) fn is_value(value: &[u8]) -> bool {
    value.iter().all(|&byte| byte == b'\t' || (byte >= b' ' && byte != 0x7f))
}

fn content_length(value: &[u8]) -> Option<u64> {
    let add = |number: u64, digit: &u8| {
        digit.is_ascii_digit().then(|| number.checked_mul(10)?.checked_add(u64::from(digit - b'0')))?
    };
    (!value.is_empty()).then(|| value.iter().try_fold(0, add))?
}

/// Whether a list of words holds this one.
fn lists(value: &[u8], word: &str) -> bool {
    let mut words = value.split(|&byte| byte == b',').map(<[u8]>::trim_ascii);
    // As hyper does, which takes no list with other characters for text.
    words.any(|listed| listed.eq_ignore_ascii_case(word.as_bytes())) && value.is_ascii()
}

/// Whether an answer with this status has a body, and may state its length.
fn has_body(status: StatusCode) -> bool {
    !status.is_informational() && !matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
}

/// A request as it is sent, put together field by field.
#[derive(Debug, Clone)]
pub struct Request {
    pub(super) bytes: Vec<u8>,
    pub(super) method: Method,
    /// Whether the connection may carry another one.
    pub(super) keeps: bool,
    states_length: bool,
}

impl Request {
    /// Begins with the request line.
    pub fn new(method: Method, target: &str, version: Version) -> Self {
        let mut bytes = Vec::with_capacity(REQUEST_BYTES);
        let version = if version == Version::HTTP_10 { " HTTP/1.0\r\n" } else { " HTTP/1.1\r\n" };
        for piece in [method.as_str(), " ", target, version] {
            bytes.extend_from_slice(piece.as_bytes());
        }
        Self { bytes, method, keeps: true, states_length: false }
    }

    /// Adds a field, whose name and value must be fit for a head.
    pub fn field(&mut self, name: &[u8], value: &[u8]) {
        debug_assert!(!name.is_empty() && is_value(value), "no field: {name:?}: {value:?}");
        self.keeps &= !is(name, CONNECTION) || !lists(value, "close");
        self.states_length |= is(name, CONTENT_LENGTH);
        write_field(&mut self.bytes, name, value);
    }

    /// Ends with a body, whose length is stated if it is not yet.
    pub fn end(&mut self, body: &[u8]) {
        if !body.is_empty() && !self.states_length {
            write_length(&mut self.bytes, body.len());
        }
        self.bytes.extend_from_slice(b"\r\n");
        self.bytes.extend_from_slice(body);
    }
}

impl From<&http::Request<Bytes>> for Request {
    fn from(request: &http::Request<Bytes>) -> Self {
        let mut sent = Self::new(request.method().clone(), &target(request.uri()), request.version());
        for (name, value) in request.headers() {
            sent.field(name.as_str().as_bytes(), value.as_bytes());
        }
        sent.end(request.body());
        sent
    }
}

/// A target as it stands in a request line.
pub(crate) fn target(uri: &Uri) -> Cow<'_, str> {
    let has_path_alone = uri.scheme().is_none() && uri.authority().is_none();
    match uri.path_and_query() {
        Some(path) if has_path_alone => path.as_str().into(),
        _ => uri.to_string().into(),
    }
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
pub(super) fn write_response<'a, F>(
    status: StatusCode,
    fields: impl Fn() -> F,
    body: &[u8],
    asked: &Asked,
) -> (Vec<u8>, bool)
where
    F: Iterator<Item = (&'a [u8], &'a [u8])>,
{
    let mut out = Vec::with_capacity(ANSWER_BYTES + body.len());
    let version = if asked.version == Version::HTTP_10 { "HTTP/1.0 " } else { "HTTP/1.1 " };
    for piece in [version, status.as_str(), " ", status.canonical_reason().unwrap_or("<none>"), "\r\n"] {
        out.extend_from_slice(piece.as_bytes());
    }
    let (mut connection, keeps) = connection(fields(), asked);
    let mut states_length = false;
    for (name, value) in fields() {
        states_length |= is(name, CONTENT_LENGTH);
        if !is(name, CONNECTION) {
            write_field(&mut out, name, value);
        } else if let Some(list) = connection.take() {
            // However many there were, it is one list in one line.
            write_field(&mut out, name, &list);
        }
    }
    if let Some(list) = connection {
        write_field(&mut out, CONNECTION.as_bytes(), &list);
    }
    let is_head = asked.method == Method::HEAD;
    if has_body(status) && !states_length && !(is_head && body.is_empty()) {
        write_length(&mut out, body.len());
    }
    out.extend_from_slice(b"\r\n");
    if has_body(status) && !is_head {
        out.extend_from_slice(body);
    }
    (out, keeps)
}

/// What an answer with these fields says of its connection, with what the client must hear beside, and whether it is
/// kept.
fn connection<'a>(
    fields: impl Iterator<Item = (&'a [u8], &'a [u8])>,
    asked: &Asked,
) -> (Option<Vec<u8>>, bool) {
    let (mut list, mut closes, mut keeps) = (None, false, false);
    for (_, value) in fields.filter(|(name, _)| is(name, CONNECTION)) {
        add_to(&mut list, value);
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
        Some(list) => [b", ", words].into_iter().for_each(|piece| list.extend_from_slice(piece)),
        None => *list = Some(words.to_vec()),
    }
}

/// Room for a head as most are, and without its body's bytes.
const REQUEST_BYTES: usize = 384;
const ANSWER_BYTES: usize = 128;

fn write_field(out: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    for piece in [name, b": ", value, b"\r\n"] {
        out.extend_from_slice(piece);
    }
}

fn write_length(out: &mut Vec<u8>, bytes: usize) {
    write_field(out, CONTENT_LENGTH.as_bytes(), itoa::Buffer::new().format(bytes).as_bytes());
}
