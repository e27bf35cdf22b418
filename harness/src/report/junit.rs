//! The report for continuous integration: a test case a verdict. Nothing in it depends on when it was made.

use quick_junit::{NonSuccessKind, TestCase, TestCaseStatus, TestSuite};

use super::Report;
use crate::verdict::{Status, Verdict};

/// The report as JUnit XML. An unknown verdict is a skipped case.
pub fn junit(report: &Report) -> String {
    let mut suite = TestSuite::new(report.scenario.to_string());
    suite.add_property(("seed", report.seed.to_string().as_str()));
    suite.add_property(("plan_fingerprint", report.plan_fingerprint.to_string().as_str()));
    suite.add_property(("trace_fingerprint", report.trace_fingerprint.to_string().as_str()));
    suite.add_property(("replay", report.replay.as_str()));
    suite.add_test_cases(report.verdicts.iter().map(case));
    let mut whole = quick_junit::Report::new("sim");
    whole.add_test_suite(suite);
    whole.to_string().expect("XML strings are cleaned when they are made")
}

fn case(verdict: &Verdict) -> TestCase {
    let mut status = match verdict.status {
        Status::Pass => TestCaseStatus::success(),
        Status::Fail => TestCaseStatus::non_success(NonSuccessKind::Failure),
        Status::Unknown => TestCaseStatus::skipped(),
    };
    if verdict.status != Status::Pass {
        status.set_message(verdict.summary.as_str());
    }
    let mut case = TestCase::new(verdict.claim.as_str(), status);
    case.set_classname(&*verdict.checker);
    let evidence: Vec<_> = verdict.evidence.iter().map(u64::to_string).collect();
    let mut out = verdict.summary.clone();
    if !evidence.is_empty() {
        out.push_str(&format!("\nevents {} of the trace", evidence.join(", ")));
    }
    case.set_system_out(out);
    case
}
