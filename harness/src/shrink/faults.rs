//! Faults go: half of them, then one by one, then in pairs that hide each other. What waits for another fault goes
//! with it, as its healing does.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{Aspect, Ended, Shrinker, Step, Subject};
use crate::plan::{Fault, Plan, Repeats, Start};

pub(super) fn pass(shrinker: &mut Shrinker<'_>) -> Result<(), Ended> {
    halves(shrinker)?;
    one_by_one(shrinker)?;
    pairs(shrinker)?;
    fewer_targets(shrinker)?;
    fewer_repeats(shrinker)
}

/// While there are many, whole runs of them go at once.
fn halves(shrinker: &mut Shrinker<'_>) -> Result<(), Ended> {
    let mut length = shrinker.plan.faults.len();
    while length > 1 {
        let mut from = 0;
        while from < shrinker.plan.faults.len() {
            let names: Vec<Arc<str>> =
                shrinker.plan.faults.iter().skip(from).take(length).map(|fault| fault.name.clone()).collect();
            if names.len() < 2 || !without(shrinker, &names)? {
                from += length;
            }
        }
        length /= 2;
    }
    Ok(())
}

fn one_by_one(shrinker: &mut Shrinker<'_>) -> Result<(), Ended> {
    for name in names(&shrinker.plan) {
        without(shrinker, &[name])?;
    }
    Ok(())
}

/// Two faults on one node may hide each other, so that neither can go alone.
fn pairs(shrinker: &mut Shrinker<'_>) -> Result<(), Ended> {
    let touching = |one: &Fault, other: &Fault| {
        one.target.nodes().iter().any(|node| other.target.nodes().contains(node))
    };
    let faults = shrinker.plan.faults.clone();
    for (index, one) in faults.iter().enumerate() {
        for other in faults[index + 1..].iter().filter(|other| touching(one, other)) {
            without(shrinker, &[one.name.clone(), other.name.clone()])?;
        }
    }
    Ok(())
}

/// A fault of several nodes acts on fewer.
fn fewer_targets(shrinker: &mut Shrinker<'_>) -> Result<(), Ended> {
    for name in names(&shrinker.plan) {
        let mut index = 0;
        while let Some(fault) = shrinker.plan.faults.iter().find(|fault| fault.name == name) {
            let mut target = fault.target.clone();
            let Some(node) = target.remove(index) else { break };
            let step =
                Step::to_words(Subject::Fault(name.clone()), Aspect::Target, format!("all but {node}"));
            let wanted = name.clone();
            let went = shrinker.attempt(step, |plan| {
                if let Some(fault) = plan.faults.iter_mut().find(|fault| fault.name == wanted) {
                    fault.target = target;
                }
            })?;
            if !went {
                index += 1;
            }
        }
    }
    Ok(())
}

/// A fault that comes back acts once, or fewer times.
fn fewer_repeats(shrinker: &mut Shrinker<'_>) -> Result<(), Ended> {
    for index in 0..shrinker.plan.faults.len() {
        let Some(Repeats { every, times }) = shrinker.plan.faults[index].repeats else { continue };
        let subject = Subject::Fault(shrinker.plan.faults[index].name.clone());
        let fewer: Vec<u64> = [1, 2, 3, 5, 10, 100].into_iter().filter(|fewer| *fewer < times).collect();
        shrinker.first_good(&fewer, |shrinker, &times| {
            let step = Step::to_words(subject.clone(), Aspect::Figure("times".to_owned()), times.to_string());
            shrinker.attempt(step, |plan| {
                plan.faults[index].repeats = (times > 1).then_some(Repeats { every, times });
            })
        })?;
    }
    Ok(())
}

fn names(plan: &Plan) -> Vec<Arc<str>> {
    plan.faults.iter().map(|fault| fault.name.clone()).collect()
}

fn without(shrinker: &mut Shrinker<'_>, names: &[Arc<str>]) -> Result<bool, Ended> {
    let gone = with_dependents(&shrinker.plan, names);
    if gone.is_empty() {
        return Ok(false);
    }
    let subject = match names {
        [one] => Subject::Fault(one.clone()),
        many => Subject::Fault(many.join(", ").into()),
    };
    shrinker.attempt(Step::without(subject), |plan| {
        plan.faults.retain(|fault| !gone.contains(&fault.name));
    })
}

/// The faults of these names that there are, and all that wait for one of them.
fn with_dependents(plan: &Plan, names: &[Arc<str>]) -> BTreeSet<Arc<str>> {
    let mut gone: BTreeSet<Arc<str>> =
        (plan.faults.iter()).map(|fault| fault.name.clone()).filter(|name| names.contains(name)).collect();
    loop {
        let waiting = plan.faults.iter().find(|fault| match &fault.start {
            Start::On { with, .. } => {
                !gone.contains(&fault.name)
                    && with.get("fault").is_some_and(|other| gone.iter().any(|gone| **gone == **other))
            }
            Start::At { .. } => false,
        });
        match waiting {
            Some(fault) => gone.insert(fault.name.clone()),
            None => return gone,
        };
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::plan::{FaultKind, Target};
    use crate::time::SimTime;

    fn fault(name: &str, waits_for: Option<&str>) -> Fault {
        let start = match waits_for {
            None => Start::At { at_ns: SimTime::ZERO },
            Some(other) => Start::On {
                event: "fault_began".to_owned(),
                with: [("fault".to_owned(), other.to_owned())].into(),
                node: None,
                nth: 1,
            },
        };
        let target = Target::Nodes(vec!["manager".into()]);
        Fault {
            name: name.into(),
            kind: FaultKind::PowerOff,
            target,
            start,
            lasts: Duration::ZERO,
            repeats: None,
        }
    }

    #[test]
    fn what_waits_for_a_fault_goes_with_it() {
        let mut plan = super::super::tests::eventful_plan();
        plan.faults = vec![fault("a", None), fault("c", Some("b")), fault("b", Some("a")), fault("d", None)];
        let gone = with_dependents(&plan, &["a".into()]);
        assert_eq!(gone.iter().map(|name| &**name).collect::<Vec<_>>(), ["a", "b", "c"]);
        assert!(with_dependents(&plan, &["nobody".into()]).is_empty());
    }
}
