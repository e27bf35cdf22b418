//! Polls tasks in the order in which they were woken, each on behalf of a process.
//!
//! Tasks belong to processes: a killed process's tasks are dropped there and then, a paused process's tasks
//! are kept from being polled while the kernel below them goes on.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Wake, Waker};

use harness::trace::NodeName;

use crate::log;

pub(crate) type LocalFuture = Pin<Box<dyn Future<Output = ()>>>;

/// A task's place; the generation tells a place's later tenant from an earlier one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TaskId {
    index: usize,
    generation: u64,
}

/// What the executor must know of a process.
#[derive(Debug)]
pub(crate) struct ProcessState {
    /// The node that it runs on, as log lines of its tasks say; none for a task of no machine.
    node: Option<Rc<NodeName>>,
    pub(crate) alive: Cell<bool>,
    /// Why its tasks are not polled, counted: its own signal, its machine that stands still.
    holds: Cell<u32>,
    parked: RefCell<Vec<TaskId>>,
}

impl ProcessState {
    pub(crate) fn new(node: Option<Rc<NodeName>>) -> Self {
        Self { node, alive: Cell::new(true), holds: Cell::new(0), parked: RefCell::default() }
    }

    /// Its tasks are not polled until [`Executor::unhold`] was called as often.
    pub(crate) fn hold(&self) {
        self.holds.set(self.holds.get() + 1);
    }
}

/// Tasks that were woken, in that order.
type ReadyQueue = Rc<RefCell<VecDeque<TaskId>>>;

thread_local! {
    /// The queues of the executors of this thread, by number: where wakers find them. Wakers may be sent to other
    /// threads, as their type says, and a queue that they held would need a lock at each wake; none is sent, since
    /// a run keeps to its thread.
    static QUEUES: RefCell<Queues> = const { RefCell::new(Queues { next: 0, open: Vec::new() }) };
}

struct Queues {
    next: u64,
    /// Hardly ever more than one.
    open: Vec<(u64, ReadyQueue)>,
}

/// Opens a queue.
fn open_queue() -> (u64, ReadyQueue) {
    QUEUES.with_borrow_mut(|queues| {
        let number = queues.next;
        queues.next += 1;
        let queue = ReadyQueue::default();
        queues.open.push((number, Rc::clone(&queue)));
        (number, queue)
    })
}

struct TaskWaker {
    id: TaskId,
    /// Whether it stands in its queue.
    queued: AtomicBool,
    queue: u64,
}

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if self.queued.load(Ordering::Relaxed) {
            return;
        }
        self.queued.store(true, Ordering::Relaxed);
        QUEUES.with_borrow(|queues| {
            // A waker may outlive the run that it belongs to.
            if let Some((_, queue)) = queues.open.iter().find(|(number, _)| *number == self.queue) {
                queue.borrow_mut().push_back(self.id);
            }
        });
    }
}

struct Task {
    process: Rc<ProcessState>,
    future: LocalFuture,
    flag: Arc<TaskWaker>,
    waker: Waker,
}

enum Slot {
    Free,
    /// A box, since it is taken out and put back at each poll.
    Idle(Box<Task>),
    /// Being polled: the task is with [`Executor::poll_next`].
    Polling,
}

struct Place {
    generation: u64,
    slot: Slot,
}

/// All tasks of a run.
pub(crate) struct Executor {
    places: RefCell<Vec<Place>>,
    free: RefCell<Vec<usize>>,
    /// The number of `ready`.
    queue: u64,
    ready: ReadyQueue,
}

impl Drop for Executor {
    fn drop(&mut self) {
        QUEUES.with_borrow_mut(|queues| queues.open.retain(|(number, _)| *number != self.queue));
    }
}

impl fmt::Debug for Executor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Executor").field("places", &self.places.borrow().len()).finish_non_exhaustive()
    }
}

impl Executor {
    pub(crate) fn new() -> Self {
        let (queue, ready) = open_queue();
        Self { places: RefCell::default(), free: RefCell::default(), queue, ready }
    }

    /// Adds a task of `process`, to be polled soon.
    pub(crate) fn spawn(&self, process: &Rc<ProcessState>, future: LocalFuture) -> TaskId {
        let mut places = self.places.borrow_mut();
        let index = self.free.borrow_mut().pop().unwrap_or_else(|| {
            places.push(Place { generation: 0, slot: Slot::Free });
            places.len() - 1
        });
        let place = &mut places[index];
        place.generation += 1;
        let id = TaskId { index, generation: place.generation };
        let flag = Arc::new(TaskWaker { id, queued: AtomicBool::new(true), queue: self.queue });
        let waker = Waker::from(Arc::clone(&flag));
        place.slot = Slot::Idle(Box::new(Task { process: Rc::clone(process), future, flag, waker }));
        drop(places);
        self.ready.borrow_mut().push_back(id);
        id
    }

