//! What befell the manager, and the workers that tell of it, that can explain the loss of what it had acknowledged.

use std::sync::Arc;
use std::time::Duration;

use super::super::Scene;
use crate::time::SimTime;
use crate::trace::mark::{self, Explains};
use crate::trace::{Event, EventKind};

/// No more than this is remembered of each kind: a run with more of it is explained by the first ones too.
const KEPT_MAX: usize = 1_000;
/// A power loss takes what the disk had not written back: nothing that is older than this.
const WRITTEN_BACK_WITHIN: Duration = Duration::from_secs(40);
/// What is acknowledged is on the manager's disk by then, unless something prevents it.
const PERSISTED_WITHIN: Duration = Duration::from_secs(30);

/// What befell managers, in order of time.
#[derive(Debug, Default)]
pub(super) struct Blows {
    marks: Vec<(SimTime, Arc<str>)>,
    /// Marks of workers, which serve something else than their files say.
    serving: Vec<(SimTime, Arc<str>)>,
    power_losses: Vec<SimTime>,
    last_write: Option<SimTime>,
    /// The first write of each row of writes to a manager's artifacts.
    written: Vec<SimTime>,
}

impl Blows {
    pub(super) fn observe(&mut self, event: &Event, scene: &Scene) {
        let Some(node) = &event.node else { return };
        let on_manager = scene.managers.contains(node);
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
            EventKind::FileChanged { path, .. } if scene.below_root(node, path).is_some() => {
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

    /// Why what was acknowledged at this moment is lost.
    pub(super) fn cause(&self, acknowledged: SimTime) -> Arc<str> {
        if let Some((_, mark)) = self.marks.iter().find(|(at, _)| *at >= acknowledged) {
            return mark.clone();
        }
        let soon = |at: &SimTime, span: Duration| *at >= acknowledged && at.since(acknowledged) <= span;
        if self.power_losses.iter().any(|at| soon(at, WRITTEN_BACK_WITHIN)) {
            return "the manager lost power before its disk had it".into();
        }
        if let Some((_, mark)) = self.serving.iter().find(|(at, _)| *at >= acknowledged) {
            return mark.clone();
        }
        match self.written.iter().any(|at| soon(at, PERSISTED_WITHIN)) {
            true => "it was written, and is gone again".into(),
            false => "nothing was written after it was acknowledged".into(),
        }
    }
}
