//! One direction between two hosts: latency, jitter, loss, bandwidth with a queue, cuts. First in, first out.

use std::time::Duration;

use harness::rng;
use harness::time::SimTime;
use rand_chacha::ChaCha8Rng;

use super::delay::JitterShape;
use super::flap::Flap;

/// Loss is counted in parts of a million.
const MILLION: u64 = 1_000_000;
const NS_A_SECOND: u64 = 1_000_000_000;

/// What a link is like, in one direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LinkSpec {
    /// How long a packet travels at least.
    pub latency: Duration,
    /// How unsteady that is; see [`JitterShape`].
    pub jitter: Duration,
    /// How the jitter is distributed.
    pub jitter_shape: JitterShape,
    /// Bytes a second; none for unlimited. Packets that come faster wait in a queue.
    pub bandwidth: Option<u64>,
    /// How many bytes the queue holds, beside the packet that is being sent; none for all that come. What does not
    /// fit is lost (tail drop).
    pub queue_bytes: Option<u64>,
    /// How many of a million packets are lost on the way, each drawn for itself.
    pub loss_ppm: u32,
}

impl Default for LinkSpec {
    /// A switched local network: 250 microseconds one way, no jitter, 1 Gbit/s.
    fn default() -> Self {
        Self {
            latency: Duration::from_micros(250),
            jitter: Duration::ZERO,
            jitter_shape: JitterShape::Even,
            bandwidth: Some(125_000_000),
            queue_bytes: None,
            loss_ppm: 0,
        }
    }
}

/// A link's random streams. Each is drawn from only when its concern needs it, so that one link's draws never
/// shift another's, and loss never shifts jitter.
#[derive(Debug, Default)]
struct Draws {
    jitter: Option<ChaCha8Rng>,
    loss: Option<ChaCha8Rng>,
}

/// One direction between two hosts.
#[derive(Debug)]
pub(crate) struct Link {
    spec: LinkSpec,
    /// The latency of `spec` in nanoseconds.
    latency_ns: u64,
    /// How long a byte takes at the bandwidth of `spec`, where that is a whole number of nanoseconds, and neither jitter nor
    /// a short queue must be thought of.
    ns_a_byte: Option<u64>,
    /// How many faults cut it now.
    cuts: u32,
    /// The faults that cut it by turns.
    flaps: Vec<Flap>,
    /// One packet with data is to be lost: so many pass before it.
    doomed: Option<u64>,
    /// When the last bit that was queued so far has left.
    busy_until: SimTime,
    /// When the last packet arrives; none overtakes it.
    last_arrival: SimTime,
    draws: Draws,
}

impl Link {
    pub(crate) fn new(spec: LinkSpec) -> Self {
        let mut link = Self {
            spec,
            latency_ns: 0,
            ns_a_byte: None,
            cuts: 0,
            flaps: Vec::new(),
            doomed: None,
            busy_until: SimTime::ZERO,
            last_arrival: SimTime::ZERO,
            draws: Draws::default(),
        };
        link.set_spec(spec);
        link
    }

    pub(crate) fn spec(&self) -> LinkSpec {
        self.spec
    }

    pub(crate) fn set_spec(&mut self, spec: LinkSpec) {
        self.spec = spec;
        self.latency_ns = u64::try_from(spec.latency.as_nanos()).unwrap_or(u64::MAX);
        let is_steady = spec.jitter.is_zero() && spec.queue_bytes.is_none();
        let is_plain = |bytes_per_s: &u64| is_steady && NS_A_SECOND.is_multiple_of(*bytes_per_s);
        self.ns_a_byte = spec.bandwidth.filter(is_plain).map(|bytes_per_s| NS_A_SECOND / bytes_per_s);
    }

    pub(crate) fn is_cut(&self, now: SimTime) -> bool {
        self.cuts > 0 || self.flaps.iter().any(|flap| flap.is_down(now))
    }

    pub(crate) fn cut(&mut self) {
        self.cuts += 1;
    }

    pub(crate) fn join(&mut self) {
        self.cuts = self.cuts.checked_sub(1).expect("a link is joined as often as it was cut");
    }

    /// One packet with data is lost, after so many that pass.
    pub(crate) fn doom(&mut self, after: u64) {
        self.doomed = Some(after);
    }

    /// Whether a packet with data that arrives now is the one that is to be lost.
    pub(crate) fn is_doomed(&mut self) -> bool {
        match self.doomed {
            None => false,
            Some(0) => {
                self.doomed = None;
                true
            }
            Some(left) => {
                self.doomed = Some(left - 1);
                false
            }
        }
    }

    pub(crate) fn flap(&mut self, flap: Flap) {
        self.flaps.push(flap);
    }

    pub(crate) fn steady(&mut self, flap: Flap) {
        let place = self.flaps.iter().position(|known| *known == flap);
        self.flaps.swap_remove(place.expect("a link is steadied as often as it began to flap"));
    }

