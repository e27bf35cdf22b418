//! When a cron line runs, by the rules of Debian's cron (Vixie cron 3.0).
//!
//! Days follow its rule: when either day field begins with `*`, both must match; otherwise either may.

use std::ops::RangeInclusive;

use harness::finding::nearest;

/// When a cron line runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Schedule {
    /// `@reboot`: when cron starts.
    AtBoot,
    /// The five fields.
    Times(Times),
}

/// The five fields as sets of values: bit `n` is the value `n`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Times {
    /// Minutes 0 to 59.
    pub minutes: u64,
    /// Hours 0 to 23.
    pub hours: u64,
    /// Days of the month 1 to 31.
    pub days: u64,
    /// Months 1 to 12.
    pub months: u64,
    /// Days of the week 0 (Sunday) to 6.
    pub weekdays: u64,
    /// Whether a day must match both day fields rather than either.
    pub both_days: bool,
    /// Whether the minute or the hour begins with `*`: cron then goes by the clock alone, whatever was skipped or
    /// repeated when it was set.
    pub wildcard: bool,
}

/// How far ahead a next run is looked for: leap days and weekdays repeat within 40 years.
const DAYS_AHEAD_MAX: i64 = 41 * 366;

impl Schedule {
    /// The first run after the moment `unix_seconds` of the host's clock (UTC), in Unix seconds, always the
    /// beginning of a minute. None for [`Schedule::AtBoot`], and for a date that never comes.
    pub fn next_after(&self, unix_seconds: i64) -> Option<i64> {
        let Schedule::Times(times) = self else { return None };
        let first_minute = unix_seconds.div_euclid(60).checked_add(1)?;
        let (first_day, minute_of_day) = (first_minute.div_euclid(1440), first_minute.rem_euclid(1440));
        for day in first_day..first_day.checked_add(DAYS_AHEAD_MAX)? {
            if !times.runs_on(day) {
                continue;
            }
            let from = if day == first_day { minute_of_day } else { 0 };
            let minute = (from..1440).find(|m| has(times.hours, m / 60) && has(times.minutes, m % 60));
            if let Some(minute) = minute {
                return day.checked_mul(1440)?.checked_add(minute)?.checked_mul(60);
            }
        }
        None
    }

    /// Whether it runs in the minute that holds this moment of the host's clock (UTC).
    pub fn matches(&self, unix_seconds: i64) -> bool {
        let Schedule::Times(times) = self else { return false };
        let minute = unix_seconds.div_euclid(60);
        let of_day = minute.rem_euclid(1440);
        has(times.hours, of_day / 60)
            && has(times.minutes, of_day % 60)
            && times.runs_on(minute.div_euclid(1440))
    }
}

impl Times {
    /// Whether a day, counted from 1 January 1970, is one on which it runs.
    fn runs_on(&self, day: i64) -> bool {
        let (month, day_of_month) = month_and_day(day);
        // 1 January 1970 was a Thursday.
        let weekday = (day + 4).rem_euclid(7);
        let (by_month, by_week) = (has(self.days, day_of_month), has(self.weekdays, weekday));
        let day_fits = if self.both_days { by_month && by_week } else { by_month || by_week };
        has(self.months, month) && day_fits
    }
}

fn has(set: u64, value: i64) -> bool {
    set >> value & 1 == 1
}

/// Month (1 to 12) and day of the month of a day counted from 1 January 1970, in the Gregorian calendar.
/// Years are counted from March, so that a leap day is the last of its year.
fn month_and_day(day: i64) -> (i64, i64) {
    const DAYS_IN_400_YEARS: i64 = 146_097;
    // 1 March of the year 0 lies 719,468 days before 1 January 1970.
    let day = (day + 719_468).rem_euclid(DAYS_IN_400_YEARS);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day_of_year = day - (365 * year + year / 4 - year / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day_of_month = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    ((month_from_march + 2) % 12 + 1, day_of_month)
}

const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const WEEKDAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
const NICKNAMES: [(&str, &str); 7] = [
    ("@yearly", "0 0 1 1 *"),
    ("@annually", "0 0 1 1 *"),
    ("@monthly", "0 0 1 * *"),
    ("@weekly", "0 0 * * 0"),
    ("@daily", "0 0 * * *"),
    ("@midnight", "0 0 * * *"),
    ("@hourly", "0 * * * *"),
];

/// One of the five fields: its name, its values, and the words for them.
struct Field {
    name: &'static str,
    values: RangeInclusive<u64>,
    words: &'static [&'static str],
    /// The value of the first word.
    first_word: u64,
}

const FIELDS: [Field; 5] = [
    Field { name: "minute", values: 0..=59, words: &[], first_word: 0 },
    Field { name: "hour", values: 0..=23, words: &[], first_word: 0 },
    Field { name: "day of month", values: 1..=31, words: &[], first_word: 0 },
    Field { name: "month", values: 1..=12, words: &MONTHS, first_word: 1 },
    Field { name: "day of week", values: 0..=7, words: &WEEKDAYS, first_word: 0 },
];

