//! What a user expects of a run, in a user's words.
//!
//! A sentence such as `traffic availability at least 99.9 %` is understood as one [`Claim`]. The sentences that
//! are understood are [`FORMS`]; each has several wordings. What is not understood is an error at the word where
//! understanding ends, with the words that could stand there.

mod claim;
mod forms;

pub use claim::{Claim, Condition, Gateways, LostPublish, Named, Role, Share, Who, Workers};
pub use forms::{FORMS, Form};

pub use crate::sentence::NotUnderstood;

use serde::{Deserialize, Serialize};

use crate::finding::Finding;
use crate::sentence::Words;
use crate::table::{Placed, Reader};

/// One expectation: its sentence, as the scenario has it. A plan and a trace carry the sentence; its meaning is
/// understood anew wherever it is judged.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Expectation {
    /// The sentence.
    pub text: String,
}

impl Expectation {
    /// What the sentence claims.
    ///
    /// # Errors
    /// Where understanding ended.
    pub fn claim(&self) -> Result<Claim, NotUnderstood> {
        understand(&self.text)
    }
}

/// What a sentence claims.
///
/// # Errors
/// Where understanding ended, and what could stand there.
pub fn understand(text: &str) -> Result<Claim, NotUnderstood> {
    let mut words = Words::of(text);
    for form in FORMS {
        words.restart();
        if let Some(claim) = (form.parse)(&mut words)
            && words.at_end()
        {
            return Ok(claim);
        }
    }
    Err(words.not_understood(FORMS.iter().flat_map(|form| form.examples).copied()))
}

/// Reads a list of sentences of a file; each that is not understood is a finding at its place.
pub fn read(sentences: &[Placed<String>], reader: &Reader<'_>) -> Vec<(Placed<String>, Claim)> {
    let mut understood = Vec::new();
    for sentence in sentences {
        match understand(&sentence.value) {
            Ok(claim) => understood.push((sentence.clone(), claim)),
            Err(error) => {
                let span = sentence.part(reader.source, error.span);
                reader.push(Finding::error(reader.source, span, error.message).help(error.help));
            }
        }
    }
    understood
}
