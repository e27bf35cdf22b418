//! The checksums of blocks, and how large blocks are.
//!
//! The sizes are rsync's: blocks of 700 bytes up to 490 kB and about the square root of the file above, a weak
//! checksum of 4 bytes that rolls, and as many bytes of a strong one as make a wrong match unlikely. The strong
//! one is XXH3 (rsync 3.5's is XXH128).

use xxhash_rust::xxh3::xxh3_64;

const BLOCK_BYTES_MIN: u64 = 700;
const BLOCK_BYTES_MAX: u64 = 131_072;
const STRONG_BYTES_MIN: u64 = 2;
pub(super) const STRONG_BYTES_MAX: u64 = 8;

pub(super) fn strong(bytes: &[u8], strong_bytes: u8) -> u64 {
    let kept = u32::from(strong_bytes.min(8)) * 8;
    xxh3_64(bytes) & (u64::MAX >> (64 - kept.max(8)))
}

pub(super) fn block_bytes_for(file_bytes: u64) -> u32 {
    if file_bytes <= BLOCK_BYTES_MIN * BLOCK_BYTES_MIN {
        return BLOCK_BYTES_MIN as u32;
    }
    let root = file_bytes.isqrt();
    (root - root % 8).clamp(BLOCK_BYTES_MIN, BLOCK_BYTES_MAX) as u32
}

pub(super) fn strong_bytes_for(file_bytes: u64, block_bytes: u64) -> u8 {
    let bits = (10 + 2 * u64::from(file_bytes.ilog2())).saturating_sub(u64::from(block_bytes.max(1).ilog2()));
    ((bits + 1).saturating_sub(32).div_ceil(8)).clamp(STRONG_BYTES_MIN, STRONG_BYTES_MAX) as u8
}

/// The rolling checksum of Tridgell and Mackerras: a sum of bytes, and a sum of those sums.
#[derive(Debug, Clone, Copy)]
pub(super) struct Weak {
    a: u32,
    b: u32,
}

impl Weak {
    pub fn of(bytes: &[u8]) -> Self {
        let (mut a, mut b) = (0u32, 0u32);
        for &byte in bytes {
            a = a.wrapping_add(u32::from(byte));
            b = b.wrapping_add(a);
        }
        Self { a, b }
    }

    pub fn roll(&mut self, out: u8, into: Option<u8>, window: usize) {
        self.a = self.a.wrapping_sub(u32::from(out));
        self.b = self.b.wrapping_sub(u32::from(out).wrapping_mul(window as u32));
        if let Some(into) = into {
            self.a = self.a.wrapping_add(u32::from(into));
            self.b = self.b.wrapping_add(self.a);
        }
    }

    pub fn value(self) -> u32 {
        (self.a & 0xffff) | (self.b << 16)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn blocks_are_as_large_as_rsyncs() {
        assert_eq!([1, 490_000, 1_000_000, 1 << 40].map(block_bytes_for), [700, 700, 1000, 131_072]);
    }

    proptest! {
        #[test]
        fn rolling_gives_what_computing_gives(bytes in prop::collection::vec(any::<u8>(), 2..300), window in 1usize..50) {
            let window = window.min(bytes.len());
            let mut weak = Weak::of(&bytes[..window]);
            for at in 1..=bytes.len() - window {
                weak.roll(bytes[at - 1], Some(bytes[at - 1 + window]), window);
                prop_assert_eq!(weak.value(), Weak::of(&bytes[at..at + window]).value());
            }
        }
    }
}
