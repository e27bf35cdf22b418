//! Log lines: the simulated moment and the node that a line belongs to, and the events of a run as lines.

use std::cell::{Cell, RefCell};
use std::io;
use std::rc::Rc;

use harness::time::SimTime;
use harness::trace::{Event, EventKind, NodeName, Sink};
use tracing::Level;

thread_local! {
    static MOMENT: Cell<SimTime> = const { Cell::new(SimTime::ZERO) };
    /// Counted by `Rc`: it changes at almost every poll, and counting an `Arc` costs as much as many a poll.
    static NODE: RefCell<Option<Rc<NodeName>>> = const { RefCell::new(None) };
}

/// The simulated moment that this thread's run has reached.
pub fn moment() -> SimTime {
    MOMENT.get()
}

/// The node whose code runs now on this thread; none between nodes.
pub fn node() -> Option<NodeName> {
    NODE.with_borrow(|node| node.as_deref().cloned())
}

pub(crate) fn set_moment(now: SimTime) {
    MOMENT.set(now);
}

/// Asked at each poll of a task: the name is copied only where it is another one.
pub(crate) fn set_node(node: &Rc<NodeName>) {
    NODE.with_borrow_mut(|current| {
        if !current.as_ref().is_some_and(|current| Rc::ptr_eq(current, node)) {
            *current = Some(Rc::clone(node));
        }
    });
}

/// Logs every event of a run. The trace has them all; the log shows them as they happen, the weighty ones first.
#[derive(Debug, Clone, Copy, Default)]
pub struct LogEvents;

impl Sink for LogEvents {
    fn take(&mut self, event: &Event) -> io::Result<()> {
        let (moment_before, node_before) = (moment(), NODE.take());
        set_moment(event.at);
        NODE.set(event.node.clone().map(Rc::new));
        match level(&event.kind) {
            Level::INFO => tracing::info!(target: "sim::event", "{}", line(&event.kind)),
            Level::DEBUG => tracing::debug!(target: "sim::event", "{}", line(&event.kind)),
            _ => tracing::trace!(target: "sim::event", "{}", line(&event.kind)),
        }
        set_moment(moment_before);
        NODE.set(node_before);
        Ok(())
    }
}

/// What `-v` shows, what `-vv`, and what only `-vvv`.
fn level(kind: &EventKind) -> Level {
    match kind {
        EventKind::OpStarted { .. }
        | EventKind::UpstreamTried { .. }
        | EventKind::RsyncFile { .. }
        | EventKind::DiskState { .. }
        | EventKind::ScanStarted => Level::TRACE,
        EventKind::OpEnded { .. }
        | EventKind::PersistenceQueued { .. }
        | EventKind::FileChanged { .. }
        | EventKind::ApiDeployed { .. }
        | EventKind::ApiUndeployed { .. }
        | EventKind::CronFired
        | EventKind::SyncStarted { .. }
        | EventKind::RsyncStarted { .. }
        | EventKind::Mark { .. } => Level::DEBUG,
        _ => Level::INFO,
    }
}

/// `fault_began fault="manager-off" fault_kind="power-off" nodes=["manager"]`
fn line(kind: &EventKind) -> String {
    let Ok(serde_json::Value::Object(fields)) = serde_json::to_value(kind) else { return String::new() };
    let mut line = kind.name().to_owned();
    for (name, value) in fields.iter().filter(|(name, _)| *name != "event") {
        line.push_str(&format!(" {name}={value}"));
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_a_line_with_its_name_and_its_fields() {
        let kind = EventKind::FaultBegan {
            fault: "off".into(),
            fault_kind: "power-off".into(),
            nodes: vec!["manager".into()],
        };
        assert_eq!(line(&kind), r#"fault_began fault="off" fault_kind="power-off" nodes=["manager"]"#);
        assert_eq!(level(&kind), Level::INFO);
    }
}
