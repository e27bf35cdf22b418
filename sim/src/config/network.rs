//! The links between hosts: the `[network]` table of `cluster.toml`.

use std::time::Duration;

use harness::finding::{Findings, did_you_mean};

use super::table::Table;

/// What every link between two hosts is like until a fault changes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NetworkSettings {
    /// From one host to another, one way.
    pub latency: Duration,
    /// Each packet takes up to this much longer.
    pub jitter: Duration,
    /// What a host's link carries in each direction, in bytes a second.
    pub bandwidth_bytes_per_s: u64,
}

impl Default for NetworkSettings {
    /// A switched network in one data centre: 1 ms, no jitter, 1 Gbit/s.
    fn default() -> Self {
        Self { latency: Duration::from_millis(1), jitter: Duration::ZERO, bandwidth_bytes_per_s: 125_000_000 }
    }
}

/// A link slower than this could not carry one packet in a run.
const BYTES_PER_S_MIN: f64 = 125.0;
/// A latency beyond this is a typing error.
const LATENCY_MAX: Duration = Duration::from_secs(60);

/// Reads the `[network]` table; what is missing keeps its default.
pub(super) fn read(mut table: Table<'_>, findings: &mut Findings) -> NetworkSettings {
    let mut settings = NetworkSettings::default();
    for (key, setting) in [("latency", &mut settings.latency), ("jitter", &mut settings.jitter)] {
        let Some(value) = table.duration(key, findings) else { continue };
        if value > LATENCY_MAX {
            findings.push(table.about(key, format!("a {key} of more than a minute is not modelled")));
        } else {
            *setting = value;
        }
    }
    if let Some(text) = table.text("bandwidth", findings) {
        match parse_bandwidth(text.get_ref()) {
            Ok(bytes) => settings.bandwidth_bytes_per_s = bytes,
            Err(help) => {
                let message = format!("`{}` is not a bandwidth", text.get_ref());
                findings.push(table.about("bandwidth", message).help(help));
            }
        }
    }
    table.finish(findings);
    settings
}

/// Bytes a second from `1Gbit/s`, `100 Mbit/s`, `10MB/s`.
///
/// # Errors
/// What would be accepted.
pub fn parse_bandwidth(text: &str) -> Result<u64, String> {
    const UNITS: [(&str, f64); 8] = [
        ("bit/s", 0.125),
        ("kbit/s", 125.0),
        ("Mbit/s", 125e3),
        ("Gbit/s", 125e6),
        ("B/s", 1.0),
        ("kB/s", 1e3),
        ("MB/s", 1e6),
        ("GB/s", 1e9),
    ];
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = (&text[..digits], text[digits..].trim());
    let Some((_, bytes)) = UNITS.iter().find(|(name, _)| *name == unit) else {
        let names: Vec<&str> = UNITS.iter().map(|(name, _)| *name).collect();
        return Err(format!("a number and a unit; {}", did_you_mean(unit, &names)));
    };
    let number: f64 = number.parse().map_err(|_| "a number and a unit, such as `100Mbit/s`".to_owned())?;
    let bytes = number * bytes;
    if (BYTES_PER_S_MIN..=1e15).contains(&bytes) {
        Ok(bytes as u64)
    } else {
        Err("from `1kbit/s` to `1000000GB/s`".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bandwidth_is_read_in_bits_and_bytes() {
        for (text, bytes) in [("1Gbit/s", 125_000_000), ("100 Mbit/s", 12_500_000), ("1.5 MB/s", 1_500_000)] {
            assert_eq!(parse_bandwidth(text), Ok(bytes), "{text}");
        }
        for text in ["", "1", "Gbit/s", "1gbps", "0bit/s", "-1B/s", "1e999GB/s", "..B/s"] {
            assert!(parse_bandwidth(text).is_err(), "{text}");
        }
    }
}
