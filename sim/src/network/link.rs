//! One direction between two hosts: latency, jitter, bandwidth, cuts. First in, first out.

use std::time::Duration;

use harness::rng;
use harness::time::SimTime;
use rand_chacha::ChaCha8Rng;

/// What a link is like, in one direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LinkSpec {
    /// How long a packet travels at least.
    pub latency: Duration,
    /// How much longer it may travel: drawn evenly from zero up to this.
    pub jitter: Duration,
    /// Bytes a second; none for unlimited. Packets that come faster wait in a queue without bound.
    pub bandwidth: Option<u64>,
}

impl Default for LinkSpec {
    /// A switched local network: 250 microseconds one way, no jitter, 1 Gbit/s.
    fn default() -> Self {
        Self { latency: Duration::from_micros(250), jitter: Duration::ZERO, bandwidth: Some(125_000_000) }
    }
}

/// One direction between two hosts.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) spec: LinkSpec,
    /// How many faults cut it now.
    cuts: u32,
    /// When the last bit that was queued so far has left.
    busy_until: SimTime,
    /// When the last packet arrives; none overtakes it.
    last_arrival: SimTime,
    /// Drawn from only when there is jitter, so that one link's draws never shift another's.
    rng: Option<ChaCha8Rng>,
}

impl Link {
    pub(crate) fn new(spec: LinkSpec) -> Self {
        Self { spec, cuts: 0, busy_until: SimTime::ZERO, last_arrival: SimTime::ZERO, rng: None }
    }

    pub(crate) fn is_cut(&self) -> bool {
        self.cuts > 0
    }

    pub(crate) fn cut(&mut self) {
        self.cuts += 1;
    }

    pub(crate) fn join(&mut self) {
        self.cuts = self.cuts.checked_sub(1).expect("a link is joined as often as it was cut");
    }

    /// When a packet of `size` bytes that is sent at `now` arrives, behind all before it. `stream` names the
    /// link's random stream.
    pub(crate) fn arrival(
        &mut self,
        now: SimTime,
        size: u32,
        stream: impl FnOnce() -> ChaCha8Rng,
    ) -> SimTime {
        let departure = match self.spec.bandwidth {
            Some(bytes_per_s) => {
                let nanos = u128::from(size) * 1_000_000_000 / u128::from(bytes_per_s.max(1));
                self.busy_until = self.busy_until.max(now) + Duration::from_nanos(nanos as u64);
                self.busy_until
            }
            None => now,
        };
        let mut arrival = departure + self.spec.latency;
        if !self.spec.jitter.is_zero() {
            let bound = u64::try_from(self.spec.jitter.as_nanos()).unwrap_or(u64::MAX);
            let rng = self.rng.get_or_insert_with(stream);
            arrival += Duration::from_nanos(rng::below(rng, bound.saturating_add(1)));
        }
        self.last_arrival = self.last_arrival.max(arrival);
        self.last_arrival
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream() -> ChaCha8Rng {
        rng::stream(1, "test")
    }

    #[test]
    fn bandwidth_queues_packets_behind_each_other() {
        let mut link = Link::new(LinkSpec {
            latency: Duration::from_millis(1),
            jitter: Duration::ZERO,
            bandwidth: Some(1000),
        });
        assert_eq!(link.arrival(SimTime::ZERO, 500, stream), SimTime::from_millis(501));
        assert_eq!(link.arrival(SimTime::ZERO, 500, stream), SimTime::from_millis(1001));
        assert_eq!(link.arrival(SimTime::from_secs(5), 500, stream), SimTime::from_millis(5501));
    }

    #[test]
    fn no_packet_overtakes_another_however_much_jitter_there_is() {
        let mut link = Link::new(LinkSpec {
            latency: Duration::from_millis(1),
            jitter: Duration::from_millis(50),
            bandwidth: None,
        });
        let mut last = SimTime::ZERO;
        for at in 0..200 {
            let arrival = link.arrival(SimTime::from_millis(at), 100, stream);
            assert!(arrival >= last && arrival >= SimTime::from_millis(at + 1));
            last = arrival;
        }
    }
}
