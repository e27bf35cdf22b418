use super::*;

/// A small analysis: the balancer cuts two capabilities, and loses a publish.
pub(super) fn analysis() -> Analysis {
    let cut = |capability, gone_ms, by_itself: bool| Cut {
        capability,
        components: vec!["balancer".to_owned()],
        also: Vec::new(),
        entirely: !by_itself,
        from_ms: 100,
        gone_ms,
        failed: 10,
        of: if by_itself { 20 } else { 10 },
        back_by_itself: by_itself,
        back_ms: Some(gone_ms + 100),
        recovery_ms: Some(1_500),
        publishes_lost: 2,
        plan: "balancer.json".to_owned(),
    };
    let part = |name: &str, examined_as: Option<&str>| Part {
        name: name.to_owned(),
        what: "machine".to_owned(),
        examined_as: examined_as.map(str::to_owned),
        no_effect: None,
    };
    Analysis {
        schema_version: SCHEMA_VERSION,
        made_by: "fake 1".to_owned(),
        cluster: "clusters/small".to_owned(),
        seed: 1,
        order: 2,
        away_ms: 300_000,
        moments: 3,
        components: vec![part("balancer", None), part("worker1", None), part("worker2", Some("worker1"))],
        alike: vec![Group {
            nodes: vec!["worker1".to_owned(), "worker2".to_owned()],
            proof: "exchanging them changes nothing".to_owned(),
            except: vec!["worker1 comes first in a list".to_owned()],
        }],
        unlike: Vec::new(),
        not_there: vec![NotThere {
            capability: Capability::Administer,
            why: "3 of 3 operations fail even when nothing is missing".to_owned(),
        }],
        lost_anyway: 0,
        cuts: vec![cut(Capability::Serve, 300_000, false), cut(Capability::Publish, 60_040, true)],
        losses: vec![Loss {
            components: vec!["balancer".to_owned()],
            also: Vec::new(),
            publishes: 2,
            oldest_ms: 27_300,
            plan: "balancer.json".to_owned(),
        }],
        examined: Counts { sets: 4, runs: 13, alike: 2, implied: 0, stopped: 0 },
    }
}

#[test]
fn the_terminal_has_a_table_a_capability_and_says_what_was_examined() {
    insta::assert_snapshot!(terminal(&analysis(), Some("out")));
}

#[test]
fn the_markdown_has_the_same() {
    insta::assert_snapshot!(markdown(&analysis()));
}

#[test]
fn two_clusters_stand_side_by_side() {
    let mut other = analysis();
    other.cluster = "clusters/other".to_owned();
    other.cuts.remove(1);
    other.cuts[0].gone_ms = 3_000;
    other.not_there.clear();
    insta::assert_snapshot!(compare(&analysis(), &other));
}

#[test]
fn the_json_is_read_back() {
    let text = analysis().to_json();
    assert_eq!(serde_json::from_str::<Analysis>(&text).unwrap(), analysis());
}
