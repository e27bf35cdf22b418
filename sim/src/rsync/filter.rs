//! Filter rules: which names are left out of a transfer, and which are protected from deletion.
//!
//! The first rule that matches a name decides; none leaves the name in. A rule stands in one list: the global one, of
//! the command line and of the files that it names, or that of a file which is looked for in every folder
//! (`dir-merge`). The route of the data: a text or a file -> `parse` -> [`Rule`]s -> [`Filters`], which a process asks
//! about names and tells of the folders that it comes into.

mod folders;
mod list;
mod matching;
mod merge;
mod open;
mod origin;
mod parse;
mod rules;
mod token;
mod wildmatch;

use std::ops::{BitOr, BitOrAssign};

use serde::{Deserialize, Serialize};

pub(super) use folders::{Filters, Saved};
pub use list::RuleList;
pub(super) use open::open;
pub use parse::{Reading, RuleError};
pub(super) use rules::Rules;

/// What a rule is and for whom it holds, as its letters say it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Flags(u32);

impl Flags {
    /// `+`: a matching name stays in; else it is left out, and protected.
    pub const INCLUDE: Flags = Flags(1);
    /// The pattern ends in a slash: it matches folders only.
    pub const FOLDERS_ONLY: Flags = Flags(1 << 1);
    /// `/`, or anchored at the folder of its file: it is held against the absolute path.
    pub const ABSOLUTE: Flags = Flags(1 << 2);
    /// `!`: it matches what the pattern does not.
    pub const NEGATED: Flags = Flags(1 << 3);
    /// `p`: it does not hold in a folder that is itself being deleted.
    pub const PERISHABLE: Flags = Flags(1 << 4);
    /// `x`: it is about extended attributes, so it matches no name.
    pub const XATTR: Flags = Flags(1 << 5);
    /// `s`: it holds for the sender's names. Neither this nor the next is both.
    pub const SENDER: Flags = Flags(1 << 6);
    /// `r`: it holds for the receiver's names.
    pub const RECEIVER: Flags = Flags(1 << 7);
    /// `-` or `+` behind a merge rule: the file's lines are patterns alone.
    pub const NO_PREFIXES: Flags = Flags(1 << 8);
    /// `w`: the file's rules end at any white space.
    pub const WORDS: Flags = Flags(1 << 9);
    /// `n`: subfolders do not inherit the file's rules.
    pub const NO_INHERIT: Flags = Flags(1 << 10);
    /// `C`: as CVS reads its files; of a rule without a file, CVS's own list.
    pub const CVS: Flags = Flags(1 << 11);
    /// `.` or `:`: the pattern names a file with rules.
    pub const MERGE: Flags = Flags(1 << 12);
    /// `:`: that file is looked for in every folder.
    pub const PER_FOLDER: Flags = Flags(1 << 13);
    /// `e`: the file itself is left out.
    pub const EXCLUDE_SELF: Flags = Flags(1 << 14);
    /// `!` alone: forgets all rules of its list.
    pub const CLEAR: Flags = Flags(1 << 15);
    /// It was read from a file, whose text messages do not show.
    pub const FROM_FILE: Flags = Flags(1 << 16);

    /// What the rules of a file take over from the rule that names it.
    const INHERITED: Flags = Flags(1 | 1 << 1 | 1 << 2 | 1 << 3 | 1 << 4);
    const SIDES: Flags = Flags(1 << 6 | 1 << 7);

    /// Whether all of `other` is set.
    pub fn has(self, other: Flags) -> bool {
        self.0 & other.0 == other.0
    }

    fn only(self, other: Flags) -> Flags {
        Flags(self.0 & other.0)
    }

    fn without(self, other: Flags) -> Flags {
        Flags(self.0 & !other.0)
    }

    fn has_sides(self) -> bool {
        self.only(Flags::SIDES) != Flags::default()
    }
}

impl BitOr for Flags {
    type Output = Flags;

    fn bitor(self, other: Flags) -> Flags {
        Flags(self.0 | other.0)
    }
}

impl BitOrAssign for Flags {
    fn bitor_assign(&mut self, other: Flags) {
        self.0 |= other.0;
    }
}

/// One rule of the global list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// What it is.
    pub flags: Flags,
    /// The pattern without the slash that restricts it to folders, or the file's name.
    pub pattern: Vec<u8>,
}

/// The side on which names are judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The sender, listing what it has.
    Sender,
    /// The receiver, looking for what to delete.
    Receiver,
}

impl Side {
    fn flag(self) -> Flags {
        match self {
            Side::Sender => Flags::SENDER,
            Side::Receiver => Flags::RECEIVER,
        }
    }
}

/// What CVS ignores (`-C`), as `rsync --help` of 3.5.0 has it.
const CVS_IGNORED: &[u8] = b"RCS SCCS CVS CVS.adm RCSLOG cvslog.* tags TAGS .make.state .nse_depinfo *~ #* .#* ,* \
    _$* *$ *.old *.bak *.BAK *.orig *.rej .del-* *.a *.olb *.o *.obj *.so *.exe *.Z *.elc *.ln core .svn/ .git/ \
    .hg/ .bzr/";

impl Rule {
    /// Whether it is in force on one side: with `--delete-excluded`, plain rules hold for the sender only. A file of
    /// each folder is read on both sides, unless it could only hold such rules.
    pub(super) fn holds(&self, side: Side, delete_excluded: bool) -> bool {
        let sides = self.flags.only(Flags::SIDES);
        if sides != Flags::default() {
            return sides.has(side.flag());
        }
        side == Side::Sender || !delete_excluded || self.flags.has(Flags::PER_FOLDER)
    }

    /// Whether both name a file of this name that each folder may have.
    fn is_same_file(&self, other: &Rule) -> bool {
        let name = |rule: &Rule| rule.pattern.rsplit(|&byte| byte == b'/').next().map(<[u8]>::to_vec);
        self.flags.has(Flags::PER_FOLDER) && other.flags.has(Flags::PER_FOLDER) && name(self) == name(other)
    }

    /// Lets it hold on both sides, whatever `--delete-excluded` does to others.
    pub(super) fn holds_on_both_sides(&mut self) {
        self.flags |= Flags::SIDES;
    }

    /// Takes it for one that was given, not read from a file.
    pub(super) fn hide_origin(&mut self) {
        self.flags = self.flags.without(Flags::FROM_FILE);
    }
}

#[cfg(test)]
mod tests;
