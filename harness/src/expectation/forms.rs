//! The sentences that are understood: one entry each, with what it means and examples of its wordings.

use std::time::Duration;

use super::claim::{Claim, Condition, Gateways, LostPublish, Named, Who, Workers};
use crate::sentence::Words;

/// A kind of sentence.
pub struct Form {
    /// Sentences of this form, the plainest first; each is understood.
    pub examples: &'static [&'static str],
    /// What it claims, in one line.
    pub doc: &'static str,
    pub(super) parse: fn(&mut Words) -> Option<Claim>,
}

impl std::fmt::Debug for Form {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Form").field("examples", &self.examples).finish_non_exhaustive()
    }
}

/// All forms, in the order in which they are tried and listed.
pub const FORMS: &[Form] = &[
    Form {
        examples: &[
            "traffic availability at least 99.9 %",
            "publishing is available at least 90 %",
            "availability of traffic is at least 99.95 percent",
        ],
        doc: "at least this share of the capability's operations ended well, of those that began after warm-up",
        parse: availability,
    },
    Form {
        examples: &["traffic is never lost", "no outage of traffic", "traffic goes on"],
        doc: "every operation of the capability ended well",
        parse: never_lost,
    },
    Form {
        examples: &[
            "publishing is lost while the manager is down, and back within 2 minutes of its return",
            "traffic is lost while fault balancer-off lasts, and back within 10 s of its end",
            "sync stops while all workers are down",
        ],
        doc: "nothing of the capability worked while the condition held, and soon after it did again",
        parse: lost_while,
    },
    Form {
        examples: &[
            "traffic outage at most 30 s",
            "no outage of traffic longer than 30 s",
            "publishing is lost for at most 6 minutes",
        ],
        doc: "no single outage of the capability is longer",
        parse: outage_at_most,
    },
    Form {
        examples: &["publishing is back within 2 minutes of the end of the last fault"],
        doc: "the capability works again soon after the last fault has ended",
        parse: back_after_last_fault,
    },
    Form {
        examples: &[
            "every worker converged within 3 minutes of the end of the last fault",
            "worker1 and worker2 are converged at the end",
        ],
        doc: "what the manager had then is on the workers; at the end: all files are equal, byte for byte",
        parse: converged,
    },
    Form {
        examples: &["worker1 differs from the manager at the end", "every worker differs at the end"],
        doc: "files of each of these workers are other than the manager's at the end",
        parse: different,
    },
    Form {
        examples: &[
            "no worker converges while the manager is down",
            "nothing converges while any fault acts",
        ],
        doc: "no worker that lags behind becomes equal to the manager while the condition holds",
        parse: not_converging,
    },
    Form {
        examples: &[
            "every worker is at most 90 s stale",
            "no worker is stale for more than 90 s",
            "worker1 is at most 2 minutes stale",
        ],
        doc: "no worker holds a content for longer than this after the manager has replaced it",
        parse: stale,
    },
    Form {
        examples: &["no worker deploys a torn snapshot", "worker1 never deploys a torn snapshot"],
        doc: "no worker has files of several revisions of one API, or an API without all its parts, in service",
        parse: no_torn_snapshot,
    },
    Form {
        examples: &["every worker deploys a torn snapshot", "worker1 deploys a torn snapshot"],
        doc: "each of these workers has that at some time",
        parse: torn_snapshot,
    },
    Form {
        examples: &["no write is accepted by a worker", "no write accepted by worker2"],
        doc: "every attempt to change the worker directly is refused",
        parse: no_write,
    },
    Form {
        examples: &["a write is accepted by worker2", "writes are accepted by every worker"],
        doc: "an attempt to change the worker directly succeeds, on each of them",
        parse: write_accepted,
    },
    Form {
        examples: &["only the sync changes a worker", "nothing but the sync changes worker1"],
        doc: "rsync made every change below the synced folder of the workers, from the end of warm-up on",
        parse: only_sync,
    },
    Form {
        examples: &["something besides the sync changes worker2"],
        doc: "a change below the synced folder of each of these workers was not made by rsync",
        parse: besides_sync,
    },
    Form {
        examples: &[
            "no acknowledged publish is lost",
            "no acknowledged publish lost but at most these: orders, pizza r5",
            "at most 2 acknowledged publishes are lost",
        ],
        doc: "what was acknowledged is deployed at the end, or replaced by what was acknowledged later",
        parse: publishes,
    },
    Form {
        examples: &["no request goes to a dead node", "at most 20 requests to a dead node"],
        doc: "how many requests the balancer sends to nodes whose machine or server is down",
        parse: dead_requests,
    },
    Form {
        examples: &[
            "clients see no errors",
            "clients see at most 12 errors",
            "clients see errors in at most 0.5 % of calls",
        ],
        doc: "how many calls of consumers do not end well",
        parse: client_errors,
    },
    Form {
        examples: &[
            "every gateway is healthy at the end",
            "every gateway is healthy within 2 minutes of the end of the last fault",
            "worker1 and manager are healthy at the end",
        ],
        doc: "the last answers of their own health endpoints are good; needs the workload `health-checks`",
        parse: healthy,
    },
];

