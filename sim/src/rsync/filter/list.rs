//! The global list of rules, and CVS's own.

use super::origin::Origin;
use super::parse::{Parser, Reading, RuleError, Style, Target};
use super::{CVS_IGNORED, Flags, Rule};

/// The global list, as the options make it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RuleList(pub Vec<Rule>);

impl Target for RuleList {
    fn add(&mut self, rule: Rule) -> Result<(), RuleError> {
        // A file that each folder may have is looked for once.
        if !self.0.iter().any(|known| known.is_same_file(&rule)) {
            self.0.push(rule);
        }
        Ok(())
    }

    fn clear(&mut self) {
        self.0.clear();
    }
}

impl RuleList {
    /// Adds the rules of a `--filter` argument.
    ///
    /// # Errors
    /// What is wrong with it, or with a file that it names.
    pub fn add_rule(&mut self, text: &[u8], reading: &Reading<'_>) -> Result<(), RuleError> {
        Parser::new(reading, self, b"").text(text, Flags::default(), Style::Rule, &Origin::Given)
    }

    /// Adds a pattern of `--exclude` or `--include`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn add_pattern(
        &mut self,
        text: &[u8],
        includes: bool,
        reading: &Reading<'_>,
    ) -> Result<(), RuleError> {
        let template = if includes { Flags::INCLUDE } else { Flags::default() };
        Parser::new(reading, self, b"").text(text, template, Style::Old, &Origin::Given)
    }

    /// Adds the patterns of a file of `--exclude-from` or `--include-from`.
    ///
    /// # Errors
    /// What is wrong with the file.
    pub fn add_file(&mut self, path: &[u8], includes: bool, reading: &Reading<'_>) -> Result<(), RuleError> {
        let template = if includes { Flags::INCLUDE } else { Flags::default() };
        Parser::new(reading, self, b"").merged(path, template, Style::Old, &Origin::Given)
    }
}

/// The rules of CVS's own list, as the rule that asks for them says.
pub(super) fn cvs_rules(of: Flags, delete_excluded: bool) -> Vec<Rule> {
    let reading = Reading { delete_excluded, ..Reading::of_nothing() };
    let mut list = RuleList::default();
    let parsed = Parser::new(&reading, &mut list, b"").text(
        CVS_IGNORED,
        of | Flags::PERISHABLE,
        Style::Rule,
        &Origin::Given,
    );
    debug_assert!(parsed.is_ok(), "these are patterns alone");
    list.0
}
