//! Ranges of seeds on the command line.

use std::ops::Range;
use std::str::FromStr;

/// `A..B`: the seeds from A up to and without B; `A..=B` is with B.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seeds(pub Range<u64>);

impl FromStr for Seeds {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        const FORM: &str = "seeds are written as 1..100 (without 100) or 1..=100";
        let (first, last) = text.split_once("..").ok_or(FORM)?;
        let (last, more) = last.strip_prefix('=').map_or((last, 0), |last| (last, 1));
        let number = |text: &str| text.trim().parse::<u64>().map_err(|_| FORM);
        let (first, end) = (number(first)?, number(last)?.checked_add(more).ok_or("there is no such seed")?);
        if first >= end {
            return Err("this range is empty".to_owned());
        }
        Ok(Self(first..end))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_range_of_seeds_is_read_with_and_without_its_end() {
        assert_eq!("1..4".parse(), Ok(Seeds(1..4)));
        assert_eq!("1..=4".parse(), Ok(Seeds(1..5)));
        for wrong in ["", "1", "..", "1..", "4..1", "1..1", "-1..3", "1..x", "0..=18446744073709551615"] {
            assert!(wrong.parse::<Seeds>().is_err(), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_the_reader_of_seeds_panic(text in "\\PC*") {
            let _ = text.parse::<Seeds>();
        }
    }
}
