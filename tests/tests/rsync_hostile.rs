//! Folders that nobody wishes for, under `sim rsync` and under the real rsync: what cannot be read, what is no file,
//! names that are no text, nesting without end. The same exit code and the same result, or a clear refusal; never a
//! panic. Root reads everything, so what is about permissions runs as another user.

#[path = "rsync_hostile/anything.rs"]
mod anything;
#[path = "rsync_hostile/ground.rs"]
mod ground;
#[path = "rsync_hostile/parts.rs"]
mod parts;

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use rustix::fs::{CWD, FileType, Mode, mknodat};

use ground::{Ground, NOBODY, SIM, agree, folder, has_rsync, is_here, is_root, refused, same, write};

#[test]
fn what_cannot_be_read_is_left_out_and_told() {
    let make = |at: &Path| {
        fs::create_dir_all(at.join("src/open")).unwrap();
        fs::create_dir_all(at.join("src/locked")).unwrap();
        write(at.join("src/readable"), 0o644);
        write(at.join("src/unreadable"), 0);
        write(at.join("src/open/file"), 0o600);
        write(at.join("src/locked/file"), 0o644);
        folder(at.join("src/locked"), 0);
    };
    for args in [["-a", "src/", "dst"], ["-ac", "src/", "dst"], ["-an", "src/", "dst"]] {
        same(&make, &args, Some(NOBODY));
        same(&make, &args, None);
    }
}

#[test]
fn a_destination_that_its_owner_may_not_write_is_written_all_the_same() {
    let make = |at: &Path| {
        write(at.join("src/file"), 0o644);
        fs::create_dir_all(at.join("src/folder")).unwrap();
        write(at.join("src/folder/new"), 0o644);
        write(at.join("dst/file"), 0);
        fs::create_dir_all(at.join("dst/folder")).unwrap();
        write(at.join("dst/folder/old"), 0o644);
        folder(at.join("dst/folder"), 0o500);
        folder(at.join("dst"), 0o500);
    };
    same(&make, &["-a", "--delete", "src/", "dst"], Some(NOBODY));
}

#[test]
fn a_folder_that_cannot_be_read_is_named_as_it_was_given() {
    let make = |at: &Path| {
        fs::create_dir(at.join("src/locked")).unwrap();
        write(at.join("src/locked/file"), 0o644);
        folder(at.join("src/locked"), 0o300);
    };
    for source in ["src/locked", "src/locked/", "src/locked/."] {
        for option in ["-a", "-r", "-d", "-aR"] {
            same(&make, &[option, source, "dst"], Some(NOBODY));
        }
    }
}

/// Runs a program where a file system of its own is mounted below the source, and another stands beside it.
const MOUNTED: &str = "mount -t tmpfs none src/mounted && mount -t tmpfs none beside && echo there > src/mounted/file \
    && touch -d @1000000000 src/mounted src/mounted/file beside && \"$@\"; code=$?; find beside -type f -o -type p | sort; \
    exit $code";

#[test]
fn another_file_system_is_left_out_by_dash_x_and_takes_copies_where_it_takes_no_links() {
    let mounts = Command::new("unshare").args(["-m", "mount", "-t", "tmpfs", "none", "/mnt"]).status();
    if !has_rsync() || !is_here(mounts.is_ok_and(|status| status.success()), "nothing can be mounted") {
        return;
    }
    let make = |at: &Path| {
        fs::create_dir(at.join("src/mounted")).unwrap();
        fs::create_dir(at.join("beside")).unwrap();
        write(at.join("src/file"), 0o644);
        write(at.join("dst/file"), 0o600);
        fs::write(at.join("dst/file"), "older").unwrap();
        mknodat(CWD, at.join("dst/pipe"), FileType::Fifo, Mode::from_raw_mode(0o640), 0).unwrap();
        symlink("nowhere", at.join("dst/link")).unwrap();
        fs::create_dir(at.join("dst/empty")).unwrap();
    };
    for args in [
        &["-ai", "src/", "dst"][..],
        &["-axi", "src/", "dst"],
        &["-axi", "--delete", "--backup-dir=../beside", "src/", "dst"],
        &["-rti", "--delete", "--backup-dir=../beside", "src/", "dst"],
        &["-ai", "--temp-dir=../beside", "src/", "dst"],
        &["-ai", "--temp-dir=../beside", "--partial-dir=empty", "src/", "dst"],
        &["-ri", "--temp-dir=../beside", "--partial-dir=link", "src/", "dst"],
        &["-aib", "--temp-dir=../beside", "--partial-dir=part", "src/", "dst"],
        &["-ai", "--link-dest=../src/mounted", "src/mounted/", "dst"],
    ] {
        let (real, model) = (Ground::new(&make), Ground::new(&make));
        let run = |ground: &Ground, program: &[&str]| {
            let wrapper = ["unshare", "-m", "sh", "-c", MOUNTED, "sh"];
            ground.run(&[&wrapper, program].concat(), args, None)
        };
        agree(args, (&real, run(&real, &["rsync"])), (&model, run(&model, &[SIM, "rsync"])));
    }
}

