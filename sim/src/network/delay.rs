//! How much longer than its latency a packet travels: drawn, the same on every machine.
//!
//! The logarithm and the cosine are `libm`'s, which computes them in software: those of the platform differ in the
//! last bits from one machine to the next, and with them the bytes of a run.

use std::time::Duration;

use harness::rng;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::Rng;

/// How a link's jitter is distributed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum JitterShape {
    /// Evenly from zero up to the jitter.
    #[default]
    Even,
    /// By a normal distribution around zero whose standard deviation is the jitter; a packet may be early by it,
    /// but never travels back in time.
    Normal,
    /// By an exponential distribution whose mean is the jitter: most packets are hardly late, a few very.
    Exponential,
}

impl JitterShape {
    /// The time that a packet travels on a link of this latency and jitter.
    pub(super) fn travel(self, latency: Duration, jitter: Duration, rng: &mut ChaCha8Rng) -> Duration {
        let bound = u64::try_from(jitter.as_nanos()).unwrap_or(u64::MAX);
        match self {
            JitterShape::Even => latency + Duration::from_nanos(rng::below(rng, bound.saturating_add(1))),
            JitterShape::Normal => {
                let deviation = standard_normal(rng) * bound as f64;
                if deviation < 0.0 {
                    latency.saturating_sub(Duration::from_nanos(-deviation as u64))
                } else {
                    latency + Duration::from_nanos(deviation as u64)
                }
            }
            JitterShape::Exponential => {
                let late = -libm::log(above_zero(rng)) * bound as f64;
                latency + Duration::from_nanos(late as u64)
            }
        }
    }
}

/// A number above 0 and up to 1, each of 2^53 as likely as the others.
fn above_zero(rng: &mut ChaCha8Rng) -> f64 {
    ((rng.next_u64() >> 11) + 1) as f64 / (1_u64 << 53) as f64
}

/// A draw from the normal distribution of mean 0 and deviation 1 (Box and Muller).
fn standard_normal(rng: &mut ChaCha8Rng) -> f64 {
    let (radius, turn) = (above_zero(rng), above_zero(rng));
    libm::sqrt(-2.0 * libm::log(radius)) * libm::cos(turn * std::f64::consts::TAU)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LATENCY: Duration = Duration::from_millis(100);
    const JITTER: Duration = Duration::from_millis(20);

    fn milliseconds(shape: JitterShape) -> Vec<f64> {
        let mut rng = rng::stream(1, "delays");
        (0..20_000).map(|_| shape.travel(LATENCY, JITTER, &mut rng).as_secs_f64() * 1000.0).collect()
    }

    fn mean_and_deviation(values: &[f64]) -> (f64, f64) {
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / values.len() as f64;
        (mean, variance.sqrt())
    }

    #[test]
    fn each_shape_has_its_mean_and_deviation() {
        // The even one's deviation is its width through the root of 12, the exponential one's is its mean.
        let expected = [
            (JitterShape::Even, 110.0, 5.77),
            (JitterShape::Normal, 100.0, 20.0),
            (JitterShape::Exponential, 120.0, 20.0),
        ];
        for (shape, mean, deviation) in expected {
            let (found_mean, found_deviation) = mean_and_deviation(&milliseconds(shape));
            assert!((found_mean - mean).abs() < 0.5, "{shape:?}: mean {found_mean}");
            assert!((found_deviation - deviation).abs() < 0.5, "{shape:?}: deviation {found_deviation}");
        }
    }

    #[test]
    fn the_bits_of_a_draw_are_the_same_on_every_machine() {
        let mut rng = rng::stream(1, "delays");
        let mut drawn = |shape: JitterShape| shape.travel(LATENCY, JITTER, &mut rng).as_nanos();
        let drawn = [drawn(JitterShape::Even), drawn(JitterShape::Normal), drawn(JitterShape::Exponential)];
        assert_eq!(drawn, [109_612_241, 129_603_118, 101_310_404]);
    }

    #[test]
    fn no_packet_arrives_before_it_was_sent() {
        let mut rng = rng::stream(1, "delays");
        let (latency, jitter) = (Duration::from_millis(1), Duration::from_secs(1));
        assert!((0..1000).any(|_| JitterShape::Normal.travel(latency, jitter, &mut rng).is_zero()));
    }
}
