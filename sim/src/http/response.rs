//! Answers as programs make them.

use bytes::Bytes;
use http::{HeaderName, HeaderValue, StatusCode};

/// An answer with its whole body. Hardly any has more than one field: they stand in a list, not in a map.
#[derive(Debug, Clone)]
pub struct Response {
    /// Its status.
    pub status: StatusCode,
    fields: Vec<(HeaderName, HeaderValue)>,
    /// Its body.
    pub body: Bytes,
}

impl Response {
    /// An answer without fields.
    pub fn new(status: StatusCode, body: impl Into<Bytes>) -> Self {
        Self { status, fields: Vec::new(), body: body.into() }
    }

    /// With one field more, behind the others.
    #[must_use]
    pub fn with(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.fields.reserve_exact(1);
        self.fields.push((name, value));
        self
    }

    /// Its fields, in the order in which they were added.
    pub(super) fn fields(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.fields.iter().map(|(name, value)| (name.as_str().as_bytes(), value.as_bytes()))
    }
}
