//! Runs a case on the real kernel.
#![expect(clippy::disallowed_types, clippy::disallowed_methods, reason = "real processes in real time")]

use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::cases::{Act, Block, Case, Way, Who};
use crate::compare::Seen;
use crate::namespaces::{self, Machine, Switch};
use crate::real;
use crate::script::{Note, PORT};

/// Between the word to the processes and the case's first moment.
const LEAD: Duration = Duration::from_millis(200);

/// Cases that are being set up. None begins before all are: they wait for the same locks of the kernel.
static IN_PREPARATION: AtomicUsize = AtomicUsize::new(0);

/// What the programs of `case` noted.
///
/// # Errors
/// When its machines cannot be made.
pub fn run(switch: &Switch, index: usize, case: &Case) -> Result<Seen, String> {
    let boot = |who| Machine::boot(switch, index, who, case.sysctls, case.knows_neighbour);
    IN_PREPARATION.fetch_add(1, Ordering::SeqCst);
    let prepared = switch.bridge(index).and_then(|()| Lab::new(case, &boot));
    IN_PREPARATION.fetch_sub(1, Ordering::SeqCst);
    let mut lab = prepared?;
    while IN_PREPARATION.load(Ordering::SeqCst) > 0 {
        std::thread::sleep(Duration::from_millis(10));
    }
    lab.begin();
    for (at_ms, act) in case.world.iter().copied().filter(|(at_ms, _)| *at_ms > 0) {
        lab.wait_until(at_ms);
        lab.act(&boot, act)?;
    }
    lab.wait_until(case.until_ms);
    Ok(lab.end(case.until_ms))
}

struct Lab<'a> {
    machines: Vec<(Who, Machine<'a>)>,
    programs: Vec<Program>,
    start: SystemTime,
}

struct Program {
    name: &'static str,
    who: Who,
    child: Child,
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl<'a> Lab<'a> {
    fn new(case: &Case, boot: &impl Fn(Who) -> Result<Machine<'a>, String>) -> Result<Self, String> {
        let mut lab = Self {
            machines: vec![(Who::Client, boot(Who::Client)?), (Who::Server, boot(Who::Server)?)],
            programs: Vec::new(),
            start: UNIX_EPOCH,
        };
        lab.load("server", Who::Server, case.server)?;
        lab.load("client", Who::Client, &format!("at 0; {}", case.client))?;
        for (_, act) in case.world.iter().filter(|(at_ms, _)| *at_ms == 0) {
            lab.act(boot, *act)?;
        }
        Ok(lab)
    }

    fn begin(&mut self) {
        self.start = SystemTime::now() + LEAD;
        self.tell_start();
    }

    /// Tells the programs that wait for it when the start is.
    fn tell_start(&mut self) {
        let start_ns = self.start.duration_since(UNIX_EPOCH).expect("after 1970").as_nanos();
        for program in &mut self.programs {
            if let Some(mut stdin) = program.child.stdin.take() {
                writeln!(stdin, "{start_ns}").expect("it waits for it");
            }
        }
    }

    fn machine(&self, who: Who) -> &Machine<'a> {
        &self.machines.iter().find(|(of, _)| *of == who).expect("it is on").1
    }

