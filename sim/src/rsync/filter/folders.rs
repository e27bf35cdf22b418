//! The rules in force: the global list, and the files that each folder may have.
//!
//! A process tells when it comes into a folder and when it leaves it; what a folder's file says stands before what it
//! inherits from the folders above.

use std::rc::Rc;

use super::list::cvs_rules;
use super::matching::Name;
use super::merge::{Item, Level, Merges, OfFolder, declare};
use super::origin::Origin;
use super::parse::{Parser, Reading, RuleError, Style};
use super::{Flags, Rule, Side};
use crate::rsync::paths::{collapsed, join, split};

/// Rules in force on one side.
#[derive(Debug, Clone)]
pub struct Filters {
    side: Side,
    rules: Vec<Item>,
    /// CVS's own list, once a rule has asked for it.
    cvs: Option<Rc<Vec<Rule>>>,
    merges: Merges,
    /// What was before each folder was come into, by how deep it lies.
    levels: Vec<Option<Saved>>,
    /// The absolute folder from which names count.
    base: Vec<u8>,
}

/// What was in force before a folder was come into.
#[derive(Debug, Clone)]
pub struct Saved(Merges);

impl Filters {
    /// Those of the global list that hold on this side.
    pub fn new(rules: &[Rule], side: Side, delete_excluded: bool) -> Self {
        let mut filters = Self {
            side,
            rules: Vec::new(),
            cvs: None,
            merges: Vec::new(),
            levels: Vec::new(),
            base: b"/".to_vec(),
        };
        for rule in rules {
            let (own, merges) = (&mut filters.rules, &mut filters.merges);
            if rule.flags.has(Flags::PER_FOLDER) {
                own.extend(declare(merges, rule));
            } else if rule.flags.has(Flags::CVS) {
                let held = |rule: &Rule| rule.holds(side, delete_excluded);
                let known =
                    || Rc::new(cvs_rules(rule.flags, delete_excluded).into_iter().filter(held).collect());
                filters.cvs.get_or_insert_with(known);
                own.push(Item::Cvs);
            } else if rule.holds(side, delete_excluded) {
                own.push(Item::Pattern(rule.clone()));
            }
        }
        filters
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// Whether folders have files of their own.
    pub fn look_into_folders(&self) -> bool {
        !self.merges.is_empty()
    }

    /// Sets the absolute folder from which names count: where the process is.
    pub fn set_base(&mut self, base: &[u8]) {
        self.base = collapsed(base);
    }

    /// Whether a name (from the root of the transfer, without a leading slash) is left out. In a folder that is being
    /// deleted, perishable rules are passed over.
    pub fn excludes(&self, name: &[u8], is_folder: bool, in_deleted_folder: bool) -> bool {
        let name = Name { name, is_folder, base: &self.base };
        self.judge(&self.rules, name, in_deleted_folder) == Some(false)
    }

    /// Whether the first rule that matches keeps the name in.
    fn judge(&self, rules: &[Item], name: Name<'_>, in_deleted_folder: bool) -> Option<bool> {
        let decides =
            |rule: &Rule| !(in_deleted_folder && rule.flags.has(Flags::PERISHABLE)) && rule.matches(name);
        for item in rules {
            let verdict = match item {
                Item::Pattern(rule) => decides(rule).then(|| rule.flags.has(Flags::INCLUDE)),
                Item::Cvs => {
                    let mut known = self.cvs.iter().flat_map(|rules| rules.iter());
                    known.find(|rule| decides(rule)).map(|rule| rule.flags.has(Flags::INCLUDE))
                }
                Item::PerFolder(number) => {
                    let mut level = self
                        .merges
                        .get(*number)
                        .and_then(Option::as_ref)
                        .and_then(|merge| merge.rules.as_ref());
                    let mut verdict = None;
                    while let Some(found) = level.filter(|_| verdict.is_none()) {
                        verdict = self.judge(&found.rules, name, in_deleted_folder);
                        level = found.outer.as_ref();
                    }
                    verdict
                }
            };
            if verdict.is_some() {
                return verdict;
            }
        }
        None
    }

    /// Comes into a folder (a name from the base): reads its files. What is given back restores what was before.
    ///
    /// # Errors
    /// What is wrong with a file.
    pub fn enter(&mut self, folder: &[u8], reading: &Reading<'_>) -> Result<Option<Saved>, RuleError> {
        if self.merges.is_empty() {
            return Ok(None);
        }
        let saved = Saved(self.merges.clone());
        let here = with_slash(collapsed(&join(&self.base, folder)));
        let mut number = 0;
        // A file may name further ones, which are looked for at once.
        while number < self.merges.len() {
            if let Some(merge) = &mut self.merges[number] {
                if merge.flags.has(Flags::NO_INHERIT) {
                    merge.rules = None;
                }
                if std::mem::replace(&mut merge.looks_above, false) {
                    self.look_above(number, &here, reading)?;
                }
                self.read(number, &here, false, reading)?;
            }
            number += 1;
        }
        Ok(Some(saved))
    }

    /// Leaves a folder.
    pub fn leave(&mut self, saved: Option<Saved>) {
        let Some(Saved(mut before)) = saved else { return };
        // What was looked for above the transfer is not looked for again.
        for (merge, now) in before.iter_mut().zip(&self.merges) {
            if let (Some(merge), Some(now)) = (merge, now) {
                (merge.name, merge.looks_above) = (now.name.clone(), now.looks_above);
            }
        }
        self.merges = before;
    }

    /// Comes into a folder that lies so deep, after leaving all that are as deep or deeper.
    ///
    /// # Errors
    /// As [`Filters::enter`].
    pub fn enter_at(&mut self, depth: usize, folder: &[u8], reading: &Reading<'_>) -> Result<(), RuleError> {
        self.leave_to(depth);
        self.levels.resize_with(depth, || None);
        let saved = self.enter(folder, reading)?;
        self.levels.push(saved);
        Ok(())
    }

    /// Leaves all folders that are so deep or deeper.
    pub fn leave_to(&mut self, depth: usize) {
        while self.levels.len() > depth {
            let saved = self.levels.pop().flatten();
            self.leave(saved);
        }
    }

    /// A file's name with a slash means a folder above the transfer: those from there down to the transfer are looked
    /// at, too; afterwards the last part of the name is looked for.
    fn look_above(&mut self, number: usize, here: &[u8], reading: &Reading<'_>) -> Result<(), RuleError> {
        let Some(merge) = &mut self.merges[number] else { return Ok(()) };
        if !merge.name.contains(&b'/') {
            return Ok(());
        }
        let path = match merge.name.starts_with(b"/") {
            true => collapsed(&merge.name),
            false => collapsed(&[here, &*merge.name].concat()),
        };
        let (folder, name) = split(&path);
        merge.name = name.to_vec();
        let no_inherit = merge.flags.has(Flags::NO_INHERIT);
        let folder = with_slash(folder.to_vec());
        if !here.starts_with(&folder) {
            return Ok(());
        }
        let ends = (folder.len()..here.len()).filter(|&end| here[end - 1] == b'/');
        for end in ends {
            self.read(number, &here[..end], true, reading)?;
            if no_inherit && let Some(merge) = &mut self.merges[number] {
                merge.rules = None;
            }
        }
        Ok(())
    }

    /// Reads one file of a folder, if it is there.
    fn read(
        &mut self,
        number: usize,
        here: &[u8],
        above: bool,
        reading: &Reading<'_>,
    ) -> Result<(), RuleError> {
        let Some(merge) = &self.merges[number] else { return Ok(()) };
        let path = [here, &merge.name].concat();
        let Ok(content) = (reading.open)(&path) else { return Ok(()) };
        let flags = merge.flags;
        let origin = match flags.has(Flags::FROM_FILE) {
            true => Origin::Hidden(b"a file read earlier".to_vec()),
            false => Origin::Given.of_file(&path),
        };
        let mut target = OfFolder {
            own: Vec::new(),
            outer: merge.rules.clone(),
            merges: &mut self.merges,
            cvs: &mut self.cvs,
            delete_excluded: reading.delete_excluded,
        };
        let mut parser = Parser::new(reading, &mut target, here);
        parser.above = above;
        parser.lines(&content, flags, Style::Anchored(self.side), &origin)?;
        let OfFolder { own, outer, .. } = target;
        if let Some(merge) = self.merges.get_mut(number).and_then(Option::as_mut) {
            merge.rules = match own.is_empty() {
                true => outer,
                false => Some(Rc::new(Level { rules: own, outer })),
            };
        }
        Ok(())
    }
}

fn with_slash(mut folder: Vec<u8>) -> Vec<u8> {
    if !folder.ends_with(b"/") {
        folder.push(b'/');
    }
    folder
}
