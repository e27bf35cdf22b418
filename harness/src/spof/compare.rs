//! Two clusters side by side.

use std::collections::BTreeMap;
use std::time::Duration;

use super::terminal::table;
use super::{Analysis, Cut, told};
use crate::capability::Capability;
use crate::time::show_span;

/// The cut sets of both, in one table a capability: what cuts only one, and what cuts which one for longer.
pub fn compare(one: &Analysis, other: &Analysis) -> String {
    let mut lines = vec![format!("{}  against  {}", one.cluster, other.cluster), String::new()];
    for capability in Capability::ALL {
        let (first, second) = (of(one, capability), of(other, capability));
        let mut sets: Vec<&String> = first.keys().chain(second.keys()).collect();
        sets.sort_by_key(|set| (set.matches(" + ").count(), set.as_str()));
        sets.dedup();
        let not_there =
            [one, other].map(|analysis| analysis.not_there.iter().any(|none| none.capability == capability));
        if sets.is_empty() {
            let said = match not_there {
                [false, false] => "nothing that was taken away cuts or disturbs it in either".to_owned(),
                [true, true] => "not there in either".to_owned(),
                [first, _] => {
                    let (with, without) = if first { (other, one) } else { (one, other) };
                    format!(
                        "not there in {}; nothing cuts or disturbs it in {}",
                        without.cluster, with.cluster
                    )
                }
            };
            lines.push(format!("  {capability}: {said}"));
            lines.push(String::new());
            continue;
        }
        let mut rows = vec![vec![
            capability.name().to_owned(),
            one.cluster.clone(),
            other.cluster.clone(),
            String::new(),
        ]];
        for set in sets {
            let cuts = [first.get(set).copied(), second.get(set).copied()];
            rows.push(vec![
                format!("  {set}"),
                cell(cuts[0], one, not_there[0], set),
                cell(cuts[1], other, not_there[1], set),
                difference(cuts).to_owned(),
            ]);
        }
        lines.extend(table(&rows));
        lines.push(String::new());
    }
    let lost = |analysis: &Analysis| {
        let worst = analysis.losses.iter().max_by_key(|loss| loss.publishes);
        worst.map_or_else(
            || "no acknowledged publish".to_owned(),
            |loss| format!("at most {} publishes ({})", loss.publishes, told(&loss.components)),
        )
    };
    lines.push(format!("  lost for good: {} against {}", lost(one), lost(other)));
    lines.push(String::new());
    lines.join("\n")
}

/// The cut sets of a capability by their names, those that are alike among them.
fn of(analysis: &Analysis, capability: Capability) -> BTreeMap<String, &Cut> {
    let named = |cut: &'_ Cut| -> Vec<String> {
        std::iter::once(&cut.components).chain(&cut.also).map(|set| told(set)).collect()
    };
    let cuts = analysis.cuts_of(capability);
    cuts.flat_map(|cut| named(cut).into_iter().map(move |name| (name, cut))).collect()
}

fn cell(cut: Option<&Cut>, analysis: &Analysis, not_there: bool, set: &str) -> String {
    let there = |name: &str| analysis.components.iter().any(|part| part.name == name);
    match cut {
        _ if not_there => "not there at all".to_owned(),
        Some(cut) => {
            let span = show_span(Duration::from_millis(cut.gone_ms));
            let ending = if cut.back_by_itself { ", comes back by itself" } else { "" };
            let (failed, of) = (cut.failed, cut.of);
            match cut.entirely {
                true => format!("gone {span}{ending}"),
                false => format!("{failed} of {of} fail{ending}"),
            }
        }
        None if set.split(" + ").all(there) => "goes on".to_owned(),
        None => "has no such component".to_owned(),
    }
}

/// In which of the two it is better, if in one.
fn difference(cuts: [Option<&Cut>; 2]) -> &'static str {
    /// Less than this is no difference.
    const SAME_MS: u64 = 1_000;
    match cuts.map(|cut| cut.map_or(0, |cut| cut.gone_ms)) {
        [one, other] if one.abs_diff(other) < SAME_MS => "",
        [one, other] if one < other => "<- better",
        _ => "better ->",
    }
}
