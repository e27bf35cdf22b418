//! Amounts as people write them: rates, bandwidths, APIs, ranges of time.

use std::time::Duration;

use super::SpanRange;
use crate::plan::ApiSpec;
use crate::table::Table;
use crate::time::parse_span;

/// A rate as the span between two operations: `20/s`, `90/min`, `1000/h`.
///
/// # Errors
/// What is wrong, as a sentence that says what would be accepted.
pub fn parse_rate(text: &str) -> Result<Duration, String> {
    const ACCEPTED: &str = "a rate is written as `20/s`, `90/min` or `1000/h`";
    let (count, unit) = text
        .split_once('/')
        .or_else(|| text.split_once(" per "))
        .ok_or_else(|| format!("a rate needs a unit; {ACCEPTED}"))?;
    let unit_ns: f64 = match unit.trim() {
        "s" | "sec" | "second" => 1e9,
        "m" | "min" | "minute" => 60e9,
        "h" | "hour" => 3600e9,
        other => return Err(format!("unknown unit `{other}`; {ACCEPTED}")),
    };
    let count = positive(count.trim()).ok_or_else(|| format!("`{count}` is not a number; {ACCEPTED}"))?;
    let nanos = (unit_ns / count).round();
    if !(1_000.0..=1e18).contains(&nanos) {
        return Err("a rate must lie between one in 30 years and a million a second".to_owned());
    }
    Ok(Duration::from_nanos(nanos as u64))
}

/// A bandwidth in bytes a second: `512kbit/s`, `64KiB/s`, `10MB/s`.
///
/// # Errors
/// What is wrong, as a sentence that says what would be accepted.
pub fn parse_bandwidth(text: &str) -> Result<u64, String> {
    const ACCEPTED: &str = "a bandwidth is written as `512kbit/s`, `10Mbit/s`, `64KiB/s` or `1MB/s`";
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let number: f64 = text[..digits].parse().map_err(|_| format!("no number; {ACCEPTED}"))?;
    let unit = text[digits..].trim();
    let bytes_each = match unit {
        "bit/s" => 0.125,
        "kbit/s" => 125.0,
        "Mbit/s" => 125e3,
        "Gbit/s" => 125e6,
        "B/s" => 1.0,
        "kB/s" => 1e3,
        "MB/s" => 1e6,
        "GB/s" => 1e9,
        "KiB/s" => 1024.0,
        "MiB/s" => 1_048_576.0,
        other => return Err(format!("unknown unit `{other}`; {ACCEPTED}")),
    };
    let bytes = (number * bytes_each).round();
    if !(1.0..=1e15).contains(&bytes) {
        return Err(
            "a bandwidth must be at least 1 byte a second; what passes nothing is a partition".to_owned()
        );
    }
    Ok(bytes as u64)
}

/// An amount of data in bytes: `32KiB`, `64kB`, `1MiB`.
///
/// # Errors
/// What is wrong, as a sentence that says what would be accepted.
pub fn parse_bytes(text: &str) -> Result<u64, String> {
    const ACCEPTED: &str = "an amount of data is written as `1500B`, `64kB`, `32KiB` or `1MiB`";
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let number = positive(&text[..digits]).ok_or_else(|| format!("no number; {ACCEPTED}"))?;
    let unit = match text[digits..].trim() {
        "B" => 1.0,
        "kB" => 1e3,
        "MB" => 1e6,
        "KiB" => 1024.0,
        "MiB" => 1_048_576.0,
        other => return Err(format!("unknown unit `{other}`; {ACCEPTED}")),
    };
    let bytes = (number * unit).round();
    if !(1.0..=1e12).contains(&bytes) {
        return Err(format!("at least 1 byte, at most a million megabytes; {ACCEPTED}"));
    }
    Ok(bytes as u64)
}

/// A share of all in parts of a million: `2 %`, `0.5%`.
///
/// # Errors
/// What is wrong, as a sentence that says what would be accepted.
pub fn parse_share_ppm(text: &str) -> Result<u32, String> {
    const ACCEPTED: &str = "a share is written as `2 %` or `0.5%`";
    let number = text.trim().strip_suffix('%').ok_or_else(|| format!("no `%` at its end; {ACCEPTED}"))?;
    let percent =
        positive(number.trim()).ok_or_else(|| format!("`{}` is no number; {ACCEPTED}", number.trim()))?;
    let ppm = (percent * 1e4).round();
    if !(1.0..=1e6).contains(&ppm) {
        return Err("a share lies between 0.0001 % and 100 %".to_owned());
    }
    Ok(ppm as u32)
}

