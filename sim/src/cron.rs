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
            for job in jobs.iter().filter(|job| is_due(&job.schedule, minute)) {
                fire(&process, job, &run);
            }
        }
    })
}

fn fire(process: &Process, job: &CronJob, run: &impl Fn(&CronJob)) {
    process.record(EventKind::CronFired);
    run(job);
}

/// Whether a schedule matches a minute, counted from 1970 in UTC.
fn is_due(schedule: &Schedule, minute: i64) -> bool {
    let Schedule::Times { minutes, hours, days, months, weekdays, both_days } = schedule else {
        return false;
    };
    let time = Civil::of(minute);
    let (day, weekday) = (days >> time.day & 1 == 1, weekdays >> time.weekday & 1 == 1);
    let day_matches = if *both_days { day && weekday } else { day || weekday };
    minutes >> time.minute & 1 == 1
        && hours >> time.hour & 1 == 1
        && months >> time.month & 1 == 1
        && day_matches
}

/// A minute of the Gregorian calendar.
struct Civil {
    minute: i64,
    hour: i64,
    day: i64,
    month: i64,
    weekday: i64,
}

impl Civil {
    fn of(minute: i64) -> Self {
        let days = minute.div_euclid(24 * 60);
        // Eras of 400 years of 146,097 days, which begin on the first of March of a year that 400 divides.
        let shifted = days + 719_468;
        let day_of_era = shifted.rem_euclid(146_097);
        let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_from_march = (5 * day_of_year + 2) / 153;
        Self {
            minute: minute.rem_euclid(60),
            hour: minute.div_euclid(60).rem_euclid(24),
            day: day_of_year - (153 * month_from_march + 2) / 5 + 1,
            month: if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 },
            weekday: (days + 4).rem_euclid(7),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::RUN_BEGINS_UNIX_S;

    fn begin() -> i64 {
        i64::try_from(RUN_BEGINS_UNIX_S / 60).unwrap()
    }

    #[test]
    fn a_minute_is_found_in_the_calendar() {
        let shown = |minute| {
            let time = Civil::of(minute);
            (time.month, time.day, time.hour, time.minute, time.weekday)
        };
        assert_eq!(shown(0), (1, 1, 0, 0, 4), "1970-01-01 was a Thursday");
        assert_eq!(shown(begin()), (1, 15, 0, 0, 1), "2024-01-15 was a Monday");
        let leap_day = begin() + (45 * 24 + 13) * 60 + 7;
        assert_eq!(shown(leap_day), (2, 29, 13, 7, 4), "2024-02-29 was a Thursday");
        assert_eq!(shown(leap_day + 24 * 60), (3, 1, 13, 7, 5));
    }

    #[test]
    fn both_day_fields_restrict_together_only_when_one_is_a_star() {
        let schedule = |both_days| Schedule::Times {
            minutes: u64::MAX,
            hours: u32::MAX,
            days: 1 << 15,
            months: u16::MAX,
            weekdays: 1 << 5,
            both_days,
        };
        let (monday_the_15th, friday_the_19th) = (begin(), begin() + 4 * 24 * 60);
        assert!(is_due(&schedule(false), monday_the_15th) && is_due(&schedule(false), friday_the_19th));
        assert!(!is_due(&schedule(true), monday_the_15th) && !is_due(&schedule(true), friday_the_19th));
    }
}
