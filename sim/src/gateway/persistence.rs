//! The queue between an acknowledged change and the files: written later, by a worker that only logs what fails.
//!
//! Its memory is the process's: what stands in it when the process is killed was acknowledged and is lost. A file
//! is written to a temporary place and then copied over its name, so for a moment it is incomplete where it stands.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::io;

use bytes::Bytes;
use harness::plan::ApiSpec;
use harness::trace::EventKind;
use tokio::sync::Notify;

use super::artifact::{self, ArtifactFile, ArtifactKind};
use super::runtime::FileKey;
use super::{Server, hot_deployment, mark, tree};
use crate::disk::errno;
use crate::process::Process;

/// A change that was acknowledged.
#[derive(Debug, Clone)]
pub(super) enum Change {
    /// An API is created or updated.
    Publish { api: ApiSpec, revision: u64 },
    /// An API is deleted.
    Delete { api: ApiSpec },
    /// A single artifact was saved.
    Save(ArtifactFile),
}

/// The changes that are not yet on disk, the first of them perhaps in part.
#[derive(Debug)]
pub(super) struct Queue {
    process: Process,
    changes: RefCell<VecDeque<Change>>,
    attention: Notify,
    temporary_files: Cell<u64>,
}

impl Queue {
    pub(super) fn new(process: Process) -> Self {
        let (changes, attention) = (RefCell::default(), Notify::new());
        Self { process, changes, attention, temporary_files: Cell::new(0) }
    }

    pub(super) fn push(&self, change: Change) {
        self.changes.borrow_mut().push_back(change);
        self.attend();
    }

    /// Something is in the queue now, or the server is to stop.
    pub(super) fn attend(&self) {
        self.attention.notify_one();
    }

    fn is_empty(&self) -> bool {
        self.changes.borrow().is_empty()
    }
}

impl Drop for Queue {
    /// At the end of a run the process is still alive: nothing is lost then.
    fn drop(&mut self) {
        if !self.process.is_alive() && !self.is_empty() {
            self.process.record(EventKind::Mark { mark: mark::LOST_IN_QUEUE.into() });
        }
    }
}

/// Takes an API into service and queues its files.
///
/// # Errors
/// In words, when it cannot be deployed.
pub(super) fn publish(server: &Server, api: ApiSpec, revision: u64) -> Result<(), String> {
    hot_deployment::deploy_directly(server, &artifact::api_files(&api, revision))?;
    server.process.record(EventKind::PersistenceQueued { api: api.name.clone(), revision });
    server.queue.push(Change::Publish { api, revision });
    Ok(())
}

/// Takes an API out of service and queues the removal of its files.
pub(super) fn delete(server: &Server, api: ApiSpec, revision: u64) {
    for file in artifact::api_files(&api, revision).iter().rev() {
        let news = server.runtime.borrow_mut().undeploy(&key(file));
        server.tell(news);
    }
    server.process.record(EventKind::PersistenceQueued { api: api.name.clone(), revision });
    server.queue.push(Change::Delete { api });
}

/// Takes one artifact into service and queues its file.
///
/// # Errors
/// In words, when it cannot be deployed.
pub(super) fn save(server: &Server, file: ArtifactFile) -> Result<(), String> {
    hot_deployment::deploy_directly(server, std::slice::from_ref(&file))?;
    server.queue.push(Change::Save(file));
    Ok(())
}

/// Whether an API is in service.
pub(super) fn is_published(server: &Server, api: &ApiSpec) -> bool {
    let file = artifact::file_name(&artifact::api_key(api));
    server.runtime.borrow().deployed_bytes(&(ArtifactKind::Api, file.into())).is_some()
}

