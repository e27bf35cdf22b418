//! The queue between an acknowledged change and the files: written later, by a worker that only logs what fails.
//!
//! Its memory is the process's: what stands in it when the process is killed was acknowledged and is lost. It
//! holds files, not versions: a second change of a file that waits already takes the first one's place, and what
//! is written is what is in service when its turn comes. A file is written to a temporary place and then copied
//! over its name, so for a moment it is incomplete where it stands.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::io;
use std::time::Duration;

use bytes::Bytes;
use harness::plan::ApiSpec;
use harness::trace::EventKind;
use tokio::sync::Notify;

use super::artifact::{self, ArtifactFile, ArtifactKind};
use super::runtime::FileKey;
use super::{Server, hot_deployment, mark, tree};
use crate::disk::errno;
use crate::planted::PlantedBug;
use crate::process::Process;

/// A file that is to become what is in service, or to go.
#[derive(Debug)]
struct Request {
    file: FileKey,
    save: bool,
}

/// The files that are not yet on disk as they were acknowledged.
#[derive(Debug)]
pub(super) struct Queue {
    process: Process,
    requests: RefCell<VecDeque<Request>>,
    /// Whether one that was taken out is being written.
    writing: Cell<bool>,
    attention: Notify,
    temporary_files: Cell<u64>,
}

impl Queue {
    pub(super) fn new(process: Process) -> Self {
        Self {
            process,
            requests: RefCell::default(),
            writing: Cell::new(false),
            attention: Notify::new(),
            temporary_files: Cell::new(0),
        }
    }

    fn push(&self, file: FileKey, save: bool) {
        let mut requests = self.requests.borrow_mut();
        match requests.iter_mut().find(|waiting| waiting.file == file) {
            Some(waiting) => waiting.save = save,
            None => requests.push_back(Request { file, save }),
        }
        self.attend();
    }

    /// Something is in the queue now, or the server is to stop.
    pub(super) fn attend(&self) {
        self.attention.notify_one();
    }

    fn is_empty(&self) -> bool {
        self.requests.borrow().is_empty()
    }
}

impl Drop for Queue {
    /// At the end of a run the process is still alive: nothing is lost then.
    fn drop(&mut self) {
        if !self.process.is_alive() && (self.writing.get() || !self.is_empty()) {
            self.process.record(EventKind::Mark { mark: mark::LOST_IN_QUEUE.into() });
        }
    }
}

/// Takes an API into service and queues its files.
///
/// # Errors
/// In words, when it cannot be deployed.
pub(super) fn publish(server: &Server, api: &ApiSpec, revision: u64) -> Result<(), String> {
    let files = artifact::api_files(api, revision);
    hot_deployment::deploy_directly(server, &files)?;
    server.process.record(EventKind::PersistenceQueued { api: api.name.clone(), revision });
    // The server takes the old artifacts out of service and queues their removal first; these requests and the
    // new ones for the same files become one each.
    for file in &files {
        server.queue.push(key(file), true);
    }
    Ok(())
}

/// Takes an API out of service and queues the removal of its files.
pub(super) fn delete(server: &Server, api: &ApiSpec, revision: u64) {
    server.process.record(EventKind::PersistenceQueued { api: api.name.clone(), revision });
    for file in artifact::api_files(api, revision).iter().rev() {
        let news = server.runtime.borrow_mut().undeploy(&key(file));
        server.tell(news);
        server.queue.push(key(file), false);
    }
}

/// Takes one artifact into service and queues its file.
///
/// # Errors
/// In words, when it cannot be deployed.
pub(super) fn save(server: &Server, file: &ArtifactFile) -> Result<(), String> {
    hot_deployment::deploy_directly(server, std::slice::from_ref(file))?;
    server.queue.push(key(file), true);
    Ok(())
}

/// Whether an API is in service.
pub(super) fn is_published(server: &Server, api: &ApiSpec) -> bool {
    let file = artifact::file_name(&artifact::api_key(api));
    server.runtime.borrow().deployed_bytes(&(ArtifactKind::Api, file.into())).is_some()
}

/// Writes what is queued: looks every `persistence_poll` while it is idle, and goes on at once while it is not.
/// When the server is to stop, it returns as soon as the queue is empty.
pub(super) async fn run(server: &Server) {
    let (process, queue) = (&server.process, &server.queue);
    let poll = server.model.persistence_poll.max(Duration::from_millis(1));
    let mut next_look = process.now();
    loop {
        if process.now() >= next_look {
            let first = queue.requests.borrow_mut().pop_front();
            if let Some(request) = first {
                queue.writing.set(true);
                write(server, &request).await;
                queue.writing.set(false);
                continue;
            }
            next_look = process.now() + poll;
        }
        if !queue.is_empty() {
            process.sleep_until(next_look).await;
        } else if process.is_stop_requested() {
            return;
        } else {
            queue.attention.notified().await;
            // The looks that would have found nothing were not taken; they decide when the next one is.
            while next_look < process.now() {
                next_look += poll;
            }
        }
    }
}