    /// Polls the task that was woken first. Whether there was one.
    pub(crate) fn poll_next(&self) -> bool {
        let Some(id) = self.ready.borrow_mut().pop_front() else { return false };
        let Some(mut task) = self.take(id) else { return true };
        if task.process.holds.get() > 0 {
            // It stays marked as queued, so that further wakes do not queue it again.
            task.process.parked.borrow_mut().push(id);
            self.put_back(id, task);
            return true;
        }
        task.flag.queued.store(false, Ordering::Relaxed);
        if let Some(node) = &task.process.node {
            log::set_node(node);
        }
        let finished = task.future.as_mut().poll(&mut Context::from_waker(&task.waker)).is_ready();
        if finished {
            self.release(id);
        } else {
            self.put_back(id, task);
        }
        true
    }

    /// Takes one hold of `process` back; after the last one, wakes what was woken meanwhile.
    pub(crate) fn unhold(&self, process: &ProcessState) {
        let left = process.holds.get().saturating_sub(1);
        process.holds.set(left);
        if left == 0 {
            for id in process.parked.take() {
                self.ready.borrow_mut().push_back(id);
            }
        }
    }

    /// Drops one task, wherever it stands.
    pub(crate) fn abort(&self, id: TaskId) {
        drop(self.take(id));
        self.release(id);
    }

    /// Drops all tasks of `process`. One that is just being polled is dropped when its poll returns.
    pub(crate) fn kill(&self, process: &Rc<ProcessState>) {
        self.drop_where(|task| Rc::ptr_eq(&task.process, process));
    }

    /// Drops all tasks.
    pub(crate) fn clear(&self) {
        self.drop_where(|_| true);
        self.ready.borrow_mut().clear();
    }

    fn drop_where(&self, condition: impl Fn(&Task) -> bool) {
        let mut dropped = Vec::new();
        for (index, place) in self.places.borrow_mut().iter_mut().enumerate() {
            if matches!(&place.slot, Slot::Idle(task) if condition(task)) {
                dropped.push(std::mem::replace(&mut place.slot, Slot::Free));
                self.free.borrow_mut().push(index);
            }
        }
        // Outside the borrow: a dropped future may wake others and close sockets.
        drop(dropped);
    }

    fn take(&self, id: TaskId) -> Option<Box<Task>> {
        let mut places = self.places.borrow_mut();
        let place = &mut places[id.index];
        if place.generation != id.generation || !matches!(place.slot, Slot::Idle(_)) {
            return None;
        }
        match std::mem::replace(&mut place.slot, Slot::Polling) {
            Slot::Idle(task) => Some(task),
            Slot::Free | Slot::Polling => unreachable!("checked above"),
        }
    }

    fn put_back(&self, id: TaskId, task: Box<Task>) {
        if !task.process.alive.get() {
            drop(task);
            self.release(id);
            return;
        }
        let mut places = self.places.borrow_mut();
        let place = &mut places[id.index];
        if place.generation == id.generation && matches!(place.slot, Slot::Polling) {
            place.slot = Slot::Idle(task);
        } else {
            drop(places);
            drop(task);
        }
    }

    fn release(&self, id: TaskId) {
        let mut places = self.places.borrow_mut();
        let place = &mut places[id.index];
        if place.generation == id.generation && matches!(place.slot, Slot::Polling) {
            place.slot = Slot::Free;
            self.free.borrow_mut().push(id.index);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::task::Poll;

    use super::*;

    /// A task that hands its waker out, and counts how often it is polled.
    fn spawn(executor: &Executor) -> (Rc<RefCell<Option<Waker>>>, Rc<Cell<u32>>) {
        let (waker, polls): (Rc<RefCell<Option<Waker>>>, Rc<Cell<u32>>) = Default::default();
        let (handed, counted) = (Rc::clone(&waker), Rc::clone(&polls));
        let future = std::future::poll_fn(move |cx| {
            counted.set(counted.get() + 1);
            handed.replace(Some(cx.waker().clone()));
            Poll::Pending
        });
        executor.spawn(&Rc::new(ProcessState::new(None)), Box::pin(future));
        while executor.poll_next() {}
        (waker, polls)
    }

    #[test]
    fn runs_of_one_thread_wake_their_own_tasks_only_and_each_once() {
        let (one, other) = (Executor::new(), Executor::new());
        let ((waker, polls), (_, others)) = (spawn(&one), spawn(&other));
        let waker = waker.take().unwrap();
        waker.wake_by_ref();
        waker.wake_by_ref();
        assert!(!other.poll_next() && one.poll_next() && !one.poll_next());
        assert_eq!((polls.get(), others.get()), (2, 1));
    }

    #[test]
    fn a_waker_that_outlives_its_run_wakes_nobody() {
        let over = Executor::new();
        let (waker, _) = spawn(&over);
        let waker = waker.take().unwrap();
        drop(over);
        let next = Executor::new();
        let (_, polls) = spawn(&next);
        waker.wake();
        assert!(!next.poll_next());
        assert_eq!(polls.get(), 1);
    }
}