/// The schedule that `@word` stands for.
///
/// # Errors
/// What would be accepted.
pub fn parse_nickname(word: &str) -> Result<Schedule, String> {
    if word == "@reboot" {
        return Ok(Schedule::AtBoot);
    }
    match NICKNAMES.iter().find(|(name, _)| *name == word) {
        Some((_, fields)) => {
            let fields: Vec<&str> = fields.split(' ').collect();
            Ok(parse_fields(&[fields[0], fields[1], fields[2], fields[3], fields[4]])
                .expect("what a nickname stands for is a schedule"))
        }
        None => {
            let names = NICKNAMES.iter().map(|(name, _)| *name).chain(["@reboot"]);
            let all: Vec<&str> = names.clone().collect();
            Err(match nearest(word, names) {
                Some(near) => format!("write `{near}`"),
                None => format!("one of: {}", all.join(", ")),
            })
        }
    }
}

/// The schedule of the five fields.
///
/// # Errors
/// For every wrong field its index and what is wrong with it.
pub fn parse_fields(fields: &[&str; 5]) -> Result<Schedule, Vec<(usize, String)>> {
    let mut sets = [0_u64; 5];
    let mut errors = Vec::new();
    for (index, (text, field)) in fields.iter().zip(&FIELDS).enumerate() {
        match parse_field(text, field) {
            Ok(set) => sets[index] = set,
            Err(why) => errors.push((index, format!("`{text}` is no {}: {why}", field.name))),
        }
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    let [minutes, hours, days, months, weekdays] = sets;
    // Sunday is 0 and 7.
    let weekdays = (weekdays | weekdays >> 7) & 0x7f;
    let both_days = fields[2].starts_with('*') || fields[4].starts_with('*');
    let wildcard = fields[0].starts_with('*') || fields[1].starts_with('*');
    Ok(Schedule::Times(Times { minutes, hours, days, months, weekdays, both_days, wildcard }))
}

/// A list of `*`, `value` or `first-last`, the first and the last of which may have a `/step`.
fn parse_field(text: &str, field: &Field) -> Result<u64, String> {
    let (least, most) = (*field.values.start(), *field.values.end());
    let mut set = 0;
    for item in text.split(',') {
        let (range, step) = match item.split_once('/') {
            Some((range, step)) => (range, Some(step)),
            None => (item, None),
        };
        let (first, last) = match range.split_once('-') {
            _ if range == "*" => (least, most),
            Some((first, last)) => (parse_value(first, field)?, parse_value(last, field)?),
            None if step.is_some() => {
                return Err("a step needs a range, such as `*/5` or `0-30/5`".to_owned());
            }
            None => (parse_value(range, field)?, parse_value(range, field)?),
        };
        if first > last {
            return Err(format!("the range `{range}` goes backwards, which cron takes for no value at all"));
        }
        let step = match step.map(str::parse::<usize>) {
            None => 1,
            Some(Ok(step @ 1..=1000)) => step,
            Some(_) => return Err("a step is a whole number from 1".to_owned()),
        };
        for value in (first..=last).step_by(step) {
            set |= 1 << value;
        }
    }
    Ok(set)
}

fn parse_value(text: &str, field: &Field) -> Result<u64, String> {
    if let Some(index) = field.words.iter().position(|word| word.eq_ignore_ascii_case(text)) {
        return Ok(field.first_word + index as u64);
    }
    let (least, most) = (field.values.start(), field.values.end());
    let digits = text.len() <= 4 && text.bytes().all(|byte| byte.is_ascii_digit());
    match text.parse::<u64>() {
        Ok(value) if digits && field.values.contains(&value) => Ok(value),
        _ if field.words.is_empty() => Err(format!("a value is a number from {least} to {most}")),
        _ => Err(format!("a value is a number from {least} to {most}, or {}", field.words.join(", "))),
    }
}

#[cfg(test)]
mod tests {
    use std::cmp::Ordering;

    use croner::Cron;
    use croner::errors::CronError;
    use croner::time::{
        CivilDate, CivilDateTime, CivilTime, CronDateTime, Resolution, Weekday, day_of_year, days_in_month,
        days_in_year,
    };
    use proptest::prelude::*;

    use super::*;

    /// Unix seconds as croner's clock in UTC, with its calendar and not ours.
    #[derive(Debug, Clone)]
    struct Moment(i64);

    impl CronDateTime for Moment {
        fn to_civil(&self) -> CivilDateTime {
            let (mut days, seconds) = (self.0.div_euclid(86_400), self.0.rem_euclid(86_400));
            let (mut year, mut month) = (1970, 1);
            while days >= i64::from(days_in_year(year)) {
                days -= i64::from(days_in_year(year));
                year += 1;
            }
            while days >= i64::from(days_in_month(year, month)) {
                days -= i64::from(days_in_month(year, month));
                month += 1;
            }
            let date = CivilDate::from_ymd_opt(year, month, days as u32 + 1).unwrap();
            let seconds = seconds as u32;
            let time = CivilTime::from_hms_opt(seconds / 3600, seconds / 60 % 60, seconds % 60).unwrap();
            CivilDateTime::new(date, time)
        }

        fn civil_weekday(&self) -> Weekday {
            Weekday::Thursday.shift((self.0.div_euclid(86_400) % 7) as i32)
        }

        fn resolve_civil(&self, civil: CivilDateTime) -> Result<Resolution<Self>, CronError> {
            let start = unix(civil.year(), civil.month(), civil.day(), civil.hour(), civil.minute());
            Ok(Resolution::Single(Moment(start + i64::from(civil.second()))))
        }

        fn checked_add_seconds(&self, seconds: i64) -> Option<Self> {
            self.0.checked_add(seconds).map(Moment)
        }

        fn cmp_instant(&self, other: &Self) -> Ordering {
            self.0.cmp(&other.0)
        }
    }

    fn schedule(text: &str) -> Schedule {
        let fields: Vec<&str> = text.split(' ').collect();
        parse_fields(&[fields[0], fields[1], fields[2], fields[3], fields[4]]).unwrap()
    }

    /// Unix seconds of a moment in UTC, by croner's calendar.
    fn unix(year: i32, month: u32, day: u32, hour: u32, minute: u32) -> i64 {
        let before: i64 = (1970..year).map(|year| i64::from(days_in_year(year))).sum();
        let days = before + i64::from(day_of_year(year, month, day)) - 1;
        (days * 1440 + i64::from(hour) * 60 + i64::from(minute)) * 60
    }

    #[test]
    fn every_minute_runs_at_the_beginning_of_the_next_minute() {
        let every = schedule("* * * * *");
        assert_eq!(every.next_after(0), Some(60));
        assert_eq!(every.next_after(59), Some(60));
        assert_eq!(every.next_after(60), Some(120));
        assert_eq!(every.next_after(-61), Some(-60));
        assert!(every.matches(90));
    }

    #[test]
    fn a_day_matches_either_field_unless_one_begins_with_a_star() {
        // 2024-01-01 was a Monday.
        let new_year = unix(2024, 1, 1, 0, 0);
        assert_eq!(schedule("0 0 15 * fri").next_after(new_year), Some(unix(2024, 1, 5, 0, 0)));
        assert_eq!(schedule("0 0 */2 * fri").next_after(new_year), Some(unix(2024, 1, 5, 0, 0)));
        assert_eq!(schedule("0 0 2-30/2 * *").next_after(new_year), Some(unix(2024, 1, 2, 0, 0)));
        assert_eq!(schedule("30 4 29 2 *").next_after(new_year), Some(unix(2024, 2, 29, 4, 30)));
        assert_eq!(schedule("0 0 30 2 *").next_after(new_year), None);
    }

    #[test]
    fn sunday_is_0_and_7_and_a_word() {
        assert_eq!(schedule("0 0 * * 7"), schedule("0 0 * * Sun"));
        assert_eq!(schedule("0 0 * * 0-7"), schedule("0 0 * * 0-6"));
        assert_eq!(parse_nickname("@weekly").unwrap(), schedule("0 0 * * 0"));
        assert_eq!(parse_nickname("@reboot").unwrap().next_after(0), None);
    }

    #[test]
    fn every_wrong_field_is_named() {
        let errors = parse_fields(&["60", "*", "0", "foo", "8"]).unwrap_err();
        assert_eq!(errors.iter().map(|(index, _)| *index).collect::<Vec<_>>(), [0, 2, 3, 4]);
        for field in
            ["", ",", "1,", "/5", "5/10", "*/0", "5-1", "+1", "-1", "L", "?", "1-2-3", "99999999999999999999"]
        {
            assert!(parse_fields(&[field, "*", "*", "*", "*"]).is_err(), "{field}");
        }
        assert_eq!(parse_nickname("@hurly"), Err("write `@hourly`".to_owned()));
    }

    proptest! {
        #[test]
        fn any_field_is_read(field in "\\PC{0,12}|[-0-9*/,a-z]{0,12}") {
            let _ = parse_fields(&[&field, &field, &field, &field, &field]);
            let _ = parse_nickname(&field);
        }

        /// croner agrees wherever its rule for days is the same: when the field is `*` alone, or has no star.
        #[test]
        fn the_next_run_is_the_one_that_croner_finds(
            minute in "\\*|\\*/[1-9]|[1-5]?[0-9]|1-[2-9]/2",
            hour in "\\*|\\*/5|1?[0-9]|2[0-3]|3-9",
            day in "\\*|[1-9]|[12][0-9]|31|1-9,20",
            month in "\\*|[1-9]|1[0-2]|feb|jan-mar",
            weekday in "\\*|[0-7]|mon-fri|sun",
            from in 0_i64..4_000_000_000,
        ) {
            let text = format!("{minute} {hour} {day} {month} {weekday}");
            let ours = schedule(&text).next_after(from);
            let cron: Cron = text.parse().unwrap();
            let theirs = cron.find_next_occurrence(&Moment(from), false).ok().map(|moment| moment.0);
            prop_assert_eq!(theirs, ours, "{} after {}", text, from);
        }
    }
}
