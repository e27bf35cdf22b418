//! What stands on the gateways beside the APIs of workloads goes, or becomes less.

use super::{Aspect, Ended, Shrinker, Step, Subject, rounder};
use crate::plan::Content;

pub(super) fn pass(shrinker: &mut Shrinker<'_>) -> Result<(), Ended> {
    if shrinker.plan.content.is_none() {
        return Ok(());
    }
    let step = Step::without(Subject::Content);
    if shrinker.attempt(step, |plan| plan.content = Content::default())? {
        return Ok(());
    }
    less(shrinker, "apis", |content| &mut content.apis)?;
    less(shrinker, "tenants", |content| &mut content.tenants)?;
    less(shrinker, "apis_per_tenant", |content| &mut content.apis_per_tenant)
}

/// One number of it becomes less: nothing, a power of ten, or rounder.
fn less(shrinker: &mut Shrinker<'_>, key: &str, number: fn(&mut Content) -> &mut u32) -> Result<(), Ended> {
    let have = *number(&mut shrinker.plan.content.clone());
    let powers = (0..have.checked_ilog10().unwrap_or(0)).map(|power| 10_u32.pow(power));
    let rounder = rounder::numbers(have.into()).into_iter().filter_map(|number| u32::try_from(number).ok());
    let mut fewer: Vec<u32> = powers.chain(rounder).filter(|fewer| *fewer < have).collect();
    fewer.sort_unstable();
    fewer.dedup();
    shrinker.first_good(&fewer, |shrinker, fewer| {
        let step = Step::to_words(Subject::Content, Aspect::Figure(key.to_owned()), fewer.to_string());
        shrinker.attempt(step, |plan| {
            *number(&mut plan.content) = *fewer;
            if plan.content.tenants == 0 {
                plan.content.apis_per_tenant = 0;
            }
        })
    })?;
    Ok(())
}
