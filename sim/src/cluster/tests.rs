use std::path::Path;

use harness::scenario::Scenario;

use super::*;

#[test]
fn nothing_is_left_of_a_cluster_that_was_dropped() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios/anything-may-fail.toml");
    let plan = Scenario::load(path).unwrap().plan(1, &SimMaker).unwrap();
    let (config, _) = config::load(&plan.cluster).unwrap();
    let mut cluster = SimCluster::new(&plan, Arc::new(config), None, &Recorder::new());
    // Gateways have started, and cron has pushed.
    cluster.advance(SimTime::from_secs(150));
    let core = Rc::downgrade(cluster.engine.hosts()[0].core());
    drop(cluster);
    assert_eq!(core.strong_count(), 0, "handles keep the world");
}
