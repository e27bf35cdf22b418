//! Tasks that belong to no machine: whoever acts on the cluster from outside, such as an init system's patience, or a
//! fault that goes on by itself. They have no address and no disk, and no fault touches them.

use std::rc::Rc;
use std::time::Duration;

use harness::time::SimTime;

use super::{Core, ProcessState, Sleep};

/// Such a task. It ends when this is dropped, unless it was let go.
#[derive(Debug)]
pub(crate) struct Errand {
    core: Rc<Core>,
    state: Rc<ProcessState>,
    ends_when_dropped: bool,
}

/// What such a task knows of the world: the time.
#[derive(Debug, Clone)]
pub(crate) struct Outside(Rc<Core>);

impl Outside {
    /// The moment that the run has reached.
    pub(crate) fn now(&self) -> SimTime {
        self.0.now()
    }

    /// Waits for a span of time.
    pub(crate) fn sleep(&self, span: Duration) -> Sleep {
        Sleep::new(Rc::clone(&self.0), self.0.now() + span, None)
    }
}

impl Errand {
    /// Begins a task.
    pub(super) fn begin<F: Future<Output = ()> + 'static>(
        core: &Rc<Core>,
        task: impl FnOnce(Outside) -> F,
    ) -> Self {
        let state = Rc::new(ProcessState::new(None));
        core.executor.spawn(&state, Box::pin(task(Outside(Rc::clone(core)))));
        Self { core: Rc::clone(core), state, ends_when_dropped: true }
    }

    /// Lets the task go on for as long as it does.
    pub(crate) fn let_go(mut self) {
        self.ends_when_dropped = false;
    }
}

impl Drop for Errand {
    fn drop(&mut self) {
        if self.ends_when_dropped {
            self.state.alive.set(false);
            self.core.executor.kill(&self.state);
        }
    }
}
