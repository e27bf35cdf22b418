//! What a sweep says, for a terminal, as Markdown, and for programs.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use serde_json::json;

use super::cases::{Case, Sweep};
use super::findings::{Finding, Swept};
use crate::signature::Signature;
use crate::time::SimTime;

/// How many of the faults and moments of a finding are named.
const NAMED_MAX: usize = 5;

/// What a sweep has shown, in a sentence that is true or false. What is written down as a weakness of the cluster, or denied
/// by what a fault is, is told apart from what is new.
pub fn statement(sweep: &Sweep, swept: &Swept) -> String {
    let (faults, moments) = (sweep.faults().len(), sweep.moments().len());
    let kinds: BTreeSet<&str> = sweep.faults().iter().map(|fault| fault.kind.name()).collect();
    let cases = faults * moments;
    let what = "what must hold whatever fails";
    let new = swept.findings.new_ones().len();
    let known = listed(&swept.findings.weaknesses()).map(|known| (known, swept.broken_as_known));
    let denied =
        denied_by(&swept.findings.denied_by(sweep)).map(|denied| (denied, swept.broken_by_definition));
    let besides: Vec<(String, u64)> = known.into_iter().chain(denied).collect();
    if swept.left > 0 {
        let besides: String = besides.iter().map(|(by, _)| format!(", and by {by}")).collect();
        return format!(
            "Not finished: {} of {cases} cases are not run yet; so far {what} is broken in {}{besides}.",
            swept.left,
            ways(new)
        );
    }
    let all = format!("{faults} of {} kinds at any of {moments} moments", kinds.len());
    let broken = swept.broken;
    match (new, besides.is_empty()) {
        (0, true) => format!("No single fault of {all} breaks {what}."),
        (0, false) => {
            let besides: Vec<String> =
                besides.iter().map(|(by, count)| format!("for {by} ({count} of {cases} cases)")).collect();
            format!("No single fault of {all} breaks {what}, but {}.", besides.join(", and "))
        }
        (new, true) => {
            format!("Single faults break {what} in {}: {broken} of {cases} cases ({all}).", ways(new))
        }
        (new, false) => {
            let besides: String =
                besides.iter().map(|(by, count)| format!("; {count} more by {by}")).collect();
            format!(
                "Single faults break {what} in {} that {} new: {broken} of {cases} cases ({all}){besides}.",
                ways(new),
                if new == 1 { "is" } else { "are" },
            )
        }
    }
}

/// What these kinds of faults break by definition; none when there are none.
fn denied_by(kinds: &BTreeSet<&str>) -> Option<String> {
    let denies = if kinds.len() == 1 { "denies" } else { "deny" };
    (!kinds.is_empty()).then(|| format!("{}, which {denies} it by definition", joined(kinds)))
}

fn ways(number: usize) -> String {
    if number == 1 { "1 way".to_owned() } else { format!("{number} ways") }
}

/// Weaknesses by name; none when there are none.
fn listed(names: &BTreeSet<&str>) -> Option<String> {
    let many = names.len();
    let weaknesses = if many == 1 { "weakness" } else { "weaknesses" };
    (many > 0).then(|| format!("{many} known {weaknesses}: {}", joined(names)))
}

fn joined(names: &BTreeSet<&str>) -> String {
    names.iter().copied().collect::<Vec<_>>().join(", ")
}

/// How the statement was arrived at: what was run and what was not.
fn grounds(sweep: &Sweep, swept: &Swept) -> String {
    let (events, instants, classes) = sweep.size();
    let mut text = format!(
        "{} runs; {} more would repeat an earlier moment's, {} more have nothing to kill. ",
        swept.ran, swept.of_earlier_moments, swept.nothing_to_kill
    );
    let (chosen, each) = (sweep.moments().len(), sweep.settings().each);
    let routine = sweep.settings().routine;
    let _ = write!(text, "The run without faults has {events} events at {instants} moments; ");
    let _ = match each {
        None => {
            write!(text, "all are gone through but routine, of which {routine} of each kind are: {chosen}.")
        }
        Some(each) => write!(text, "{each} of each of their {classes} classes are gone through: {chosen}."),
    };
    text
}

