//! Gateways that serve something else than their files say, and know it: what they answer then has that for its cause.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::super::Scene;
use crate::trace::mark::{self, Explains};
use crate::trace::{Event, EventKind, NodeName};

/// What a gateway answers that lacks an API, a part of one, or its main sequence.
const ANSWERS: [&str; 3] = ["HTTP 404", "HTTP 500", "HTTP 202"];

/// What workers have said of themselves since they were started last.
#[derive(Debug, Default)]
pub(super) struct Unlike {
    marks: BTreeMap<NodeName, BTreeSet<Arc<str>>>,
    servers: BTreeSet<(NodeName, Arc<str>)>,
}

impl Unlike {
    pub(super) fn observe(&mut self, event: &Event, scene: &Scene) {
        let Some(node) = event.node.as_ref().filter(|_| scene.is_on_worker()) else { return };
        match &event.kind {
            EventKind::Mark { mark }
                if mark::named(mark).is_some_and(|known| known.explains == Explains::Serving) =>
            {
                self.marks.entry(node.clone()).or_default().insert(mark.clone());
            }
            EventKind::ProcessReady { process } => {
                self.servers.insert((node.clone(), process.clone()));
            }
            // A server that is started anew reads its files anew.
            EventKind::ProcessStarted { process }
                if self.servers.contains(&(node.clone(), process.clone())) =>
            {
                self.marks.remove(node);
            }
            _ => {}
        }
    }

    /// Why calls are answered so, where every worker that runs has said it of itself. One that has not would have answered
    /// rightly, and convergence tells that the workers differ.
    pub(super) fn cause(&self, answer: &str, scene: &Scene) -> Option<String> {
        let running: Vec<&NodeName> = scene.workers.iter().filter(|worker| !scene.is_down(worker)).collect();
        let said: Option<Vec<&BTreeSet<Arc<str>>>> =
            running.iter().map(|worker| self.marks.get(*worker)).collect();
        let all: BTreeSet<&str> = said?.into_iter().flatten().map(|mark| &**mark).collect();
        (ANSWERS.contains(&answer) && !all.is_empty())
            .then(|| all.into_iter().collect::<Vec<_>>().join(" and "))
    }
}
