//! The analysis as Markdown.

use std::time::Duration;

use super::{Analysis, Cut, told};
use crate::capability::Capability;
use crate::time::show_span;

/// The analysis as Markdown, for a file beside its folder of plans.
pub fn markdown(analysis: &Analysis) -> String {
    let mut text = format!("# What {} cannot do without a part of it\n\n", code(&analysis.cluster));
    let away = show_span(Duration::from_millis(analysis.away_ms));
    text.push_str(&format!(
        "Made by {}, seed {}. {} components, up to {} of them away together, for {away}, from {} moments of a \
         minute on; each set is told as it was at the worst of them. {}.\n",
        analysis.made_by,
        analysis.seed,
        analysis.components.len(),
        analysis.order,
        analysis.moments,
        super::terminal::counted(analysis),
    ));
    for group in &analysis.alike {
        let names: Vec<&str> = group.nodes.iter().map(String::as_str).collect();
        text.push_str(&format!("\n{} are alike: {}.", super::probe::and(&names), group.proof));
        for except in &group.except {
            text.push_str(&format!(" Except: {except}."));
        }
        text.push('\n');
    }
    for pair in &analysis.unlike {
        text.push_str(&format!("\n{pair}.\n"));
    }
    for capability in Capability::ALL {
        text.push_str(&format!("\n## {capability}\n\n"));
        if let Some(none) = analysis.not_there.iter().find(|none| none.capability == capability) {
            text.push_str(&format!("Not there: {}.\n", none.why));
            continue;
        }
        let cuts: Vec<&Cut> = analysis.cuts_of(capability).collect();
        if cuts.is_empty() {
            text.push_str("Nothing that was taken away cuts or disturbs it.\n");
            continue;
        }
        text.push_str(
            "| away | gone | failed | came back by itself | all well after the return | lost | replay |\n",
        );
        text.push_str("|---|---|---|---|---|---|---|\n");
        for cut in cuts {
            let mut cells = super::terminal::row(cut, Some("."));
            if !cut.entirely {
                cells[0].push_str(" (in part)");
            }
            for cell in &mut cells {
                *cell = cell.trim().replace('|', "\\|");
            }
            text.push_str(&format!("| {} |\n", cells.join(" | ")));
        }
    }
    text.push_str("\n## Acknowledged publishes that are lost for good\n\n");
    if analysis.lost_anyway > 0 {
        text.push_str(&format!("{} are lost even when nothing is missing.\n", analysis.lost_anyway));
    } else if analysis.losses.is_empty() {
        text.push_str("None.\n");
    } else {
        text.push_str("| away | publishes | the oldest acknowledged, before the absence | replay |\n|---|---|---|---|\n");
        for loss in &analysis.losses {
            let oldest = show_span(Duration::from_millis(loss.oldest_ms));
            let (also, plan) = (super::terminal::also(&loss.also), &loss.plan);
            let away = format!("{}{also}", told(&loss.components)).replace('|', "\\|");
            text.push_str(&format!(
                "| {away} | {} | {oldest} | sim replay ./plans/{plan} |\n",
                loss.publishes
            ));
        }
    }
    text.push_str("\n## Components\n\n| component | what | |\n|---|---|---|\n");
    for part in &analysis.components {
        let note = match (&part.no_effect, &part.examined_as) {
            (Some(why), _) => format!("could not be taken away: {why}"),
            (None, Some(other)) => format!("as {other}"),
            (None, None) => String::new(),
        };
        text.push_str(&format!("| {} | {} | {note} |\n", part.name, part.what));
    }
    text
}

fn code(text: &str) -> String {
    format!("`{}`", text.replace('`', "'"))
}