/// What was found out about pairs, if they were asked for.
fn of_pairs(sweep: &Sweep, swept: &Swept) -> Option<String> {
    let pairs = swept.pairs;
    (pairs.all > 0).then(|| {
        let mut told = match swept.pair_findings.new_ones().len() {
            0 => "none breaks it in a way in which no single fault does".to_owned(),
            new => format!("they break it in {} in which no single fault does", ways(new)),
        };
        let denied = denied_by(&swept.pair_findings.denied_by(sweep));
        for besides in listed(&swept.pair_findings.weaknesses()).into_iter().chain(denied) {
            let _ = write!(told, ", but for {besides}");
        }
        format!(
            "Pairs: {} of {} were run, {} were left out since one of the two breaks it alone; {told}.",
            pairs.ran, pairs.all, pairs.implied
        )
    })
}

/// Where the files of each finding are: by signature, the plan and the shrunk scenario.
pub type Places = BTreeMap<Signature, (String, Option<String>)>;

/// What a sweep says, as lines of text.
pub fn terminal(sweep: &Sweep, swept: &Swept, places: &Places) -> String {
    let mut lines = vec![format!("{}, seed {}", sweep.base().scenario, sweep.base().seed), String::new()];
    let all = swept.findings.list().into_iter().chain(swept.pair_findings.list());
    for (number, finding) in (1..).zip(all) {
        lines.push(format!("  {number}. {}", finding.signature));
        lines.extend(about(sweep, finding).into_iter().map(|line| format!("     {line}")));
        if let Some((plan, shrunk)) = places.get(&finding.signature) {
            lines.push(format!("     replay: sim replay {plan}"));
            lines.extend(shrunk.iter().map(|shrunk| format!("     made small: {shrunk}")));
        }
        lines.push(String::new());
    }
    lines.push(format!("  {}", statement(sweep, swept)));
    lines.extend(of_pairs(sweep, swept).map(|text| format!("  {text}")));
    lines.push(format!("  {}", grounds(sweep, swept)));
    lines.push(String::new());
    lines.join("\n")
}

/// What is said of one finding.
fn about(sweep: &Sweep, finding: &Finding) -> Vec<String> {
    let named = |all: Vec<String>, what: &str| {
        let more = all.len().saturating_sub(NAMED_MAX);
        let shown = all.iter().take(NAMED_MAX).cloned().collect::<Vec<_>>().join("; ");
        let rest = if more > 0 { format!("; and {more} more {what}") } else { String::new() };
        format!("{shown}{rest}")
    };
    let faults = finding.faults.iter().map(|&fault| sweep.told(fault)).collect();
    let mut what: BTreeMap<&str, usize> = BTreeMap::new();
    for &moment in &finding.moments {
        for class in &sweep.moments()[moment].what {
            *what.entry(class).or_default() += 1;
        }
    }
    let mut what: Vec<(&str, usize)> = what.into_iter().collect();
    what.sort_by_key(|(_, times)| std::cmp::Reverse(*times));
    let what = what.into_iter().map(|(class, _)| class.to_owned()).collect();
    let first = finding.first.iter().map(|case| when(sweep, *case)).collect::<Vec<_>>().join(" and ");
    let mut lines: Vec<String> = match &finding.weakness {
        Some(name) => vec![format!("a known weakness: {name}")],
        None if finding.is_by_definition => {
            vec!["nothing of the cluster's: the fault denies it by definition".to_owned()]
        }
        None => Vec::new(),
    };
    lines.extend([
        format!("{}; the first: {first}", counted(finding.cases)),
        format!("by {}", named(faults, "faults")),
        format!("right after {}", named(what, "classes of events")),
    ]);
    lines
}

