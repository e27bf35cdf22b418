//! What befell the manager, and the workers that tell of it, that can explain the loss of what it had acknowledged.

use std::sync::Arc;
use std::time::Duration;

use super::super::Scene;
use super::super::follow::WRITTEN_BACK_WITHIN;
use crate::time::SimTime;
use crate::trace::mark::{self, Explains};
use crate::trace::{Event, EventKind};

/// No more than this is remembered of each kind: a run with more of it is explained by the first ones too.
const KEPT_MAX: usize = 1_000;
/// The kind of fault under which a disk keeps less than that.
const KEEPS_LESS: &str = "unsynced-writes";
/// What is acknowledged is on the manager's disk by then, unless something prevents it.
const PERSISTED_WITHIN: Duration = Duration::from_secs(30);

/// What befell managers, in order of time.
#[derive(Debug, Default)]
pub(super) struct Blows {
    marks: Vec<(SimTime, Arc<str>)>,
    /// Marks of workers, which serve something else than their files say.
    serving: Vec<(SimTime, Arc<str>)>,
    power_losses: Vec<SimTime>,
    /// Power losses that took what the disk must have written back long before, and whether the disk was said to keep less.
    taken: Vec<(SimTime, bool)>,
    last_write: Option<SimTime>,
    /// The first write of each row of writes to a manager's artifacts.
    written: Vec<SimTime>,
}

/// Why something is lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cause {
    /// In words.
    pub(super) text: Arc<str>,
    /// Whether something befell the manager that takes such things.
    pub(super) explained: bool,
}

impl Cause {
    fn explained(text: impl Into<Arc<str>>) -> Self {
        Self { text: text.into(), explained: true }
    }

    fn unexplained(text: &str) -> Self {
        Self { text: text.into(), explained: false }
    }
}

impl Blows {
    /// Sees one event.
    pub(super) fn observe(&mut self, event: &Event, scene: &Scene) {
        let Some(node) = &event.node else { return };
        let on_manager = scene.is_on_manager();
        match &event.kind {
            EventKind::Mark { mark }
                if !on_manager
                    && self.serving.len() < KEPT_MAX
                    && mark::named(mark).is_some_and(|mark| mark.explains == Explains::Serving) =>
            {
                self.serving.push((event.at, mark.clone()));
            }
            _ if !on_manager => {}
            EventKind::Mark { mark }
                if self.marks.len() < KEPT_MAX
                    && mark::named(mark).is_some_and(|mark| mark.explains == Explains::LostPublish) =>
            {
                self.marks.push((event.at, mark.clone()));
            }
            EventKind::NodeDown if self.power_losses.len() < KEPT_MAX => self.power_losses.push(event.at),
            // What a disk holds is listed anew at the moment at which its machine has lost power.
            EventKind::DiskState { root, .. }
                if scene.roots.get(node) == Some(root)
                    && self.power_losses.last() == Some(&event.at)
                    && self.taken.len() < KEPT_MAX =>
            {
                let old = |since: SimTime| event.at.since(since) > WRITTEN_BACK_WITHIN;
                if scene.follow().lacks_since().is_some_and(old) {
                    let acting = scene.acted(event.at, event.at);
                    let less =
                        acting.iter().any(|fault| *fault.kind == *KEEPS_LESS && fault.nodes.contains(node));
                    self.taken.push((event.at, less));
                }
            }
            EventKind::FileChanged { .. } if scene.changed_file().is_some() => {
                // Writes of one publish follow close on each other: one of them is enough.
                if self.last_write.is_none_or(|last| event.at.since(last) > Duration::from_secs(1))
                    && self.written.len() < KEPT_MAX
                {
                    self.written.push(event.at);
                }
                self.last_write = Some(event.at);
            }
            _ => {}
        }
    }

    /// Why what was asked for and acknowledged at these moments is lost. What befell the manager while the answer was on
    /// its way to the client explains it, too.
    pub(super) fn cause(&self, asked: SimTime, acknowledged: SimTime) -> Cause {
        let old = |at: SimTime| at >= acknowledged && at.since(acknowledged) > WRITTEN_BACK_WITHIN;
        match self.taken.iter().find(|(at, _)| old(*at)) {
            Some((_, true)) => {
                return Cause::explained("the manager lost power while its disk kept less than it should");
            }
            Some((_, false)) => {
                return Cause::unexplained("the manager lost power, and with it what its disk had long had");
            }
            None => {}
        }
        if let Some((_, mark)) = self.marks.iter().find(|(at, _)| *at >= asked) {
            return Cause::explained(mark.clone());
        }
        let soon = |at: &SimTime, span: Duration| *at >= asked && at.since(acknowledged) <= span;
        if self.power_losses.iter().any(|at| soon(at, WRITTEN_BACK_WITHIN)) {
            return Cause::explained("the manager lost power before its disk had it");
        }
        if let Some((_, mark)) = self.serving.iter().find(|(at, _)| *at >= acknowledged) {
            return Cause::explained(mark.clone());
        }
        Cause::unexplained(match self.written.iter().any(|at| soon(at, PERSISTED_WITHIN)) {
            true => "it was written, and is gone again",
            false => "nothing was written after it was acknowledged",
        })
    }
}
