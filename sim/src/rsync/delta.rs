//! What the receiver has of a file, and the search for blocks of the new one in it.

mod checksum;

use std::ops::Range;

use checksum::{STRONG_BYTES_MAX, Weak, block_bytes_for, strong, strong_bytes_for};

/// Blocks of one weak checksum that are looked at.
const CHAIN_MAX: usize = 256;

/// The checksums of the blocks of one file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Signature {
    /// Bytes a block; the last one may be shorter. 0 when there is nothing to compare with.
    pub block_bytes: u32,
    /// Bytes of the whole file.
    pub file_bytes: u64,
    /// How many bytes of the strong checksum count.
    pub strong_bytes: u8,
    /// Weak and strong checksum of each block.
    pub blocks: Vec<(u32, u64)>,
}

/// A piece of a file as it is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// These bytes of the new file.
    Literal(Range<usize>),
    /// Blocks that the receiver has, in a row: the first and how many.
    Blocks(u32, u32),
}

impl Signature {
    /// The signature of `content`; `block_bytes` forces a size. With `sure`, for a file that came wrong, the strong
    /// checksum is taken whole.
    pub fn of(content: &[u8], block_bytes: Option<u32>, sure: bool) -> Self {
        if content.is_empty() {
            return Self::default();
        }
        let file_bytes = content.len() as u64;
        let block_bytes = block_bytes.unwrap_or_else(|| block_bytes_for(file_bytes));
        let strong_bytes =
            if sure { STRONG_BYTES_MAX as u8 } else { strong_bytes_for(file_bytes, u64::from(block_bytes)) };
        let block = |block: &[u8]| (Weak::of(block).value(), strong(block, strong_bytes));
        let blocks = content.chunks(block_bytes as usize).map(block).collect();
        Self { block_bytes, file_bytes, strong_bytes, blocks }
    }

    /// Where a block lies in the file.
    pub fn range(&self, block: u32) -> Range<usize> {
        let start = u64::from(block) * u64::from(self.block_bytes);
        start.min(self.file_bytes) as usize
            ..(start + u64::from(self.block_bytes)).min(self.file_bytes) as usize
    }

    /// The pieces of which `content` is made, for a receiver with this signature. `in_place` leaves out blocks
    /// that the receiver will have overwritten by then, by anything but themselves.
    pub fn delta(&self, content: &[u8], in_place: bool) -> Vec<Piece> {
        let mut pieces = Pieces::default();
        if self.blocks.is_empty() || content.is_empty() {
            pieces.literal(0..content.len());
            return pieces.0;
        }
        let mut by_weak: Vec<(u32, u32)> =
            self.blocks.iter().enumerate().map(|(i, b)| (b.0, i as u32)).collect();
        by_weak.sort_unstable();
        let seen = Seen::of(by_weak.iter().map(|&(weak, _)| weak));
        let block_bytes = self.block_bytes as usize;
        // Only the last block can be shorter than the others. A rest that is shorter than all is no block's.
        let shortest = self.range(self.blocks.len() as u32 - 1).len();
        let (mut at, mut sent) = (0, 0);
        let mut window = block_bytes.min(content.len());
        let mut weak = Weak::of(&content[..window]);
        let mut expected = 0;
        let mut kept = in_place.then(|| vec![false; self.blocks.len()]);
        while at < content.len() && window >= shortest {
            let value = weak.value();
            let found = if seen.may_hold(value) {
                self.find(&by_weak, value, content, at..at + window, expected, kept.as_deref_mut())
            } else {
                None
            };
            if let Some((block, from)) = found {
                pieces.literal(sent..from);
                pieces.block(block);
                expected = block + 1;
                at = from + window;
                sent = at;
                window = block_bytes.min(content.len() - at);
                weak = Weak::of(&content[at..at + window]);
                continue;
            }
            let next = content.get(at + window).copied();
            weak.roll(content[at], next, window);
            at += 1;
            if next.is_none() {
                window -= 1;
            }
        }
        pieces.literal(sent..content.len());
        pieces.0
    }

    /// The block with the bytes that stand there, and where it begins, which can be further on; the expected next
    /// one first, so that repeated content is sent as a run, of others the last. In place, the block that lies there
    /// comes before all, and `kept` has those of which that is known.
    fn find(
        &self,
        by_weak: &[(u32, u32)],
        weak: u32,
        content: &[u8],
        at: Range<usize>,
        expected: u32,
        kept: Option<&mut [bool]>,
    ) -> Option<(u32, usize)> {
        let (bytes, length) = (&content[at.clone()], at.len());
        let is_left = |block: u32, kept: &[bool]| self.range(block).start >= at.start || kept[block as usize];
        let can_be_used = |block: u32| kept.as_deref().is_none_or(|kept| is_left(block, kept));
        let to = by_weak.partition_point(|&(value, _)| value <= weak);
        let same =
            by_weak[..to].iter().rev().take_while(|&&(value, _)| value == weak).map(|&(_, block)| block);
        let mut digest = None;
        // rsync gives up after some equal weak checksums, too: a chain of them would take quadratic time.
        let found = same.take(CHAIN_MAX).find(|&block| {
            self.range(block).len() == length
                && can_be_used(block)
                && self.blocks[block as usize].1
                    == *digest.get_or_insert_with(|| strong(bytes, self.strong_bytes))
        })?;
        let sums = (weak, digest?);
        let is_expected = self.blocks.get(expected as usize) == Some(&sums) && can_be_used(expected);
        let Some(kept) = kept else { return Some((if is_expected { expected } else { found }, at.start)) };
        if let Some((block, from)) = self.aligned(content, &at, sums) {
            kept[block as usize] = true;
            return Some((block, from));
        }
        Some((if is_expected { expected } else { found }, at.start))
    }

