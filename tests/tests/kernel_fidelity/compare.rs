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

/// The first line of the table in MODEL.md.
const HEAD: &str = "| case | who | kernel | model | within |";
/// Stands between two notes of a cell.
const BETWEEN: &str = "; ";

impl Row {
    /// The case's lines of the table: a program each, a moment in seconds and what was noted.
    fn lines(&self) -> Vec<String> {
        let mut programs: Vec<&str> = self.pairs.iter().map(|(program, ..)| *program).collect();
        programs.dedup();
        let mut lines = Vec::new();
        for program in programs {
            let pairs = || self.pairs.iter().filter(|(of, ..)| *of == program);
            let apart = pairs().any(|(_, real, simulated)| !self.agree(real.as_ref(), simulated.as_ref()));
            let kernel: Vec<String> = pairs().map(|(_, real, _)| shown(real)).collect();
            let model: Vec<String> = pairs().map(|(_, _, simulated)| shown(simulated)).collect();
            lines.push(format!(
                "| {} | {program} | {} | {} | {} ms{} |",
                self.name,
                kernel.join(BETWEEN),
                model.join(BETWEEN),
                self.step_ms,
                if apart { " **apart**" } else { "" },
            ));
        }
        lines
    }
}

/// Prints all results as the table that MODEL.md holds.
pub fn print_table<'a>(rows: impl Iterator<Item = &'a Row>) {
    println!("\n{HEAD}\n|---|---|---|---|---|");
    for line in rows.flat_map(Row::lines) {
        println!("{line}");
    }
}

/// Whether the table in the text of MODEL.md is that of these cases: the same cases in the same order, what the model
/// does today, and what a kernel did, which agrees with it.
///
/// # Errors
/// The lines that differ.
pub fn is_table_of(text: &str, cases: &[Case], simulate: impl Fn(&Case) -> Seen) -> Result<(), String> {
    let found: Vec<&str> = (text.lines().skip_while(|line| *line != HEAD).skip(2))
        .take_while(|line| line.starts_with('|'))
        .collect();
    let mut rest = found.as_slice();
    let mut wrong = Vec::new();
    for case in cases {
        // A program that noted nothing has no line.
        let lines = Row::new(case, Seen::default(), simulate(case)).lines().len();
        let (own, after) = rest.split_at(lines.min(rest.len()));
        rest = after;
        match Seen::of_kernel(own) {
            Ok(kernel) => {
                let expected = Row::new(case, kernel, simulate(case));
                let lines = expected.lines();
                if lines != own || expected.verdict().is_err() {
                    wrong.push(format!("MODEL.md: {own:#?}\nnow: {lines:#?}"));
                }
            }
            Err(why) => wrong.push(format!("{}: {why}", case.name)),
        }
    }
    wrong.extend(rest.iter().map(|line| format!("of no case: {line}")));
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n")) }
}

impl Seen {
    /// What the kernel's column of some lines of the table says.
    fn of_kernel(lines: &[&str]) -> Result<Self, String> {
        let mut seen = Self::default();
        for line in lines {
            let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
            let [_, program, kernel, ..] = cells[..] else { return Err(format!("no cells: {line}")) };
            let known = ["after the reboot", "client", "server", "the next"];
            let program = known.into_iter().find(|known| *known == program);
            let program = program.ok_or_else(|| format!("no such program: {line}"))?;
            let notes: Result<Vec<Note>, String> = kernel.split(BETWEEN).map(str::parse).collect();
            seen.add(program, notes?);
        }
        Ok(seen)
    }
}
