//! cron across changes of the clock. What is expected here was seen with Debian's cron 3.0pl1-162 whose clock was set
//! by libfaketime, but for the drift.

use std::cell::RefCell;
use std::net::IpAddr;

use harness::time::SimTime;
use harness::trace::Recorder;

use super::*;
use crate::clock::RUN_BEGINS_UNIX_S;
use crate::config::{HostsFile, parse_fields};
use crate::disk::Disk;
use crate::engine::Engine;
use crate::host::HostSpec;
use crate::network::LinkSpec;

/// What ran, and at which second of the run.
type Ran = Rc<RefCell<Vec<(String, u64)>>>;

fn job(name: &str, times: &str) -> CronJob {
    let fields: Vec<&str> = times.split(' ').collect();
    let schedule = parse_fields(&fields.try_into().unwrap()).unwrap();
    CronJob { line: 1, schedule, command: name.to_owned(), shell: "/bin/sh".to_owned() }
}

/// A host with cron, from midnight on: `each` runs every minute, `named` at 0:45, `late` at 4:00.
fn cron() -> (Engine, Ran) {
    let spec = HostSpec {
        name: "manager".into(),
        address: IpAddr::from([10, 0, 0, 1]),
        names: HostsFile::default(),
        disk: Disk::default(),
    };
    let link = LinkSpec { latency: Duration::ZERO, bandwidth: None, ..LinkSpec::default() };
    let engine = Engine::new(1, Recorder::new(), link, vec![spec]);
    let ran = Ran::default();
    let (noted, host) = (Rc::clone(&ran), engine.hosts()[0].clone());
    let jobs = vec![job("each", "* * * * *"), job("named", "45 0 * * *"), job("late", "0 4 * * *")];
    start(&engine.hosts()[0], Rc::new(jobs), move |job| {
        let second = host.core().now().as_millis() / 1000;
        noted.borrow_mut().push((job.command.clone(), second));
    });
    assert_eq!(RUN_BEGINS_UNIX_S % 86_400, 0);
    (engine, ran)
}

fn set(engine: &Engine, by_s: i64) {
    engine.hosts()[0].set_clock_by(by_s * 1_000_000_000);
}

fn seen(ran: &Ran) -> Vec<(String, u64)> {
    ran.take()
}

fn at(rows: &[(&str, u64)]) -> Vec<(String, u64)> {
    rows.iter().map(|(name, second)| ((*name).to_owned(), *second)).collect()
}

#[test]
fn it_wakes_up_one_second_into_each_minute() {
    let (mut engine, ran) = cron();
    engine.run_until(SimTime::from_secs(125));
    assert_eq!(seen(&ran), at(&[("each", 61), ("each", 121)]));
}

#[test]
fn what_an_hour_forward_skipped_is_run_once_and_wildcards_by_the_new_time() {
    let (mut engine, ran) = cron();
    engine.run_until(SimTime::from_secs(65));
    seen(&ran);
    set(&engine, 3_600);
    engine.run_until(SimTime::from_secs(190));
    assert_eq!(seen(&ran), at(&[("each", 121), ("named", 121), ("each", 181)]));
}

#[test]
fn what_ran_before_an_hour_back_is_not_repeated_and_wildcards_are() {
    let (mut engine, ran) = cron();
    engine.run_until(SimTime::from_secs(1));
    set(&engine, 3_540);
    engine.run_until(SimTime::from_secs(130));
    assert!(seen(&ran).contains(&("named".to_owned(), 61)), "0:45 was skipped by less than three hours");
    set(&engine, -3_600);
    engine.run_until(SimTime::from_secs(50 * 60));
    let again = seen(&ran);
    assert!(again.iter().all(|(name, _)| name == "each"), "{again:?}");
    assert_eq!(again.len(), 47, "each minute of the repeated hour");
}

#[test]
fn five_hours_forward_are_a_correction_and_nothing_is_caught_up_with() {
    let (mut engine, ran) = cron();
    engine.run_until(SimTime::from_secs(65));
    seen(&ran);
    set(&engine, 5 * 3_600);
    engine.run_until(SimTime::from_secs(190));
    assert_eq!(seen(&ran), at(&[("each", 121), ("each", 181)]));
}

#[test]
fn five_hours_back_are_a_correction_and_what_has_run_runs_again() {
    let (mut engine, ran) = cron();
    set(&engine, 5 * 3_600);
    engine.run_until(SimTime::from_secs(65));
    set(&engine, -5 * 3_600);
    engine.run_until(SimTime::from_secs(46 * 60));
    assert!(seen(&ran).contains(&("named".to_owned(), 45 * 60 + 1)));
}

#[test]
fn a_clock_that_is_too_fast_brings_the_minutes_sooner() {
    let (mut engine, ran) = cron();
    let host = &engine.hosts()[0];
    let mut clock = host.clock();
    clock.set_drift(500_000_000, SimTime::ZERO);
    host.set_clock(clock);
    engine.run_until(SimTime::from_secs(600));
    let each = seen(&ran).len();
    assert!((14..=15).contains(&each), "{each} minutes of its clock in ten of time");
}

#[test]
fn a_clock_that_is_set_back_a_few_seconds_never_stops_it() {
    let (mut engine, ran) = cron();
    for _ in 0..40 {
        let now = engine.now();
        engine.run_until(now + Duration::from_secs(13));
        set(&engine, -7);
    }
    assert!(!seen(&ran).is_empty());
}
