//! A run drawn as strips: one row a phase, fault or capability, one column a slice of the run's time.

use std::collections::BTreeSet;

use super::Report;
use crate::time::{SimTime, show_span};

/// Columns of the text drawing.
const COLUMNS: u64 = 72;

/// One row of the drawing.
pub(super) struct Strip {
    /// What stands before it.
    pub label: String,
    /// What kind of thing it shows.
    pub shows: Shows,
    /// When it is marked.
    pub marked: Vec<(SimTime, SimTime)>,
}

/// What a row shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shows {
    /// A phase of the run.
    Phase,
    /// A fault while it acts.
    Fault,
    /// A capability while it is gone.
    Outage,
}

/// The rows of a report: phases, faults, and each capability that something was said of.
pub(super) fn strips(report: &Report) -> Vec<Strip> {
    let mut rows = Vec::new();
    for span in &report.phases {
        let label = span.phase.name().to_owned();
        rows.push(Strip { label, shows: Shows::Phase, marked: vec![(span.from, span.to)] });
    }
    for fault in &report.faults {
        let span = (fault.from, fault.to);
        // One that comes back has one row.
        let known =
            rows.iter_mut().find(|row: &&mut Strip| row.shows == Shows::Fault && row.label == *fault.name);
        match known {
            Some(row) => row.marked.push(span),
            None => {
                let label = fault.name.to_string();
                rows.push(Strip { label, shows: Shows::Fault, marked: vec![span] });
            }
        }
    }
    let spoken_of: BTreeSet<_> = (report.verdicts.iter().filter_map(|verdict| verdict.capability))
        .chain(report.outages.iter().map(|outage| outage.capability))
        .collect();
    for capability in spoken_of {
        let outages = report.outages.iter().filter(|outage| outage.capability == capability);
        let marked = outages.map(|outage| (outage.from, outage.to)).collect();
        rows.push(Strip { label: capability.to_string(), shows: Shows::Outage, marked });
    }
    rows
}

/// The drawing in text. A column is marked when anything of its slice is.
pub(super) fn drawing(report: &Report) -> String {
    let rows = strips(report);
    let width = rows.iter().map(|row| row.label.chars().count()).max().unwrap_or(0).max(10);
    let end = show_span(report.ends.since(SimTime::ZERO));
    let mut text = format!("{:width$}  0s{end:>1$}\n", "", COLUMNS as usize - 2);
    for row in rows {
        let mark = match row.shows {
            Shows::Phase => '=',
            Shows::Fault => '#',
            Shows::Outage => 'x',
        };
        let mut columns = vec!['.'; COLUMNS as usize];
        for (from, to) in row.marked {
            let (first, last) = columns_of(from, to, report.ends);
            columns[first..=last].fill(mark);
        }
        let columns: String = columns.into_iter().collect();
        text.push_str(&format!("{:width$}  {columns}\n", row.label));
    }
    text
}

/// The first and the last column that a span of time touches.
fn columns_of(from: SimTime, to: SimTime, ends: SimTime) -> (usize, usize) {
    let whole = u128::from(ends.as_nanos().max(1));
    let column = |at: SimTime| (u128::from(at.as_nanos()) * u128::from(COLUMNS) / whole) as usize;
    let highest = COLUMNS as usize - 1;
    let first = column(from).min(highest);
    // The moment at which a span ends is no longer in it.
    let last = column(SimTime::from_nanos(to.as_nanos().saturating_sub(1))).min(highest);
    (first, last.max(first))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_span_still_has_a_column_and_the_longest_stays_inside() {
        let ends = SimTime::from_secs(1800);
        assert_eq!(columns_of(SimTime::ZERO, ends, ends), (0, 71));
        assert_eq!(columns_of(ends, ends, ends), (71, 71));
        let at = SimTime::from_secs(900);
        assert_eq!(columns_of(at, at + std::time::Duration::from_millis(1), ends), (36, 36));
        assert_eq!(columns_of(SimTime::ZERO, SimTime::ZERO, SimTime::ZERO), (0, 0));
    }
}
