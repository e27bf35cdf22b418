//! A connection's bytes: what came and is not used yet, and what goes out.

use std::future::poll_fn;
use std::io;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, Bytes, BytesMut};

use super::Error;
use crate::network::TcpStream;

/// A socket with what came of it.
#[derive(Debug)]
pub(super) struct Transport {
    pub(super) stream: TcpStream,
    came: Bytes,
}

impl Transport {
    pub(super) fn new(stream: TcpStream) -> Self {
        Self { stream, came: Bytes::new() }
    }

    /// What came and is not used yet.
    pub(super) fn came(&self) -> &Bytes {
        &self.came
    }

    /// The first `count` bytes of what came, or all, are used.
    pub(super) fn skip(&mut self, count: usize) {
        self.came.advance(count.min(self.came.len()));
    }

    /// Takes the first `count` bytes of what came, or all.
    fn take(&mut self, count: usize) -> Bytes {
        if count >= self.came.len() { std::mem::take(&mut self.came) } else { self.came.split_to(count) }
    }

    /// Waits for the next `count` bytes.
    ///
    /// # Errors
    /// `UnexpectedEof` when fewer came.
    pub(super) async fn read(&mut self, count: usize) -> io::Result<Bytes> {
        while self.came.len() < count {
            if !poll_fn(|cx| self.poll_more(cx)).await? {
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "early eof"));
            }
        }
        Ok(self.take(count))
    }

    /// Waits for more to come; false at the end of the stream.
    pub(super) fn poll_more(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        let came = &mut self.came;
        self.stream.poll_take(cx, |more| {
            if came.is_empty() {
                *came = more;
            } else {
                let mut both = BytesMut::with_capacity(came.len() + more.len());
                both.extend_from_slice(came);
                both.extend_from_slice(&more);
                *came = both.freeze();
            }
        })
    }

    /// The next bytes of a body of which so many are left; none at its end.
    pub(super) fn poll_body(
        &mut self,
        left: &mut u64,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Option<Bytes>, Error>> {
        if *left == 0 {
            return Poll::Ready(Ok(None));
        }
        if self.came.is_empty() && !ready!(self.poll_more(cx)).map_err(Error::Io)? {
            return Poll::Ready(Err(Error::ShortBody));
        }
        let piece = self.take(usize::try_from(*left).unwrap_or(usize::MAX));
        *left -= piece.len() as u64;
        Poll::Ready(Ok(Some(piece)))
    }

    /// Writes everything.
    pub(super) async fn write(&mut self, mut bytes: Bytes) -> io::Result<()> {
        while !bytes.is_empty() {
            poll_fn(|cx| self.stream.poll_give(cx, &mut bytes)).await?;
        }
        Ok(())
    }
}

/// Pieces of a body put together; one alone is not copied.
#[derive(Debug, Default)]
pub(crate) struct Whole {
    first: Bytes,
    more: BytesMut,
}

impl Whole {
    pub(crate) fn push(&mut self, piece: Bytes) {
        if self.first.is_empty() {
            self.first = piece;
        } else {
            self.more.extend_from_slice(&piece);
        }
    }

    pub(crate) fn into_bytes(self) -> Bytes {
        if self.more.is_empty() {
            return self.first;
        }
        let mut all = BytesMut::with_capacity(self.first.len() + self.more.len());
        all.extend_from_slice(&self.first);
        all.extend_from_slice(&self.more);
        all.freeze()
    }
}
