//! Runs a case on simulated hosts.

use std::cell::RefCell;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use harness::time::SimTime;
use harness::trace::Recorder;
use sim::config::HostsFile;
use sim::disk::Disk;
use sim::engine::Engine;
use sim::host::{Host, HostSpec};
use sim::network::{FirewallAction, FirewallRule, LinkSpec, TcpListener, TcpSettings, TcpStream};
use sim::process::Process;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::cases::{Act, Block, Case, Way, Who};
use crate::compare::Seen;
use crate::script::{self, Note, PORT, Received, Step, Stop, name_of};

/// About what a pair of veth takes.
const LATENCY: Duration = Duration::from_micros(25);

/// What the programs of `case` noted.
pub fn run(case: &Case) -> Seen {
    let spec = |who: Who| HostSpec {
        name: who.address().into(),
        address: IpAddr::V4(address(who)),
        names: HostsFile::default(),
        disk: Disk::default(),
    };
    let link = LinkSpec { latency: LATENCY, bandwidth: None, ..LinkSpec::default() };
    let mut engine = Engine::new(1, Recorder::new(), link, vec![spec(Who::Client), spec(Who::Server)]);
    engine.set_tcp(settings(case));
    let mut programs = Vec::new();
    programs.push(start(&engine, "server", Who::Server, case.server));
    for (_, act) in case.world.iter().filter(|(at_ms, _)| *at_ms == 0) {
        perform(&mut engine, &mut programs, *act);
    }
    programs.push(start(&engine, "client", Who::Client, case.client));
    for (at_ms, act) in case.world.iter().filter(|(at_ms, _)| *at_ms > 0) {
        engine.run_until(SimTime::from_millis(*at_ms));
        perform(&mut engine, &mut programs, *act);
    }
    engine.run_until(SimTime::from_millis(case.until_ms));
    let mut seen = Seen::default();
    for program in programs {
        seen.add(program.name, program.notes.borrow().clone());
    }
    seen
}

struct Running {
    name: &'static str,
    process: Process,
    notes: Rc<RefCell<Vec<Note>>>,
}

fn address(who: Who) -> Ipv4Addr {
    who.address().parse().expect("an address")
}

fn host(engine: &Engine, who: Who) -> Host {
    let index = match who {
        Who::Client => 0,
        Who::Server => 1,
    };
    engine.hosts()[index].clone()
}

fn settings(case: &Case) -> TcpSettings {
    let mut settings = TcpSettings::default();
    for &(key, value) in case.sysctls {
        let value = value as u32;
        match key {
            "tcp_syn_retries" => settings.syn_retries = value,
            "tcp_syn_linear_timeouts" => settings.syn_linear_timeouts = value,
            "tcp_retries2" => settings.retries2 = value,
            _ => panic!("{key} is no setting of the model"),
        }
    }
    settings
}

fn perform(engine: &mut Engine, programs: &mut Vec<Running>, act: Act) {
    let (client, server) = (host(engine, Who::Client), host(engine, Who::Server));
    let on = |who| programs.iter().filter(move |program| program.process.host().address() == address(who));
    match act {
        Act::Cut(way) => {
            if way != Way::ToClient {
                engine.cut(&client, &server);
            }
            if way != Way::ToServer {
                engine.cut(&server, &client);
            }
        }
        Act::Join(way) => {
            if way != Way::ToClient {
                engine.join(&client, &server);
            }
            if way != Way::ToServer {
                engine.join(&server, &client);
            }
        }
        Act::Lose(Way::ToClient, after) => engine.lose_one(&server, &client, after),
        Act::Lose(_, after) => engine.lose_one(&client, &server, after),
        Act::Block(block) => engine.block(&server, rule(block)),
        Act::Unblock => engine.open_firewall(&server),
        Act::Abort(_) => {
            engine.reset_connections(&client, &server);
        }
        Act::Exhaust(who) => on(who).for_each(|program| program.process.set_out_of_descriptors(true)),
        Act::Relieve(who) => on(who).for_each(|program| program.process.set_out_of_descriptors(false)),
        Act::Freeze(who) => host(engine, who).freeze(),
        Act::Thaw(who) => host(engine, who).thaw(true),
        Act::Kill(who) => on(who).for_each(|program| program.process.kill()),
        Act::Pause(who) => on(who).for_each(|program| program.process.pause()),
        Act::Resume(who) => on(who).for_each(|program| program.process.resume()),
        Act::PowerOff(who) => host(engine, who).power_off(),
        Act::Start(who, line) => programs.push(start(engine, "the next", who, line)),
        Act::PowerOn(who, line) => {
            host(engine, who).power_on();
            programs.push(start(engine, "after the reboot", who, line));
        }
    }
}