/// A factor from 1 to `most_percent` hundredths, in hundredths: `4`, `1.5`.
///
/// # Errors
/// What is wrong, as a sentence that says what would be accepted.
pub fn parse_factor_percent(text: &str, most_percent: u32) -> Result<u32, String> {
    let accepted =
        format!("a factor is written as `4` or `1.5`, and lies between 1 and {}", most_percent / 100);
    let factor = positive(text.trim()).ok_or_else(|| accepted.clone())?;
    let percent = (factor * 100.0).round();
    if !(100.0..=f64::from(most_percent)).contains(&percent) {
        return Err(accepted);
    }
    Ok(percent as u32)
}

/// A span of time, or two with `..` between, the first not longer: `2m`, `1m..4m`.
///
/// # Errors
/// What is wrong, as a sentence that says what would be accepted.
pub fn parse_range(text: &str) -> Result<SpanRange, String> {
    let Some((least, most)) = text.split_once("..") else {
        let span = parse_span(text)?;
        return Ok(SpanRange { least: span, most: span });
    };
    let (least, most) = (parse_span(least)?, parse_span(most.trim_start_matches('='))?);
    if least > most {
        return Err("the range ends before it begins; write the shorter span first".to_owned());
    }
    Ok(SpanRange { least, most })
}

/// An API: `pizza`, or with its version, `pizza:2.0.0`. Its version is 1.0.0 if none is said.
///
/// # Errors
/// What is wrong, as a sentence that says what would be accepted.
pub fn parse_api(text: &str) -> Result<ApiSpec, String> {
    const ACCEPTED: &str =
        "an API is written as `pizza` or `pizza:2.0.0`, in letters, digits, `-`, `_` and `.`";
    let (name, version) = text.split_once(':').unwrap_or((text, "1.0.0"));
    let fits = |part: &str| {
        (1..=100).contains(&part.len())
            && part.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
            && part.starts_with(|c: char| c.is_ascii_alphanumeric())
    };
    if !fits(name) || !fits(version) {
        return Err(ACCEPTED.to_owned());
    }
    Ok(ApiSpec { name: name.into(), version: version.into() })
}

/// A span of time with its sign, in nanoseconds: `+90s`, `-2h`.
///
/// # Errors
/// What is wrong, as a sentence that says what would be accepted.
pub fn parse_signed_span(text: &str) -> Result<i64, String> {
    let text = text.trim();
    let (sign, rest) = match (text.strip_prefix('-'), text.strip_prefix('+')) {
        (Some(rest), _) => (-1, rest),
        (None, Some(rest)) => (1, rest),
        (None, None) => (1, text),
    };
    let span = i64::try_from(parse_span(rest)?.as_nanos()).map_err(|_| "longer than 290 years".to_owned())?;
    Ok(sign * span)
}

/// How much faster than time a clock runs, in parts per million: `+200ppm`, `-5%`.
///
/// # Errors
/// What is wrong, as a sentence that says what would be accepted.
pub fn parse_drift(text: &str) -> Result<i64, String> {
    const ACCEPTED: &str = "a drift is written as `+200ppm` or `-5%`, and is less than 90 %";
    let text = text.trim();
    let (number, each) = match (text.strip_suffix("ppm"), text.strip_suffix('%')) {
        (Some(number), _) => (number, 1.0),
        (None, Some(number)) => (number, 1e4),
        (None, None) => return Err(format!("no unit; {ACCEPTED}")),
    };
    let number: f64 = number.trim().parse().map_err(|_| format!("no number; {ACCEPTED}"))?;
    let ppm = (number * each).round();
    if !ppm.is_finite() || ppm.abs() > 900_000.0 {
        return Err(ACCEPTED.to_owned());
    }
    Ok(ppm as i64)
}

/// The bytes of a key, if it is there: a whole number, or a text with a unit.
pub(super) fn bytes(table: &Table<'_>, key: &'static str) -> Option<u64> {
    let text = match table.number_or_texts(key)? {
        Ok(number) => return Some(number.value),
        Err(mut texts) if texts.len() == 1 => texts.remove(0),
        Err(_) => {
            let span = table.key_span(key).unwrap_or_default();
            table.reader.error(span, format!("`{key}` is no number of bytes"), "write one: `64KiB`");
            return None;
        }
    };
    let parsed = parse_bytes(&text.value);
    parsed.map_err(|why| table.reader.error(text.span, format!("`{key}` is no number of bytes"), why)).ok()
}

/// The nanoseconds of a key that holds a span of time with its sign; it must be there.
pub(super) fn signed_span(table: &Table<'_>, key: &'static str, example: &str) -> Option<i64> {
    let text = table.require_text(key, &format!("write `{key} = \"{example}\"`"))?;
    let parsed = parse_signed_span(&text.value);
    parsed.map_err(|why| table.reader.error(text.span, format!("`{key}` is not a span of time"), why)).ok()
}

