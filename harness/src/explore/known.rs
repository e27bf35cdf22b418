//! Weaknesses of a cluster that somebody has written down: exploration recognises them, and does not call them new.
//!
//! They stand in a TOML file beside the cluster's folder, `<folder>.known.toml`, since they belong to the design of
//! that cluster and to no scenario.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::finding::{Finding, Findings, Source};
use crate::signature::Signature;
use crate::table::{Reader, Table};

/// The file may be this long, in bytes.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// What is known of one cluster.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Known {
    /// The weaknesses, in the order of the file.
    pub weaknesses: Vec<Weakness>,
}

/// A weakness that is written down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Weakness {
    /// Its name, one word.
    pub name: String,
    /// The causes that failures have because of it, as reports show them.
    pub causes: Vec<String>,
    /// The claim that fails, as reports show it; empty for any.
    pub claim: String,
    /// What happens, and why the design has it.
    pub why: String,
}

impl Known {
    /// Where the weaknesses of the cluster in this folder stand.
    pub fn path_of(cluster: &Path) -> PathBuf {
        let mut name = cluster.file_name().unwrap_or_default().to_os_string();
        name.push(".known.toml");
        cluster.with_file_name(name)
    }

    /// Reads a file of weaknesses.
    ///
    /// # Errors
    /// Every mistake, with its place.
    pub fn read(path: &Path) -> Result<Self, Findings> {
        let shown = path.display().to_string();
        let refuse = |why: String| {
            let source = Source::new(shown.as_str(), "");
            Findings::from_iter([Finding::error(&source, 0..0, format!("cannot read {shown}: {why}"))])
        };
        let long = std::fs::metadata(path).map_err(|error| refuse(error.to_string()))?.len();
        if long > FILE_BYTES_MAX {
            return Err(refuse(format!("it is longer than {FILE_BYTES_MAX} bytes")));
        }
        let text = std::fs::read_to_string(path).map_err(|error| refuse(error.to_string()))?;
        Self::parse(&Source::new(shown.as_str(), text))
    }

    /// Reads the text of such a file.
    ///
    /// # Errors
    /// As [`Known::read`].
    pub fn parse(source: &Source) -> Result<Self, Findings> {
        let reader = Reader::new(source);
        let document = reader.parse();
        let top = Table::new(&reader, "the file", 0..0, document.get_ref());
        let mut weaknesses: Vec<Weakness> = Vec::new();
        for table in top.tables("weakness") {
            let name = table.require_text("name", "give it a name of one word: `name = \"lost-in-queue\"`");
            let why = table.require_text("why", "say what happens, and why: `why = \"...\"`");
            let claim = table.text("claim").map(|claim| claim.value).unwrap_or_default();
            let causes = table.texts("causes").unwrap_or_default();
            if causes.is_empty() && !table.has("causes") {
                table.missing("causes", "name the causes as reports show them: `causes = [\"...\"]`");
            }
            table.finish();
            let (Some(name), Some(why)) = (name, why) else { continue };
            if weaknesses.iter().any(|known| known.name == name.value) {
                let message = format!("two weaknesses are called `{}`", name.value);
                reader.error(name.span.clone(), message, "give each a name of its own");
            }
            let causes = causes.into_iter().map(|cause| cause.value).collect();
            weaknesses.push(Weakness { name: name.value, causes, claim, why: why.value });
        }
        top.finish();
        drop(document);
        reader.into_findings().into_result()?;
        Ok(Self { weaknesses })
    }

    /// The weakness that a failure is because of.
    pub fn explains(&self, signature: &Signature) -> Option<&Weakness> {
        self.weaknesses.iter().find(|known| {
            known.causes.iter().any(|cause| **cause == *signature.cause)
                && (known.claim.is_empty() || *known.claim == *signature.claim)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_weakness_explains_failures_of_its_causes() {
        let text = "[[weakness]]\nname = 'queue'\ncauses = ['publish lost in queue']\nwhy = 'It waits.'\n";
        let known = Known::parse(&Source::new("x.known.toml", text)).unwrap();
        let signature = |cause: &str| Signature {
            checker: "durability".into(),
            capability: None,
            claim: "no acknowledged publish is lost".into(),
            cause: cause.into(),
        };
        assert_eq!(known.explains(&signature("publish lost in queue")).unwrap().name, "queue");
        assert_eq!(known.explains(&signature("nothing was written")), None);
    }

    #[test]
    fn all_mistakes_are_told_at_once() {
        let text = "[[weakness]]\nname = 'a'\nwy = 'x'\n[[weakness]]\ncauses = []\nwhy = 'x'\n";
        let findings = Known::parse(&Source::new("x.known.toml", text)).unwrap_err();
        assert_eq!(findings.iter().count(), 4, "{}", findings.render(false));
    }
}