fn rule(block: Block) -> FirewallRule {
    let action = match block {
        Block::Drop => FirewallAction::Drop,
        Block::Reset => FirewallAction::Reset,
        Block::PortUnreachable => FirewallAction::PortUnreachable,
        Block::AdminProhibited => FirewallAction::AdminProhibited,
    };
    FirewallRule { port: PORT, action }
}

fn start(engine: &Engine, name: &'static str, who: Who, line: &str) -> Running {
    let notes: Rc<RefCell<Vec<Note>>> = Rc::default();
    let (noted, steps) = (Rc::clone(&notes), script::steps(line));
    let process = host(engine, who).spawn(name, |process| async move {
        let mut program = Program { process, listener: None, stream: None };
        for step in steps {
            if let Some(what) = program.take(step).await {
                noted.borrow_mut().push(Note { at_ms: program.process.now().as_millis(), what });
            }
        }
        std::future::pending::<()>().await;
    });
    Running { name, process, notes }
}

struct Program {
    process: Process,
    listener: Option<TcpListener>,
    stream: Option<TcpStream>,
}

impl Program {
    async fn take(&mut self, step: Step) -> Option<String> {
        match step {
            Step::At(at_ms) => {
                self.process.sleep_until(SimTime::from_millis(at_ms)).await;
                None
            }
            Step::Listen => match self.process.listen(PORT).await {
                Ok(listener) => {
                    self.listener = Some(listener);
                    None
                }
                Err(error) => Some(name_of(&error)),
            },
            Step::Accept => {
                let accepted = self.listener.as_ref()?.accept().await;
                Some(self.keep(accepted.map(|(stream, _)| stream), "accepted"))
            }
            Step::Connect => {
                let connected = self.process.connect(SocketAddr::from((address(Who::Server), PORT))).await;
                Some(self.keep(connected, "connected"))
            }
            Step::Write(bytes) => {
                let written = self.stream.as_mut()?.write(&vec![0; bytes]).await;
                Some(written.map_or_else(|error| name_of(&error), |bytes| format!("wrote {bytes}")))
            }
            Step::Stream(pieces, bytes, every_ms) => self.stream(pieces, bytes, every_ms).await,
            Step::Read(bytes) => self.read(bytes).await,
            Step::ReadAll => self.read(usize::MAX).await,
            Step::Shutdown => {
                let said = self.stream.as_mut()?.shutdown().await;
                Some(said.map_or_else(|error| name_of(&error), |()| "shut down".to_owned()))
            }
            Step::Close => {
                self.stream.take()?;
                Some("closed".to_owned())
            }
        }
    }

    fn keep(&mut self, stream: std::io::Result<TcpStream>, what: &str) -> String {
        match stream {
            Ok(stream) => {
                self.stream = Some(stream);
                what.to_owned()
            }
            Err(error) => name_of(&error),
        }
    }

    async fn stream(&mut self, pieces: usize, bytes: usize, every_ms: u64) -> Option<String> {
        let (first, piece) = (self.process.now(), vec![0; bytes]);
        for index in 0..pieces {
            let moment = first + Duration::from_millis(index as u64 * every_ms);
            self.process.sleep_until(moment).await;
            if let Err(error) = self.stream.as_mut()?.write_all(&piece).await {
                return Some(name_of(&error));
            }
        }
        Some(format!("wrote {}", pieces * bytes))
    }

    async fn read(&mut self, wanted: usize) -> Option<String> {
        let stream = self.stream.as_mut()?;
        let (mut received, mut buffer) = (Received::default(), vec![0; 64 * 1024]);
        loop {
            let room = buffer.len().min(wanted - received.bytes);
            let why = match stream.read(&mut buffer[..room]).await {
                Ok(0) => Stop::End,
                Ok(count) => {
                    received.bytes += count;
                    if received.bytes < wanted {
                        continue;
                    }
                    Stop::Enough
                }
                Err(error) => Stop::Error(name_of(&error)),
            };
            return Some(received.ended(why));
        }
    }
}
