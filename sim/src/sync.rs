//! The sync script: what cron runs on the manager, once a minute.
//!
//! It does what the documented script does, in its order: an EXIT trap that removes the lock (set before the lock
//! is taken, so that a run that does not get the lock removes the holder's), the log folder, the lock by mkdir,
//! then rsync for each line of the workers list, one after another, whatever became of the one before. Its exit
//! status is that of its last echo, 0; without the lock it is 1.

use std::time::Duration;

use harness::trace::event::ProcessEnd;
use harness::trace::{EventKind, mark};

use crate::config::WorkerTarget;
use crate::disk::errno;
use crate::host::Host;
use crate::planted::PlantedBug;
use crate::process::Process;

/// Where the lock stands. The guide leaves the folder to the operator.
pub const LOCK: &str = "/var/lock/carbon-depsync";
/// Where the script logs.
const LOG_FOLDER: &str = "/var/log/carbon-rsync-logs";
/// What a shell makes of a command that SIGKILL ended.
const KILLED: i32 = 128 + 9;

/// Starts one run of the script, the `run`-th on its host (from 1). `list` reads the workers list; `transfer` starts
/// rsync for one line of it, as a process of its own.
pub fn start<L, T>(host: &Host, run: u64, planted: Option<PlantedBug>, list: L, transfer: T) -> Process
where
    L: FnOnce() -> Vec<WorkerTarget> + 'static,
    T: Fn(&Host, u64, &WorkerTarget) -> Process + 'static,
{
    host.spawn("sync", move |process| async move {
        let exit_code = script(&process, run, planted, list, transfer).await;
        process.set_exit_code(exit_code);
        process.record(EventKind::SyncEnded { run, exit_code });
    })
}

async fn script<L, T>(process: &Process, run: u64, planted: Option<PlantedBug>, list: L, transfer: T) -> i32
where
    L: FnOnce() -> Vec<WorkerTarget>,
    T: Fn(&Host, u64, &WorkerTarget) -> Process,
{
    process.record(EventKind::SyncStarted { run });
    let fs = process.fs();
    let _ = fs.write(|disk, now_ns| disk.create_dir_all(LOG_FOLDER, 0o755, now_ns));
    // The lock's own folder is there on every host; the lock itself must not be.
    let _ = fs.write(|disk, now_ns| disk.create_dir_all("/var/lock", 0o1777, now_ns));
    if planted == Some(PlantedBug::SyncWaitsForSync) {
        while !process.host().processes("rsync").is_empty() {
            process.sleep(Duration::from_secs(1)).await;
        }
        let _ = fs.write(|disk, now_ns| disk.remove_dir_all(LOCK, now_ns));
    }
    let exit_code = match fs.write(|disk, now_ns| disk.create_dir(LOCK, 0o755, now_ns)) {
        Ok(()) => {
            process.disk_done().await;
            for worker in &list() {
                let (why, _) = transfer(process.host(), run, worker).wait().await;
                if why == ProcessEnd::Killed {
                    let worker = worker.node.clone();
                    let (files, deleted, bytes, message) = (0, 0, 0, "Killed".into());
                    let exit_code = KILLED;
                    process.record(EventKind::RsyncEnded {
                        run,
                        worker,
                        exit_code,
                        files,
                        deleted,
                        bytes,
                        message,
                    });
                }
            }
            0
        }
        Err(error) => {
            process.disk_done().await;
            if error.raw_os_error() == Some(errno::EEXIST) {
                process.record(EventKind::Mark { mark: mark::LOCK_HELD.into() });
            }
            let why = errno::message(error.raw_os_error().unwrap_or_default());
            process.log(format!("mkdir: cannot create directory '{LOCK}': {why}"));
            if planted == Some(PlantedBug::KilledSyncLeavesLock) {
                return 1;
            }
            1
        }
    };
    // The trap: it does not ask whose lock it is.
    let _ = fs.write(|disk, now_ns| disk.remove_dir_all(LOCK, now_ns));
    process.disk_done().await;
    exit_code
}
