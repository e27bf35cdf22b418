//! Every option that rsync 3.5.0 takes (from `rsync --help`, and each `--no-` tried), and what the model does
//! with it. A name that is not here is unknown to rsync, too.

/// Whether an option is followed by a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Takes {
    Nothing,
    Text,
    Number,
}

/// What the model does with an option.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    /// It steers the model: the name under which `parse::apply` knows it, and false when it is a negation.
    Does(&'static str, bool),
    /// It has no effect that a result shows (buffers, addresses of daemons, allocation).
    Ignored,
    /// rsync knows it, the model does not: refused by name.
    Refused,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Known {
    pub long: &'static str,
    pub short: u8,
    pub takes: Takes,
    pub action: Action,
}

const fn on(long: &'static str, short: u8) -> Known {
    Known { long, short, takes: Takes::Nothing, action: Action::Does(long, true) }
}

const fn alias(long: &'static str, of: &'static str) -> Known {
    Known { long, short: 0, takes: Takes::Nothing, action: Action::Does(of, true) }
}

const fn off(long: &'static str, of: &'static str) -> Known {
    Known { long, short: 0, takes: Takes::Nothing, action: Action::Does(of, false) }
}

const fn text(long: &'static str, short: u8) -> Known {
    Known { long, short, takes: Takes::Text, action: Action::Does(long, true) }
}

const fn number(long: &'static str, short: u8) -> Known {
    Known { long, short, takes: Takes::Number, action: Action::Does(long, true) }
}

const fn ignored(long: &'static str, short: u8, takes: Takes) -> Known {
    Known { long, short, takes, action: Action::Ignored }
}

const fn refused(long: &'static str, short: u8, takes: Takes) -> Known {
    Known { long, short, takes, action: Action::Refused }
}

use Takes::{Nothing, Number, Text};

/// All of them; each name stands once.
pub(super) const KNOWN: &[Known] = &[
    on("verbose", b'v'),
    off("no-verbose", "verbose"),
    off("no-v", "verbose"),
    on("quiet", b'q'),
    on("checksum", b'c'),
    off("no-checksum", "checksum"),
    off("no-c", "checksum"),
    on("archive", b'a'),
    on("recursive", b'r'),
    off("no-recursive", "recursive"),
    off("no-r", "recursive"),
    on("inc-recursive", 0),
    alias("i-r", "inc-recursive"),
    off("no-inc-recursive", "inc-recursive"),
    off("no-i-r", "inc-recursive"),
    on("relative", b'R'),
    off("no-relative", "relative"),
    off("no-R", "relative"),
    on("implied-dirs", 0),
    off("no-implied-dirs", "implied-dirs"),
    on("backup", b'b'),
    off("no-backup", "backup"),
    text("backup-dir", 0),
    text("suffix", 0),
    on("update", b'u'),
    on("inplace", 0),
    off("no-inplace", "inplace"),
    on("append", 0),
    on("append-verify", 0),
    off("no-append", "append"),
    on("dirs", b'd'),
    off("no-dirs", "dirs"),
    off("no-d", "dirs"),
    on("mkpath", 0),
    off("no-mkpath", "mkpath"),
    on("links", b'l'),
    off("no-links", "links"),
    off("no-l", "links"),
    on("perms", b'p'),
    off("no-perms", "perms"),
    off("no-p", "perms"),
    on("executability", b'E'),
    text("chmod", 0),
    on("owner", b'o'),
    off("no-owner", "owner"),
    off("no-o", "owner"),
    on("group", b'g'),
    off("no-group", "group"),
    off("no-g", "group"),
    on("devices", 0),
    off("no-devices", "devices"),
    on("specials", 0),
    off("no-specials", "specials"),
    on("D", b'D'),
    off("no-D", "D"),
    on("times", b't'),
    off("no-times", "times"),
    off("no-t", "times"),
    on("omit-dir-times", b'O'),
    off("no-omit-dir-times", "omit-dir-times"),
    off("no-O", "omit-dir-times"),
    on("omit-link-times", b'J'),
    off("no-omit-link-times", "omit-link-times"),
    off("no-J", "omit-link-times"),
    on("dry-run", b'n'),
    on("whole-file", b'W'),
    off("no-whole-file", "whole-file"),
    off("no-W", "whole-file"),
    on("one-file-system", b'x'),
    off("no-one-file-system", "one-file-system"),
    off("no-x", "one-file-system"),
    text("block-size", b'B'),
    text("rsh", b'e'),
    text("rsync-path", 0),
    on("existing", 0),
    alias("ignore-non-existing", "existing"),
    on("ignore-existing", 0),
    on("delete", 0),
    on("delete-during", 0),
    alias("del", "delete-during"),
    on("delete-before", 0),
    on("delete-delay", 0),
    on("delete-after", 0),
    on("delete-excluded", 0),
    number("max-delete", 0),
    on("ignore-errors", 0),
    off("no-ignore-errors", "ignore-errors"),
    on("force", 0),
    off("no-force", "force"),
    on("partial", 0),
    off("no-partial", "partial"),
    text("partial-dir", 0),
    on("delay-updates", 0),
    off("no-delay-updates", "delay-updates"),
    on("prune-empty-dirs", b'm'),
    off("no-prune-empty-dirs", "prune-empty-dirs"),
    off("no-m", "prune-empty-dirs"),
    on("numeric-ids", 0),
    off("no-numeric-ids", "numeric-ids"),
    number("timeout", 0),
    off("no-timeout", "timeout"),
    number("contimeout", 0),
    off("no-contimeout", "contimeout"),
    on("ignore-times", b'I'),
    on("size-only", 0),
    number("modify-window", b'@'),
    text("temp-dir", b'T'),
    text("compare-dest", 0),
    text("copy-dest", 0),
    text("link-dest", 0),
    on("compress", b'z'),
    off("no-compress", "compress"),
    off("no-z", "compress"),
    on("cvs-exclude", b'C'),
    text("filter", b'f'),
    on("F", b'F'),
    text("exclude", 0),
    text("exclude-from", 0),
    text("include", 0),
    text("include-from", 0),
    text("files-from", 0),
    on("from0", b'0'),
    off("no-from0", "from0"),
    on("stats", 0),
    on("itemize-changes", b'i'),
    off("no-itemize-changes", "itemize-changes"),
    off("no-i", "itemize-changes"),
    on("human-readable", b'h'),
    off("no-human-readable", "human-readable"),
    off("no-h", "human-readable"),
    text("bwlimit", 0),
    off("no-bwlimit", "bwlimit"),
    on("fsync", 0),
    // No effect on what a run changes or on what a script could read.
    ignored("no-motd", 0, Nothing),
    ignored("secluded-args", b's', Nothing),
    ignored("protect-args", 0, Nothing),
    ignored("no-secluded-args", 0, Nothing),
    ignored("no-protect-args", 0, Nothing),
    ignored("no-s", 0, Nothing),
    ignored("old-args", 0, Nothing),
    ignored("no-old-args", 0, Nothing),
    ignored("trust-sender", 0, Nothing),
    ignored("blocking-io", 0, Nothing),
    ignored("no-blocking-io", 0, Nothing),
    ignored("outbuf", 0, Text),
    ignored("open-noatime", 0, Nothing),
    ignored("no-open-noatime", 0, Nothing),
    ignored("compress-choice", 0, Text),
    ignored("zc", 0, Text),
    ignored("compress-level", 0, Number),
    ignored("zl", 0, Number),
    ignored("compress-threads", 0, Number),
    ignored("zt", 0, Number),
    ignored("skip-compress", 0, Text),
    ignored("new-compress", 0, Nothing),
    ignored("old-compress", 0, Nothing),
    ignored("checksum-choice", 0, Text),
    ignored("cc", 0, Text),
    ignored("checksum-seed", 0, Number),
    ignored("max-alloc", 0, Text),
    ignored("sockopts", 0, Text),
    ignored("ipv4", b'4', Nothing),
    ignored("ipv6", b'6', Nothing),
    ignored("qsort", 0, Nothing),
    ignored("no-hard-links", 0, Nothing),
    ignored("no-H", 0, Nothing),
    ignored("no-acls", 0, Nothing),
    ignored("no-A", 0, Nothing),
    ignored("no-xattrs", 0, Nothing),
    ignored("no-X", 0, Nothing),
    ignored("no-atimes", 0, Nothing),
    ignored("no-U", 0, Nothing),
    ignored("no-crtimes", 0, Nothing),
    ignored("no-N", 0, Nothing),
    ignored("no-sparse", 0, Nothing),
    ignored("no-S", 0, Nothing),
    ignored("no-super", 0, Nothing),
    ignored("no-fuzzy", 0, Nothing),
    ignored("no-y", 0, Nothing),
    ignored("no-progress", 0, Nothing),
    ignored("no-8-bit-output", 0, Nothing),
    ignored("no-8", 0, Nothing),
    ignored("no-iconv", 0, Nothing),
    ignored("no-munge-links", 0, Nothing),
    ignored("no-write-devices", 0, Nothing),
    ignored("no-insecure-links", 0, Nothing),
    ignored("no-msgs2stderr", 0, Nothing),
    // Known to rsync, not modelled.
    refused("info", 0, Text),
    refused("debug", 0, Text),
    refused("stderr", 0, Text),
    refused("msgs2stderr", 0, Nothing),
    refused("old-dirs", 0, Nothing),
    refused("old-d", 0, Nothing),
    refused("copy-links", b'L', Nothing),
    refused("copy-unsafe-links", 0, Nothing),
    refused("safe-links", 0, Nothing),
    refused("insecure-links", 0, Nothing),
    refused("confine-root", 0, Text),
    refused("munge-links", 0, Nothing),
    refused("copy-dirlinks", b'k', Nothing),
    refused("keep-dirlinks", b'K', Nothing),
    refused("hard-links", b'H', Nothing),
    refused("acls", b'A', Nothing),
    refused("xattrs", b'X', Nothing),
    refused("copy-devices", 0, Nothing),
    refused("write-devices", 0, Nothing),
    refused("drop-D", 0, Nothing),
    refused("atimes", b'U', Nothing),
    refused("crtimes", b'N', Nothing),
    refused("super", 0, Nothing),
    refused("fake-super", 0, Nothing),
    refused("sparse", b'S', Nothing),
    refused("preallocate", 0, Nothing),
    refused("remove-source-files", 0, Nothing),
    refused("remove-sent-files", 0, Nothing),
    refused("ignore-missing-args", 0, Nothing),
    refused("delete-missing-args", 0, Nothing),
    refused("max-size", 0, Text),
    refused("min-size", 0, Text),
    refused("usermap", 0, Text),
    refused("groupmap", 0, Text),
    refused("chown", 0, Text),
    refused("fuzzy", b'y', Nothing),
    refused("copy-as", 0, Text),
    refused("address", 0, Text),
    refused("port", 0, Number),
    refused("8-bit-output", b'8', Nothing),
    refused("progress", 0, Nothing),
    refused("P", b'P', Nothing),
    refused("remote-option", b'M', Text),
    refused("out-format", 0, Text),
    refused("log-format", 0, Text),
    refused("log-file", 0, Text),
    refused("log-file-format", 0, Text),
    refused("password-file", 0, Text),
    refused("early-input", 0, Text),
    refused("list-only", 0, Nothing),
    refused("stop-after", 0, Text),
    refused("time-limit", 0, Text),
    refused("stop-at", 0, Text),
    refused("write-batch", 0, Text),
    refused("only-write-batch", 0, Text),
    refused("read-batch", 0, Text),
    refused("protocol", 0, Number),
    refused("iconv", 0, Text),
    refused("daemon", 0, Nothing),
    refused("server", 0, Nothing),
    refused("sender", 0, Nothing),
    on("version", b'V'),
    on("help", 0),
];

/// Options that stand in the table for their letter only: rsync knows no such long name.
const LETTERS_ONLY: [&str; 3] = ["D", "F", "P"];

pub(super) fn by_long(name: &str) -> Option<&'static Known> {
    KNOWN.iter().find(|known| known.long == name && !LETTERS_ONLY.contains(&name))
}

pub(super) fn by_short(letter: u8) -> Option<&'static Known> {
    KNOWN.iter().find(|known| known.short == letter && letter != 0)
}