async fn write(server: &Server, request: &Request) {
    let syncs = || !server.process.host().processes("rsync").is_empty();
    if server.has(PlantedBug::ManagerLosesPublish)
        || (server.has(PlantedBug::PublishDuringSyncIsForgotten) && syncs())
    {
        return;
    }
    if !request.save {
        remove(server, &request.file);
        return server.process.disk_done().await;
    }
    let in_service = server.runtime.borrow().deployed_bytes(&request.file).cloned();
    match in_service {
        Some(bytes) => copy(server, &request.file, &bytes).await,
        None => {
            let name = String::from_utf8_lossy(&request.file.1).into_owned();
            server.process.log(format!("WARN - unable to find the item of {name} for persistence"));
        }
    }
}

/// Writes a file to the temporary folder and from there over its name.
async fn copy(server: &Server, file: &FileKey, bytes: &Bytes) {
    let number = server.queue.temporary_files.get();
    server.queue.temporary_files.set(number + 1);
    let folder = tree::temporary_folder(&server.config.home);
    let temporary = format!("{folder}/syn_mx_{number}.xml");
    if let Err(error) = try_copy(server, file, &folder, &temporary, bytes).await {
        failed(server, "saving", file, &error);
    }
    // What cannot be deleted stays; the real server does not look either.
    let _ = server.process.fs().write(|disk, now_ns| disk.remove_file(&temporary, now_ns));
}

async fn try_copy(
    server: &Server,
    file: &FileKey,
    folder: &str,
    temporary: &str,
    bytes: &Bytes,
) -> io::Result<()> {
    let fs = server.process.fs();
    let written_ns = fs.write(|disk, now_ns| {
        disk.create_dir_all(folder, 0o755, now_ns)?;
        disk.write(temporary, bytes.clone(), 0o644, now_ns)?;
        io::Result::Ok(now_ns)
    })?;
    server.process.disk_done().await;
    server.process.work(server.model.artifact_copy).await;
    let path = hot_deployment::path(server, file);
    let half = bytes.len() / 2;
    let begun = fs.write(|disk, now_ns| {
        disk.create_dir_all(server.folder(file.0), 0o755, now_ns)?;
        disk.write(&path, bytes.slice(..half), 0o644, now_ns)
    });
    know(server, file);
    begun?;
    server.process.disk_done().await;
    let halfway = server.process.now();
    server.process.work(server.model.artifact_copy).await;
    let held_up =
        server.process.now().since(halfway) > server.model.artifact_copy + Duration::from_millis(500);
    if held_up && server.has(PlantedBug::LateCopyStaysHalf) {
        return Ok(());
    }
    let finished = fs.write(|disk, now_ns| {
        let handle = disk.open_write(&path)?;
        let written = disk.write_at(&handle, half as u64, &bytes[half..], now_ns);
        disk.close(handle);
        written?;
        // A copy has the time of what was copied, in milliseconds.
        disk.set_mtime(&path, written_ns - written_ns.rem_euclid(1_000_000), now_ns)
    });
    know(server, file);
    server.process.disk_done().await;
    finished
}

fn remove(server: &Server, file: &FileKey) {
    let path = hot_deployment::path(server, file);
    let removed = server.process.fs().write(|disk, now_ns| disk.remove_file(path, now_ns));
    know(server, file);
    match removed {
        Err(error) if error.raw_os_error() != Some(errno::ENOENT) => failed(server, "deleting", file, &error),
        _ => {}
    }
}

fn failed(server: &Server, doing: &str, file: &FileKey, error: &io::Error) {
    let name = String::from_utf8_lossy(&file.1);
    server.process.log(format!("ERROR - error while {doing} {name}: {error}"));
    server.mark(mark::PERSISTENCE_FAILED);
}

/// Tells the hot deployer that a file is as this server left it.
fn know(server: &Server, file: &FileKey) {
    let path = hot_deployment::path(server, file);
    let mtime_ns = server.process.host().disk().stat(path).ok().map(|stat| stat.mtime_ns);
    server.known.borrow_mut().remember(file, mtime_ns);
}

fn key(file: &ArtifactFile) -> FileKey {
    (file.kind, Bytes::copy_from_slice(file.name.as_bytes()))
}
