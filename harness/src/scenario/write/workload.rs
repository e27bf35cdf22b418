//! A workload as a scenario says it.

use super::text::{interval, quoted, span, texts};
use crate::plan::{ApiSpec, Phases, Workload, WorkloadKind};
use crate::scenario::amount::parse_api;
use crate::scenario::workload::kind_of;
use crate::trace::event::WriteRoute;

/// Its keys and their values, in order.
pub(super) fn keys(workload: &Workload, phases: &Phases) -> Vec<(String, String)> {
    let kind = kind_of(&workload.kind);
    let mut keys = vec![("kind".to_owned(), quoted(kind.name))];
    let mut add = |key: &str, value: String| keys.push((key.to_owned(), value));
    let (often, value) = interval(workload.every);
    add(often, value);
    match &workload.kind {
        WorkloadKind::Calls { apis } => add("apis", named(apis, "api")),
        WorkloadKind::Publish { apis, delete_every } => {
            add("apis", named(apis, "published"));
            if *delete_every > 0 {
                add("delete_every", delete_every.to_string());
            }
        }
        WorkloadKind::Administer => {}
        WorkloadKind::HealthChecks { gateways } => add("gateways", texts(gateways)),
        WorkloadKind::WriteAttempts { workers, routes } => {
            add("workers", texts(workers));
            if *routes != WriteRoute::ALL {
                let routes: Vec<&str> = routes.iter().map(|route| route.name()).collect();
                add("routes", texts(&routes));
            }
        }
    }
    add("first", quoted(&span(workload.first.since(phases.warmup_ends))));
    let usual = if kind.ends_before_settling { phases.heal_ends } else { phases.settle_ends };
    if workload.until != usual {
        add("until", quoted(&span(workload.until.since(phases.warmup_ends))));
    }
    if workload.timeout != kind.timeout {
        add("timeout", quoted(&span(workload.timeout)));
    }
    keys
}

/// How many APIs, if they have the names that a number gives; else their names.
fn named(apis: &[ApiSpec], prefix: &str) -> String {
    let usual = |(index, api): (usize, &ApiSpec)| {
        parse_api(&format!("{prefix}-{}", index + 1)).is_ok_and(|usual| usual == *api)
    };
    if apis.iter().enumerate().all(usual) {
        return apis.len().to_string();
    }
    let name = |api: &ApiSpec| match &*api.version {
        "1.0.0" => api.name.to_string(),
        version => format!("{}:{version}", api.name),
    };
    let names: Vec<String> = apis.iter().map(name).collect();
    match names.as_slice() {
        // One text alone would do, but a list says that there could be more.
        [one] => format!("[{}]", quoted(one)),
        many => texts(many),
    }
}
