//! What nginx hands on to a client: bytes that are all there, or as many as came before the server broke off.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Frame, SizeHint};

/// An answer's body. A broken one ends in an error after its bytes, so that the client sees a connection that
/// closes in the middle of an answer whose head it has.
#[derive(Debug)]
pub(super) struct PassedBody {
    bytes: Bytes,
    end: End,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// The bytes are all.
    Whole,
    /// More was announced.
    Broken,
    /// Broken, and the bytes are handed over.
    Flushing,
    /// Broken, and the head and the bytes are written.
    Flushed,
}

impl PassedBody {
    pub(super) fn whole(bytes: impl Into<Bytes>) -> Self {
        Self { bytes: bytes.into(), end: End::Whole }
    }

    pub(super) fn broken(bytes: Bytes) -> Self {
        Self { bytes, end: End::Broken }
    }
}

impl hyper::body::Body for PassedBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        match self.end {
            End::Whole | End::Broken if !self.bytes.is_empty() => {
                Poll::Ready(Some(Ok(Frame::data(std::mem::take(&mut self.bytes)))))
            }
            End::Whole => Poll::Ready(None),
            End::Broken => {
                // hyper drops what it has not written when a body fails: once pending, it writes first.
                self.end = End::Flushing;
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            End::Flushing => {
                self.end = End::Flushed;
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            End::Flushed => Poll::Ready(Some(Err(io::ErrorKind::UnexpectedEof.into()))),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.end == End::Whole && self.bytes.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        match self.end {
            End::Whole => SizeHint::with_exact(self.bytes.len() as u64),
            End::Broken | End::Flushing | End::Flushed => SizeHint::default(),
        }
    }
}
