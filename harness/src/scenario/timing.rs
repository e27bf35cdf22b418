//! `[timing]`: how far a run's timing departs from what the cluster's files say.

use std::time::Duration;

use crate::plan::Timing;
use crate::table::Table;

/// Nothing takes longer: that is no timing but a cut.
const SPAN_MAX: Duration = Duration::from_secs(3600);

pub(super) fn read(top: &Table<'_>) -> Timing {
    let Some(table) = top.table("timing") else { return Timing::default() };
    let span = |key| {
        let span = table.span_of_time(key)?;
        if span.value > SPAN_MAX {
            table.reader.error(span.span, format!("`{key}` is too long"), "at most 1 hour");
            return None;
        }
        Some(span.value)
    };
    let latency = span("latency").and_then(|span| u64::try_from(span.as_nanos()).ok());
    let timing = Timing {
        latency_ns: latency,
        packet_jitter: span("packet_jitter").unwrap_or_default(),
        wake_up_jitter: span("wake_up_jitter").unwrap_or_default(),
    };
    table.finish();
    timing
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Source;
    use crate::scenario::Scenario;

    fn read(table: &str) -> (Timing, bool) {
        let text = format!("title = 'x'\ncluster = 'c'\n[phases]\ndisturb = '1m'\n{table}");
        let (scenario, findings) = Scenario::parse(&Source::new("x.toml", text));
        (scenario.timing, findings.is_empty())
    }

    #[test]
    fn timing_is_that_of_the_files_unless_it_is_said() {
        assert_eq!(read(""), (Timing::default(), true));
        let said = Timing {
            latency_ns: Some(5_000_000),
            packet_jitter: Duration::from_millis(1),
            wake_up_jitter: Duration::from_secs(2),
        };
        let table = "[timing]\nlatency = '5ms'\npacket_jitter = '1ms'\nwake_up_jitter = '2s'";
        assert_eq!(read(table), (said, true));
        for wrong in ["latency = '2h'", "jitter = '1s'", "wake_up_jitter = 3"] {
            assert!(!read(&format!("[timing]\n{wrong}")).1, "{wrong}");
        }
    }
}
