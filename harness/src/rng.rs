//! Randomness: one named stream a concern, derived from the seed.
//!
//! A stream depends on the seed and its own name, and on nothing else. So whoever adds or removes a fault, a
//! workload or a link changes no draw that is not its own.

use std::time::Duration;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use xxhash_rust::xxh3::xxh3_128_with_seed;

/// The stream of this name. Names are paths, such as `fault/manager-off/from` or `link/manager/worker1`.
pub fn stream(seed: u64, name: &str) -> ChaCha8Rng {
    let mut key = [0; 32];
    key[..16].copy_from_slice(&xxh3_128_with_seed(name.as_bytes(), seed).to_le_bytes());
    key[16..].copy_from_slice(&xxh3_128_with_seed(name.as_bytes(), !seed).to_le_bytes());
    ChaCha8Rng::from_seed(key)
}

/// A number below `bound`, each as likely as the others; 0 when `bound` is 0.
pub fn below(rng: &mut ChaCha8Rng, bound: u64) -> u64 {
    if bound == 0 {
        return 0;
    }
    // The greatest multiple of `bound`: draws past it would make the small numbers likelier.
    let fair = u64::MAX - u64::MAX % bound;
    loop {
        let drawn = rng.next_u64();
        if drawn < fair {
            return drawn % bound;
        }
    }
}

/// A whole number of milliseconds from `least` to `most`, both possible; `least` when there is nothing between.
pub fn span_between(rng: &mut ChaCha8Rng, least: Duration, most: Duration) -> Duration {
    let steps = u64::try_from(most.saturating_sub(least).as_millis()).unwrap_or(u64::MAX - 1);
    least + Duration::from_millis(below(rng, steps.saturating_add(1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_a_function_of_seed_and_name() {
        let first = |seed, name| stream(seed, name).next_u64();
        assert_eq!(first(1, "a"), first(1, "a"));
        assert_ne!(first(1, "a"), first(2, "a"));
        assert_ne!(first(1, "a"), first(1, "b"));
    }

    #[test]
    fn draws_stay_in_their_bounds_and_reach_both_ends() {
        let mut rng = stream(7, "draws");
        let drawn: Vec<u64> = (0..200).map(|_| below(&mut rng, 3)).collect();
        assert!((0..3).all(|number| drawn.contains(&number)) && drawn.iter().all(|&number| number < 3));
        let (least, most) = (Duration::from_millis(5), Duration::from_millis(6));
        let spans: Vec<Duration> = (0..50).map(|_| span_between(&mut rng, least, most)).collect();
        assert!(spans.contains(&least) && spans.contains(&most));
        assert_eq!(span_between(&mut rng, most, least), most);
    }
}