    /// Starts a program, which waits for the start.
    fn load(&mut self, name: &'static str, who: Who, line: &str) -> Result<(), String> {
        let own = std::env::current_exe().map_err(|error| error.to_string())?;
        let child = self
            .machine(who)
            .command(&own)
            .args([real::ARGUMENT, Who::Server.address(), line])
            .env("PATH", namespaces::path_with_sbin())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("ip netns exec: {error}"))?;
        self.programs.push(Program { name, who, child });
        Ok(())
    }

    fn wait_until(&self, at_ms: u64) {
        let moment = self.start + Duration::from_millis(at_ms);
        if let Ok(left) = moment.duration_since(SystemTime::now()) {
            std::thread::sleep(left);
        }
    }

    fn act(&mut self, boot: &impl Fn(Who) -> Result<Machine<'a>, String>, act: Act) -> Result<(), String> {
        match act {
            Act::Cut(way) | Act::Join(way) => {
                let cut = matches!(act, Act::Cut(_));
                // A packet is lost where it would have arrived.
                if way != Way::ToClient {
                    self.machine(Who::Server).set_cut(cut)?;
                }
                if way != Way::ToServer {
                    self.machine(Who::Client).set_cut(cut)?;
                }
            }
            Act::Lose(way, after) => {
                let receiver = if way == Way::ToClient { Who::Client } else { Who::Server };
                self.machine(receiver).lose(after)?;
            }
            Act::Block(block) => {
                let statement = match block {
                    Block::Drop => "drop",
                    Block::Reset => "reject with tcp reset",
                    Block::PortUnreachable => "reject with icmpx port-unreachable",
                    Block::AdminProhibited => "reject with icmpx admin-prohibited",
                };
                self.machine(Who::Server).block(PORT, statement)?;
            }
            Act::Unblock => self.machine(Who::Server).unblock()?,
            Act::Abort(who) => self.machine(who).abort_connections()?,
            Act::Exhaust(who) => self.limit_descriptors(who, 1)?,
            Act::Relieve(who) => self.limit_descriptors(who, 1024)?,
            Act::Freeze(who) => {
                self.machine(who).set_cut(true)?;
                self.signal(who, "STOP")?;
            }
            Act::Thaw(who) => {
                self.machine(who).set_cut(false)?;
                self.signal(who, "CONT")?;
            }
            Act::Kill(who) => self.signal(who, "KILL")?,
            Act::Pause(who) => self.signal(who, "STOP")?,
            Act::Resume(who) => self.signal(who, "CONT")?,
            Act::Start(who, line) => {
                self.load("the next", who, line)?;
                self.tell_start();
            }
            Act::PowerOff(who) => {
                self.machine(who).unplug()?;
                self.signal(who, "KILL")?;
                for program in self.programs.iter_mut().filter(|program| program.who == who) {
                    program.child.wait().map_err(|error| error.to_string())?;
                }
                self.machines.retain(|(of, _)| *of != who);
            }
            Act::PowerOn(who, line) => {
                self.machines.push((who, boot(who)?));
                self.load("after the reboot", who, line)?;
                self.tell_start();
            }
        }
        Ok(())
    }

    /// Whether a program gets another file descriptor: not when its limit is below those that it has.
    fn limit_descriptors(&self, who: Who, soft: u32) -> Result<(), String> {
        for program in self.programs.iter().filter(|program| program.who == who) {
            let (pid, limit) = (program.child.id().to_string(), format!("--nofile={soft}:4096"));
            namespaces::run("prlimit", &["--pid", &pid, &limit], "")?;
        }
        Ok(())
    }

    fn signal(&mut self, who: Who, signal: &str) -> Result<(), String> {
        for program in self.programs.iter_mut().filter(|program| program.who == who) {
            // One that is waited for has no number any more.
            if program.child.try_wait().map_err(|error| error.to_string())?.is_none() {
                let pid = program.child.id().to_string();
                let status = Command::new("sh").args(["-c", "kill -$0 $1", signal, &pid]).status();
                status.map_err(|error| error.to_string())?;
            }
        }
        Ok(())
    }

    /// Ends all, and gives what was noted.
    fn end(mut self, until_ms: u64) -> Seen {
        let mut seen = Seen::default();
        for program in &mut self.programs {
            let _ = program.child.kill();
            let mut text = String::new();
            let mut output = program.child.stdout.take().expect("it is piped");
            output.read_to_string(&mut text).expect("programs write text");
            // What came of ending them is no part of the case.
            let notes = text.lines().map(note).filter(|note| note.at_ms < until_ms);
            seen.add(program.name, notes.collect());
        }
        seen
    }
}

fn note(line: &str) -> Note {
    let (at_ms, what) = line.split_once(' ').expect("a moment and a word");
    Note { at_ms: at_ms.parse().expect("milliseconds"), what: what.to_owned() }
}
