//! cron: starts commands at the minutes that the host's wall clock shows, as Debian's cron 3.0pl1 does.
//!
//! It sleeps until one second into the next minute, looks which lines match and starts their commands; it does not
//! wait for them. It reads UTC, as servers' clocks do. When the clock was set meanwhile (cron(8)): lines with `*` in
//! the minute or the hour go by the new time at once; the others, which name their time, are caught up with when less
//! than three hours were skipped, and not repeated when it was set back by less than three hours. Greater changes
//! are taken for corrections.

use std::rc::Rc;
use std::time::Duration;

use harness::trace::EventKind;

use crate::config::{CronJob, Schedule};
use crate::host::Host;
use crate::process::Process;

const MINUTE_NS: i64 = 60_000_000_000;
/// A change of the clock by less than so many minutes is caught up with.
const JUMP_MINUTES_MAX: i64 = 180;
/// It woke up late, and runs everything of each minute, when no more than so many minutes are behind.
const LATE_MINUTES_MAX: i64 = 5;
/// cron does not sleep for a time that is not near this: the clock was set.
const SLEEP_S_MAX: i64 = 65;

/// Starts cron on a host; `run` starts the command of a job that is due.
pub fn start(host: &Host, jobs: Rc<Vec<CronJob>>, run: impl Fn(&CronJob) + 'static) -> Process {
    host.spawn("cron", |process| async move {
        for job in jobs.iter().filter(|job| job.schedule == Schedule::AtBoot) {
            fire(&process, job, &run);
        }
        let now = minute_of(&process);
        let mut cron =
            Cron { process: &process, jobs: &jobs, run: &run, due: Vec::new(), virtual_minute: now };
        let mut awake = now;
        loop {
            // A clock that was set may show the minute that cron was awake in, or one before it.
            awake = loop {
                sleep_until(&process, awake + 1).await;
                let minute = minute_of(&process);
                if minute != awake {
                    break minute;
                }
            };
            cron.wake(awake);
            cron.run_due();
        }
    })
}

/// Which lines of the table are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lines {
    All,
    /// With `*` in the minute or the hour.
    Wildcard,
    /// The others.
    Fixed,
}

struct Cron<'a, R> {
    process: &'a Process,
    jobs: &'a [CronJob],
    run: &'a R,
    /// Jobs that were found and not started yet.
    due: Vec<&'a CronJob>,
    /// The minute up to which all lines have been looked at: the clock's, had nobody set it.
    virtual_minute: i64,
}

impl<R: Fn(&CronJob)> Cron<'_, R> {
    /// It wakes up in this minute of the clock.
    fn wake(&mut self, minute: i64) {
        match minute - self.virtual_minute {
            1 => {
                self.virtual_minute = minute;
                self.find(minute, Lines::All);
            }
            2..=LATE_MINUTES_MAX => {
                while self.virtual_minute < minute {
                    self.virtual_minute += 1;
                    self.find(self.virtual_minute, Lines::All);
                }
            }
            ahead if ahead > 0 && ahead <= JUMP_MINUTES_MAX => {
                self.find(minute, Lines::Wildcard);
                while self.virtual_minute < minute {
                    self.virtual_minute += 1;
                    self.find(self.virtual_minute, Lines::Fixed);
                }
            }
            behind if behind <= 0 && behind > -JUMP_MINUTES_MAX => self.find(minute, Lines::Wildcard),
            _ => {
                self.virtual_minute = minute;
                self.find(minute, Lines::All);
            }
        }
    }

    fn find(&mut self, minute: i64, lines: Lines) {
        let due = self.jobs.iter().filter(|job| {
            let Schedule::Times(times) = &job.schedule else { return false };
            let meant = match lines {
                Lines::All => true,
                Lines::Wildcard => times.wildcard,
                Lines::Fixed => !times.wildcard,
            };
            meant && job.schedule.matches(minute.saturating_mul(60))
        });
        self.due.extend(due);
    }

    /// Starts what was found. The real one pauses between two minutes that it catches up with until a command that it
    /// started has ended, at most 10 s.
    fn run_due(&mut self) {
        for job in std::mem::take(&mut self.due) {
            fire(self.process, job, self.run);
        }
    }
}

/// Sleeps, by the machine's own time, until the clock should show one second past the beginning of a minute; not at
/// all when that is behind, or further ahead than a minute is long.
async fn sleep_until(process: &Process, minute: i64) {
    let clock_s = || process.host().unix_ns().div_euclid(1_000_000_000);
    let mut before = clock_s();
    let mut left = minute.saturating_mul(60).saturating_sub(before) + 1;
    while (1..SLEEP_S_MAX).contains(&left) {
        process.sleep(Duration::from_secs(left.unsigned_abs())).await;
        let now = clock_s();
        left -= now - before;
        before = now;
    }
}

fn minute_of(process: &Process) -> i64 {
    process.host().unix_ns().div_euclid(MINUTE_NS)
}

fn fire(process: &Process, job: &CronJob, run: &impl Fn(&CronJob)) {
    process.record(EventKind::CronFired);
    run(job);
}

#[cfg(test)]
mod tests;
