//! A bug of ours ends in a panic. The user is told in words, with what is needed to repeat it.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::path::Path;

use harness::jobs::Panicked;

/// Runs `body`; a panic in it, or on any thread meanwhile, is logged in one line (with `RUST_BACKTRACE=1`, the
/// stack after it).
///
/// # Errors
/// The panic that ended it.
pub fn guarded<R>(body: impl FnOnce() -> R) -> Result<R, Panicked> {
    let hook = take_hook();
    set_hook(Box::new(|info| {
        let place = info.location().map_or(String::new(), |at| format!(" at {}:{}", at.file(), at.line()));
        let what = Panicked::of(info.payload());
        tracing::error!("panic{place}: {what}");
        let stack = Backtrace::capture();
        if stack.status() == BacktraceStatus::Captured {
            tracing::error!("{stack}");
        }
    }));
    let done = catch_unwind(AssertUnwindSafe(body)).map_err(|payload| Panicked::of(&*payload));
    set_hook(hook);
    done
}

/// What to say of a bug of ours; `plan` is the file that repeats it.
pub fn please_report(panicked: &Panicked, plan: Option<&Path>) -> String {
    let repeat = match plan {
        Some(plan) => format!("with {}, which repeats it", plan.display()),
        None => "with the command that you gave".to_owned(),
    };
    format!("this is a bug of sim, not of your files: {panicked}\n     Please report it, {repeat}.")
}
