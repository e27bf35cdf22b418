//! Whatever a folder may hold.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use rustix::fs::{CWD, FileType, Mode, mknodat};

use super::ground::{Ground, NOBODY, SIM, tree};

/// Something that a folder may hold.
#[derive(Debug, Clone)]
enum Thing {
    File(Vec<u8>, u32),
    Folder(u32),
    Link(Vec<u8>),
    Pipe,
    Socket,
}

fn name() -> impl Strategy<Value = Vec<u8>> {
    let byte =
        prop_oneof![Just(b'a'), Just(b'-'), Just(b'.'), Just(b' '), Just(b'\n'), Just(0xff_u8), Just(b'*')];
    prop::collection::vec(byte, 1..6).prop_filter("these two are taken", |name| name != b"." && name != b"..")
}

fn thing() -> impl Strategy<Value = Thing> {
    let mode = prop_oneof![Just(0o644_u32), Just(0), Just(0o755), Just(0o200), Just(0o700)];
    prop_oneof![
        (prop::collection::vec(any::<u8>(), 0..50), mode.clone())
            .prop_map(|(text, mode)| Thing::File(text, mode)),
        mode.prop_map(Thing::Folder),
        name().prop_map(Thing::Link),
        Just(Thing::Pipe),
        Just(Thing::Socket),
    ]
}

fn put(at: &Path, things: &[(Vec<u8>, Vec<u8>, Thing)]) {
    let plain = |name: &[u8]| PathBuf::from(OsStr::from_bytes(name));
    let mut modes = Vec::new();
    for (folder, name, thing) in things {
        let folder = at.join(plain(folder));
        let _ = fs::create_dir(&folder);
        let path = folder.join(plain(name));
        let made = match thing {
            Thing::File(text, mode) if !path.exists() => {
                modes.push((path.clone(), *mode));
                fs::write(&path, text)
            }
            Thing::Folder(mode) if !path.exists() => {
                modes.push((path.clone(), *mode));
                fs::create_dir(&path)
            }
            Thing::Link(to) => symlink(plain(to), &path),
            Thing::Pipe => mknodat(CWD, &path, FileType::Fifo, Mode::RUSR, 0).map_err(Into::into),
            Thing::Socket => mknodat(CWD, &path, FileType::Socket, Mode::RUSR, 0).map_err(Into::into),
            _ => Ok(()),
        };
        // Two may have the same name: the first one stands.
        drop(made);
    }
    for (path, mode) in modes {
        if fs::symlink_metadata(&path).is_ok_and(|found| !found.is_symlink() && !found.file_type().is_fifo())
        {
            let _ = fs::set_permissions(&path, fs::Permissions::from_mode(mode));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever lies in the two folders, the model ends with a code that rsync has, and leaves the source alone.
    #[test]
    fn no_folder_makes_the_model_panic(
        source in prop::collection::vec((name(), name(), thing()), 0..12),
        destination in prop::collection::vec((name(), name(), thing()), 0..12),
        option in prop::sample::select(vec!["-a", "-rc", "-rlptI", "-au", "-ab", "-aR"]),
        delete in any::<bool>(),
        nobody in any::<bool>(),
    ) {
        let make = |at: &Path| {
            put(&at.join("src"), &source);
            put(&at.join("dst"), &destination);
        };
        let ground = Ground::new(&make);
        let mut args = vec![option, "src/", "dst"];
        if delete {
            args.insert(0, "--delete");
        }
        let before = tree(&ground.0.path().join("src"));
        let got = ground.run(&[SIM, "rsync"], &args, nobody.then_some(NOBODY));
        prop_assert!([0, 23].contains(&got.code), "{args:?}: {} {}", got.code, got.err);
        prop_assert!(!got.err.contains("panicked") && !got.err.contains("sim rsync:"), "{}", got.err);
        prop_assert_eq!(tree(&ground.0.path().join("src")), before);
    }
}
