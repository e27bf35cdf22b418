//! What holds at the end of every run: each capability works again, and every server serves.

use std::time::Duration;

use super::super::ledger::{Ledger, Loss};
use super::super::{Scene, Verdicts, held};
use super::{Unlike, name, of, totals};
use crate::capability::Capability;
use crate::signature::plain;
use crate::time::{SimTime, show_span};
use crate::trace::{EventId, NodeName};
use crate::verdict::Status;

/// A server that is started serves by then: three times a usual start-up.
const STARTED_WITHIN: Duration = Duration::from_secs(180);

/// Whether the last operations ended well. What failed last before the faults were over, or while a server that it needs was
/// still starting, and was not tried again after that, tells nothing of the end.
pub(super) fn works_at_the_end(
    capability: Capability,
    streams: &[(Option<&NodeName>, &Ledger)],
    scene: &Scene,
    unlike: &Unlike,
    verdicts: &mut Verdicts,
) {
    let open: Vec<&Loss> = streams.iter().filter_map(|(_, ledger)| ledger.open_loss()).collect();
    let servers = servers(capability, scene);
    let too_early = |loss: &Loss| {
        let at = loss.last.1;
        if scene.calm_since().is_some_and(|calm| at < calm) {
            return Some("before the last fault ended");
        }
        let starting = scene.was_starting(&servers, at, STARTED_WITHIN);
        starting.then_some("while a server that it needs was starting")
    };
    let tried: Vec<&Loss> = open.iter().filter(|loss| too_early(loss).is_none()).copied().collect();
    let (ok, failed) = totals(streams);
    let (status, summary) = match (tried.first(), open.first()) {
        (Some(loss), _) => (
            Status::Fail,
            format!("lost since {} ({})", show_span(loss.from.since(SimTime::ZERO)), loss.cause),
        ),
        (None, Some(loss)) => {
            let last = show_span(loss.last.1.since(SimTime::ZERO));
            let early = too_early(loss).unwrap_or_default();
            (Status::Unknown, format!("the last was tried at {last}, {early}, and failed"))
        }
        (None, None) => {
            let all = of(capability, ok + failed);
            (Status::Pass, format!("the last ended well; {failed} of {all} failed"))
        }
    };
    let evidence: Vec<EventId> = match open.is_empty() {
        true => streams.iter().filter_map(|(_, ledger)| ledger.last_good).collect(),
        false => open.iter().flat_map(|loss| loss.evidence.clone()).collect(),
    };
    let claim = format!("{} works at the end", name(capability));
    verdicts.add(&claim, Some(capability), status, summary, evidence);
    // What is met last is why it does not work at the end; the row may have begun for another reason.
    verdicts.because(tried.first().map_or_else(String::new, |loss| {
        let answer = plain(&loss.last.0);
        let said = (capability == Capability::Serve).then(|| unlike.cause(&answer, scene)).flatten();
        said.unwrap_or(answer)
    }));
}

/// The nodes whose servers must be ready for a capability. The sync needs none that says when it is.
fn servers(capability: Capability, scene: &Scene) -> Vec<NodeName> {
    let behind = match capability {
        Capability::Serve => &scene.workers,
        Capability::Publish | Capability::Administer => &scene.managers,
        Capability::Sync => return Vec::new(),
    };
    behind.iter().chain(&scene.balancers).cloned().collect()
}

/// A server that is gone at the end is missed by nobody as long as another does its work. Runs in which all serve say
/// nothing.
pub(super) fn every_server_serves(scene: &Scene, verdicts: &mut Verdicts) {
    if scene.calm_since().is_none_or(|calm| scene.now.since(calm) <= STARTED_WITHIN) {
        return;
    }
    let gone = scene.not_serving(STARTED_WITHIN);
    let Some((_, why, _)) = gone.first() else { return };
    let told: Vec<String> = gone.iter().map(|(node, why, _)| format!("{node}: {why}")).collect();
    let evidence: Vec<EventId> = gone.iter().map(|(_, _, event)| *event).collect();
    verdicts.add("every server serves at the end", None, held(false), told.join("; "), evidence);
    verdicts.because(*why);
}
