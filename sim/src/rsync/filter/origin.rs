//! Where a rule's text stands, for messages: what a file holds is not shown.

/// Where a text stands.
#[derive(Debug, Clone)]
pub(super) enum Origin {
    /// It was given to the program; its text is shown.
    Given,
    /// A line of a file; files that are read by words have none.
    Line(Vec<u8>, Option<usize>),
    /// A file of which not even the name is shown.
    Hidden(Vec<u8>),
}

impl Origin {
    pub fn location(&self) -> Vec<u8> {
        match self {
            Origin::Given => Vec::new(),
            Origin::Line(file, Some(line)) => [file, format!(" line {line}").as_bytes()].concat(),
            Origin::Line(file, None) => file.clone(),
            Origin::Hidden(text) => text.clone(),
        }
    }

    pub fn shown(&self, text: &[u8]) -> Vec<u8> {
        match self {
            Origin::Given => text.to_vec(),
            _ => [b"<rule from ", &*self.location(), b">"].concat(),
        }
    }

    /// Of the lines of a file that a rule at this place names.
    pub fn of_file(&self, path: &[u8]) -> Origin {
        match self {
            Origin::Given => Origin::Line(path.to_vec(), None),
            _ => Origin::Hidden([b"a file named at ", &*self.location()].concat()),
        }
    }
}
