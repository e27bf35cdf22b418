//! The rules of a process at work: asked about names, and fed from the disk of its host.

use super::{Filters, Reading, RuleError, Saved, open};
use crate::disk::{Disk, errno};
use crate::rsync::console::Console;
use crate::rsync::env::Env;
use crate::rsync::outcome::SYNTAX;
use crate::rsync::paths::absolute;
use crate::rsync::stop::Stop;

/// The rules in force in a process, and how it reads further ones.
pub struct Rules<'a, E> {
    filters: Filters,
    env: &'a E,
    console: &'a Console,
    /// The process, as messages name it.
    role: &'static str,
    /// Lines of files end with NUL bytes.
    nul: bool,
    delete_excluded: bool,
    /// The absolute folder in which the process is.
    base: Vec<u8>,
}

impl<'a, E: Env> Rules<'a, E> {
    pub fn new(
        filters: Filters,
        env: &'a E,
        console: &'a Console,
        role: &'static str,
        nul: bool,
        delete_excluded: bool,
    ) -> Self {
        Self { filters, env, console, role, nul, delete_excluded, base: b"/".to_vec() }
    }

    /// Goes to the absolute folder from which names count.
    pub fn go_to(&mut self, base: &[u8]) {
        self.filters.set_base(base);
        base.clone_into(&mut self.base);
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.filters.is_empty()
    }

    /// Whether folders have files of their own.
    pub fn look_into_folders(&self) -> bool {
        self.filters.look_into_folders()
    }

    /// As [`Filters::excludes`].
    pub fn excludes(&self, name: &[u8], is_folder: bool, in_deleted_folder: bool) -> bool {
        self.filters.excludes(name, is_folder, in_deleted_folder)
    }

    /// As [`Filters::enter`]; what is wrong with a file has been said.
    pub fn enter(&mut self, disk: &Disk, folder: &[u8]) -> Result<Option<Saved>, Stop> {
        self.with_reading(disk, |filters, reading| filters.enter(folder, reading))
    }

    /// As [`Filters::leave`].
    pub fn leave(&mut self, saved: Option<Saved>) {
        self.filters.leave(saved);
    }

    /// As [`Filters::enter_at`]; what is wrong with a file has been said.
    pub fn enter_at(&mut self, disk: &Disk, depth: usize, folder: &[u8]) -> Result<(), Stop> {
        self.with_reading(disk, |filters, reading| filters.enter_at(depth, folder, reading))
    }

    /// As [`Filters::leave_to`].
    pub fn leave_to(&mut self, depth: usize) {
        self.filters.leave_to(depth);
    }

    fn with_reading<T>(
        &mut self,
        disk: &Disk,
        work: impl FnOnce(&mut Filters, &Reading<'_>) -> Result<T, RuleError>,
    ) -> Result<T, Stop> {
        let (env, console, base) = (self.env, self.console, &self.base);
        let say = |line| console.warning(line);
        let read = |path: &[u8]| {
            let path = absolute(base, path);
            let content = open(disk, &path, &say);
            if content.as_ref().is_err_and(|error| error.raw_os_error() == Some(errno::ENOENT)) {
                env.missed(&path);
            }
            content
        };
        let (role, nul, delete_excluded) = (self.role, self.nul, self.delete_excluded);
        let reading = Reading { open: &read, say: &say, role, nul, delete_excluded };
        work(&mut self.filters, &reading).map_err(|error| match error {
            RuleError::Wrong { line, code, place } => {
                console.warning(line);
                Stop::Failed(code, place, role)
            }
            RuleError::NotModelled(what) => {
                console.warning(format!("sim rsync: {what} are not modelled"));
                Stop::Failed(SYNTAX, "exclude.c(136)", role)
            }
        })
    }
}
