//! The timing becomes that of the cluster's files again.

use std::time::Duration;

use super::{Aspect, Ended, Shrinker, Step, Subject};
use crate::plan::Timing;

/// A part of the timing by its key, and how it becomes the usual one.
type Part = (&'static str, fn(&mut Timing));

pub(super) fn pass(shrinker: &mut Shrinker<'_>) -> Result<(), Ended> {
    if shrinker.plan.timing.is_default()
        || shrinker.attempt(Step::without(Subject::Timing), |plan| plan.timing = Timing::default())?
    {
        return Ok(());
    }
    let parts: [Part; 3] = [
        ("latency", |timing| timing.latency_ns = None),
        ("packet_jitter", |timing| timing.packet_jitter = Duration::ZERO),
        ("wake_up_jitter", |timing| timing.wake_up_jitter = Duration::ZERO),
    ];
    for (key, usual) in parts {
        let step =
            Step::to_words(Subject::Timing, Aspect::Figure(key.to_owned()), "that of the files".to_owned());
        shrinker.attempt(step, |plan| usual(&mut plan.timing))?;
    }
    Ok(())
}
