//! What clients do: one file for each kind of workload, and one row in [`KINDS`].

mod administer;
mod calls;
mod health_checks;
mod publish;
mod write_attempts;

use std::time::Duration;

use super::amount::{parse_api, parse_rate};
use crate::finding::did_you_mean;
use crate::plan::{ApiSpec, WorkloadKind};
use crate::table::{Placed, Table};
use crate::trace::event::WriteRoute;

/// A kind of workload, as scenario files write it.
pub struct Kind {
    /// Its name: the value of `kind`.
    pub name: &'static str,
    /// What it does, in one line.
    pub doc: &'static str,
    /// Its own keys, each with what it says. [`COMMON_KEYS`] come beside them.
    pub keys: &'static [(&'static str, &'static str)],
    /// How long a client waits for an answer if the scenario does not say it.
    pub timeout: Duration,
    /// Whether it ends with the heal phase, so that the cluster can settle.
    pub ends_before_settling: bool,
    pub(super) read: fn(&Table<'_>) -> Option<Work>,
}

impl std::fmt::Debug for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Kind").field("name", &self.name).finish_non_exhaustive()
    }
}

/// All kinds of workloads, in the order in which they are listed.
pub const KINDS: &[Kind] =
    &[calls::KIND, publish::KIND, administer::KIND, write_attempts::KIND, health_checks::KIND];

/// How long a client of such a workload waits for an answer if the scenario does not say it.
pub fn default_timeout(work: &WorkloadKind) -> Duration {
    kind_of(work).timeout
}

/// The kind of a plan's workload.
pub(crate) fn kind_of(work: &WorkloadKind) -> &'static Kind {
    match work {
        WorkloadKind::Calls { .. } => &calls::KIND,
        WorkloadKind::Publish { .. } => &publish::KIND,
        WorkloadKind::Administer => &administer::KIND,
        WorkloadKind::WriteAttempts { .. } => &write_attempts::KIND,
        WorkloadKind::HealthChecks { .. } => &health_checks::KIND,
    }
}

/// The keys that every workload has.
pub const COMMON_KEYS: &[(&str, &str)] = &[
    ("kind", "what clients do"),
    ("every", "the span between two operations: `30s`"),
    ("rate", "instead of `every`: `20/s`, `90/min`"),
    (
        "first",
        "when the first operation is, counted from the beginning of the disturb phase; drawn within `every`",
    ),
    (
        "until",
        "no operation begins then or later, counted as `first` is; without it, at the end of the run, or of the heal phase for what is published or tried",
    ),
    ("timeout", "how long a client waits for an answer"),
];

/// A workload of a scenario.
#[derive(Debug, Clone, PartialEq)]
pub struct WorkloadSpec {
    /// Its kind's name.
    pub kind: &'static str,
    /// What is done.
    pub work: Work,
    /// The span between two operations.
    pub every: Duration,
    /// When the first operation is, after the beginning of the disturb phase; none: drawn within `every`.
    pub first: Option<Duration>,
    /// No operation begins this long after the beginning of the disturb phase, or later; none: the kind says it.
    pub until: Option<Duration>,
    /// A client gives up on an operation after this long.
    pub timeout: Duration,
    /// Whether it ends with the heal phase.
    pub ends_before_settling: bool,
    /// Where it stands.
    pub place: std::ops::Range<usize>,
}

/// What a workload does, with its choices open.
#[derive(Debug, Clone, PartialEq)]
pub enum Work {
    /// Consumers call these APIs in turn.
    Calls(Vec<ApiSpec>),
    /// These APIs are updated in turn.
    Publish {
        /// The APIs.
        apis: Vec<ApiSpec>,
        /// Every how many operations one is a deletion; 0 for never.
        delete_every: u64,
    },
    /// The management console is opened.
    Administer,
    /// Each worker in turn is tried by each route in turn.
    WriteAttempts {
        /// The workers; empty for all.
        workers: Vec<Placed<String>>,
        /// The routes.
        routes: Vec<WriteRoute>,
    },
    /// Each of these gateways in turn is asked for its health; none named: all.
    HealthChecks(Vec<Placed<String>>),
}

