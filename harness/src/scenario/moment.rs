//! When a fault begins and ends.

use std::ops::Range;
use std::time::Duration;

use super::amount::parse_range;
use super::trigger::{self, TriggerSpec};
use crate::plan::TIMES_MAX;
use crate::table::{Placed, Table};

/// A span of time that is drawn between two bounds, both possible; fixed when they are equal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpanRange {
    /// The shortest.
    pub least: Duration,
    /// The longest.
    pub most: Duration,
}

/// When a fault begins.
#[derive(Debug, Clone, PartialEq)]
pub enum Begins {
    /// This long after the beginning of the disturb phase.
    After(SpanRange),
    /// Right after an event.
    On(TriggerSpec),
}

/// How long a fault lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lasts {
    /// Until this long after the beginning of the disturb phase.
    Until(SpanRange),
    /// This long.
    For(SpanRange),
    /// Until the end of the disturb phase.
    ToTheEnd,
}

/// How a fault comes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RepeatSpec {
    /// From one beginning to the next.
    pub every: SpanRange,
    /// How often in all; none for as often as the disturb phase has room.
    pub times: Option<u64>,
}

/// The keys that say when, the same for every kind of fault.
pub(super) const KEYS: &[(&str, &str)] = &[
    ("from", "when it begins, counted from the beginning of the disturb phase: `2m`, or drawn: `1m..4m`"),
    (
        "when",
        "instead of `from`: the event right after which it begins: `rsync has transferred its 3rd file`",
    ),
    ("to", "when it ends, counted as `from` is; without it and `for`, at the end of the disturb phase"),
    ("for", "instead of `to`: how long it lasts: `3m`, `30s..5m`"),
    ("every", "it comes back so long after it began: `2m`; with `for`, which is shorter"),
    ("times", "how often it acts in all; without it, for as long as the disturb phase has room"),
];

/// Reads when a fault begins and ends. What is wrong is reported; something is given back even so.
pub(super) fn read(table: &Table<'_>, disturb: Duration) -> (Begins, Lasts) {
    let (from, to) = (range(table, "from"), range(table, "to"));
    let (lasts, when) = (range(table, "for"), table.text("when"));
    let reader = table.reader;
    if let (Some(to), Some(_)) = (&to, &lasts) {
        reader.error(to.span.clone(), "both `to` and `for` say when the fault ends", "leave one out");
    }
    if let (Some(from), Some(_)) = (&from, &when) {
        reader.error(from.span.clone(), "both `from` and `when` say when the fault begins", "leave one out");
    }
    let ends = match (&to, &lasts) {
        (Some(to), _) => Lasts::Until(to.value),
        (None, Some(lasts)) => Lasts::For(lasts.value),
        (None, None) => Lasts::ToTheEnd,
    };
    if let Some(when) = when {
        if let Some(to) = &to {
            let help = "say with `for` how long it lasts";
            reader.error(to.span.clone(), "a fault that begins on an event cannot end at a fixed time", help);
        }
        let trigger = trigger::read(&when, reader);
        return (Begins::On(trigger.unwrap_or_default()), ends);
    }
    let Some(from) = from else {
        if !table.has("from") {
            table.missing("from", "write `from = \"2m\"`, counted from the beginning of the disturb phase");
        }
        return (Begins::After(SpanRange::default()), ends);
    };
    if !disturb.is_zero() {
        check_order(table, &from, to.as_ref(), lasts.as_ref(), disturb);
    }
    (Begins::After(from.value), ends)
}

/// Reads whether a fault comes back. `instant`: it needs no length.
pub(super) fn read_repeats(table: &Table<'_>, instant: bool) -> Option<RepeatSpec> {
    let (every, times) = (range(table, "every"), table.number("times"));
    let reader = table.reader;
    if let Some(times) = &times {
        if !table.has("every") {
            reader.error(
                times.span.clone(),
                "`times` says how often, and nothing how far apart",
                "add `every`",
            );
        }
        if !(1..=TIMES_MAX).contains(&times.value) {
            let help = format!("1 to {TIMES_MAX}");
            reader.error(times.span.clone(), "a fault cannot act so often", help);
        }
    }
    let every = every?;
    let lasts = match table.text("for") {
        None => instant.then(SpanRange::default),
        // What is wrong with it was reported when it was read.
        Some(text) => parse_range(&text.value).ok(),
    };
    match lasts {
        None if !table.has("for") => {
            let help = "say with `for` how long it lasts each time";
            reader.error(every.span, "a fault that comes back must end before it begins again", help);
        }
        Some(lasts) if every.value.least <= lasts.most => {
            let help = "`every` counts from one beginning to the next: make it longer than `for`";
            reader.error(every.span, "the fault begins again before it has ended", help);
        }
        _ => {}
    }
    Some(RepeatSpec { every: every.value, times: times.map(|times| times.value) })
}

impl Default for SpanRange {
    fn default() -> Self {
        Self { least: Duration::ZERO, most: Duration::ZERO }
    }
}

fn check_order(
    table: &Table<'_>,
    from: &Placed<SpanRange>,
    to: Option<&Placed<SpanRange>>,
    lasts: Option<&Placed<SpanRange>>,
    disturb: Duration,
) {
    let outside = |span: Range<usize>, what: &str| {
        let help = format!(
            "faults act in the disturb phase, which lasts {}; make it longer, or the fault earlier",
            crate::time::show_span(disturb)
        );
        table.reader.error(span, format!("the fault {what} outside the disturb phase"), help);
    };
    if from.value.most >= disturb {
        outside(from.span.clone(), "begins");
    }
    if let Some(to) = to {
        if to.value.least <= from.value.most {
            let help = "`from` and `to` are both counted from the beginning of the disturb phase";
            table.reader.error(to.span.clone(), "the fault ends before it begins", help);
        } else if to.value.most > disturb {
            outside(to.span.clone(), "ends");
        }
    }
    if let Some(lasts) = lasts
        && from.value.most < disturb
        && from.value.most.saturating_add(lasts.value.most) > disturb
    {
        outside(lasts.span.clone(), "ends");
    }
}

fn range(table: &Table<'_>, key: &'static str) -> Option<Placed<SpanRange>> {
    let text = table.text(key)?;
    match parse_range(&text.value) {
        Ok(range) => Some(Placed::new(range, text.span)),
        Err(why) => {
            table.reader.error(text.span, format!("`{key}` is not a span of time"), why);
            None
        }
    }
}