const IS: &[&str] = &["is", "are", "stays", "remains", "was", "were", "has", "have", "must"];

/// `is`, `must be`, or nothing: sentences mean the same without it.
fn is(words: &mut Words) {
    words.maybe(IS);
    words.maybe(&["be"]);
}

fn availability(words: &mut Words) -> Option<Claim> {
    words.maybe(&["the"]);
    let capability = if words.words(&["availability", "of"]).is_some() {
        words.capability()?
    } else {
        let capability = words.capability()?;
        words.maybe(&["availability"]);
        capability
    };
    is(words);
    words.maybe(&["available"]);
    words.words(&["at", "least"])?;
    let share = words.share()?;
    words.maybe(&["available"]);
    Some(Claim::AvailableAtLeast { capability, share })
}

fn never_lost(words: &mut Words) -> Option<Claim> {
    let capability = if words.words(&["no", "outage", "of"]).is_some() {
        words.capability()?
    } else {
        let capability = words.capability()?;
        if words.phrase(&[&["goes", "on"], &["never", "stops"], &["never", "fails"]]).is_none() {
            is(words);
            words.phrase(&[&["never", "lost"], &["not", "lost"]])?;
        }
        capability
    };
    Some(Claim::OutageAtMost { capability, span: Duration::ZERO })
}

fn lost_while(words: &mut Words) -> Option<Claim> {
    let capability = words.capability()?;
    if words.word(&["stops", "fails"]).is_none() {
        is(words);
        words.word(&["lost", "down", "gone"])?;
    }
    let condition = condition(words)?;
    words.maybe(&[","]);
    let more = words.word(&["and"]).is_some();
    if more {
        words.maybe(&["it"]);
        is(words);
    }
    let back_within = match words.word(&["back"]) {
        Some(_) => {
            words.maybe(&["again"]);
            words.word(&["within"])?;
            let span = words.span()?;
            if words.phrase(&[&["of"], &["after"]]).is_some() {
                words.maybe(&["its", "their", "the"]);
                words.word(&["return", "end", "healing"])?;
            }
            Some(span)
        }
        None if more => return None,
        None => None,
    };
    Some(Claim::LostWhile { capability, condition, back_within })
}

fn outage_at_most(words: &mut Words) -> Option<Claim> {
    if words.words(&["no", "outage", "of"]).is_some() {
        let capability = words.capability()?;
        is(words);
        words.maybe(&["lasts"]);
        words.words(&["longer", "than"])?;
        return Some(Claim::OutageAtMost { capability, span: words.span()? });
    }
    let capability = words.capability()?;
    if words.word(&["outage", "outages"]).is_some() {
        is(words);
        words.maybe(&["last", "lasts"]);
    } else {
        is(words);
        words.word(&["lost"])?;
        words.maybe(&["for"]);
    }
    words.words(&["at", "most"])?;
    Some(Claim::OutageAtMost { capability, span: words.span()? })
}

fn back_after_last_fault(words: &mut Words) -> Option<Claim> {
    let capability = words.capability()?;
    is(words);
    words.word(&["back", "whole", "works"])?;
    words.maybe(&["again"]);
    words.word(&["within"])?;
    let within = words.span()?;
    end_of_last_fault(words)?;
    Some(Claim::BackAfterLastFault { capability, within })
}

fn converged(words: &mut Words) -> Option<Claim> {
    let workers = workers(words)?;
    is(words);
    words.word(&["converged", "converges", "converge", "equal"])?;
    if words.word(&["within"]).is_some() {
        let within = words.span()?;
        end_of_last_fault(words)?;
        return Some(Claim::ConvergedWithin { workers, within });
    }
    words.maybe(&["with", "to"]);
    words.phrase(&[&["the", "manager"], &[]]);
    words.words(&["at", "the", "end"])?;
    words.phrase(&[&["of", "the", "run"], &[]]);
    Some(Claim::ConvergedAtEnd { workers })
}