/// Reads all workloads of a scenario.
pub(super) fn read_all(tables: Vec<Table<'_>>) -> Vec<WorkloadSpec> {
    let mut workloads: Vec<WorkloadSpec> = Vec::new();
    for table in tables {
        let (reader, place) = (table.reader, table.span.clone());
        let Some(workload) = read(table) else { continue };
        if let Work::Publish { apis, .. } = &workload.work {
            let published = |workload: &WorkloadSpec| match &workload.work {
                Work::Publish { apis, .. } => apis.clone(),
                _ => Vec::new(),
            };
            let taken: Vec<ApiSpec> = workloads.iter().flat_map(published).collect();
            if let Some(api) = apis.iter().find(|api| taken.iter().any(|other| other.name == api.name)) {
                let message = format!("two workloads publish the API `{}`", api.name);
                let help = "name different `apis`: each API's revisions are counted by one workload";
                reader.error(header(reader.source, &place), message, help);
            }
        }
        workloads.push(workload);
    }
    workloads
}

/// The line on which a table begins: the table's own span covers many.
fn header(source: &crate::finding::Source, place: &std::ops::Range<usize>) -> std::ops::Range<usize> {
    place.start..source.line_span(source.line_of(place.start)).end.max(place.start)
}

fn read(table: Table<'_>) -> Option<WorkloadSpec> {
    let names: Vec<&str> = KINDS.iter().map(|kind| kind.name).collect();
    let kind = table.require_text("kind", &format!("one of: {}", names.join(", ")))?;
    let Some(entry) = KINDS.iter().find(|entry| entry.name == kind.value) else {
        let help = did_you_mean(&kind.value, &names);
        table.reader.error(kind.span, format!("unknown kind of workload `{}`", kind.value), help);
        return None;
    };
    let every = interval(&table);
    let first = table.span_of_time("first").map(|first| first.value);
    let until = table.span_of_time("until").map(|until| until.value);
    let timeout = match table.span_of_time("timeout") {
        Some(timeout) if timeout.value.is_zero() => {
            table.reader.error(timeout.span, "no client gives up at once", "write `timeout = \"30s\"`");
            entry.timeout
        }
        Some(timeout) => timeout.value,
        None => entry.timeout,
    };
    let work = (entry.read)(&table);
    let place = table.span.clone();
    table.finish();
    let ends_before_settling = entry.ends_before_settling;
    let (work, every) = (work?, every?);
    Some(WorkloadSpec { kind: entry.name, work, every, first, until, timeout, ends_before_settling, place })
}

fn interval(table: &Table<'_>) -> Option<Duration> {
    let (every, rate) = (table.span_of_time("every"), table.text("rate"));
    if let (Some(_), Some(rate)) = (&every, &rate) {
        table.reader.error(rate.span.clone(), "both `every` and `rate` say how often", "leave one out");
    }
    if !table.has("every") && !table.has("rate") {
        table.missing("every", "write `every = \"30s\"`, or `rate = \"20/s\"`");
    }
    if let Some(every) = every {
        if every.value < Duration::from_micros(1) {
            let help = "at most a million operations a second: `every = \"1ms\"`";
            table.reader.error(every.span, "operations must be at least 1us apart", help);
            return None;
        }
        return Some(every.value);
    }
    let rate = rate?;
    parse_rate(&rate.value).map_err(|why| table.reader.error(rate.span, "`rate` is not a rate", why)).ok()
}

/// `apis`: how many, which then are called `PREFIX-1` and so on, or their names.
fn apis(table: &Table<'_>, prefix: &str) -> Option<Vec<ApiSpec>> {
    const MOST: u64 = 10_000;
    if !table.has("apis") {
        table.missing("apis", "write how many: `apis = 5`, or which: `apis = [\"pizza\", \"orders:2.0.0\"]`");
    }
    let texts = match table.number_or_texts("apis")? {
        Ok(count) if (1..=MOST).contains(&count.value) => {
            return (1..=count.value).map(|number| parse_api(&format!("{prefix}-{number}")).ok()).collect();
        }
        Ok(count) => {
            table.reader.error(count.span, "there must be APIs, and not too many", "from 1 to 10,000");
            return None;
        }
        Err(texts) => texts,
    };
    if texts.is_empty() {
        table.missing("an API", "write at least one name into `apis`");
        return None;
    }
    let mut apis: Vec<ApiSpec> = Vec::new();
    for text in texts {
        match parse_api(&text.value) {
            Ok(api) if apis.iter().any(|other| other.name == api.name) => {
                let message = format!("the API `{}` is named twice", api.name);
                table.reader.error(text.span, message, "leave one out");
            }
            Ok(api) => apis.push(api),
            Err(why) => table.reader.error(text.span, "this cannot be an API's name", why),
        }
    }
    (!apis.is_empty()).then_some(apis)
}