fn counted(cases: u64) -> String {
    if cases == 1 { "1 case".to_owned() } else { format!("{cases} cases") }
}

fn when(sweep: &Sweep, case: Case) -> String {
    let at = sweep.moments()[case.moment].at.since(SimTime::ZERO);
    format!("{} from {} on", sweep.told(case.fault), crate::time::show_span(at))
}

/// The same as Markdown.
pub fn markdown(sweep: &Sweep, swept: &Swept, places: &Places) -> String {
    let mut text = format!("# Sweep of {}, seed {}\n\n", sweep.base().scenario, sweep.base().seed);
    text.push_str(&format!("{}\n\n{}\n", statement(sweep, swept), grounds(sweep, swept)));
    if let Some(pairs) = of_pairs(sweep, swept) {
        text.push_str(&format!("\n{pairs}\n"));
    }
    let all = swept.findings.list().into_iter().chain(swept.pair_findings.list());
    for (number, finding) in (1..).zip(all) {
        text.push_str(&format!("\n## {number}. {}\n\n", finding.signature));
        for line in about(sweep, finding) {
            text.push_str(&format!("- {line}\n"));
        }
        if let Some((plan, shrunk)) = places.get(&finding.signature) {
            text.push_str(&format!("- replay: `sim replay {plan}`\n"));
            if let Some(shrunk) = shrunk {
                text.push_str(&format!("- made small: `{shrunk}`\n"));
            }
        }
    }
    text
}

/// The same for programs.
pub fn json(sweep: &Sweep, swept: &Swept, places: &Places) -> String {
    let finding = |finding: &Finding| {
        let place = places.get(&finding.signature);
        json!({
            "id": finding.signature.id(),
            "signature": finding.signature,
            "known_weakness": finding.weakness,
            "by_definition": finding.is_by_definition,
            "cases": finding.cases,
            "first": finding.first.iter().map(|case| json!({
                "at_ns": sweep.moments()[case.moment].at,
                "fault": sweep.faults()[case.fault].kind,
                "target": sweep.faults()[case.fault].target,
                "brief": sweep.faults()[case.fault].brief,
            })).collect::<Vec<_>>(),
            "faults": finding.faults.iter().map(|&fault| sweep.told(fault)).collect::<Vec<_>>(),
            "moments": finding.moments.len(),
            "plan": place.map(|(plan, _)| plan),
            "shrunk": place.and_then(|(_, shrunk)| shrunk.as_ref()),
        })
    };
    let (events, instants, classes) = sweep.size();
    let value = json!({
        "schema_version": super::SCHEMA_VERSION,
        "made_by": sweep.base().made_by,
        "scenario": sweep.base().scenario,
        "seed": sweep.base().seed,
        "statement": statement(sweep, swept),
        "holds": swept.holds(),
        "faults": sweep.faults().len(),
        "moments": sweep.moments().len(),
        "events_of_the_run_without_faults": events,
        "moments_of_the_run_without_faults": instants,
        "classes_of_events": classes,
        "cases": sweep.faults().len() * sweep.moments().len(),
        "ran": swept.ran,
        "repeats_of_earlier_moments": swept.of_earlier_moments,
        "repeats_with_nothing_to_kill": swept.nothing_to_kill,
        "left": swept.left,
        "broken": swept.broken,
        "broken_by_definition": swept.broken_by_definition,
        "broken_as_known": swept.broken_as_known,
        "findings": swept.findings.list().into_iter().map(finding).collect::<Vec<_>>(),
        "pairs": {
            "all": swept.pairs.all,
            "ran": swept.pairs.ran,
            "implied": swept.pairs.implied,
            "findings": swept.pair_findings.list().into_iter().map(finding).collect::<Vec<_>>(),
        },
    });
    let mut text = serde_json::to_string_pretty(&value).expect("a value is always JSON");
    text.push('\n');
    text
}
