//! Health: do the gateways' own health endpoints say that all is well?
//!
//! Verifies, of each gateway that the scenario's health checks ask, that the last answers are good: at the end, which is
//! the checker's own claim, too, where every gateway is asked; or from soon after the end of the last fault on. A check
//! counts by when it was begun: one that hangs for long tells of the moment at which it was asked.
//!
//! Does not verify that what the endpoint says is true: whether a gateway serves, availability tells.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{Checker, Evidence, Scene, Stated, Verdicts, count, met};
use crate::expectation::{Claim, Gateways};
use crate::report::Judgement;
use crate::signature::plain;
use crate::time::{SimTime, show_span};
use crate::trace::event::{OpKind, OpOutcome};
use crate::trace::{Event, EventId, EventKind, NodeName};
use crate::verdict::Status;

const NAME: &str = "health";
/// What holds whatever fails, once all is healed.
const OWN: &str = "every gateway is healthy at the end";

pub(super) const ENTRY: super::Entry = super::Entry {
    name: NAME,
    doc: "do the health endpoints of the gateways answer well, at the end and soon after the last fault",
    judges: |claim| matches!(claim, Claim::HealthyAtEnd { .. } | Claim::HealthyWithin { .. }),
    make: || Box::<Health>::default(),
};

#[derive(Debug, Default)]
struct Health {
    gateways: BTreeMap<NodeName, Answers>,
    /// Gateways that could not deploy an artifact.
    rejecting: BTreeSet<NodeName>,
}

/// What a gateway's endpoint answered.
#[derive(Debug, Default)]
struct Answers {
    checks: u64,
    /// When the newest check was begun; none before the first.
    newest: Option<SimTime>,
    /// The newest check that did not end well: when it was begun, what it met.
    bad: Option<(SimTime, EventId, Arc<str>)>,
    /// The first good check that was begun after that, and the newest.
    good: Option<(SimTime, EventId)>,
    newest_good: Option<(SimTime, EventId)>,
}

impl Answers {
    fn add_good(&mut self, started: SimTime, event: EventId) {
        if self.bad.as_ref().is_some_and(|(bad, ..)| started < *bad) {
            return;
        }
        self.good.get_or_insert((started, event));
        if self.newest_good.is_none_or(|(newest, _)| started >= newest) {
            self.newest_good = Some((started, event));
        }
    }

    fn add_bad(&mut self, started: SimTime, event: EventId, met: Arc<str>) {
        if self.bad.as_ref().is_none_or(|(bad, ..)| started >= *bad) {
            self.bad = Some((started, event, met));
        }
        // A check that hung may end after later ones have ended well: of these the newest stands for all.
        if self.good.is_some_and(|(good, _)| good < started) {
            self.newest_good = self.newest_good.filter(|(newest, _)| *newest > started);
            self.good = self.newest_good;
        }
    }
}

impl Checker for Health {
    fn observe(&mut self, event: &Event, scene: &Scene) {
        if let (EventKind::DeployFailed { .. }, Some(node)) = (&event.kind, &event.node) {
            self.rejecting.insert(node.clone());
        }
        let EventKind::OpEnded {
            what: OpKind::HealthCheck { gateway }, started, outcome, status, error, ..
        } = &event.kind
        else {
            return;
        };
        if !scene.is_judged(*started) {
            return;
        }
        let answers = self.gateways.entry(gateway.clone()).or_default();
        answers.checks += 1;
        answers.newest = answers.newest.max(Some(*started));
        match outcome {
            OpOutcome::Ok => answers.add_good(*started, event.id),
            OpOutcome::Failed | OpOutcome::Unknown => {
                answers.add_bad(*started, event.id, met(error, *status));
            }
        }
    }

    fn judge(&mut self, scene: &Scene, claims: &[Stated]) -> Judgement {
        let mut verdicts = Verdicts::of(NAME);
        for stated in claims {
            self.judge_claim(stated, scene, &mut verdicts);
        }
        let gateways = Gateways::All;
        let own = Stated { text: OWN.to_owned(), claim: Claim::HealthyAtEnd { gateways } };
        if claims.iter().all(|stated| stated.claim != own.claim) && self.all_asked(scene) {
            self.judge_claim(&own, scene, &mut verdicts);
        }
        Judgement { verdicts: verdicts.list, ..Judgement::default() }
    }
}

