//! What options imply once all are known, and which must not stand together.

use super::parse::Seen;
use super::{DeleteWhen, Options, Refusal};
use crate::rsync::paths::collapsed;

/// Settles the options that `seen` tells of.
///
/// # Errors
/// What rsync says of options that do not go together.
pub(super) fn settle(options: &mut Options, seen: &Seen) -> Result<(), Refusal> {
    if options.files_from.is_some() {
        // The recursion that -a brings does not hold here; an explicit -r does.
        options.recursive &= !seen.recursive_by_archive;
        options.relative = true;
        options.dirs = !options.recursive && !seen.dirs_off;
    }
    let times = [seen.delete_before, seen.delete_during, seen.delete_delay, seen.delete_after];
    if times.iter().filter(|&&time| time).count() > 1 {
        return Err(Refusal::syntax("rsync: You may not combine multiple --delete-WHEN options."));
    }
    let deletes = seen.delete || options.delete_excluded || times.contains(&true);
    options.delete = match times {
        [true, ..] => Some(DeleteWhen::Before),
        [_, _, true, _] => Some(DeleteWhen::Delay),
        [_, _, _, true] => Some(DeleteWhen::After),
        _ if deletes => Some(DeleteWhen::During),
        _ => None,
    };
    options.no_inc_recursive = seen.inc_recursive_off;
    if deletes && !options.transfers_folders() {
        let line = "rsync: --delete does not work without --recursive (-r) or --dirs (-d).";
        return Err(Refusal::syntax(line));
    }
    if options.backup_dir.is_none() && options.backup_suffix().is_empty() {
        return Err(Refusal::syntax("rsync: --suffix cannot be empty without a --backup-dir"));
    }
    if options.append {
        if options.whole_file == Some(true) {
            return Err(Refusal::syntax("rsync: --append cannot be used with --whole-file"));
        }
        options.inplace = true;
        options.whole_file = Some(false);
    }
    if options.inplace {
        let append = if options.append { "append" } else { "inplace" };
        if options.delay_updates {
            return Err(Refusal::syntax(format!("rsync: --{append} cannot be used with --delay-updates")));
        }
        if options.partial_dir.is_some() {
            return Err(Refusal::syntax(format!("rsync: --{append} cannot be used with --partial-dir")));
        }
        options.partial = false;
    }
    if options.delay_updates && options.partial_dir.is_none() {
        options.partial_dir = Some(b".~tmp~".to_vec());
    }
    if let Some(dir) = options.partial_dir.take() {
        options.partial = true;
        options.partial_dir = Some(collapsed(&dir)).filter(|dir| dir != b".");
    }
    if options.backup_dir.is_some() {
        options.backup = true;
    } else if options.backup {
        // The backups change their folders' times, so that these could never be kept.
        options.omit_dir_times = true;
    }
    // rsync hides a relative partial folder from the transfer and protects it, last of all rules.
    options.rules.extend(options.partial_rule());
    Ok(())
}
