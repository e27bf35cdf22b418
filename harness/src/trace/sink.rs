//! Where events go.

use std::cell::RefCell;
use std::io::{self, Write};
use std::rc::Rc;

use super::Event;
use super::uses::Uses;

/// Takes each event of a run, in order.
pub trait Sink {
    /// Takes one event.
    ///
    /// # Errors
    /// What the place it writes to answers; the run then goes on without this sink, and says so.
    fn take(&mut self, event: &Event) -> io::Result<()>;

    /// Where it wants to be told what the cluster uses, beside the events; most want no such thing.
    fn uses(&self) -> Option<Uses> {
        None
    }
}

impl Sink for Box<dyn Sink> {
    fn take(&mut self, event: &Event) -> io::Result<()> {
        (**self).take(event)
    }

    fn uses(&self) -> Option<Uses> {
        (**self).uses()
    }
}

/// Keeps all events: for tests, and for commands that look at a trace from several sides.
#[derive(Debug, Clone, Default)]
pub struct Memory(Rc<RefCell<Vec<Event>>>);

impl Memory {
    /// Takes out what was kept.
    pub fn into_events(self) -> Vec<Event> {
        self.0.take()
    }
}

impl Sink for Memory {
    fn take(&mut self, event: &Event) -> io::Result<()> {
        self.0.borrow_mut().push(event.clone());
        Ok(())
    }
}

/// Writes one JSON object a line. The first line says the format's version.
#[derive(Debug)]
pub struct JsonLines<W: Write> {
    out: W,
    line: Vec<u8>,
}

impl<W: Write> JsonLines<W> {
    /// Begins a trace with its header line.
    ///
    /// # Errors
    /// What `out` answers.
    pub fn new(mut out: W) -> io::Result<Self> {
        writeln!(out, "{{\"schema_version\":{}}}", super::SCHEMA_VERSION)?;
        Ok(Self { out, line: Vec::new() })
    }

    /// Ends the trace: everything is with the writer below.
    ///
    /// # Errors
    /// What the writer answers.
    pub fn finish(mut self) -> io::Result<W> {
        self.out.flush()?;
        Ok(self.out)
    }
}

impl<W: Write> Sink for JsonLines<W> {
    fn take(&mut self, event: &Event) -> io::Result<()> {
        self.line.clear();
        serde_json::to_writer(&mut self.line, event).expect("an event is always JSON");
        self.line.push(b'\n');
        self.out.write_all(&self.line)
    }
}
