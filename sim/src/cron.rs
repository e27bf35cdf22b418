//! cron: starts commands at the minutes that the host's wall clock shows.
//!
//! It sleeps until the next full minute, looks which lines match and starts their commands; it does not wait for
//! them. It reads UTC, as servers' clocks do.

use std::rc::Rc;

use harness::trace::EventKind;

use crate::config::{CronJob, Schedule};
use crate::host::Host;
use crate::process::Process;

const MINUTE_NS: i64 = 60_000_000_000;

/// Starts cron on a host; `run` starts the command of a job that is due.
pub fn start(host: &Host, jobs: Rc<Vec<CronJob>>, run: impl Fn(&CronJob) + 'static) -> Process {
    host.spawn("cron", |process| async move {
        for job in jobs.iter().filter(|job| job.schedule == Schedule::AtBoot) {
            fire(&process, job, &run);
        }
        let mut last_minute = process.host().unix_ns().div_euclid(MINUTE_NS);
        loop {
            let next = (last_minute + 1).saturating_mul(MINUTE_NS);
            process.sleep_until(process.host().clock().moment_of(next, process.now())).await;
            let minute = process.host().unix_ns().div_euclid(MINUTE_NS);
            if minute <= last_minute {
                // The clock was set back while it slept.
                continue;
            }
            last_minute = minute;
            for job in jobs.iter().filter(|job| job.schedule.matches(minute.saturating_mul(60))) {
                fire(&process, job, &run);
            }
        }
    })
}

fn fire(process: &Process, job: &CronJob, run: &impl Fn(&CronJob)) {
    process.record(EventKind::CronFired);
    run(job);
}
