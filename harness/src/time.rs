//! Simulated time: nanoseconds since a run began.

use std::fmt;
use std::ops::{Add, AddAssign, Sub};
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A moment of a run, in nanoseconds since its beginning. Serialised as that number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SimTime(u64);

impl SimTime {
    /// The beginning of a run.
    pub const ZERO: SimTime = SimTime(0);
    /// A moment that no run reaches (584 years).
    pub const MAX: SimTime = SimTime(u64::MAX);

    /// The moment this many nanoseconds after the beginning.
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// The moment this many milliseconds after the beginning; the last moment when that is too far.
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis.saturating_mul(1_000_000))
    }

    /// The moment this many seconds after the beginning; the last moment when that is too far.
    pub const fn from_secs(secs: u64) -> Self {
        Self(secs.saturating_mul(1_000_000_000))
    }

    /// Nanoseconds since the beginning.
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// Whole milliseconds since the beginning.
    pub const fn as_millis(self) -> u64 {
        self.0 / 1_000_000
    }

    /// Seconds since the beginning.
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / 1e9
    }

    /// The moment so many nanoseconds later; the last moment when that is too far.
    #[must_use]
    pub const fn after_nanos(self, nanos: u64) -> Self {
        Self(self.0.saturating_add(nanos))
    }

    /// How long after `earlier` this is; zero when it is not later.
    pub fn since(self, earlier: SimTime) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for SimTime {
    type Output = SimTime;

    fn add(self, span: Duration) -> SimTime {
        let nanos = span.as_secs().saturating_mul(1_000_000_000).saturating_add(span.subsec_nanos().into());
        self.after_nanos(nanos)
    }
}

impl AddAssign<Duration> for SimTime {
    fn add_assign(&mut self, span: Duration) {
        *self = *self + span;
    }
}

impl Sub for SimTime {
    type Output = Duration;

    fn sub(self, earlier: SimTime) -> Duration {
        self.since(earlier)
    }
}

/// `1h02m03.004s`, without the leading units that are zero: how logs and reports show a moment.
impl fmt::Display for SimTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (secs, millis) = (self.0 / 1_000_000_000, self.as_millis() % 1000);
        let (hours, minutes, seconds) = (secs / 3600, secs / 60 % 60, secs % 60);
        match (hours, minutes) {
            (0, 0) => write!(f, "{seconds}.{millis:03}s"),
            (0, _) => write!(f, "{minutes}m{seconds:02}.{millis:03}s"),
            _ => write!(f, "{hours}h{minutes:02}m{seconds:02}.{millis:03}s"),
        }
    }
}

/// A span of time as people write it in files: `250ms`, `90s`, `1m30s`, `2h`; also with words, `3 minutes`.
///
/// # Errors
/// What is wrong with the text, as a sentence that says what would be accepted.
pub fn parse_span(text: &str) -> Result<Duration, String> {
    const ACCEPTED: &str = "a span is written as `250ms`, `90s`, `1m30s`, `2h` or `3 minutes`";
    let mut rest = text.trim();
    if rest.is_empty() {
        return Err(format!("empty; {ACCEPTED}"));
    }
    let mut total = Duration::ZERO;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (number, after) = rest.split_at(digits);
        let after = after.trim_start();
        let letters = after.find(|c: char| !c.is_ascii_alphabetic() && c != 'µ').unwrap_or(after.len());
        let (unit, next) = after.split_at(letters);
        let nanos_each: f64 = match unit {
            "ns" => 1.0,
            "us" | "µs" => 1e3,
            "ms" | "millisecond" | "milliseconds" => 1e6,
            "s" | "sec" | "second" | "seconds" => 1e9,
            "m" | "min" | "minute" | "minutes" => 60e9,
            "h" | "hour" | "hours" => 3600e9,
            "d" | "day" | "days" => 86_400e9,
            "" => return Err(format!("a number without a unit; {ACCEPTED}")),
            other => return Err(format!("unknown unit `{other}`; {ACCEPTED}")),
        };
        let number: f64 = number.parse().map_err(|_| format!("`{number}` is not a number; {ACCEPTED}"))?;
        let nanos = number * nanos_each;
        if nanos > u64::MAX as f64 / 2.0 {
            return Err("longer than 290 years".to_owned());
        }
        total = total.saturating_add(Duration::from_nanos(nanos.round() as u64));
        rest = next.trim_start();
    }
    Ok(total)
}

/// A span as people read it: `250ms`, `1m30s`, `2h`; to the millisecond.
pub fn show_span(span: Duration) -> String {
    let millis = u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
    let (hours, minutes) = (millis / 3_600_000, millis / 60_000 % 60);
    let (seconds, millis_left) = (millis / 1000 % 60, millis % 1000);
    let mut text = String::new();
    for (count, unit) in [(hours, "h"), (minutes, "m")] {
        if count > 0 {
            text.push_str(&format!("{count}{unit}"));
        }
    }
    if millis_left > 0 && millis < 1000 {
        return format!("{millis_left}ms");
    }
    if millis_left > 0 {
        let fraction = format!("{millis_left:03}");
        text.push_str(&format!("{seconds}.{}s", fraction.trim_end_matches('0')));
    } else if seconds > 0 || text.is_empty() {
        text.push_str(&format!("{seconds}s"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_read_as_people_write_them() {
        for (text, millis) in [("250ms", 250), ("1m30s", 90_000), ("2h", 7_200_000), ("3 minutes", 180_000)] {
            assert_eq!(parse_span(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        for text in ["", "5", "5 parsecs", "s", "-3s", "1..2s", "9999999999h"] {
            assert!(parse_span(text).is_err(), "{text}");
        }
    }

    #[test]
    fn spans_are_shown_as_they_are_read() {
        for text in ["250ms", "1m30s", "2h", "0s", "1.5s", "1h2m3.004s"] {
            assert_eq!(show_span(parse_span(text).unwrap()), text);
        }
    }

    #[test]
    fn a_moment_is_shown_to_the_millisecond() {
        assert_eq!(SimTime::from_millis(3_723_004).to_string(), "1h02m03.004s");
        assert_eq!(SimTime::from_millis(4).to_string(), "0.004s");
    }
}