/// Writes what is queued: looks every `persistence_poll` while it is idle, and goes on at once while it is not.
/// When the server is to stop, it writes what there is and returns.
pub(super) async fn run(server: &Server) {
    let (process, queue) = (&server.process, &server.queue);
    let poll = server.model.persistence_poll.max(std::time::Duration::from_millis(1));
    let mut next_look = process.now();
    loop {
        let stopping = process.is_stop_requested();
        if stopping || process.now() >= next_look {
            let first = queue.changes.borrow().front().cloned();
            match first {
                Some(change) => {
                    write(server, &change).await;
                    queue.changes.borrow_mut().pop_front();
                    continue;
                }
                None if stopping => return,
                None => next_look = process.now() + poll,
            }
        }
        if queue.is_empty() {
            queue.attention.notified().await;
            // The looks that would have found nothing were not taken; they decide when the next one is.
            while next_look < process.now() {
                next_look += poll;
            }
        } else {
            let wait = next_look.since(process.now());
            // Either way the queue is looked at next.
            let _ = process.timeout(wait, queue.attention.notified()).await;
        }
    }
}

async fn write(server: &Server, change: &Change) {
    if server.planted.loses_publishes {
        return;
    }
    match change {
        Change::Publish { api, revision } => {
            let files = artifact::api_files(api, *revision);
            // Undeploy first: the API is taken away before its parts change, and comes back last.
            if let Some(of_api) = files.last() {
                remove(server, of_api);
            }
            for file in &files {
                copy(server, file).await;
            }
        }
        Change::Delete { api } => {
            for file in artifact::api_files(api, 0).iter().rev() {
                remove(server, file);
            }
        }
        Change::Save(file) => copy(server, file).await,
    }
}

/// Writes a file to the temporary folder and from there over its name.
async fn copy(server: &Server, file: &ArtifactFile) {
    let number = server.queue.temporary_files.get();
    server.queue.temporary_files.set(number + 1);
    let folder = tree::temporary_folder(&server.config.home);
    let temporary = format!("{folder}/syn_mx_{number}.xml");
    let bytes = Bytes::copy_from_slice(file.text.as_bytes());
    if let Err(error) = try_copy(server, file, &folder, &temporary, &bytes).await {
        server.process.log(format!("ERROR - error while saving {} to disk: {error}", file.name));
        server.mark(mark::PERSISTENCE_FAILED);
    }
    // What cannot be deleted stays; the real server does not look either.
    let _ = server.process.fs().write(|disk, now_ns| disk.remove_file(&temporary, now_ns));
}

async fn try_copy(
    server: &Server,
    file: &ArtifactFile,
    folder: &str,
    temporary: &str,
    bytes: &Bytes,
) -> io::Result<()> {
    let (fs, key) = (server.process.fs(), key(file));
    fs.write(|disk, now_ns| {
        disk.create_dir_all(folder, 0o755, now_ns)?;
        disk.write(temporary, bytes.clone(), 0o644, now_ns)
    })?;
    let path = hot_deployment::path(server, &key);
    let half = bytes.len() / 2;
    let begun = fs.write(|disk, now_ns| {
        disk.create_dir_all(format!("{}/{}", server.artifacts(), file.kind.folder()), 0o755, now_ns)?;
        disk.write(&path, bytes.slice(..half), 0o644, now_ns)
    });
    know(server, &key);
    begun?;
    server.process.sleep(server.model.artifact_copy).await;
    let finished = fs.write(|disk, now_ns| {
        let handle = disk.open_write(&path)?;
        let written = disk.write_at(&handle, half as u64, &bytes[half..], now_ns);
        disk.close(handle);
        written
    });
    know(server, &key);
    finished
}

fn remove(server: &Server, file: &ArtifactFile) {
    let key = key(file);
    let path = hot_deployment::path(server, &key);
    let removed = server.process.fs().write(|disk, now_ns| disk.remove_file(path, now_ns));
    know(server, &key);
    match removed {
        Err(error) if error.raw_os_error() != Some(errno::ENOENT) => {
            server.process.log(format!("ERROR - error while deleting {}: {error}", file.name));
            server.mark(mark::PERSISTENCE_FAILED);
        }
        _ => {}
    }
}

/// Tells the hot deployer that a file is as this server left it.
fn know(server: &Server, file: &FileKey) {
    let mtime_ns =
        server.process.host().disk().stat(hot_deployment::path(server, file)).ok().map(|stat| stat.mtime_ns);
    server.known.borrow_mut().remember(file, mtime_ns);
}

fn key(file: &ArtifactFile) -> FileKey {
    (file.kind, Bytes::copy_from_slice(file.name.as_bytes()))
}
