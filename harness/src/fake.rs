//! For tests: a maker of clusters whose nodes are always the same.

mod lamps;

pub(crate) use lamps::Lamps;

use crate::cluster::{Cluster, ClusterMaker, Topology};
use crate::cluster_files::ClusterFiles;
use crate::finding::Findings;
use crate::plan::Plan;
use crate::trace::Recorder;

/// One manager, two workers, a balancer and clients; its clusters are made by the function.
pub(crate) struct FakeMaker(pub(crate) fn(&Plan, Recorder) -> Box<dyn Cluster>);

impl FakeMaker {
    /// For tests that only make plans.
    pub(crate) fn for_plans() -> Self {
        Self(|_, _| unreachable!("no run was asked for"))
    }
}

impl ClusterMaker for FakeMaker {
    fn version(&self) -> String {
        "fake 1".to_owned()
    }

    fn topology(&self, _: &ClusterFiles) -> Result<(Topology, Findings), Findings> {
        let processes = |node: &str, names: &[&str]| {
            (node.into(), names.iter().map(|&name| name.to_owned()).collect::<Vec<String>>())
        };
        let topology = Topology {
            managers: vec!["manager".into()],
            workers: vec!["worker1".into(), "worker2".into()],
            balancers: vec!["balancer".into()],
            clients: vec!["clients".into()],
            processes: vec![
                processes("manager", &["wso2", "cron"]),
                processes("worker1", &["wso2"]),
                processes("worker2", &["wso2"]),
                processes("balancer", &["nginx"]),
            ],
            ports: vec![("worker1".into(), vec![8243, 22])],
            host_names: vec![processes("manager", &["worker1", "am.wso2.com"])],
        };
        Ok((topology, Findings::new()))
    }

    fn make(&self, plan: &Plan, recorder: Recorder) -> Result<Box<dyn Cluster>, Findings> {
        Ok((self.0)(plan, recorder))
    }
}
