//! The calls that a server is answering: what a graceful stop waits for.

use std::cell::Cell;
use std::time::Duration;

use tokio::sync::Notify;

use crate::process::Process;

/// How many calls there are.
#[derive(Debug, Default)]
pub(super) struct Calls {
    running: Cell<u32>,
    ended: Notify,
}

/// A call that is being answered. It ends when this is dropped: with its answer, or with its connection.
#[derive(Debug)]
pub(super) struct Call<'a>(&'a Calls);

impl Calls {
    /// A call begins.
    pub(super) fn begin(&self) -> Call<'_> {
        self.running.set(self.running.get() + 1);
        Call(self)
    }

    /// Waits until no call is running, at most for `longest`.
    pub(super) async fn drained(&self, process: &Process, longest: Duration) {
        let drained = async {
            while self.running.get() > 0 {
                self.ended.notified().await;
            }
            // The last answer is written by a task that may not have had its turn yet.
            process.yield_now().await;
        };
        let _ = process.timeout(longest, drained).await;
    }
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        self.0.running.set(self.0.running.get() - 1);
        self.0.ended.notify_one();
    }
}
