//! A snapshot of every face of one hand-made report, whose texts try to break each format.

use super::*;
use crate::capability::Capability;

fn at(secs: u64) -> SimTime {
    SimTime::from_secs(secs)
}

fn moment(secs: u64, node: Option<&str>, what: &str, times: u64) -> Moment {
    let last = at(secs) + Duration::from_secs(60 * (times - 1));
    Moment { at: at(secs), node: node.map(Into::into), what: what.to_owned(), times, last, event: Some(secs) }
}

fn verdict(checker: &str, capability: Option<Capability>, status: Status, claim: &str) -> Verdict {
    Verdict {
        checker: checker.into(),
        capability,
        claim: claim.to_owned(),
        status,
        summary: "seen <it> & said \"so\" | 99.9 %".to_owned(),
        cause: "".into(),
        evidence: vec![12, 7001],
    }
}

pub(super) fn hand_made() -> Report {
    let phases = [(Phase::Warmup, 0, 120), (Phase::Disturb, 120, 900), (Phase::Settle, 900, 1800)];
    let story = Story {
        scenario: "manager-down".into(),
        title: "Traffic goes on, publishing stops, and \u{1b}[31m<b>nothing</b> converges & syncs".into(),
        seed: 7,
        plan_fingerprint: Fingerprint(0xabc),
        events: 7100,
        ends: at(1800),
        phases: phases.map(|(phase, from, to)| PhaseSpan { phase, from: at(from), to: at(to) }).to_vec(),
        faults: vec![FaultSpan {
            name: "manager-off".into(),
            kind: "power-off".into(),
            nodes: vec!["manager".into()],
            from: at(300),
            to: at(600),
            no_effect: None,
        }],
        operations: BTreeMap::from([
            ("call".into(), OperationCount { ok: 33_600, failed: 0, unknown: 0 }),
            ("publish".into(), OperationCount { ok: 80, failed: 29, unknown: 1 }),
            ("write".into(), OperationCount { ok: 0, failed: 1, unknown: 0 }),
        ]),
        readings: vec![Reading {
            question: "what makes a worker read-only".into(),
            reading: "guide".into(),
            gives: "worker1 and worker2 refuse every write".into(),
            other: "source".into(),
            other_gives: "worker1 and worker2 would accept writes, which the next sync erases".into(),
        }],
        moments: vec![
            moment(300, None, "fault manager-off begins: power-off on manager", 1),
            moment(300, Some("manager"), "loses power", 1),
            moment(301, Some("balancer"), "leaves manager out of mgtgw.am.wso2.com for a while", 30),
            moment(600, None, "fault manager-off is healed", 1),
        ],
    };
    let judgement = Judgement {
        verdicts: vec![
            verdict("availability", Some(Capability::Serve), Status::Pass, "traffic at least 99.9 %"),
            verdict("availability", Some(Capability::Publish), Status::Fail, "publishing at least 50 %"),
            verdict("read-only", None, Status::Unknown, "no write is accepted by a worker"),
        ],
        outages: vec![Outage {
            capability: Capability::Publish,
            from: at(310),
            to: at(670),
            ended: true,
            cause: "manager-off (power-off on manager)".to_owned(),
            evidence: vec![900, 4000],
        }],
        convergence: vec![
            Convergence {
                worker: "worker1".into(),
                staleness_ms_max: 75_250,
                converged_at_ms: Some(750_500),
                divergent: vec![],
            },
            Convergence {
                worker: "worker2".into(),
                staleness_ms_max: 1_500_000,
                converged_at_ms: None,
                divergent: vec!["synapse-configs/default/api/admin--pizza-0_v1.0.0.xml".into()],
            },
        ],
        metrics: BTreeMap::from([
            ("call_latency_ms_p99".into(), 9),
            ("serve_available_ppm".into(), 1_000_000),
        ]),
    };
    Report::new(story, judgement, Fingerprint(0xdef))
}

#[test]
fn the_terminal_is_told_a_verdict_a_line() {
    insta::assert_snapshot!(terminal(&hand_made(), &View::default()));
}

#[test]
fn a_terminal_with_colours_is_told_the_same_in_colours() {
    let view = View { colour: true, folder: Some("reports/manager-down".to_owned()) };
    let coloured = terminal(&hand_made(), &view);
    let plain = terminal(&hand_made(), &View { colour: false, ..view });
    assert!(coloured.contains("\u{1b}[1;31mFAIL   \u{1b}[0m"));
    let mut stripped = coloured;
    for code in ["1", "2", "32", "33", "1;31", "0"] {
        stripped = stripped.replace(&format!("\u{1b}[{code}m"), "");
    }
    assert_eq!(stripped, plain);
}

#[test]
fn the_json_face_is_pretty_in_a_fixed_order_and_ends_with_a_line_break() {
    insta::assert_snapshot!(json(&hand_made()));
    assert!(json(&hand_made()).ends_with("}\n"));
}

#[test]
fn a_stored_report_is_read_back_as_it_was() {
    assert_eq!(from_json(&json(&hand_made())).unwrap(), hand_made());
    assert!(matches!(from_json("{\"schema_version\":9}"), Err(ReadReportError::Version(9))));
    assert!(matches!(from_json("[1, 2"), Err(ReadReportError::Json(_))));
}

#[test]
fn the_markdown_face_is_read_by_a_person() {
    insta::assert_snapshot!(markdown(&hand_made()));
}

#[test]
fn the_junit_face_has_a_case_a_verdict() {
    insta::assert_snapshot!(junit(&hand_made()));
}

#[test]
fn the_html_face_needs_nothing_beside_itself() {
    let page = html(&hand_made());
    insta::assert_snapshot!(page);
    for outside in ["http:", "https:", "src=", "href=", "<script", "\u{1b}", "<b>"] {
        assert!(!page.contains(outside), "{outside}");
    }
}

#[test]
fn a_report_of_nothing_is_unknown_and_still_rendered() {
    let story = Chronicle::default().tell();
    let report = Report::new(story, Judgement::default(), Fingerprint(0));
    assert_eq!(report.status, Status::Unknown);
    for text in
        [terminal(&report, &View::default()), json(&report), markdown(&report), junit(&report), html(&report)]
    {
        assert!(!text.is_empty());
    }
}
