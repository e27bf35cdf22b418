//! Ctrl-C: the first one lets what is finished be kept and said, the second ends the process at once.

use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

use super::Exit;
use super::screen::Screen;

/// A flag that the first SIGINT or SIGTERM sets; none, and said so, when the system takes no handler.
pub fn watch(screen: &mut Screen) -> Option<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    match register(&stop) {
        Ok(()) => Some(stop),
        Err(error) => {
            screen.trouble(Exit::Bug, &format!("cannot listen to Ctrl-C: {error}"));
            None
        }
    }
}

fn register(stop: &Arc<AtomicBool>) -> io::Result<()> {
    for signal in [SIGINT, SIGTERM] {
        // The handlers run in this order: the first signal finds the flag unset and sets it.
        flag::register_conditional_shutdown(signal, Exit::Interrupted.code().into(), stop.clone())?;
        flag::register(signal, stop.clone())?;
    }
    Ok(())
}