impl Health {
    /// Whether every gateway was asked after the last fault, so that a run gives occasion to the checker's own claim.
    fn all_asked(&self, scene: &Scene) -> bool {
        let Some(calm) = scene.calm_since() else { return false };
        chosen(&Gateways::All, scene)
            .iter()
            .all(|name| self.gateways.get(name).is_some_and(|answers| answers.newest >= Some(calm)))
    }

    fn judge_claim(&self, stated: &Stated, scene: &Scene, verdicts: &mut Verdicts) {
        let (gateways, within) = match &stated.claim {
            Claim::HealthyAtEnd { gateways } => (gateways, None),
            Claim::HealthyWithin { gateways, within } => (gateways, Some(*within)),
            _ => return,
        };
        let mut unknown = |why: String| verdicts.add(&stated.text, None, Status::Unknown, why, []);
        let Some(calm) = scene.calm_since() else {
            return unknown("a fault acted until the run ended".into());
        };
        let chosen = chosen(gateways, scene);
        let nothing = Answers::default();
        let of = |name: &NodeName| self.gateways.get(name).unwrap_or(&nothing);
        let unasked = |answers: &Answers| match (within, &answers.bad, answers.good) {
            _ if answers.newest < Some(calm) => true,
            (Some(within), None, Some((first, _))) => first > calm + within,
            _ => false,
        };
        if let Some(name) = chosen.iter().find(|name| unasked(of(name))) {
            return unknown(format!("{name} was not asked in time after the end of the last fault"));
        }
        let (mut told, mut cause, mut good, mut bad) =
            (Vec::new(), None, Evidence::default(), Evidence::default());
        for name in &chosen {
            let answers = of(name);
            match (answers.good, &answers.bad) {
                (Some((since, event)), before) => {
                    good.add(event);
                    let late = within.filter(|within| since > calm + *within);
                    if let Some(within) = late {
                        bad.add(before.as_ref().map_or(event, |(_, bad, _)| *bad));
                        told.push(format!(
                            "{name} only {} after the last fault",
                            show_span(since.since(calm))
                        ));
                        let why = || before.as_ref().map_or_else(String::new, |(.., met)| plain(met));
                        cause.get_or_insert_with(|| {
                            format!("healthy later than {}: {}", show_span(within), why())
                        });
                    }
                }
                (None, Some((at, event, met))) => {
                    bad.add(*event);
                    told.push(format!(
                        "{name}, asked at {}, is not: {met}",
                        show_span(at.since(SimTime::ZERO))
                    ));
                    cause.get_or_insert_with(|| match self.rejecting.contains(name) {
                        true => "an artifact cannot be deployed".to_owned(),
                        false => plain(met),
                    });
                }
                (None, None) => unreachable!("a check ends well or does not"),
            }
        }
        if told.is_empty() {
            let checks = chosen.iter().map(|name| of(name).checks).sum();
            let summary = format!("{} of {}", count(checks, "check"), chosen.join(", "));
            verdicts.add(&stated.text, None, Status::Pass, summary, good.0);
        } else {
            verdicts.add(&stated.text, None, Status::Fail, told.join("; "), bad.0);
            verdicts.because(cause.unwrap_or_default());
        }
    }
}

fn chosen(gateways: &Gateways, scene: &Scene) -> Vec<NodeName> {
    match gateways {
        Gateways::All => scene.managers.iter().chain(&scene.workers).cloned().collect(),
        Gateways::Workers => scene.workers.clone(),
        Gateways::Named(names) => names.iter().flat_map(|named| of_name(&named.name, scene)).collect(),
    }
}

/// The gateway of this name; `manager` stands for all managers where no node is called so.
fn of_name(name: &str, scene: &Scene) -> Vec<NodeName> {
    let mut all = scene.managers.iter().chain(&scene.workers);
    match all.find(|node| ***node == *name) {
        Some(node) => vec![node.clone()],
        None if name.eq_ignore_ascii_case("manager") => scene.managers.clone(),
        None => vec![name.into()],
    }
}