    /// The block with these checksums that lies where it belongs in the new file, too: at once, or, of zeros, at
    /// the next block's begin if zeros stand there in both.
    fn aligned(&self, content: &[u8], at: &Range<usize>, sums: (u32, u64)) -> Option<(u32, usize)> {
        let block_bytes = self.block_bytes as usize;
        let block = u32::try_from(at.start.div_ceil(block_bytes)).ok()?;
        if self.blocks.get(block as usize) != Some(&sums) || self.range(block).len() != at.len() {
            return None;
        }
        let from = self.range(block).start;
        let jumps = || {
            let bytes = content.get(from..from + at.len())?;
            let same = (Weak::of(bytes).value(), strong(bytes, self.strong_bytes)) == sums;
            (sums.0 == 0 && at.len() == block_bytes && same).then_some(())
        };
        if from != at.start {
            jumps()?;
        }
        Some((block, from))
    }
}

#[derive(Default)]
struct Pieces(Vec<Piece>);

impl Pieces {
    fn literal(&mut self, range: Range<usize>) {
        if !range.is_empty() {
            self.0.push(Piece::Literal(range));
        }
    }

    fn block(&mut self, block: u32) {
        match self.0.last_mut() {
            Some(Piece::Blocks(first, count)) if *first + *count == block => *count += 1,
            _ => self.0.push(Piece::Blocks(block, 1)),
        }
    }
}

/// Which groups of weak checksums there are among some: a flag a group spares most searches.
struct Seen(Vec<bool>);

impl Seen {
    /// At most 65,536 groups, and not many more than there are checksums: most files have few blocks.
    const GROUPS_MAX: usize = 1 << 16;
    const GROUPS_A_CHECKSUM: usize = 64;

    fn of(weak: impl ExactSizeIterator<Item = u32>) -> Self {
        let groups = weak.len().saturating_mul(Self::GROUPS_A_CHECKSUM).clamp(1, Self::GROUPS_MAX);
        let mut seen = Self(vec![false; groups.next_power_of_two()]);
        for weak in weak {
            let group = seen.group(weak);
            seen.0[group] = true;
        }
        seen
    }

    fn may_hold(&self, weak: u32) -> bool {
        self.0[self.group(weak)]
    }

    fn group(&self, weak: u32) -> usize {
        (weak ^ (weak >> 16)) as usize & (self.0.len() - 1)
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;

    use super::*;

    /// The new file, from its pieces.
    fn rebuild(signature: &Signature, basis: &Bytes, content: &[u8], pieces: &[Piece]) -> Vec<u8> {
        let mut result = Vec::new();
        for piece in pieces {
            match piece {
                Piece::Literal(range) => result.extend_from_slice(&content[range.clone()]),
                Piece::Blocks(first, count) => {
                    for block in *first..first + count {
                        result.extend_from_slice(&basis[signature.range(block)]);
                    }
                }
            }
        }
        result
    }

    fn literal_bytes(pieces: &[Piece]) -> usize {
        pieces.iter().map(|piece| if let Piece::Literal(range) = piece { range.len() } else { 0 }).sum()
    }

    #[test]
    fn a_small_edit_of_a_large_file_sends_little() {
        let old: Vec<u8> = (0..200_000u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
        let mut new = old.clone();
        new.splice(70_000..70_000, b"inserted".iter().copied());
        new[150_000] ^= 1;
        let signature = Signature::of(&old, None, false);
        let pieces = signature.delta(&new, false);
        assert_eq!(rebuild(&signature, &Bytes::from(old), &new, &pieces), new);
        assert!(literal_bytes(&pieces) < 3 * 700, "{}", literal_bytes(&pieces));
    }

    #[test]
    fn in_place_a_block_that_stays_is_used_again_and_one_that_goes_is_not() {
        let signature = Signature::of(b"aabbcc", Some(2), true);
        assert_eq!(signature.delta(b"aabbaa", true), [Piece::Blocks(0, 2), Piece::Blocks(0, 1)]);
        assert_eq!(signature.delta(b"bbccaa", true), [Piece::Blocks(1, 2), Piece::Literal(4..6)],);
    }

    proptest! {
        #[test]
        fn what_is_rebuilt_is_what_was_sent(
            old in prop::collection::vec(0u8..4, 0..3000),
            new in prop::collection::vec(0u8..4, 0..3000),
            cut in any::<prop::sample::Index>(),
            block in 1u32..200,
        ) {
            // Half of the new file comes from the old one.
            let mut content = new;
            content.extend_from_slice(&old[cut.index(old.len() + 1)..]);
            // Fewer bytes of the strong checksum can match by chance; then the file comes wrong, and again.
            let signature = Signature::of(&old, Some(block), true);
            for in_place in [false, true] {
                let pieces = signature.delta(&content, in_place);
                prop_assert_eq!(&rebuild(&signature, &Bytes::from(old.clone()), &content, &pieces), &content);
            }
        }
    }
}
