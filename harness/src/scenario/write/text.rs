//! Lines of TOML, with remarks as comments.

use std::fmt::Write as _;
use std::time::Duration;

use super::{Place, Remarks};
use crate::scenario::amount::parse_rate;
use crate::time::{parse_span, show_span};

/// Lines are this long at most, where they can be broken.
const WIDTH: usize = 100;

/// A text that grows line by line.
pub(super) struct Lines<'a> {
    text: String,
    remarks: &'a Remarks,
}

impl<'a> Lines<'a> {
    pub(super) fn new(remarks: &'a Remarks) -> Self {
        Self { text: String::new(), remarks }
    }

    pub(super) fn push(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }

    /// The remark about the whole of something, above it.
    pub(super) fn whole(&mut self, place: &Place) {
        if let Some(remark) = self.remarks.get(&(place.clone(), String::new())) {
            for line in remark.lines().flat_map(|line| wrapped(line, WIDTH - 2)) {
                self.push(format!("# {line}").trim_end());
            }
        }
    }

    /// The header of a table, after an empty line.
    pub(super) fn table(&mut self, place: &Place, header: &str) {
        self.push("");
        self.whole(place);
        self.push(header);
    }

    /// A key with its value, and the remark beside it.
    pub(super) fn key(&mut self, place: &Place, key: &str, value: &str) {
        self.with_remark(place, key, &format!("{key} = {value}"));
    }

    /// An item of a list.
    pub(super) fn item(&mut self, place: &Place, value: &str) {
        self.with_remark(place, "", &format!("    {value},"));
    }

    /// A short remark stands beside the line, a long one above it.
    fn with_remark(&mut self, place: &Place, key: &str, line: &str) {
        match self.remarks.get(&(place.clone(), key.to_owned())) {
            None => self.push(line),
            Some(remark) if line.len().max(23) + 3 + remark.len() <= WIDTH && !remark.contains('\n') => {
                self.push(&format!("{line:23} # {remark}"));
            }
            Some(remark) => {
                let indent = line.len() - line.trim_start().len();
                for part in remark.lines().flat_map(|line| wrapped(line, WIDTH - 2 - indent)) {
                    self.push(&format!("{:indent$}# {part}", ""));
                }
                self.push(line);
            }
        }
    }

    pub(super) fn into_text(self) -> String {
        self.text
    }
}

/// A text in lines of at most so many characters, broken between words.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let last = lines.last_mut().expect("there is always one");
        if !last.is_empty() && last.chars().count() + 1 + word.chars().count() > width {
            lines.push(word.to_owned());
        } else {
            if !last.is_empty() {
                last.push(' ');
            }
            last.push_str(word);
        }
    }
    lines
}

/// A text in quotes, as TOML wants it.
pub(super) fn quoted(text: &str) -> String {
    toml::Value::String(text.replace('\n', " ")).to_string()
}

/// A list of texts; one alone stands without brackets where both mean the same.
pub(super) fn texts<T: AsRef<str>>(texts: &[T]) -> String {
    match texts {
        [one] => quoted(one.as_ref()),
        many => {
            let quoted: Vec<String> = many.iter().map(|text| quoted(text.as_ref())).collect();
            format!("[{}]", quoted.join(", "))
        }
    }
}

/// A span, to the nanosecond, as it is read.
pub(super) fn span(span: Duration) -> String {
    let shown = show_span(span);
    if parse_span(&shown) == Ok(span) {
        return shown;
    }
    let nanos = span.subsec_nanos();
    let millis = span - Duration::from_nanos(u64::from(nanos % 1_000_000));
    let mut text = if millis.is_zero() { String::new() } else { show_span(millis) };
    for (count, unit) in [(nanos / 1_000 % 1_000, "us"), (nanos % 1_000, "ns")] {
        if count > 0 {
            write!(text, "{count}{unit}").expect("a string takes it");
        }
    }
    text
}

/// A bandwidth, as it is read.
pub(super) fn bandwidth(bytes_per_s: u64) -> String {
    let units = [(1 << 20, "MiB/s"), (1_000_000, "MB/s"), (1024, "KiB/s"), (1_000, "kB/s"), (125, "kbit/s")];
    let unit = units.into_iter().find(|(size, _)| bytes_per_s > 0 && bytes_per_s.is_multiple_of(*size));
    match unit {
        Some((size, unit)) => format!("{}{unit}", bytes_per_s / size),
        None => format!("{bytes_per_s}B/s"),
    }
}

/// How often something happens: `rate = "20/s"` where that is exact and more often than once a second.
pub(super) fn interval(every: Duration) -> (&'static str, String) {
    let nanos = every.as_nanos().max(1);
    let rate = format!("{}/s", 1_000_000_000 / nanos);
    match nanos < 1_000_000_000 && parse_rate(&rate) == Ok(every) {
        true => ("rate", quoted(&rate)),
        false => ("every", quoted(&span(every))),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::scenario::amount::parse_bandwidth;

    proptest! {
        #[test]
        fn every_span_of_a_run_is_written_as_it_is_read(nanos in 0_u64..1 << 53) {
            let exact = Duration::from_nanos(nanos);
            prop_assert_eq!(parse_span(&span(exact)), Ok(exact));
        }

        #[test]
        fn every_bandwidth_is_written_as_it_is_read(bytes in 1_u64..1 << 40) {
            prop_assert_eq!(parse_bandwidth(&bandwidth(bytes)), Ok(bytes));
        }
    }

    #[test]
    fn amounts_are_written_as_a_person_would() {
        assert_eq!(span(Duration::from_secs(170)), "2m50s");
        assert_eq!(span(Duration::from_nanos(60_012_000_007)), "1m0.012s7ns");
        assert_eq!(span(Duration::from_nanos(1_500)), "1us500ns");
        assert_eq!(bandwidth(8_000), "8kB/s");
        assert_eq!(bandwidth(65_536), "64KiB/s");
        assert_eq!(interval(Duration::from_millis(50)), ("rate", "\"20/s\"".to_owned()));
        assert_eq!(interval(Duration::from_secs(30)), ("every", "\"30s\"".to_owned()));
        assert_eq!(interval(Duration::from_nanos(333_333_333)), ("rate", "\"3/s\"".to_owned()));
    }

    #[test]
    fn a_short_remark_stands_beside_its_line_and_a_long_one_above() {
        let long = "word ".repeat(40);
        let remarks: Remarks = [
            ((Place::Fault(0), "from".to_owned()), "not at 1m".to_owned()),
            ((Place::Fault(0), "for".to_owned()), long),
        ]
        .into();
        let mut lines = Lines::new(&remarks);
        lines.key(&Place::Fault(0), "from", "\"2m\"");
        lines.key(&Place::Fault(0), "for", "\"3m\"");
        let text = lines.into_text();
        assert!(text.starts_with("from = \"2m\"             # not at 1m\n# word"), "{text}");
        assert!(text.ends_with("\nfor = \"3m\"\n") && text.lines().all(|line| line.len() <= WIDTH), "{text}");
    }
}
