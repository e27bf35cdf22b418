//! What the two worlds' programs noted, side by side.

use std::collections::BTreeMap;

use crate::cases::Case;
use crate::script::Note;

/// What the programs of a case noted, by program.
#[derive(Debug, Default)]
pub struct Seen(BTreeMap<&'static str, Vec<Note>>);

impl Seen {
    /// Adds a program's notes.
    pub fn add(&mut self, program: &'static str, notes: Vec<Note>) {
        self.0.entry(program).or_default().extend(notes);
    }
}

/// A case's result.
#[derive(Debug)]
pub struct Row {
    name: &'static str,
    step_ms: u64,
    /// Program, the kernel's note, the model's.
    pairs: Vec<(&'static str, Option<Note>, Option<Note>)>,
}

impl Row {
    /// Pairs what was noted in both worlds.
    pub fn new(case: &Case, real: Seen, simulated: Seen) -> Self {
        let (mut real, mut simulated) = (real.0, simulated.0);
        let mut programs: Vec<&'static str> = real.keys().chain(simulated.keys()).copied().collect();
        programs.sort_unstable();
        programs.dedup();
        let mut pairs = Vec::new();
        for program in programs {
            let real = real.remove(program).unwrap_or_default();
            let simulated = simulated.remove(program).unwrap_or_default();
            for index in 0..real.len().max(simulated.len()) {
                pairs.push((program, real.get(index).cloned(), simulated.get(index).cloned()));
            }
        }
        Self { name: case.name, step_ms: case.step_ms, pairs }
    }

    /// Whether all notes agree.
    ///
    /// # Errors
    /// Where they do not.
    pub fn verdict(&self) -> Result<(), String> {
        if self.pairs.is_empty() {
            return Err("neither world noted anything: nothing is proved".to_owned());
        }
        let apart: Vec<String> = self
            .pairs
            .iter()
            .filter(|(_, real, simulated)| !self.agree(real.as_ref(), simulated.as_ref()))
            .map(|(program, real, simulated)| {
                format!("{program}: the kernel {}, the model {}", shown(real), shown(simulated))
            })
            .collect();
        if apart.is_empty() { Ok(()) } else { Err(apart.join("\n")) }
    }

    fn agree(&self, real: Option<&Note>, simulated: Option<&Note>) -> bool {
        match (real, simulated) {
            (Some(real), Some(simulated)) => {
                real.what == simulated.what && real.at_ms.abs_diff(simulated.at_ms) <= self.step_ms
            }
            _ => false,
        }
    }
}

fn shown(note: &Option<Note>) -> String {
    note.as_ref().map_or_else(|| "nothing".to_owned(), ToString::to_string)
}

/// Prints all results as the table that MODEL.md holds: a line a program, a moment in seconds and what was noted.
pub fn print_table<'a>(rows: impl Iterator<Item = &'a Row>) {
    println!("\n| case | who | kernel | model | within |\n|---|---|---|---|---|");
    for row in rows {
        let mut programs: Vec<&str> = row.pairs.iter().map(|(program, ..)| *program).collect();
        programs.dedup();
        for program in programs {
            let pairs = || row.pairs.iter().filter(|(of, ..)| *of == program);
            let apart = pairs().any(|(_, real, simulated)| !row.agree(real.as_ref(), simulated.as_ref()));
            let kernel: Vec<String> = pairs().map(|(_, real, _)| shown(real)).collect();
            let model: Vec<String> = pairs().map(|(_, _, simulated)| shown(simulated)).collect();
            println!(
                "| {} | {program} | {} | {} | {} ms{} |",
                row.name,
                kernel.join(", "),
                model.join(", "),
                row.step_ms,
                if apart { " **apart**" } else { "" },
            );
        }
    }
}