#[test]
fn what_cannot_be_read_elsewhere_is_asked_for_anew() {
    let make = |at: &Path| {
        write(at.join("src/file"), 0);
        write(at.join("src/other"), 0o644);
    };
    for option in ["--copy-dest=../src", "--link-dest=../src", "--compare-dest=../src"] {
        same(&make, &["-ai", option, "src/", "dst"], Some(NOBODY));
        same(&make, &["-aiv", option, "src/", "dst"], Some(NOBODY));
    }
}

#[test]
fn a_backup_that_may_not_be_made_ends_the_transfer_of_its_file() {
    let closed = |at: &Path| {
        write(at.join("src/file"), 0o644);
        symlink("new", at.join("src/link")).unwrap();
        write(at.join("dst/file"), 0o600);
        fs::write(at.join("dst/file"), "old").unwrap();
        symlink("old", at.join("dst/link")).unwrap();
        fs::create_dir(at.join("closed")).unwrap();
        folder(at.join("closed"), 0o500);
    };
    let more = |at: &Path| {
        closed(at);
        fs::create_dir(at.join("src/folder")).unwrap();
        write(at.join("dst/folder"), 0o644);
        write(at.join("dst/surplus"), 0o644);
    };
    for option in ["-ai", "-ain", "-rti"] {
        for dir in ["--backup-dir=../closed", "--backup-dir=../closed/new"] {
            // The receiver ends, and what the generator still says is a matter of time.
            same(&closed, &[option, dir, "src/", "dst"], Some(NOBODY));
            for other in ["--inplace", "--delay-updates"] {
                same(&more, &[option, other, "--delete", dir, "src/", "dst"], Some(NOBODY));
            }
        }
    }
}

#[test]
fn what_its_owner_may_not_write_is_made_writable_before_it_goes() {
    let make = |at: &Path| {
        for folder in ["src/f", "dst/g/s", "dst/h/k", "bak/h/k/l"] {
            fs::create_dir_all(at.join(folder)).unwrap();
        }
        write(at.join("src/g"), 0o644);
        for (file, mode) in [("f", 0), ("top", 0), ("g/s/z", 0), ("g/a", 0o444), ("h/k/l", 0o644)] {
            write(at.join("dst").join(file), mode);
        }
        write(at.join("bak/h/k/l/m"), 0);
        mknodat(CWD, at.join("dst/h/pipe"), FileType::Fifo, Mode::from_raw_mode(0o400), 0).unwrap();
        symlink("../top", at.join("dst/h/link")).unwrap();
        for (path, mode) in [("dst/g/s", 0o555), ("dst/g", 0o555), ("dst/h", 0o500), ("bak/h/k/l", 0o555)] {
            folder(at.join(path), mode);
        }
    };
    let moved = |at: &Path| {
        make(at);
        // What the backups become is looked at, too.
        fs::rename(at.join("bak"), at.join("dst/bak")).unwrap();
    };
    for delete in ["--delete", "--delete-delay", "--delete-after", "--force", "-r"] {
        for other in ["-r", "--backup", "--backup-dir=../bak", "--max-delete=0", "--max-delete=2", "-bn"] {
            same(&make, &["-a", delete, other, "src/", "dst"], Some(NOBODY));
        }
        same(&moved, &["-ab", delete, "--backup-dir=bak", "src/", "dst"], Some(NOBODY));
    }
}

