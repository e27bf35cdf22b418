//! Files that each folder may have: what is known of them, and their rules while one is read.

use std::rc::Rc;

use super::list::cvs_rules;
use super::parse::{RuleError, Target};
use super::{Flags, Rule};
use crate::rsync::paths::split;

/// Files that are looked for in each folder. The real program takes any number.
const MERGES_MAX: usize = 1_000;

/// A rule as it stands in a list.
#[derive(Debug, Clone)]
pub(super) enum Item {
    Pattern(Rule),
    /// The rules of a file of each folder, by its number.
    PerFolder(usize),
    Cvs,
}

/// A file that is looked for in each folder.
#[derive(Debug, Clone)]
pub(super) struct Merge {
    pub name: Vec<u8>,
    pub flags: Flags,
    /// Its name may say that folders above the transfer are looked at: they have not been yet.
    pub looks_above: bool,
    pub rules: Option<Rc<Level>>,
}

/// The rules of one folder's file, before those that it inherits.
#[derive(Debug)]
pub(super) struct Level {
    pub rules: Vec<Item>,
    pub outer: Option<Rc<Level>>,
}

/// By number; one that was forgotten leaves a gap.
pub(super) type Merges = Vec<Option<Merge>>;

/// The rules of one folder's file, while they are read.
pub(super) struct OfFolder<'a> {
    pub own: Vec<Item>,
    pub outer: Option<Rc<Level>>,
    pub merges: &'a mut Merges,
    pub cvs: &'a mut Option<Rc<Vec<Rule>>>,
    pub delete_excluded: bool,
}

impl Target for OfFolder<'_> {
    fn add(&mut self, rule: Rule) -> Result<(), RuleError> {
        if rule.flags.has(Flags::PER_FOLDER) {
            if self.merges.len() == MERGES_MAX {
                return Err(RuleError::NotModelled(
                    "more than 1,000 files of rules that each folder may have",
                ));
            }
            self.own.extend(declare(self.merges, &rule));
        } else if rule.flags.has(Flags::CVS) {
            self.cvs.get_or_insert_with(|| Rc::new(cvs_rules(rule.flags, self.delete_excluded)));
            self.own.push(Item::Cvs);
        } else {
            self.own.push(Item::Pattern(rule));
        }
        Ok(())
    }

    fn clear(&mut self) {
        for item in self.own.drain(..) {
            if let Item::PerFolder(number) = item {
                self.merges[number] = None;
            }
        }
        while self.merges.last().is_some_and(Option::is_none) {
            self.merges.pop();
        }
        self.outer = None;
    }
}

/// Takes up a file that each folder may have, unless one of its name is known.
pub(super) fn declare(merges: &mut Merges, rule: &Rule) -> Option<Item> {
    let name = split(&rule.pattern).1;
    if merges.iter().flatten().any(|merge| split(&merge.name).1 == name) {
        return None;
    }
    merges.push(Some(Merge {
        name: rule.pattern.clone(),
        flags: rule.flags,
        looks_above: true,
        rules: None,
    }));
    Some(Item::PerFolder(merges.len() - 1))
}
