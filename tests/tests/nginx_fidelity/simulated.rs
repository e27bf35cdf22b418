//! Runs a case with the modelled balancer.

use std::cell::{Cell, RefCell};
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use harness::trace::event::Event;
use harness::trace::{EventKind, Memory, NodeName, Recorder};
use libtest_mimic::Failed;
use sim::balancer;
use sim::config::{HostsFile, nginx};
use sim::disk::Disk;
use sim::engine::Engine;
use sim::host::{Host, HostSpec};
use sim::network::{LinkSpec, TcpStream};
use sim::planted::PlantedBug;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::script::{self, Ask, CLIENT, Case, HALF, Mode, SERVERS, Step, name_of};

const NGINX: SocketAddr = SocketAddr::new(IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 5)), 80);
/// No request takes longer.
const PATIENCE: Duration = Duration::from_secs(300);

struct World {
    engine: Engine,
    memory: Memory,
    modes: Vec<Rc<Cell<Mode>>>,
    connections: Rc<RefCell<[usize; SERVERS]>>,
}

/// What a client got, once its connection has ended.
type Got = Rc<RefCell<Option<Vec<u8>>>>;

/// The lines to compare.
pub fn run(case: &Case, planted: Option<PlantedBug>) -> Result<Vec<String>, Failed> {
    let mut world = World::new(case, planted)?;
    let mut lines = Vec::new();
    let mut beside: Vec<(usize, Ask, Got, Vec<String>)> = Vec::new();
    let mut id = 0;
    for step in case.steps() {
        match step {
            Step::Repeat(..) => unreachable!("written out"),
            Step::Wait(ms) => {
                world.engine.run_for(Duration::from_millis(ms));
                // Only a request that goes on beside can have had another try meanwhile.
                if let Some((_, _, _, tried)) = beside.last_mut() {
                    tried.append(&mut world.tried());
                }
            }
            Step::Set(server, mode) => world.set(server, mode),
            Step::Ask(ask) => {
                id += 1;
                let got = world.begin(id, ask, None);
                let bytes = world.finish(&got)?;
                lines.push(script::line(id, &ask, &script::outcome(&ask, &bytes), &world.tried()));
            }
            Step::Begin(ask) => {
                id += 1;
                let got = world.begin(id, ask, None);
                world.engine.run_for(Duration::from_millis(100));
                beside.push((id, ask, got, world.tried()));
            }
            Step::Leave(ask, ms) => {
                id += 1;
                let got = world.begin(id, ask, Some(Duration::from_millis(ms)));
                world.engine.run_for(Duration::from_millis(ms + 100));
                beside.push((id, ask, got, world.tried()));
            }
        }
    }
    for (id, ask, got, mut tried) in beside {
        let bytes = world.finish(&got)?;
        tried.append(&mut world.tried());
        lines.push(script::line(id, &ask, &script::outcome(&ask, &bytes), &tried));
    }
    lines.push(format!("connections: {:?}", world.connections.borrow()));
    Ok(lines)
}

impl World {
    fn new(case: &Case, planted: Option<PlantedBug>) -> Result<Self, Failed> {
        let spec = |name: &str, address: IpAddr| HostSpec {
            name: name.into(),
            address,
            names: HostsFile::default(),
            disk: Disk::default(),
        };
        let recorder = Recorder::new();
        let memory = Memory::default();
        recorder.add_sink(memory.clone());
        let mut hosts = vec![spec("client", CLIENT.parse()?), spec("nginx", NGINX.ip())];
        hosts.extend((0..SERVERS).map(|server| spec(&name_of(server), address_of(server))));
        let nodes: Vec<(NodeName, IpAddr)> =
            hosts.iter().map(|host| (host.name.clone(), host.address)).collect();
        let text = format!("events {{ }}\nhttp {{\n{}\n}}\n", case.conf);
        let parsed = nginx::parse(&text, &HostsFile::default(), NGINX.ip(), &nodes);
        let (config, _) = parsed.map_err(|findings| format!("{:?}", findings.iter().collect::<Vec<_>>()))?;
        let engine = Engine::new(1, recorder, LinkSpec::default(), hosts);
        let node_at = |address| {
            let node = nodes.iter().find(|(_, node)| *node == address);
            node.map_or_else(|| "nobody".into(), |(name, _)| name.clone())
        };
        balancer::start(&engine.hosts()[1], &config, node_at, planted);
        let modes = (0..SERVERS).map(|_| Rc::new(Cell::new(Mode::Answer(200)))).collect();
        let mut world = Self { engine, memory, modes, connections: Rc::default() };
        for server in 0..SERVERS {
            world.set(server, Mode::Answer(200));
        }
        Ok(world)
    }