#[test]
fn pipes_sockets_devices_and_links_in_circles_are_carried_or_passed_over() {
    let make = |at: &Path| {
        let mode = Mode::from_raw_mode(0o640);
        mknodat(CWD, at.join("src/pipe"), FileType::Fifo, mode, 0).unwrap();
        mknodat(CWD, at.join("src/socket"), FileType::Socket, mode, 0).unwrap();
        if is_root() {
            let null = rustix::fs::makedev(1, 3);
            mknodat(CWD, at.join("src/null"), FileType::CharacterDevice, mode, null).unwrap();
        }
        for (to, link) in [("b", "a"), ("a", "b"), (".", "self"), ("..", "up"), ("nothing", "broken")] {
            symlink(to, at.join("src").join(link)).unwrap();
        }
    };
    for args in [["-a", "src/", "dst"], ["-r", "src/", "dst"], ["-rlD", "src/", "dst"]] {
        same(&make, &args, None);
    }
    same(&make, &["-rl", "src/", "dst"], Some(NOBODY));
}

#[test]
fn names_that_are_no_text_are_carried() {
    let make = |at: &Path| {
        let long = [b'x'; 255];
        for name in
            [&b"\xff\xfe"[..], b"\xc3(", b"tab\t", b"line\n", b"-n", b" ", b"\x01", b"*?[a]", b"\\", &long]
        {
            write(at.join("src").join(OsStr::from_bytes(name)), 0o644);
        }
        fs::create_dir(at.join("src").join(OsStr::from_bytes(b"\xff/"))).unwrap();
        write(at.join("src").join(OsStr::from_bytes(b"\xff/\xfe")), 0o644);
    };
    same(&make, &["-a", "src/", "dst"], None);
}

#[test]
fn deep_nesting_is_carried_as_far_as_the_real_rsync_goes_and_refused_beyond() {
    let make = |depth: usize| {
        move |at: &Path| {
            let mut path = at.join("src");
            (0..depth).for_each(|_| path.push("d"));
            fs::create_dir_all(&path).unwrap();
            write(path.join("file"), 0o644);
        }
    };
    same(&make(900), &["-a", "src/", "dst"], None);
    refused(&make(1_100), &["-a", "src/", "dst"], "nested deeper than 1000 folders");
}

#[test]
fn what_does_not_fit_is_refused_before_anything_is_read() {
    let sparse = |at: &Path| fs::File::create(at.join("src/sparse")).unwrap().set_len(3 << 30).unwrap();
    refused(&sparse, &["-a", "src/", "dst"], "MiB to read into memory");
    let inside = |at: &Path| fs::create_dir(at.join("src/inner")).unwrap();
    refused(&inside, &["-a", "src/", "src/inner"], "lie in one another");
    refused(&inside, &["-a", "--delete", "src/inner/", "src"], "lie in one another");
}

#[test]
fn an_argument_whose_links_lead_in_a_circle_is_no_more_than_that() {
    let circle = |at: &Path| {
        symlink("b", at.join("a")).unwrap();
        symlink("a", at.join("b")).unwrap();
        write(at.join("src/file"), 0o644);
    };
    for args in [["-a", "a/", "dst"], ["-a", "a", "dst"], ["-a", "src/", "a/"], ["-a", "a/below", "dst"]] {
        same(&circle, &args, None);
    }
    for destination in ["a", "a//", "a/b/", "src/file/", "src/file/."] {
        same(&circle, &["-a", "src/file", destination], None);
    }
}

#[test]
fn deleting_goes_on_until_the_list_comes_to_a_folder_that_cannot_be_read() {
    let make = |at: &Path| {
        for folder in ["a", "locked", "z"] {
            fs::create_dir(at.join("src").join(folder)).unwrap();
            fs::create_dir(at.join("dst").join(folder)).unwrap();
            write(at.join("dst").join(folder).join("old"), 0o644);
        }
        write(at.join("src/file"), 0o644);
        write(at.join("dst/old"), 0o644);
        folder(at.join("src/locked"), 0);
    };
    for option in ["--delete", "--delete-delay", "--delete-before", "--delete-after"] {
        for other in ["-ai", "-ain", "-rl", "-aR"] {
            same(&make, &[option, other, "src/", "dst"], Some(NOBODY));
            same(&make, &[option, other, "--no-inc-recursive", "src/", "dst"], Some(NOBODY));
            same(&make, &[option, other, "--ignore-errors", "src/", "dst"], Some(NOBODY));
        }
        same(&make, &[option, "-ai", "src/a", "src/locked", "src/z", "dst"], Some(NOBODY));
    }
}
