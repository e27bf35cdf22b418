//! Writes plans and reads them back. A stored plan is input from outside: everything in it is checked.

use std::io::Read;
use std::path::Path;

use super::{Plan, SCHEMA_VERSION};
use crate::finding::{Finding, Findings, Source};

/// A plan may be this long, in bytes: a cluster's files are in it.
pub const FILE_BYTES_MAX: u64 = 1 << 28;

impl Plan {
    /// The plan as JSON, for people and programs.
    pub fn to_json(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).expect("a plan is always JSON");
        text.push('\n');
        text
    }

    /// Writes the plan to a file.
    ///
    /// # Errors
    /// What the operating system answers.
    pub fn write(&self, path: impl AsRef<Path>) -> std::io::Result<()> {
        std::fs::write(path, self.to_json())
    }

    /// Reads a stored plan.
    ///
    /// # Errors
    /// A file that cannot be read, is no plan, is one of another version, or holds what no plan can hold.
    pub fn read(path: impl AsRef<Path>) -> Result<Plan, Findings> {
        let path = path.as_ref();
        let shown = path.display().to_string();
        let refuse =
            |why: String| Findings::from_iter([Finding::error(&Source::new(shown.as_str(), ""), 0..0, why)]);
        let file =
            std::fs::File::open(path).map_err(|error| refuse(format!("cannot read {shown}: {error}")))?;
        let mut text = String::new();
        file.take(FILE_BYTES_MAX)
            .read_to_string(&mut text)
            .map_err(|error| refuse(format!("cannot read {shown}: {error}")))?;
        Plan::parse(&Source::new(shown.as_str(), text))
    }

    /// Reads the text of a stored plan.
    ///
    /// # Errors
    /// As [`Plan::read`].
    pub fn parse(source: &Source) -> Result<Plan, Findings> {
        let at_error = |error: &serde_json::Error| {
            let line = source.line_span(error.line());
            line.start.saturating_add(error.column().saturating_sub(1)).min(line.end)..line.end
        };
        let one = |finding: Finding| Findings::from_iter([finding]);
        let value: serde_json::Value = serde_json::from_str(&source.text).map_err(|error| {
            one(Finding::error(source, at_error(&error), format!("this is not JSON: {error}"))
                .help("a plan is written by `sim run` and `sim explore`"))
        })?;
        match value.get("schema_version").and_then(serde_json::Value::as_u64) {
            Some(version) if version == u64::from(SCHEMA_VERSION) => {}
            Some(version) => {
                let message = format!(
                    "the plan has schema version {version}, this program reads {SCHEMA_VERSION}; it was made by {}",
                    value.get("made_by").and_then(serde_json::Value::as_str).unwrap_or("an unknown program")
                );
                let help = "make it anew from its scenario and seed, or use the program that made it";
                return Err(one(Finding::error(source, 0..0, message).help(help)));
            }
            None => {
                let message = "this is not a plan: it has no `schema_version`";
                return Err(one(Finding::error(source, 0..0, message)));
            }
        }
        let plan: Plan = serde_json::from_str(&source.text).map_err(|error| {
            one(Finding::error(source, at_error(&error), format!("this is not a plan: {error}")))
        })?;
        plan.check()
            .map_err(|why| one(Finding::error(source, 0..0, format!("this plan cannot be run: {why}"))))?;
        Ok(plan)
    }
}
