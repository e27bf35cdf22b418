//! What somebody expects of an analysis, in a sentence: what a pipeline fails by.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use super::{Analysis, told};
use crate::capability::Capability;
use crate::finding::did_you_mean;
use crate::time::{parse_span, show_span};

/// The sentences that are understood, each with what it means.
pub const FORMS: &[(&str, &str)] = &[
    ("no single point of failure", "no component alone cuts any capability"),
    (
        "no single point of failure for serve",
        "no component alone cuts it: serve, publish, sync or administer",
    ),
    ("no single point of failure for serve longer than 2m", "nor for longer than that"),
    ("manager cuts only publish, sync and administer", "alone, this component cuts these at most"),
    ("worker1 cuts nothing", "alone, this component cuts nothing"),
    ("no single failure disturbs serve", "no component alone makes operations fail, be it one in ten"),
    ("no single failure loses an acknowledged publish", "no component alone does"),
];

/// One expectation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gate {
    text: String,
    claim: Claim,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Claim {
    /// No component alone cuts one of these for longer than this.
    NoneCuts { capabilities: Vec<Capability>, longer_than: Duration },
    /// No component alone makes operations of these fail.
    NoneDisturbs { capabilities: Vec<Capability> },
    /// This component alone cuts these at most.
    CutsOnly { component: String, capabilities: Vec<Capability> },
    /// No component alone loses an acknowledged publish.
    NoLoss,
}

impl fmt::Display for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for Gate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let sentence = text.trim().trim_end_matches('.');
        let claim = if sentence == "no single failure loses an acknowledged publish" {
            Claim::NoLoss
        } else if let Some(rest) = sentence.strip_prefix("no single point of failure") {
            none_alone(rest)?
        } else if let Some(list) = sentence.strip_prefix("no single failure disturbs ") {
            Claim::NoneDisturbs { capabilities: capabilities(list)? }
        } else if let Some((component, what)) = sentence.split_once(" cuts ") {
            let capabilities = match what.trim() {
                "nothing" => Vec::new(),
                list => capabilities(list.strip_prefix("only ").ok_or_else(not_understood)?)?,
            };
            Claim::CutsOnly { component: component.trim().to_owned(), capabilities }
        } else {
            return Err(not_understood());
        };
        Ok(Self { text: sentence.to_owned(), claim })
    }
}

impl Gate {
    /// The component that it names, if it names one.
    pub fn component(&self) -> Option<&str> {
        match &self.claim {
            Claim::CutsOnly { component, .. } => Some(component),
            _ => None,
        }
    }

    /// What speaks against it in an analysis, a sentence each; nothing when it holds.
    ///
    /// # Errors
    /// When the analysis cannot tell: it was stopped, the component is not there, or the capability was never there.
    pub fn against(&self, analysis: &Analysis) -> Result<Vec<String>, String> {
        if analysis.examined.stopped > 0 {
            return Err("the examination was stopped before its end".to_owned());
        }
        let named = |name: &str| analysis.components.iter().find(|part| part.name == name);
        if let Some(component) = self.component()
            && named(component).is_none()
        {
            let names: Vec<&str> = analysis.components.iter().map(|part| part.name.as_str()).collect();
            let help = did_you_mean(component, &names);
            return Err(format!("the cluster has no component `{component}`: {help}"));
        }
        let asked = match &self.claim {
            Claim::NoneCuts { capabilities, .. } | Claim::NoneDisturbs { capabilities } => {
                capabilities.clone()
            }
            Claim::CutsOnly { .. } => Capability::ALL.to_vec(),
            Claim::NoLoss => vec![Capability::Publish],
        };
        if let Some(none) = analysis.not_there.iter().find(|none| asked.contains(&none.capability)) {
            return Err(format!("{}: {}", none.capability, none.why));
        }
        if self.claim == Claim::NoLoss && analysis.lost_anyway > 0 {
            return Err(format!("{} are lost even when nothing is missing", analysis.lost_anyway));
        }
        let alone = analysis.cuts.iter().filter(|cut| cut.components.len() == 1);
        Ok(match &self.claim {
            Claim::NoneDisturbs { capabilities } => alone
                .filter(|cut| capabilities.contains(&cut.capability))
                .map(|cut| {
                    let (failed, of) = (cut.failed, cut.of);
                    format!(
                        "{} makes {failed} of {of} operations of {} fail",
                        told(&cut.components),
                        cut.capability
                    )
                })
                .collect(),
            Claim::NoneCuts { capabilities, longer_than } => alone
                .filter(|cut| cut.entirely && capabilities.contains(&cut.capability))
                .filter(|cut| Duration::from_millis(cut.gone_ms) > *longer_than)
                .map(|cut| {
                    let span = show_span(Duration::from_millis(cut.gone_ms));
                    format!("{} cuts {} for {span}", told(&cut.components), cut.capability)
                })
                .collect(),
            Claim::CutsOnly { component, capabilities } => {
                let part = named(component);
                let examined = part.and_then(|part| part.examined_as.as_ref()).unwrap_or(component);
                alone
                    .filter(|cut| cut.entirely && cut.components[0] == *examined)
                    .filter(|cut| !capabilities.contains(&cut.capability))
                    .map(|cut| format!("{component} cuts {}", cut.capability))
                    .collect()
            }
            Claim::NoLoss => (analysis.losses.iter())
                .filter(|loss| loss.components.len() == 1)
                .map(|loss| format!("{} loses {}", told(&loss.components), loss.publishes))
                .collect(),
        })
    }
}

