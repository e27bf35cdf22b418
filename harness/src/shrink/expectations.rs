//! Expectations go that are not what fails.

use super::{Ended, Shrinker, Step, Subject};

pub(super) fn pass(shrinker: &mut Shrinker<'_>) -> Result<(), Ended> {
    // All but one at once: there is almost always one that fails.
    for index in 0..shrinker.plan.expectations.len() {
        if shrinker.plan.expectations.len() < 3 {
            break;
        }
        let kept = shrinker.plan.expectations[index].clone();
        let step = Step::without(Subject::Expectation(format!("all but `{}`", kept.text)));
        if shrinker.attempt(step, |plan| plan.expectations = vec![kept])? {
            break;
        }
    }
    let mut index = 0;
    while let Some(expectation) = shrinker.plan.expectations.get(index) {
        let step = Step::without(Subject::Expectation(expectation.text.clone()));
        if !shrinker.attempt(step, |plan| drop(plan.expectations.remove(index)))? {
            index += 1;
        }
    }
    Ok(())
}
