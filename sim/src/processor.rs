//! A machine's processor: how fast it works, and what it works on.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use harness::time::SimTime;

use crate::engine::{Core, Sleep, StoodStill};

/// Work that takes no longer than this keeps the speed at which it began: nobody could tell.
const BRIEF: Duration = Duration::from_millis(50);

/// The processor of one machine.
#[derive(Debug)]
pub(crate) struct Processor {
    /// How many hundredths of its usual time work takes.
    percent: Cell<u32>,
    /// Who waits for work to be done, in the order in which it began.
    working: RefCell<BTreeMap<u64, Waker>>,
    begun: Cell<u64>,
}

impl Default for Processor {
    fn default() -> Self {
        Self { percent: Cell::new(100), working: RefCell::default(), begun: Cell::default() }
    }
}

impl Processor {
    /// How many hundredths of its usual time work takes: 100 unless it is slow.
    pub(crate) fn percent(&self) -> u32 {
        self.percent.get()
    }

    /// Makes it slower or faster. What is left of the work under way takes its time by the new speed.
    pub(crate) fn set_percent(&self, percent: u32) {
        self.percent.set(percent);
        for waker in self.working.take().into_values() {
            waker.wake();
        }
    }
}

/// Ends when so much work is done. Dropping it ends the work.
#[derive(Debug)]
pub struct Work {
    processor: Rc<Processor>,
    core: Rc<Core>,
    stood_still: StoodStill,
    /// What was left, in time at full speed, when the speed was seen last; when that was; and how long the machine had
    /// stood still by then.
    left: Duration,
    seen: SimTime,
    stood: Duration,
    /// The speed by which `sleep` ends.
    percent: u32,
    sleep: Sleep,
    number: Option<u64>,
}

impl Work {
    /// Work that takes `span` at full speed.
    pub(crate) fn new(
        processor: &Rc<Processor>,
        core: &Rc<Core>,
        stood_still: &StoodStill,
        span: Duration,
    ) -> Self {
        let percent = processor.percent();
        let sleep = sleep(core, stood_still, span, percent);
        let (processor, core, stood_still) = (Rc::clone(processor), Rc::clone(core), Rc::clone(stood_still));
        let (seen, stood) = (core.now(), stood_still.get());
        Self { processor, core, stood_still, left: span, seen, stood, percent, sleep, number: None }
    }

    /// Takes what was done at the old speed off, and waits for the rest at the new one.
    fn change_speed(&mut self, percent: u32) {
        let (now, stood) = (self.core.now(), self.stood_still.get());
        let passed = now.since(self.seen).saturating_sub(stood.saturating_sub(self.stood));
        self.left = self.left.saturating_sub(passed * 100 / self.percent.max(1));
        (self.seen, self.stood, self.percent) = (now, stood, percent);
        self.sleep = sleep(&self.core, &self.stood_still, self.left, percent);
    }
}

fn sleep(core: &Rc<Core>, stood_still: &StoodStill, work: Duration, percent: u32) -> Sleep {
    let span = work.saturating_mul(percent) / 100;
    Sleep::new(Rc::clone(core), core.woken_at(core.now() + span), Some(stood_still))
}

impl Future for Work {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let percent = self.processor.percent();
        if percent != self.percent {
            self.change_speed(percent);
        }
        if Pin::new(&mut self.sleep).poll(cx).is_ready() {
            return Poll::Ready(());
        }
        if self.left > BRIEF || self.percent > 100 {
            let processor = &self.processor;
            let number = self.number.unwrap_or_else(|| {
                let number = processor.begun.get();
                processor.begun.set(number + 1);
                number
            });
            processor.working.borrow_mut().insert(number, cx.waker().clone());
            self.number = Some(number);
        }
        Poll::Pending
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        if let Some(number) = self.number {
            self.processor.working.borrow_mut().remove(&number);
        }
    }
}