fn different(words: &mut Words) -> Option<Claim> {
    let workers = workers(words)?;
    is(words);
    words.word(&["differs", "differ", "different"])?;
    words.phrase(&[&["from", "the", "manager"], &[]]);
    words.words(&["at", "the", "end"])?;
    words.phrase(&[&["of", "the", "run"], &[]]);
    Some(Claim::DifferentAtEnd { workers })
}

fn not_converging(words: &mut Words) -> Option<Claim> {
    let workers = if words.word(&["nothing"]).is_some() {
        Workers::All
    } else {
        words.word(&["no"])?;
        words.word(&["worker"])?;
        Workers::All
    };
    is(words);
    words.word(&["converges", "converged"])?;
    Some(Claim::NotConvergingWhile { workers, condition: condition(words)? })
}

fn stale(words: &mut Words) -> Option<Claim> {
    if words.words(&["no", "worker"]).is_some() {
        is(words);
        words.word(&["stale"])?;
        words.maybe(&["for"]);
        words.phrase(&[&["more", "than"], &["longer", "than"]])?;
        return Some(Claim::StaleAtMost { workers: Workers::All, span: words.span()? });
    }
    let workers = workers(words)?;
    is(words);
    words.maybe(&["stale"]);
    words.maybe(&["for"]);
    words.words(&["at", "most"])?;
    let span = words.span()?;
    words.maybe(&["stale", "behind"]);
    Some(Claim::StaleAtMost { workers, span })
}

fn no_torn_snapshot(words: &mut Words) -> Option<Claim> {
    let workers = match words.words(&["no", "worker"]) {
        Some(_) => Workers::All,
        None => {
            let workers = workers(words)?;
            words.word(&["never"])?;
            workers
        }
    };
    deploys_torn(words)?;
    Some(Claim::NoTornSnapshot { workers })
}

fn torn_snapshot(words: &mut Words) -> Option<Claim> {
    let workers = workers(words)?;
    deploys_torn(words)?;
    Some(Claim::TornSnapshot { workers })
}

fn deploys_torn(words: &mut Words) -> Option<()> {
    words.word(&["deploys", "deploy", "serves", "serve"])?;
    words.maybe(&["a"]);
    words.word(&["torn"])?;
    words.word(&["snapshot", "snapshots", "set", "sets"]).map(drop)
}

fn no_write(words: &mut Words) -> Option<Claim> {
    words.word(&["no"])?;
    words.word(&["write", "writes"])?;
    is(words);
    words.words(&["accepted", "by"])?;
    Some(Claim::NoWriteAccepted { workers: workers(words)? })
}

fn write_accepted(words: &mut Words) -> Option<Claim> {
    words.maybe(&["a"]);
    words.word(&["write", "writes"])?;
    is(words);
    words.words(&["accepted", "by"])?;
    Some(Claim::WriteAccepted { workers: workers(words)? })
}

fn only_sync(words: &mut Words) -> Option<Claim> {
    words.phrase(&[&["only"], &["nothing", "but"]])?;
    words.maybe(&["the"]);
    words.word(&["sync", "rsync"])?;
    words.word(&["changes"])?;
    Some(Claim::OnlySyncChanges { workers: workers(words)? })
}

fn besides_sync(words: &mut Words) -> Option<Claim> {
    words.word(&["something", "somebody"])?;
    words.word(&["besides", "but"])?;
    words.maybe(&["the"]);
    words.word(&["sync", "rsync"])?;
    words.word(&["changes"])?;
    Some(Claim::ChangedBesidesSync { workers: workers(words)? })
}

fn publishes(words: &mut Words) -> Option<Claim> {
    let count = if words.word(&["no"]).is_some() {
        0
    } else {
        words.words(&["at", "most"])?;
        words.count()?
    };
    words.word(&["acknowledged"])?;
    words.word(&["publish", "publishes"])?;
    is(words);
    words.word(&["lost"])?;
    if count > 0 || words.phrase(&[&["but"], &["except"], &[",", "or"], &[",", "except"]]).is_none() {
        return Some(Claim::PublishesLostAtMost { count });
    }
    words.words(&["at", "most"]);
    words.maybe(&["these"]);
    words.maybe(&[":"]);
    let mut these = vec![lost_publish(words)?];
    while words.word(&[",", "and"]).is_some() {
        words.maybe(&["and"]);
        these.push(lost_publish(words)?);
    }
    Some(Claim::PublishesLostOnly { these })
}

fn lost_publish(words: &mut Words) -> Option<LostPublish> {
    let api = words.name("an API's name", &[])?.name;
    let before = words.mark();
    let revision = match words.name("a revision such as `r5`", &[]) {
        Some(word) => match word.name.strip_prefix('r').and_then(|number| number.parse().ok()) {
            Some(revision) => Some(revision),
            None => {
                words.go_back(before);
                None
            }
        },
        None => None,
    };
    Some(LostPublish { api, revision })
}