fn none_alone(rest: &str) -> Result<Claim, String> {
    let (of, longer) = rest.split_once(" longer than ").unwrap_or((rest, "0s"));
    let capabilities = match of.trim() {
        "" => Capability::ALL.to_vec(),
        of => capabilities(of.strip_prefix("for ").ok_or_else(not_understood)?)?,
    };
    Ok(Claim::NoneCuts { capabilities, longer_than: parse_span(longer)? })
}

/// `serve`, `serve and publish`, `serve, publish and sync`.
fn capabilities(list: &str) -> Result<Vec<Capability>, String> {
    let words = list.split([',', ' ']).filter(|word| !word.is_empty() && *word != "and");
    words.map(capability).collect()
}

fn capability(word: &str) -> Result<Capability, String> {
    let names: Vec<&str> = Capability::ALL.iter().map(|capability| capability.name()).collect();
    let found = Capability::ALL.into_iter().find(|capability| capability.name() == word);
    found.ok_or_else(|| format!("`{word}` is no capability: {}", did_you_mean(word, &names)))
}

fn not_understood() -> String {
    let forms: Vec<String> = FORMS.iter().map(|(form, _)| format!("`{form}`")).collect();
    format!("write one of: {}", forms.join("; "))
}

#[cfg(test)]
mod tests {
    use super::super::tests::analysis;
    use super::*;

    fn against(gate: &str) -> Result<Vec<String>, String> {
        gate.parse::<Gate>().unwrap().against(&whole())
    }

    /// One in which every capability is there.
    fn whole() -> Analysis {
        Analysis { not_there: Vec::new(), ..analysis() }
    }

    #[test]
    fn a_gate_holds_or_says_what_is_against_it() {
        assert_eq!(against("no single point of failure for sync"), Ok(vec![]));
        assert_eq!(
            against("no single point of failure for serve"),
            Ok(vec!["balancer cuts serve for 5m".to_owned()])
        );
        assert_eq!(against("no single point of failure for serve longer than 6m"), Ok(vec![]));
        assert_eq!(against("balancer cuts only serve and publish"), Ok(vec![]));
        assert_eq!(against("balancer cuts only sync"), Ok(vec!["balancer cuts serve".to_owned()]));
        assert_eq!(against("worker2 cuts nothing"), Ok(vec![]));
        assert_eq!(against("no single failure disturbs publish").unwrap().len(), 1);
        assert_eq!(against("no single point of failure for publish"), Ok(vec![]));
        assert_eq!(against("no single failure loses an acknowledged publish.").unwrap().len(), 1);
    }

    #[test]
    fn what_cannot_be_told_is_neither_yes_nor_no() {
        assert!(against("wrker1 cuts nothing").unwrap_err().contains("worker1"));
        let gate: Gate = "no single point of failure for administer".parse().unwrap();
        let mut stopped = whole();
        stopped.examined.stopped = 3;
        assert!(gate.against(&stopped).is_err());
        assert!(gate.against(&analysis()).unwrap_err().contains("missing"));
        let anyway = Analysis { lost_anyway: 1, ..whole() };
        let gate: Gate = "no single failure loses an acknowledged publish".parse().unwrap();
        assert!(gate.against(&anyway).is_err());
    }

    #[test]
    fn a_sentence_that_is_not_understood_is_answered_with_those_that_are() {
        assert!("no failure".parse::<Gate>().unwrap_err().contains("no single point of failure"));
        assert!("no single point of failure for serv".parse::<Gate>().unwrap_err().contains("serve"));
        for (form, _) in FORMS {
            assert!(form.parse::<Gate>().is_ok(), "{form}");
        }
    }
}
