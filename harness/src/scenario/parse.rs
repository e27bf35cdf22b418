//! Reads a scenario's text. Every mistake is collected; a scenario is given back in spite of them, so that its
//! names can be checked too before the user is told.

use std::time::Duration;

use super::{PhaseLengths, Scenario, content, fault, replaced_files, timing, workload};
use crate::expectation;
use crate::finding::{Findings, Source};
use crate::table::{Placed, Reader, Table};

/// No phase is longer than this.
const PHASE_MAX: Duration = Duration::from_secs(366 * 86_400);

pub(super) fn parse(source: &Source) -> (Scenario, Findings) {
    let reader = Reader::new(source).with_top_keys(&["title", "cluster", "seed", "expect"]);
    let document = reader.parse();
    let scenario = read(&reader, Table::new(&reader, "the scenario", 0..0, document.get_ref()));
    drop(document);
    (scenario, reader.into_findings())
}

fn read<'a>(reader: &'a Reader<'a>, top: Table<'a>) -> Scenario {
    let source = reader.source;
    let title = top
        .require_text("title", "open the file with a sentence that says what must hold: `title = \"...\"`")
        .unwrap_or_default();
    if title.value.trim().is_empty() && !title.span.is_empty() {
        reader.error(title.span, "the title says nothing", "write a sentence that says what must hold");
    }
    let cluster = top
        .require_text(
            "cluster",
            "name the folder of the cluster's files: `cluster = \"clusters/wso2-rsync\"`",
        )
        .unwrap_or_default();
    let seed = top.number("seed").map(|seed| seed.value);
    let phases = phases(&top);
    let sentences = top.texts("expect").unwrap_or_default();
    let expectations = expectation::read(&sentences, reader);
    let workloads = workload::read_all(top.tables("workload"));
    let content = content::read(&top);
    let timing = timing::read(&top);
    let replaced_files = replaced_files::read(&top);
    let faults = fault::read_all(top.tables("fault"), phases.disturb);
    top.finish();
    let stem = source.name.rsplit(['/', '\\']).next().unwrap_or_default();
    Scenario {
        name: stem.strip_suffix(".toml").unwrap_or(stem).into(),
        title: title.value,
        source: source.clone(),
        cluster,
        replaced_files,
        files: None,
        seed,
        phases,
        content,
        timing,
        workloads,
        faults,
        expectations,
    }
}

fn phases(top: &Table<'_>) -> PhaseLengths {
    let mut lengths = PhaseLengths::default();
    let Some(table) = top.table("phases") else {
        if !top.has("phases") && !top.reader.is_broken() {
            let help = "write `[phases]` and below it `disturb = \"10m\"`: how long faults may act";
            top.reader.error(0..0, "`[phases]` is missing", help);
        }
        return lengths;
    };
    let length = |key| {
        let span: Placed<Duration> = table.span_of_time(key)?;
        if span.value > PHASE_MAX {
            table.reader.error(span.span, format!("`{key}` is too long"), "at most 366 days");
            return None;
        }
        Some(span.value)
    };
    if !table.has("disturb") {
        table.missing("disturb", "write `disturb = \"10m\"`: how long faults may act");
    }
    lengths.disturb = length("disturb").unwrap_or_default();
    lengths.warmup = length("warmup").unwrap_or(lengths.warmup);
    lengths.heal = length("heal").unwrap_or(lengths.heal);
    lengths.settle = length("settle").unwrap_or(lengths.settle);
    table.finish();
    lengths
}

impl Default for PhaseLengths {
    /// Warm-up has room for a cluster's start (60 s, and the workers' first sync); heal and settle for a start
    /// and a few runs of cron.
    fn default() -> Self {
        Self {
            warmup: Duration::from_secs(180),
            disturb: Duration::ZERO,
            heal: Duration::from_secs(60),
            settle: Duration::from_secs(300),
        }
    }
}