#[cfg(test)]
mod tests {
    use super::super::script::{Script, assert_status};
    use super::*;

    const AT_END: &str = "every gateway is healthy at the end";
    const SOON: &str = "every gateway is healthy within 30 s of the end of the last fault";

    fn check(script: Script, at: u64, gateway: &str, status: Option<u16>) -> Script {
        script.op(at, OpKind::HealthCheck { gateway: gateway.into() }, status)
    }

    /// All three gateways answer at these moments.
    fn all_good(mut script: Script, moments: &[u64]) -> Script {
        for at in moments {
            for gateway in ["manager", "worker1", "worker2"] {
                script = check(script, *at, gateway, Some(200));
            }
        }
        script
    }

    #[test]
    fn gateways_that_all_answer_well_are_healthy() {
        let script = all_good(Script::new(&[AT_END, SOON]).phases(10, 20, 30), &[21, 40]);
        let judged = script.judge();
        assert!(
            judged.verdicts.iter().all(|verdict| verdict.status == Status::Pass),
            "{:#?}",
            judged.verdicts
        );
    }

    #[test]
    fn one_whose_last_answer_is_bad_is_not_healthy_and_what_it_said_is_the_cause() {
        let script = all_good(Script::new(&[AT_END]).phases(10, 20, 30), &[21]);
        let verdict = check(script, 40, "worker2", Some(500)).verdict(AT_END);
        assert_status(&verdict, Status::Fail);
        assert_eq!(verdict.summary, "worker2, asked at 40s, is not: HTTP 500");
        assert_eq!(&*verdict.cause, "HTTP 500");
        let rejected = EventKind::DeployFailed { path: "x.xml".into(), why: "it is half of itself".into() };
        let script =
            all_good(Script::new(&[AT_END]).phases(10, 20, 30), &[21]).event(35, Some("worker2"), rejected);
        let verdict = check(script, 40, "worker2", Some(500)).verdict(AT_END);
        assert_eq!(&*verdict.cause, "an artifact cannot be deployed");
    }

    #[test]
    fn one_that_is_healthy_again_only_late_fails_what_was_claimed_of_soon() {
        let broken = |recovers| {
            let script = all_good(Script::new(&[SOON, AT_END]).disturb(10), &[11]);
            let mut script = script.power_off(12, "worker1").power_on(20, "worker1");
            script = check(script, 15, "worker1", None);
            script = check(script, 25, "worker1", Some(500));
            script = check(script.heal(25), recovers, "worker1", Some(200));
            all_good(script, &[60, 70])
        };
        assert_status(&broken(45).verdict(SOON), Status::Pass);
        let late = broken(55).verdict(SOON);
        assert_status(&late, Status::Fail);
        assert_eq!(late.summary, "worker1 only 35s after the last fault");
        assert_status(&broken(55).verdict(AT_END), Status::Pass);
    }

    #[test]
    fn a_check_that_hung_tells_of_the_moment_at_which_it_was_asked() {
        let what = || OpKind::HealthCheck { gateway: "worker1".into() };
        let script = all_good(Script::new(&[AT_END]).phases(10, 20, 30), &[21]);
        // Asked at 22, given up at 50, when another had been answered well.
        let script = check(script.begin(22, what()), 40, "worker1", Some(200));
        assert_status(&script.end(3, 22, 50, what(), None).verdict(AT_END), Status::Pass);
    }

    #[test]
    fn a_scenario_that_says_nothing_of_health_is_told_all_the_same() {
        let script = all_good(Script::new(&[]).phases(10, 20, 30), &[21]);
        assert_status(&check(script, 40, "worker2", Some(500)).verdict(OWN), Status::Fail);
        let one = check(Script::new(&[]).phases(10, 20, 30), 21, "worker1", Some(200)).judge();
        assert!(one.verdicts.iter().all(|verdict| &*verdict.checker != NAME), "two were not asked");
    }

    #[test]
    fn nobody_who_was_not_asked_since_the_last_fault_is_called_healthy() {
        let script = check(Script::new(&[AT_END]).phases(10, 20, 30), 15, "worker1", Some(200));
        assert_status(&script.verdict(AT_END), Status::Unknown);
    }
}