    fn set(&mut self, server: usize, mode: Mode) {
        self.modes[server].set(mode);
        let host = self.engine.hosts()[2 + server].clone();
        if mode == Mode::Silent {
            host.power_off();
            return;
        }
        let running = host.processes("server");
        match running.first() {
            Some(process) if mode == Mode::Refuse => process.kill(),
            None if mode != Mode::Refuse => {
                serve(&host, server, Rc::clone(&self.modes[server]), Rc::clone(&self.connections));
            }
            _ => {}
        }
        self.engine.run_for(Duration::from_millis(10));
    }

    fn begin(&mut self, id: usize, ask: Ask, leaves: Option<Duration>) -> Got {
        let got = Got::default();
        let noted = Rc::clone(&got);
        self.engine.hosts()[0].spawn("client", |process| async move {
            let mut stream = process.connect(NGINX).await.expect("nginx listens");
            stream.write_all(&ask.bytes(id)).await.expect("nginx reads");
            let reading = async {
                let mut bytes = Vec::new();
                // What came before a reset is what the client saw.
                let _ = stream.read_to_end(&mut bytes).await;
                bytes
            };
            let bytes = match leaves {
                Some(span) => process.timeout(span, reading).await.unwrap_or_default(),
                None => reading.await,
            };
            noted.replace(Some(bytes));
        });
        got
    }

    fn finish(&mut self, got: &Got) -> Result<Vec<u8>, Failed> {
        let until = self.engine.now() + PATIENCE;
        while got.borrow().is_none() {
            if self.engine.now() > until {
                return Err("a request of the model has no end".into());
            }
            self.engine.run_for(Duration::from_millis(1));
        }
        Ok(got.take().unwrap_or_default())
    }

    /// The attempts since the last look, as nginx's log writes them.
    fn tried(&self) -> Vec<String> {
        self.memory.clone().into_events().iter().filter_map(attempt).collect()
    }
}

fn attempt(event: &Event) -> Option<String> {
    match &event.kind {
        EventKind::UpstreamTried { peer, status: Some(status), .. } => Some(format!("{peer} {status}")),
        EventKind::UpstreamTried { peer, error, .. } => {
            let status = match error {
                error if error.contains("499") => "-",
                error if error.starts_with("timed out") => "504",
                _ => "502",
            };
            Some(format!("{peer} {status}"))
        }
        EventKind::NoLiveUpstreams { upstream } => Some(format!("{upstream} 502")),
        _ => None,
    }
}

fn address_of(server: usize) -> IpAddr {
    let last = u8::try_from(21 + server).expect("a few servers");
    IpAddr::from([10, 0, 0, last])
}

fn serve(host: &Host, server: usize, mode: Rc<Cell<Mode>>, connections: Rc<RefCell<[usize; SERVERS]>>) {
    host.spawn("server", move |process| async move {
        let listener = process.listen(80).await.expect("the port is free");
        while let Ok((stream, _)) = listener.accept().await {
            connections.borrow_mut()[server] += 1;
            let mode = Rc::clone(&mode);
            process.spawn(async move {
                // The client's end of a connection is the client's business.
                let _ = talk(stream, server, mode.get()).await;
            });
        }
    });
}

async fn talk(mut stream: TcpStream, server: usize, mode: Mode) -> std::io::Result<()> {
    if matches!(mode, Mode::Close) {
        return Ok(());
    }
    loop {
        let mut request = Vec::new();
        let mut buffer = [0; 4096];
        while !script::is_whole_request(&request) {
            let count = stream.read(&mut buffer).await?;
            if count == 0 {
                return Ok(());
            }
            request.extend_from_slice(&buffer[..count]);
        }
        match mode {
            Mode::Answer(status) => {
                let text = String::from_utf8_lossy(&request);
                let head = text.split("\r\n\r\n").next().unwrap_or("");
                let (answer, keeps) = script::reply(server, status, head);
                stream.write_all(&answer).await?;
                if !keeps {
                    return Ok(());
                }
            }
            Mode::Silent | Mode::Refuse | Mode::Close | Mode::CloseAfterRead => return Ok(()),
            Mode::Half => return stream.write_all(HALF).await,
            Mode::Hang => {}
            Mode::HalfThenHang => stream.write_all(HALF).await?,
        }
    }
}
