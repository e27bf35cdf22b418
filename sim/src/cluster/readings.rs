//! What the report says of questions that neither documentation nor source settles.

use harness::trace::EventKind;

use crate::config::{ClusterConfig, GatewayConfig, NodeKind, ReadOnlyReading};

/// Which reading this cluster takes of each, and what the other would give.
pub(super) fn readings(config: &ClusterConfig) -> Vec<EventKind> {
    vec![read_only(config)]
}

fn read_only(config: &ClusterConfig) -> EventKind {
    let taken = config.model.read_only;
    let other = match taken {
        ReadOnlyReading::Guide => ReadOnlyReading::Source,
        ReadOnlyReading::Source => ReadOnlyReading::Guide,
    };
    EventKind::ReadingTaken {
        question: "whether `-Dprofile=gateway-worker` alone makes a server read-only".into(),
        reading: taken.name().into(),
        gives: gives(config, taken).into(),
        other: other.name().into(),
        other_gives: gives(config, other).into(),
    }
}

/// What follows for the workers of this cluster.
fn gives(config: &ClusterConfig, reading: ReadOnlyReading) -> String {
    let workers = |read_only: bool| {
        let is_one = |gateway: &GatewayConfig| gateway.read_only_by(reading) == read_only;
        let names: Vec<&str> = (config.nodes.iter())
            .filter(|node| matches!(&node.kind, NodeKind::Worker(gateway) if is_one(gateway)))
            .map(|node| &*node.name)
            .collect();
        names.join(" and ")
    };
    let refuse = |names: &str| format!("{names} refuse every write");
    let accept = |names: &str| format!("{names} accept writes, and the next sync with --delete erases them");
    match (workers(true).as_str(), workers(false).as_str()) {
        (read_only, "") => refuse(read_only),
        ("", writable) => accept(writable),
        (read_only, writable) => format!("{}; {}", refuse(read_only), accept(writable)),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use harness::cluster_files::ClusterFiles;

    use super::*;
    use crate::config;

    fn told(files: &ClusterFiles) -> [String; 4] {
        let (config, _) = config::load(files).expect("it is right");
        match &readings(&config)[..] {
            [EventKind::ReadingTaken { reading, gives, other, other_gives, .. }] => {
                [reading, gives, other, other_gives].map(ToString::to_string)
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_reading_is_told_with_what_the_other_would_give() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios/clusters/wso2-rsync");
        let files = ClusterFiles::read(&folder).expect("it is there");
        let refuse = "worker1 and worker2 refuse every write";
        let accept = "worker1 and worker2 accept writes, and the next sync with --delete erases them";
        assert_eq!(told(&files), ["guide", refuse, "source", accept]);
    }
}