fn dead_requests(words: &mut Words) -> Option<Claim> {
    let count = if words.word(&["no"]).is_some() {
        0
    } else {
        words.words(&["at", "most"])?;
        words.count()?
    };
    words.word(&["request", "requests"])?;
    words.maybe(&["goes", "go", "is", "are"]);
    words.maybe(&["sent"]);
    words.word(&["to"])?;
    words.maybe(&["a"]);
    words.maybe(&["dead", "down"]);
    words.word(&["node", "nodes", "worker", "workers"])?;
    Some(Claim::DeadRequestsAtMost { count })
}

fn client_errors(words: &mut Words) -> Option<Claim> {
    words.word(&["clients", "consumers"])?;
    words.word(&["see"])?;
    if words.words(&["errors", "in"]).is_some() || words.words(&["errors", "for"]).is_some() {
        words.words(&["at", "most"])?;
        let share = words.share()?;
        of_calls(words);
        return Some(Claim::ClientErrorShareAtMost { share });
    }
    if words.word(&["no"]).is_some() {
        words.word(&["error", "errors"])?;
        return Some(Claim::ClientErrorsAtMost { count: 0 });
    }
    words.words(&["at", "most"])?;
    if let Some(share) = words.share() {
        words.word(&["error", "errors"])?;
        of_calls(words);
        return Some(Claim::ClientErrorShareAtMost { share });
    }
    let count = words.count()?;
    words.word(&["error", "errors"])?;
    Some(Claim::ClientErrorsAtMost { count })
}

fn healthy(words: &mut Words) -> Option<Claim> {
    let gateways = match words.words(&["every", "gateway"]).or_else(|| words.words(&["all", "gateways"])) {
        Some(_) => Gateways::All,
        None => match workers(words)? {
            Workers::All => Gateways::Workers,
            Workers::Named(names) => Gateways::Named(names),
        },
    };
    is(words);
    words.word(&["healthy"])?;
    if words.word(&["within"]).is_some() {
        let within = words.span()?;
        end_of_last_fault(words)?;
        return Some(Claim::HealthyWithin { gateways, within });
    }
    words.words(&["at", "the", "end"])?;
    words.phrase(&[&["of", "the", "run"], &[]]);
    Some(Claim::HealthyAtEnd { gateways })
}

fn of_calls(words: &mut Words) {
    if words.word(&["of"]).is_some() {
        words.maybe(&["their", "the", "all"]);
        words.maybe(&["calls", "requests"]);
    }
}

fn end_of_last_fault(words: &mut Words) -> Option<()> {
    words.word(&["of", "after"])?;
    words.maybe(&["the"]);
    if words.word(&["end"]).is_some() {
        words.word(&["of"])?;
        words.maybe(&["the"]);
    }
    words.word(&["last"])?;
    words.word(&["fault"]).map(drop)
}

fn condition(words: &mut Words) -> Option<Condition> {
    words.word(&["while", "when", "as"])?;
    words.phrase(&[&["long", "as"], &[]]);
    if words.words(&["any", "fault"]).is_some() || words.words(&["a", "fault"]).is_some() {
        words.word(&["lasts", "acts"])?;
        return Some(Condition::AnyFault);
    }
    words.maybe(&["the"]);
    if words.word(&["fault"]).is_some() {
        let fault = words.name("a fault's name", &[])?;
        words.word(&["lasts", "acts"])?;
        return Some(Condition::Fault(fault));
    }
    let who = if words.word(&["any", "a"]).is_some() {
        Who::Any(words.role()?)
    } else if words.word(&["all", "every", "each"]).is_some() {
        Who::All(words.role()?)
    } else {
        Who::Node(words.name("a node's name", &[])?)
    };
    words.word(&["is", "are"])?;
    words.word(&["down", "off", "dead"])?;
    Some(Condition::Down(who))
}

fn workers(words: &mut Words) -> Option<Workers> {
    if words.word(&["every", "all", "any", "a", "each"]).is_some() {
        words.word(&["worker", "workers"])?;
        return Some(Workers::All);
    }
    if words.word(&["workers"]).is_some() {
        return Some(Workers::All);
    }
    const NOT_NAMES: &[&str] = &["no", "nothing", "clients", "consumers", "at", "only", "something"];
    let mut names: Vec<Named> = vec![words.name("a worker's name", NOT_NAMES)?];
    while words.word(&[",", "and"]).is_some() {
        words.maybe(&["and"]);
        names.push(words.name("a worker's name", NOT_NAMES)?);
    }
    Some(Workers::Named(names))
}

