//! Parts that an earlier run kept, and files that are written over, where the user may not read or write them.

use std::fs;
use std::path::Path;

use super::ground::{NOBODY, folder, same, write};

/// A file, an older one in its place, and a part of it with this mode in a folder.
fn with_part(at: &Path, dir: &str, mode: u32) {
    write(at.join("src/file"), 0o644);
    write(at.join("src/other"), 0o644);
    fs::write(at.join("dst/file"), "an older content").unwrap();
    folder(at.join("dst/file"), 0o640);
    fs::create_dir(at.join("dst").join(dir)).unwrap();
    write(at.join("dst").join(dir).join("file"), mode);
}

#[test]
fn a_part_that_may_not_be_read_is_none_and_one_that_may_not_be_written_is_written_over() {
    for mode in [0, 0o200, 0o400, 0o444, 0o600] {
        for (dir, option) in [(".part", "--partial-dir=.part"), (".~tmp~", "--delay-updates")] {
            for (letters, way) in [("-ai", "-W"), ("-rti", "-W"), ("-ai", "--no-W"), ("-rti", "--no-W")] {
                same(&|at| with_part(at, dir, mode), &[letters, way, option, "src/", "dst"], Some(NOBODY));
            }
        }
    }
}

#[test]
fn what_cannot_leave_its_folder_stays_there_as_a_part() {
    for (dir, option) in [(".part", "--partial-dir=.part"), (".~tmp~", "--delay-updates")] {
        let make = |at: &Path| {
            with_part(at, dir, 0o600);
            folder(at.join("dst").join(dir), 0o555);
        };
        for letters in ["-ai", "-rti", "-aib"] {
            same(&make, &[letters, option, "src/", "dst"], Some(NOBODY));
        }
    }
}

#[test]
fn a_file_that_may_not_be_read_or_written_is_written_over_or_taken_for_a_new_one() {
    for mode in [0, 0o200, 0o400, 0o444] {
        let make = |at: &Path| {
            write(at.join("src/file"), 0o644);
            fs::write(at.join("dst/file"), "old").unwrap();
            folder(at.join("dst/file"), mode);
        };
        for option in ["-I", "--inplace", "--append", "--size-only", "--backup", "--backup-dir=bak/deep"] {
            for (letters, way) in [("-ai", "-W"), ("-rti", "-W"), ("-ai", "--no-W"), ("-rti", "--no-W")] {
                // Appending is never whole.
                if (option, way) != ("--append", "-W") {
                    same(&make, &[letters, way, option, "src/", "dst"], Some(NOBODY));
                }
            }
        }
    }
}

#[test]
fn what_may_not_be_read_goes_into_a_backup_with_its_folder() {
    let make = |at: &Path| {
        write(at.join("src/file"), 0o644);
        fs::create_dir_all(at.join("dst/gone/deep")).unwrap();
        write(at.join("dst/gone/deep/file"), 0o200);
        write(at.join("dst/surplus"), 0o200);
    };
    same(&make, &["-ai", "--delete", "--backup-dir=../dst/bak", "src/", "dst"], Some(NOBODY));
    same(&make, &["-ai", "--delete", "--backup-dir=bak", "src/", "dst"], Some(NOBODY));
    same(&make, &["-aib", "--delete", "src/", "dst"], Some(NOBODY));
}

#[test]
fn what_lies_elsewhere_and_may_not_be_read_is_no_base() {
    let make = |at: &Path| {
        write(at.join("src/file"), 0o644);
        fs::create_dir(at.join("other")).unwrap();
        fs::write(at.join("other/file"), "old").unwrap();
        folder(at.join("other/file"), 0);
    };
    for way in ["-W", "--no-W"] {
        same(&make, &["-ai", way, "--compare-dest=../other", "src/", "dst"], Some(NOBODY));
        same(&make, &["-rti", way, "--compare-dest=../other", "src/", "dst"], Some(NOBODY));
    }
}

#[test]
fn a_closed_folder_that_keeps_its_own_mode_is_closed_again() {
    let make = |at: &Path| {
        write(at.join("src/file"), 0o644);
        fs::create_dir(at.join("src/folder")).unwrap();
        write(at.join("src/folder/file"), 0o644);
        fs::create_dir(at.join("dst/folder")).unwrap();
        folder(at.join("dst/folder"), 0o555);
        folder(at.join("dst"), 0o500);
    };
    same(&make, &["-rti", "src/", "dst"], Some(NOBODY));
}