    /// When a packet of `size` bytes that is sent at `now` arrives, behind all before it; none when the queue is
    /// full. `stream` makes the link's random stream of a concern.
    pub(crate) fn arrival(
        &mut self,
        now: SimTime,
        size: u32,
        stream: impl FnOnce(&str) -> ChaCha8Rng,
    ) -> Option<SimTime> {
        if let Some(each) = self.ns_a_byte {
            self.busy_until = self.busy_until.max(now).after_nanos(u64::from(size) * each);
            self.last_arrival = self.last_arrival.max(self.busy_until.after_nanos(self.latency_ns));
            return Some(self.last_arrival);
        }
        let departure = match self.spec.bandwidth {
            Some(bytes_per_s) => self.departure(now, u64::from(size), bytes_per_s.max(1))?,
            None => now,
        };
        let arrival = if self.spec.jitter.is_zero() {
            departure.after_nanos(self.latency_ns)
        } else {
            let rng = self.draws.jitter.get_or_insert_with(|| stream(""));
            departure + self.spec.jitter_shape.travel(self.spec.latency, self.spec.jitter, rng)
        };
        self.last_arrival = self.last_arrival.max(arrival);
        Some(self.last_arrival)
    }

    /// When the last bit of a packet has left; none when it finds the queue full.
    fn departure(&mut self, now: SimTime, size: u64, bytes_per_s: u64) -> Option<SimTime> {
        if let Some(room) = self.spec.queue_bytes
            && self.busy_until > now
        {
            let waiting_ns = (self.busy_until - now).as_nanos();
            let waiting = waiting_ns * u128::from(bytes_per_s) / u128::from(NS_A_SECOND);
            if waiting + u128::from(size) > u128::from(room) {
                return None;
            }
        }
        // A size is below 2^32: a billion times as much is below 2^62.
        let nanos = size * NS_A_SECOND / bytes_per_s;
        self.busy_until = self.busy_until.max(now).after_nanos(nanos);
        Some(self.busy_until)
    }

    /// Whether a packet that arrives now was lost on the way by chance.
    pub(crate) fn loses(&mut self, stream: impl FnOnce(&str) -> ChaCha8Rng) -> bool {
        self.spec.loss_ppm > 0 && {
            let rng = self.draws.loss.get_or_insert_with(|| stream("/loss"));
            rng::below(rng, MILLION) < u64::from(self.spec.loss_ppm)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream(concern: &str) -> ChaCha8Rng {
        rng::stream(1, &format!("test{concern}"))
    }

    fn spec(latency_ms: u64, jitter_ms: u64, bandwidth: Option<u64>) -> LinkSpec {
        LinkSpec {
            latency: Duration::from_millis(latency_ms),
            jitter: Duration::from_millis(jitter_ms),
            bandwidth,
            ..LinkSpec::default()
        }
    }

    #[test]
    fn bandwidth_queues_packets_behind_each_other() {
        let mut link = Link::new(spec(1, 0, Some(1000)));
        let mut arrival = |at, size| link.arrival(at, size, stream);
        assert_eq!(arrival(SimTime::ZERO, 500), Some(SimTime::from_millis(501)));
        assert_eq!(arrival(SimTime::ZERO, 500), Some(SimTime::from_millis(1001)));
        assert_eq!(arrival(SimTime::from_secs(5), 500), Some(SimTime::from_millis(5501)));
    }

    #[test]
    fn a_full_queue_takes_no_packet_and_a_short_wait_makes_room() {
        let mut link = Link::new(LinkSpec { queue_bytes: Some(1000), ..spec(0, 0, Some(1000)) });
        let taken: Vec<bool> = (0..4).map(|_| link.arrival(SimTime::ZERO, 500, stream).is_some()).collect();
        // The first waits for nobody: it is being sent and fills half of the queue until it is.
        assert_eq!(taken, [true, true, false, false]);
        assert!(link.arrival(SimTime::from_millis(500), 500, stream).is_some());
        assert!(link.arrival(SimTime::from_millis(500), 500, stream).is_none());
    }

    #[test]
    fn a_queue_shorter_than_a_packet_passes_one_at_a_time() {
        let mut link = Link::new(LinkSpec { queue_bytes: Some(10), ..spec(0, 0, Some(1000)) });
        assert!(link.arrival(SimTime::ZERO, 500, stream).is_some());
        assert!(link.arrival(SimTime::ZERO, 500, stream).is_none());
        assert!(link.arrival(SimTime::from_secs(1), 500, stream).is_some());
    }

    #[test]
    fn no_packet_overtakes_another_however_much_jitter_there_is() {
        for jitter_shape in [JitterShape::Even, JitterShape::Normal, JitterShape::Exponential] {
            let mut link = Link::new(LinkSpec { jitter_shape, ..spec(1, 50, None) });
            let mut last = SimTime::ZERO;
            for at in (0..200).map(SimTime::from_millis) {
                let arrival = link.arrival(at, 100, stream).expect("there is no queue");
                assert!(arrival >= last && arrival >= at, "{jitter_shape:?}");
                last = arrival;
            }
        }
    }

    #[test]
    fn so_many_of_a_million_packets_are_lost_and_loss_shifts_no_jitter() {
        let arrivals = |loss_ppm| {
            let mut link = Link::new(LinkSpec { loss_ppm, ..spec(1, 50, None) });
            let mut lost = 0;
            let arrivals: Vec<_> = (0..10_000)
                .map(|at| {
                    lost += u32::from(link.loses(stream));
                    link.arrival(SimTime::from_secs(at), 100, stream)
                })
                .collect();
            (arrivals, lost)
        };
        let ((steady, none), (lossy, some)) = (arrivals(0), arrivals(100_000));
        assert_eq!(steady, lossy);
        assert_eq!(none, 0);
        assert!((900..1100).contains(&some), "{some} of 10,000");
    }
}