#[cfg(test)]
mod tests {
    use super::super::understand;
    use super::*;
    use crate::capability::Capability;
    use crate::expectation::Share;

    #[test]
    fn every_example_is_understood() {
        for example in FORMS.iter().flat_map(|form| form.examples) {
            if let Err(error) = understand(example) {
                panic!("{example}: {} {:?}: {}", error.message, error.span, error.help);
            }
        }
    }

    #[test]
    fn an_example_is_understood_by_its_own_form() {
        for form in FORMS {
            for example in form.examples {
                let mut words = Words::of(example);
                assert!((form.parse)(&mut words).is_some() && words.at_end(), "{example}");
            }
        }
    }

    #[test]
    fn wordings_of_one_claim_mean_the_same() {
        let same: &[&[&str]] = &[
            &[
                "traffic availability at least 99.9 %",
                "Traffic availability is at least 99.9%.",
                "availability of traffic must be at least 99.9 percent",
                "api traffic is available at least 99.9 %",
            ],
            &[
                "publishing is lost while the manager is down, and back within 2 minutes of its return",
                "publishing stops while manager is off and is back within 120s of its return",
            ],
            &["no write accepted by a worker", "no write is accepted by any worker"],
            &["no outage of traffic longer than 30 s", "traffic is lost for at most 30 seconds"],
            &["clients see at most 0.5 % errors", "clients see errors in at most 0.5 % of calls"],
            &["every worker is stale for at most 90 s", "no worker is stale for more than 1m30s"],
        ];
        for wordings in same {
            let claims: Vec<String> = wordings.iter().map(|text| meaning(text)).collect();
            assert!(claims.iter().all(|claim| *claim == claims[0]), "{claims:#?}");
        }
    }

    #[test]
    fn figures_and_names_are_read() {
        assert_eq!(
            understand("traffic availability at least 99.9 %"),
            Ok(Claim::AvailableAtLeast { capability: Capability::Serve, share: Share(999_000) })
        );
        let lost = |api: &str, revision| LostPublish { api: api.to_owned(), revision };
        assert_eq!(
            understand("no acknowledged publish lost but at most these: orders, pizza r5 and menu"),
            Ok(Claim::PublishesLostOnly {
                these: vec![lost("orders", None), lost("pizza", Some(5)), lost("menu", None)]
            })
        );
        let Ok(Claim::LostWhile { condition, back_within, .. }) =
            understand("sync is lost while fault cut-off lasts")
        else {
            panic!("not understood");
        };
        assert_eq!(condition, Condition::Fault(Named { name: "cut-off".into(), span: 25..32 }));
        assert_eq!(back_within, None);
    }

    #[test]
    fn a_mistyped_word_is_underlined_and_the_right_one_is_said() {
        for (sentence, wrong, right) in [
            ("traffc availability at least 99.9 %", "traffc", "traffic"),
            ("traffic availabilty at least 99.9 %", "availabilty", "availability"),
            ("worker1 convergd at the end", "convergd", "converge"),
            ("no write acepted by a worker", "acepted", "accepted"),
            ("publishing is lost while the manager is dwon", "dwon", "down"),
            ("traffic availability at least 99.9 procent", "procent", "percent"),
        ] {
            let error = understand(sentence).unwrap_err();
            assert_eq!(&sentence[error.span], wrong, "{sentence}: {}", error.message);
            assert_eq!(error.help, format!("write `{right}`"), "{sentence}");
        }
    }

    #[test]
    fn a_sentence_that_is_far_from_all_is_answered_with_the_nearest_forms() {
        let error = understand("traffic availability at least a lot").unwrap_err();
        assert!(error.help.contains("a percentage") && error.help.contains("99.9 %"), "{}", error.help);
        assert!(understand("").unwrap_err().help.contains("for example"));
        // A comma that may follow is told from those between the choices.
        assert!(understand("nonsense").unwrap_err().help.starts_with("here could follow: `,`, `and`, "));
        assert!(understand("traffic availability").unwrap_err().message.contains("too early"));
        assert!(understand("traffic availability at least 101 %").is_err());
    }

    fn meaning(text: &str) -> String {
        let debug = format!("{:?}", understand(text).unwrap_or_else(|error| panic!("{text}: {error}")));
        // Where a name stands differs between wordings; what it names does not.
        debug
            .split("span: ")
            .enumerate()
            .map(|(n, part)| match (n, part.find("..")) {
                (1.., Some(_)) => part.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.'),
                _ => part,
            })
            .collect()
    }
}
