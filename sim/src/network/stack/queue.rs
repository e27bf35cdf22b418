//! Bytes in the order in which they came, in the pieces in which they came.

use std::collections::VecDeque;

use bytes::Bytes;

/// A queue of bytes. Most hold one piece at a time, which costs no memory beside it.
#[derive(Debug, Default)]
pub(in crate::network) struct ByteQueue {
    first: Bytes,
    rest: VecDeque<Bytes>,
    bytes: usize,
}

impl ByteQueue {
    pub(super) fn len(&self) -> usize {
        self.bytes
    }

    pub(super) fn is_empty(&self) -> bool {
        self.bytes == 0
    }

    pub(super) fn push(&mut self, piece: Bytes) {
        if piece.is_empty() {
            return;
        }
        self.bytes += piece.len();
        if self.first.is_empty() {
            self.first = piece;
        } else {
            self.rest.push_back(piece);
        }
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Takes out so many bytes, or all, in one piece.
    pub(in crate::network) fn take(&mut self, count: usize) -> Bytes {
        let count = count.min(self.bytes);
        if count > self.first.len() {
            let mut whole = Vec::with_capacity(count);
            self.take_pieces(count, |piece| whole.extend_from_slice(piece));
            return whole.into();
        }
        self.bytes -= count;
        if count < self.first.len() {
            return self.first.split_to(count);
        }
        std::mem::replace(&mut self.first, self.rest.pop_front().unwrap_or_default())
    }

    /// Hands out so many bytes, or all, piece by piece. How many there were.
    pub(in crate::network) fn take_pieces(&mut self, count: usize, mut out: impl FnMut(&[u8])) -> usize {
        let count = count.min(self.bytes);
        let mut left = count;
        while left > 0 {
            let here = left.min(self.first.len());
            out(&self.first[..here]);
            if here < self.first.len() {
                self.first = self.first.slice(here..);
            } else {
                self.first = self.rest.pop_front().unwrap_or_default();
            }
            left -= here;
        }
        self.bytes -= count;
        count
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_goes_in_comes_out_in_order(
            pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..20), 0..20),
            counts in prop::collection::vec((any::<bool>(), 1_usize..30), 0..40),
        ) {
            let mut queue = ByteQueue::default();
            let all: Vec<u8> = pieces.concat();
            for piece in pieces {
                queue.push(piece.into());
            }
            let mut out = Vec::new();
            for (at_once, count) in counts {
                let due = count.min(all.len() - out.len());
                let before = out.len();
                if at_once {
                    out.extend_from_slice(&queue.take(count));
                } else {
                    queue.take_pieces(count, |piece| out.extend_from_slice(piece));
                }
                prop_assert_eq!(out.len() - before, due);
                prop_assert_eq!(queue.len(), all.len() - out.len());
            }
            prop_assert_eq!(&out[..], &all[..out.len()]);
        }
    }
}