/// The drift of a key, which must be there.
pub(super) fn rate_of_drift(table: &Table<'_>, key: &'static str) -> Option<i64> {
    let text = table.require_text(key, &format!("write `{key} = \"+200ppm\"`"))?;
    let parsed = parse_drift(&text.value);
    parsed.map_err(|why| table.reader.error(text.span, format!("`{key}` is no drift"), why)).ok()
}

/// The nanoseconds of `delay`, which must be there.
pub(super) fn delay(table: &Table<'_>, example: &str) -> Option<u64> {
    if !table.has("delay") {
        table.missing("delay", format!("write `delay = \"{example}\"`"));
    }
    table.span_of_time("delay").map(|span| nanos(span.value))
}

/// A span's nanoseconds.
pub(super) fn nanos(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}

fn positive(text: &str) -> Option<f64> {
    text.parse().ok().filter(|number: &f64| number.is_finite() && *number > 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_read_as_spans() {
        for (text, millis) in [("20/s", 50), ("60/min", 1000), ("2 per second", 500), ("1/h", 3_600_000)] {
            assert_eq!(parse_rate(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        for text in ["", "20", "20/fortnight", "0/s", "-1/s", "nan/s", "1e30/s", "/s"] {
            assert!(parse_rate(text).is_err(), "{text}");
        }
    }

    #[test]
    fn bandwidths_are_read_in_bits_and_bytes() {
        for (text, bytes) in [("512kbit/s", 64_000), ("64KiB/s", 65_536), ("1 Gbit/s", 125_000_000)] {
            assert_eq!(parse_bandwidth(text), Ok(bytes), "{text}");
        }
        for text in ["", "10", "0bit/s", "10 furlong", "kbit/s", "1e999MB/s"] {
            assert!(parse_bandwidth(text).is_err(), "{text}");
        }
    }

    #[test]
    fn amounts_of_data_shares_and_factors_are_read_with_their_units() {
        assert_eq!(parse_bytes("32KiB"), Ok(32_768));
        assert_eq!(parse_bytes("1.5 kB"), Ok(1500));
        assert_eq!(parse_share_ppm("0.5 %"), Ok(5000));
        assert_eq!(parse_share_ppm("100%"), Ok(1_000_000));
        assert_eq!(parse_factor_percent("1.5", 1000), Ok(150));
        for text in ["", "KiB", "0B", "3", "3 furlongs", "1e99MiB"] {
            assert!(parse_bytes(text).is_err(), "{text}");
        }
        for text in ["", "5", "%", "0 %", "101 %", "-1 %", "nan %"] {
            assert!(parse_share_ppm(text).is_err(), "{text}");
        }
        for text in ["", "0.9", "11", "x"] {
            assert!(parse_factor_percent(text, 1000).is_err(), "{text}");
        }
    }

    #[test]
    fn a_range_has_the_shorter_span_first() {
        let minutes = |least: u64, most: u64| SpanRange {
            least: Duration::from_secs(60 * least),
            most: Duration::from_secs(60 * most),
        };
        assert_eq!(parse_range("2m"), Ok(minutes(2, 2)));
        assert_eq!(parse_range("1m..4m"), Ok(minutes(1, 4)));
        assert!(parse_range("4m..1m").is_err() && parse_range("..").is_err() && parse_range("1m..").is_err());
    }

    #[test]
    fn signed_spans_and_drifts_are_read() {
        for (text, seconds) in [("+90s", 90), ("90s", 90), ("-2h", -7200)] {
            assert_eq!(parse_signed_span(text), Ok(seconds * 1_000_000_000), "{text}");
        }
        for text in ["", "-", "+-1s", "5", "300000d"] {
            assert!(parse_signed_span(text).is_err(), "{text}");
        }
        for (text, ppm) in [("+200ppm", 200), ("-5%", -50_000), ("0.1 %", 1000)] {
            assert_eq!(parse_drift(text), Ok(ppm), "{text}");
        }
        for text in ["", "5", "%", "nan%", "-100%", "1e99ppm"] {
            assert!(parse_drift(text).is_err(), "{text}");
        }
    }

    #[test]
    fn an_api_is_a_name_that_fits_a_path_and_a_file() {
        assert_eq!(&*parse_api("pizza:2.0.0").unwrap().version, "2.0.0");
        assert_eq!(&*parse_api("pizza").unwrap().version, "1.0.0");
        for text in ["", "a b", "../x", "pizza:", ":1", "a/b", "-a"] {
            assert!(parse_api(text).is_err(), "{text}");
        }
    }
}
