//! From the operations of one capability to the time in which it was gone.

use std::time::Duration;

use super::probe::Absence;
use crate::time::SimTime;

/// One operation, ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) started: SimTime,
    pub(super) ended: SimTime,
    pub(super) good: bool,
}

/// How a capability was gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Gone {
    /// The start of the first operation that failed.
    pub(super) from: SimTime,
    /// All rows of failures together, each from its first failure to the next good operation.
    pub(super) span: Duration,
    /// The longest of them.
    pub(super) longest: Duration,
    /// When it worked again and no operation failed after; none: not before the run's end.
    pub(super) back: Option<SimTime>,
    /// How many operations failed from then until it was back, and of how many.
    pub(super) failed: u64,
    pub(super) of: u64,
}

/// Nothing of a capability worked for this long: it was gone entirely, and not only here and there.
const ENTIRELY: Duration = Duration::from_secs(5);

impl Gone {
    /// Whether nothing of it worked for a while; else operations failed between good ones.
    pub(super) fn entirely(&self) -> bool {
        self.longest >= ENTIRELY
    }

    /// Whether it was back while what took it away was still away.
    pub(super) fn came_back_by_itself(&self, absence: Absence) -> bool {
        self.back.is_some_and(|back| back <= absence.to)
    }

    /// How long after the return of what was away it was back; zero when it was back before.
    pub(super) fn recovery(&self, absence: Absence) -> Option<Duration> {
        self.back.map(|back| back.since(absence.to))
    }

    /// Two streams of one capability: it is gone as soon as one is.
    pub(super) fn or(self, other: Gone) -> Gone {
        Gone {
            from: self.from.min(other.from),
            span: self.span.max(other.span),
            longest: self.longest.max(other.longest),
            back: self.back.zip(other.back).map(|(one, other)| one.max(other)),
            failed: self.failed + other.failed,
            of: self.of + other.of,
        }
    }
}

/// How the capability was gone whose operations these are, in any order; none when all ended well.
pub(super) fn gone(mut entries: Vec<Entry>, absence: Absence, end: SimTime) -> Option<Gone> {
    entries.sort_by_key(|entry| (entry.started, entry.ended));
    let first = entries.iter().position(|entry| !entry.good)?;
    let last = entries.iter().rposition(|entry| !entry.good)?;
    // Where only some operations fail, others still wait: those of them that end well do so by the return.
    let after = &entries[last + 1..];
    let waited = after.iter().filter(|entry| waited(entry, absence)).map(|entry| entry.ended).max();
    let back = waited.or(after.first().map(|entry| entry.started));
    let (mut rows, mut row) = (Vec::new(), None);
    for entry in &entries[first..] {
        match (entry.good, row) {
            (false, None) => row = Some(entry.started),
            (true, Some(from)) => {
                rows.push(back_at(entry, absence).since(from));
                row = None;
            }
            _ => {}
        }
    }
    rows.extend(row.map(|from| end.since(from)));
    let among = &entries[first..=last];
    let failed = among.iter().filter(|entry| !entry.good).count() as u64;
    Some(Gone {
        from: entries[first].started,
        span: rows.iter().sum(),
        longest: rows.into_iter().max().unwrap_or_default(),
        back,
        failed,
        of: among.len() as u64,
    })
}

/// Longer than any operation takes while everything is there.
const PROMPT: Duration = Duration::from_secs(2);

/// Whether an operation that ended well has waited for the return of what was away: it shows the capability at its
/// end.
fn waited(entry: &Entry, absence: Absence) -> bool {
    let across = entry.started < absence.to && entry.ended > absence.to;
    across && entry.ended.since(entry.started) > PROMPT
}

fn back_at(entry: &Entry, absence: Absence) -> SimTime {
    if waited(entry, absence) { entry.ended } else { entry.started }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ABSENCE: Absence = Absence { from: SimTime::from_secs(10), to: SimTime::from_secs(20) };

    fn of(entries: &[(u64, u64, bool)]) -> Option<Gone> {
        let entry = |&(started, ended, good): &(u64, u64, bool)| Entry {
            started: SimTime::from_secs(started),
            ended: SimTime::from_secs(ended),
            good,
        };
        gone(entries.iter().map(entry).collect(), ABSENCE, SimTime::from_secs(100))
    }

    #[test]
    fn what_never_failed_was_never_gone() {
        assert_eq!(of(&[(1, 1, true), (12, 15, true)]), None);
        assert_eq!(of(&[]), None);
    }

    #[test]
    fn what_failed_until_the_return_did_not_come_back_by_itself() {
        let gone = of(&[(9, 9, true), (11, 11, false), (15, 15, false), (21, 21, true), (30, 30, true)]);
        let gone = gone.unwrap();
        assert_eq!((gone.from, gone.back), (SimTime::from_secs(11), Some(SimTime::from_secs(21))));
        assert_eq!((gone.span, gone.failed, gone.of), (Duration::from_secs(10), 2, 2));
        assert!(!gone.came_back_by_itself(ABSENCE));
        assert_eq!(gone.recovery(ABSENCE), Some(Duration::from_secs(1)));
    }

    #[test]
    fn what_worked_again_during_the_absence_came_back_by_itself() {
        let gone = of(&[(11, 11, false), (13, 13, true), (30, 30, true)]).unwrap();
        assert!(gone.came_back_by_itself(ABSENCE));
        assert_eq!((gone.span, gone.recovery(ABSENCE)), (Duration::from_secs(2), Some(Duration::ZERO)));
    }

    #[test]
    fn an_answer_that_waited_for_the_return_is_no_comeback() {
        for entries in [
            [(11, 11, false), (12, 22, true), (23, 23, true)],
            [(11, 11, false), (13, 13, true), (14, 22, true)],
        ] {
            let gone = of(&entries).unwrap();
            assert!(!gone.came_back_by_itself(ABSENCE));
            assert_eq!(gone.back, Some(SimTime::from_secs(22)));
        }
    }

    #[test]
    fn rows_of_failures_are_added_up_and_what_goes_on_lasts_to_the_end() {
        let gone = of(&[(11, 11, false), (12, 12, true), (14, 14, false), (15, 15, true)]).unwrap();
        assert_eq!((gone.span, gone.failed, gone.of), (Duration::from_secs(2), 2, 3));
        let open = of(&[(11, 11, false), (12, 12, true), (90, 90, false)]).unwrap();
        assert_eq!((open.back, open.span), (None, Duration::from_secs(11)));
        assert!(open.entirely() && !gone.entirely());
    }
}
