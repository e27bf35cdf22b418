//! What a user expects of a run, in a user's words.

use serde::{Deserialize, Serialize};

/// One expectation: its sentence, as the scenario has it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Expectation {
    /// The sentence.
    pub text: String,
}
