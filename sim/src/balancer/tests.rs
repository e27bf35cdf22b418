//! The balancer in a small world: a client, nginx, and servers that behave as a test wants.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;

use bytes::Bytes;
use harness::time::SimTime;
use harness::trace::event::{Event, ProcessEnd};
use harness::trace::{Memory, Recorder};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;
use crate::config::HostsFile;
use crate::config::nginx::{
    Action, Answer, ClientSettings, KeepAlive, Listen, Location, Method, NextUpstream, Part, Proxy, Server,
    ServerName, Template, UpstreamServer, Variable,
};
use crate::disk::Disk;
use crate::engine::Engine;
use crate::host::HostSpec;
use crate::http::{self, Connection, Scheme};
use crate::network::LinkSpec;

/// What a server does with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Answer,
    Status(u16),
    Close,
    Hang,
    Half,
}

fn text(text: &str) -> Template {
    Template { parts: vec![Part::Text(text.to_owned())] }
}

fn variable(variable: Variable) -> Template {
    Template { parts: vec![Part::Variable(variable)] }
}

fn proxy() -> Proxy {
    Proxy {
        upstream: 0,
        tls: false,
        host: "be".to_owned(),
        path: None,
        headers: vec![
            ("Host".to_owned(), variable(Variable::ProxyHost)),
            ("Connection".to_owned(), text("close")),
            ("X-Forwarded-For".to_owned(), variable(Variable::ProxyAddXForwardedFor)),
        ],
        http_1_1: false,
        connect_timeout: Duration::from_secs(60),
        send_timeout: Duration::from_secs(60),
        read_timeout: Duration::from_secs(60),
        next_upstream: NextUpstream::default(),
        next_upstream_tries: 0,
        next_upstream_timeout: Duration::ZERO,
        buffering: true,
        request_buffering: true,
        ignore_client_abort: false,
    }
}

/// Port 80 passes on to two servers.
fn config(proxy: Proxy) -> NginxConfig {
    let server = |last| UpstreamServer {
        address: SocketAddr::from(([10, 0, 0, last], 80)),
        name: None,
        weight: 1,
        max_fails: 1,
        fail_timeout: Duration::from_secs(10),
        max_conns: 0,
        backup: false,
        down: false,
    };
    NginxConfig {
        worker_processes: 1,
        upstreams: vec![nginx::Upstream {
            name: "be".to_owned(),
            servers: vec![server(21), server(22)],
            method: Method::RoundRobin,
            keepalive: None,
            keepalive_limits: KeepAlive::new(Duration::from_secs(60)),
            zone: false,
        }],
        servers: vec![Server {
            listens: vec![Listen { address: None, port: 80, tls: false, default_server: false }],
            names: vec![ServerName::Exact("am.example".to_owned())],
            answer: None,
            locations: vec![Location {
                exact: false,
                path: "/".to_owned(),
                action: Action::Proxy(proxy),
                client: ClientSettings::default(),
            }],
            client: ClientSettings::default(),
        }],
    }
}

struct World {
    engine: Engine,
    memory: Memory,
    seen: Rc<RefCell<Vec<String>>>,
    modes: [Rc<Cell<Mode>>; 2],
}

impl World {
    fn new(config: &NginxConfig) -> Self {
        let spec = |name: &str, last: u8| HostSpec {
            name: name.into(),
            address: IpAddr::from([10, 0, 0, last]),
            names: HostsFile::default(),
            disk: Disk::default(),
        };
        let recorder = Recorder::new();
        let memory = Memory::default();
        recorder.add_sink(memory.clone());
        let hosts = vec![spec("clients", 9), spec("nginx", 5), spec("w1", 21), spec("w2", 22)];
        let engine = Engine::new(1, recorder, LinkSpec::default(), hosts);
        let modes = [Rc::new(Cell::new(Mode::Answer)), Rc::new(Cell::new(Mode::Answer))];
        let seen = Rc::default();
        for (host, mode) in engine.hosts()[2..].iter().zip(&modes) {
            serve(host, Rc::clone(mode), Rc::clone(&seen));
        }
        let node_at = |address: IpAddr| if address.to_string().ends_with("21") { "w1" } else { "w2" }.into();
        start(&engine.hosts()[1], config, node_at, None);
        Self { engine, memory, seen, modes }
    }

    /// Sends requests from now on, one after the other on one connection, and waits for a minute.
    fn ask(&mut self, requests: &[(&'static str, &'static str)]) -> Vec<String> {
        self.ask_for(requests, Duration::from_secs(60))
    }

    fn ask_for(&mut self, requests: &[(&'static str, &'static str)], span: Duration) -> Vec<String> {
        let answers: Rc<RefCell<Vec<String>>> = Rc::default();
        let noted = Rc::clone(&answers);
        let requests = requests.to_vec();
        self.engine.hosts()[0].spawn("client", |process| async move {
            let nginx = SocketAddr::from(([10, 0, 0, 5], 80));
            let mut connection = Connection::open(&process, nginx, Scheme::Http).await.unwrap();
            for (method, target) in requests {
                if !connection.is_open() {
                    connection = Connection::open(&process, nginx, Scheme::Http).await.unwrap();
                }
                let request = ::http::Request::builder()
                    .method(method)
                    .uri(target)
                    .header("host", "am.example")
                    .body(Bytes::new())
                    .unwrap();
                let line = match connection.send((&request).into()).await {
                    Ok(response) => {
                        let status = response.status.as_u16();
                        let location = response.fields.text("location");
                        let location = location.map_or(String::new(), |to| format!(" -> {to}"));
                        match connection.read_body().await {
                            Ok(body) if status == 200 => {
                                format!("200 {}", String::from_utf8_lossy(&body))
                            }
                            Ok(_) => format!("{status}{location}"),
                            Err(_) => format!("{status} broken"),
                        }
                    }
                    Err(error) => http::root_cause(&error),
                };
                noted.borrow_mut().push(line);
            }
            drop(connection);
        });
        self.engine.run_for(span);
        answers.take()
    }

    /// What the balancer recorded since the last look, in short.
    fn events(&self) -> Vec<String> {
        self.memory.clone().into_events().iter().filter_map(short).collect()
    }
}

fn short(event: &Event) -> Option<String> {
    match &event.kind {
        EventKind::UpstreamTried { peer, status, error, retried, .. } => {
            let status = status.map_or(String::new(), |status| format!(" {status}"));
            let error = if error.is_empty() { String::new() } else { format!(" ({error})") };
            Some(format!("{peer}{status}{error}{}", if *retried { ", next" } else { "" }))
        }
        EventKind::PeerMarkedDown { peer, until, .. } => {
            Some(format!("{peer} marked for {}s", until.since(event.at).as_secs_f64().ceil()))
        }
        EventKind::NoLiveUpstreams { .. } => Some("no live upstreams".to_owned()),
        EventKind::Logged { line, .. } => Some(line.to_string()),
        _ => None,
    }
}

/// A server whose mode can be changed between requests; it notes the requests that it reads.
fn serve(host: &Host, mode: Rc<Cell<Mode>>, seen: Rc<RefCell<Vec<String>>>) {
    host.spawn("server", |process| async move {
        let listener = process.listen(80).await.unwrap();
        while let Ok((mut stream, _)) = listener.accept().await {
            let (own, mode, seen) = (process.clone(), Rc::clone(&mode), Rc::clone(&seen));
            let note = move |line: &str| seen.borrow_mut().push(format!("{} {line}", own.host().name()));
            let own = process.clone();
            process.spawn(async move {
                let mut buffer = [0; 2048];
                match mode.get() {
                    Mode::Close => drop(stream),
                    Mode::Hang => {
                        while stream.read(&mut buffer).await.is_ok_and(|count| count > 0) {}
                        note("closed");
                    }
                    Mode::Half => {
                        let _ = stream.read(&mut buffer).await;
                        let half = b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf";
                        let _ = stream.write_all(half).await;
                    }
                    Mode::Answer | Mode::Status(_) => {
                        let _ = http::serve(&own, stream, Scheme::Http, None, |request| {
                            let head = &request.head;
                            let header = |name: &str| head.fields.text(name).unwrap_or("-");
                            note(&format!(
                                "{:?} {} {} host={} for={} connection={}",
                                head.version,
                                head.method,
                                head.target,
                                header("host"),
                                header("x-forwarded-for"),
                                header("connection"),
                            ));
                            let status = if let Mode::Status(status) = mode.get() { status } else { 200 };
                            let name = own.host().name().to_string();
                            async move { http::answer(status, name) }
                        })
                        .await;
                    }
                }
            });
        }
    });
}

#[test]
fn requests_go_round_and_carry_the_headers_of_the_location() {
    let mut world = World::new(&config(proxy()));
    let answers = world.ask(&[("GET", "/a?x=1"), ("GET", "/b"), ("POST", "/c")]);
    assert_eq!(answers, ["200 w1", "200 w2", "200 w1"]);
    assert_eq!(
        world.seen.borrow()[0],
        "w1 HTTP/1.0 GET /a?x=1 host=be for=10.0.0.9 connection=close",
        "as nginx does unless told otherwise"
    );
    assert_eq!(world.events(), ["w1 200", "w2 200", "w1 200"]);
}

#[test]
fn a_path_of_proxy_pass_replaces_that_of_the_location() {
    let mut config = config(Proxy { path: Some("/gw/".to_owned()), ..proxy() });
    config.servers[0].locations[0].path = "/api/".to_owned();
    let mut world = World::new(&config);
    assert_eq!(
        world.ask(&[("GET", "/api/a%20b?x=1"), ("GET", "/api?y"), ("GET", "/other"), ("GET", "/")]),
        ["200 w1", "301 -> http://am.example/api/?y", "404", "403"]
    );
    assert!(world.seen.borrow()[0].contains(" /gw/a%20b?x=1 "), "{:?}", world.seen);
}

#[test]
fn an_answer_of_the_server_block_comes_before_any_location() {
    let mut config = config(proxy());
    config.servers[0].answer = Some(Answer {
        status: 301,
        text: Some(Template {
            parts: vec![
                Part::Text("https://".to_owned()),
                Part::Variable(Variable::ServerName),
                Part::Variable(Variable::RequestUri),
            ],
        }),
        add_query: false,
    });
    let mut world = World::new(&config);
    assert_eq!(world.ask(&[("GET", "/a?b=c")]), ["301 -> https://am.example/a?b=c"]);
}

#[test]
fn a_dead_server_is_passed_over_marked_and_tried_again_later() {
    let mut world = World::new(&config(proxy()));
    world.engine.hosts()[2].processes("server")[0].kill();
    assert_eq!(world.ask_for(&[("GET", "/"); 3], Duration::from_secs(5)), ["200 w2"; 3]);
    assert_eq!(
        world.events(),
        ["w1 (connection refused), next", "w1 marked for 11s", "w2 200", "w2 200", "w2 200"]
    );
    world.engine.run_for(Duration::from_secs(10));
    assert_eq!(world.ask(&[("POST", "/"); 3]), ["200 w2"; 3], "nothing was sent, so a POST moves on too");
    assert_eq!(world.events()[2..4], ["w1 (connection refused), next", "w1 marked for 11s"]);
}

#[test]
fn a_request_that_was_sent_is_passed_on_only_if_it_may_be_repeated() {
    let mut world = World::new(&config(proxy()));
    world.modes[0].set(Mode::Close);
    assert_eq!(world.ask(&[("GET", "/")]), ["200 w2"]);
    assert_eq!(world.ask(&[("POST", "/"); 4]), ["200 w2", "200 w2", "502", "200 w2"]);
    drop(world);
    let bold = NextUpstream { non_idempotent: true, ..NextUpstream::default() };
    let mut world = World::new(&config(Proxy { next_upstream: bold, ..proxy() }));
    world.modes[0].set(Mode::Close);
    assert_eq!(world.ask(&[("POST", "/")]), ["200 w2"]);
}

#[test]
fn when_all_are_out_the_answer_is_502_at_once() {
    let mut world = World::new(&config(proxy()));
    world.modes.iter().for_each(|mode| mode.set(Mode::Close));
    assert_eq!(world.ask_for(&[("GET", "/"); 2], Duration::from_secs(5)), ["502"; 2]);
    assert_eq!(world.events().last().unwrap(), "no live upstreams");
    world.modes.iter().for_each(|mode| mode.set(Mode::Answer));
    assert_eq!(world.ask_for(&[("GET", "/")], Duration::from_secs(6)), ["502"], "the marks stay");
    assert_eq!(world.ask(&[("GET", "/"); 3]), ["200 w2", "200 w2", "200 w1"]);
}

#[test]
fn a_server_that_says_nothing_costs_a_read_timeout_and_then_504() {
    let mut world = World::new(&config(Proxy { read_timeout: Duration::from_secs(20), ..proxy() }));
    world.modes.iter().for_each(|mode| mode.set(Mode::Hang));
    assert_eq!(world.ask_for(&[("GET", "/")], Duration::from_secs(39)), [""; 0]);
    assert_eq!(world.ask_for(&[], Duration::from_secs(2)), [""; 0]);
    let timed_out = "timed out while reading the response header";
    assert_eq!(
        world.events(),
        [
            format!("w1 ({timed_out}), next"),
            "w1 marked for 11s".to_owned(),
            format!("w2 ({timed_out})"),
            "w2 marked for 11s".to_owned(),
        ]
    );
    assert_eq!(*world.seen.borrow(), ["w1 closed", "w2 closed"]);
}

#[test]
fn a_machine_without_power_costs_the_connect_timeout() {
    let mut world = World::new(&config(Proxy { connect_timeout: Duration::from_secs(5), ..proxy() }));
    world.engine.hosts()[2].power_off();
    assert_eq!(world.ask_for(&[("GET", "/")], Duration::from_secs(4)), [""; 0]);
    world.engine.run_for(Duration::from_secs(2));
    assert_eq!(world.events(), ["w1 (timed out while connecting), next", "w1 marked for 11s", "w2 200"]);
}

#[test]
fn an_unwanted_status_is_passed_over_while_another_server_is_left() {
    let next = NextUpstream { statuses: vec![503], ..NextUpstream::default() };
    let mut world = World::new(&config(Proxy { next_upstream: next, ..proxy() }));
    world.modes[0].set(Mode::Status(503));
    assert_eq!(world.ask(&[("GET", "/")]), ["200 w2"]);
    assert_eq!(world.events(), ["w1 503, next", "w1 marked for 11s", "w2 200"]);
    world.modes[1].set(Mode::Status(503));
    assert_eq!(world.ask_for(&[("GET", "/")], Duration::from_secs(1)), ["503"]);
}

#[test]
fn an_answer_that_breaks_after_its_head_reaches_the_client_broken() {
    let mut world = World::new(&config(proxy()));
    world.modes[0].set(Mode::Half);
    assert_eq!(world.ask(&[("GET", "/"), ("GET", "/")]), ["200 broken", "200 w2"]);
    let events = world.events();
    assert!(events[0].starts_with("w1 200 (") && events.len() == 2, "no retry and no mark: {events:?}");
}

#[test]
fn a_client_that_goes_away_takes_its_request_with_it() {
    let mut world = World::new(&config(proxy()));
    world.modes[0].set(Mode::Hang);
    world.ask_for(&[("GET", "/")], Duration::from_secs(3));
    let client = world.engine.hosts()[0].processes("client")[0].clone();
    client.kill();
    world.engine.run_for(Duration::from_secs(1));
    assert_eq!(*world.seen.borrow(), ["w1 closed"]);
    assert_eq!(world.events(), ["w1 (the client closed the connection (499))"]);
}

#[test]
fn a_request_goes_on_without_its_client_if_nginx_is_told_so() {
    let mut world = World::new(&config(Proxy {
        ignore_client_abort: true,
        read_timeout: Duration::from_secs(5),
        ..proxy()
    }));
    world.modes[0].set(Mode::Hang);
    world.ask_for(&[("GET", "/")], Duration::from_secs(3));
    let client = world.engine.hosts()[0].processes("client")[0].clone();
    client.kill();
    world.engine.run_for(Duration::from_secs(10));
    let timed_out = "w1 (timed out while reading the response header), next";
    assert_eq!(world.events(), [timed_out, "w1 marked for 11s", "w2 200"]);
}

#[test]
fn a_body_that_is_too_long_and_a_connection_that_is_not_kept_are_refused() {
    let mut config = config(proxy());
    config.servers[0].locations[0].client.body_bytes_max = Some(3);
    config.servers[0].locations[0].client.keepalive.timeout = Duration::ZERO;
    let world = World::new(&config);
    let seen: Rc<RefCell<Vec<String>>> = Rc::default();
    let noted = Rc::clone(&seen);
    world.engine.hosts()[0].spawn("client", |process| async move {
        let nginx = SocketAddr::from(([10, 0, 0, 5], 80));
        for body in ["abc", "abcd"] {
            let mut stream = process.connect(nginx).await.unwrap();
            let length = body.len();
            let request =
                format!("POST / HTTP/1.1\r\nhost: am.example\r\ncontent-length: {length}\r\n\r\n{body}");
            stream.write_all(request.as_bytes()).await.unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await.unwrap();
            noted.borrow_mut().push(answer.lines().next().unwrap().to_owned());
            assert!(process.now() < SimTime::from_secs(1), "both are closed at once");
        }
    });
    let mut world = world;
    world.engine.run_for(Duration::from_secs(2));
    assert_eq!(*seen.borrow(), ["HTTP/1.1 200 OK", "HTTP/1.1 413 Payload Too Large"]);
}

#[test]
fn kept_connections_carry_the_next_requests() {
    let mut config = config(Proxy { http_1_1: true, ..proxy() });
    config.upstreams[0].keepalive = Some(4);
    let Action::Proxy(proxy) = &mut config.servers[0].locations[0].action else { unreachable!() };
    proxy.headers[1].1 = text("");
    let mut world = World::new(&config);
    assert_eq!(
        world.ask_for(&[("GET", "/"); 4], Duration::from_secs(1)),
        ["200 w1", "200 w2", "200 w1", "200 w2"]
    );
    assert!(world.seen.borrow()[0].starts_with("w1 HTTP/1.1 GET / host=be"));
    let established = |world: &World| world.engine.hosts()[2].processes("server").len();
    assert_eq!(established(&world), 1);
    // A server that restarts has closed its kept connection: nginx sees that and opens another.
    world.engine.hosts()[2].processes("server")[0].kill();
    world.engine.run_for(Duration::from_secs(1));
    let host = world.engine.hosts()[2].clone();
    serve(&host, Rc::clone(&world.modes[0]), Rc::clone(&world.seen));
    world.engine.run_for(Duration::from_secs(1));
    assert_eq!(world.ask(&[("GET", "/"); 2]), ["200 w1", "200 w2"]);
    assert!(world.events().iter().all(|event| event.ends_with(" 200")));
}

#[test]
fn it_lets_requests_finish_when_it_is_asked_to_stop() {
    let mut world = World::new(&config(Proxy { read_timeout: Duration::from_secs(4), ..proxy() }));
    world.modes[0].set(Mode::Hang);
    world.ask_for(&[("GET", "/")], Duration::from_secs(2));
    let nginx = world.engine.hosts()[1].processes(PROCESS)[0].clone();
    nginx.request_stop();
    world.engine.run_for(Duration::from_secs(1));
    assert!(nginx.is_alive(), "a request runs");
    world.engine.run_for(Duration::from_secs(2));
    assert!(!nginx.is_alive());
    let ended = |event: &Event| matches!(&event.kind, EventKind::ProcessEnded { process, why: ProcessEnd::Stopped } if &**process == PROCESS);
    let events = world.memory.clone().into_events();
    let tried: Vec<_> = events.iter().filter_map(short).collect();
    assert_eq!(tried.last().unwrap(), "w2 200", "the request moved on and was answered: {tried:?}");
    assert!(events.iter().any(ended));
}

#[test]
fn an_idle_connection_does_not_hold_up_a_stop() {
    let mut world = World::new(&config(proxy()));
    let host = world.engine.hosts()[0].clone();
    host.spawn("idle", |process| async move {
        let nginx = SocketAddr::from(([10, 0, 0, 5], 80));
        let _stream = process.connect(nginx).await.unwrap();
        process.sleep(Duration::from_secs(30)).await;
    });
    world.engine.run_for(Duration::from_secs(1));
    let nginx = world.engine.hosts()[1].processes(PROCESS)[0].clone();
    nginx.request_stop();
    world.engine.run_for(Duration::from_millis(10));
    assert!(!nginx.is_alive());
}

#[test]
fn a_client_may_be_idle_for_75_seconds_and_before_its_first_request_for_60() {
    let world = World::new(&config(proxy()));
    let ends: Rc<RefCell<Vec<u64>>> = Rc::default();
    for (name, asks) in [("silent", false), ("idle", true)] {
        let ends = Rc::clone(&ends);
        world.engine.hosts()[0].spawn(name, move |process| async move {
            let mut stream = process.connect(([10, 0, 0, 5], 80).into()).await.unwrap();
            if asks {
                stream.write_all(b"GET / HTTP/1.1\r\nhost: am.example\r\n\r\n").await.unwrap();
            }
            while stream.read(&mut [0; 512]).await.is_ok_and(|count| count > 0) {}
            ends.borrow_mut().push(process.now().as_millis() / 1000);
        });
    }
    let mut world = world;
    world.engine.run_until(SimTime::from_secs(100));
    assert_eq!(*ends.borrow(), [60, 75]);
}

#[test]
fn a_connection_carries_at_most_a_thousand_requests() {
    let mut world = World::new(&config(proxy()));
    let closed_at: Rc<Cell<u32>> = Rc::default();
    let noted = Rc::clone(&closed_at);
    world.engine.hosts()[0].spawn("busy", |process| async move {
        let nginx = SocketAddr::from(([10, 0, 0, 5], 80));
        let mut connection = Connection::open(&process, nginx, Scheme::Http).await.unwrap();
        for count in 1.. {
            let request = ::http::Request::builder().header("host", "am.example").body(Bytes::new()).unwrap();
            let response = connection.send((&request).into()).await.unwrap();
            let closes = response.fields.text("connection").is_some();
            connection.read_body().await.unwrap();
            if closes {
                noted.set(count);
                return;
            }
        }
    });
    world.engine.run_for(Duration::from_secs(60));
    assert_eq!(closed_at.get(), 1000);
}

#[test]
fn a_port_that_is_taken_keeps_nginx_from_starting() {
    let mut world = World::new(&config(proxy()));
    world.engine.run_for(Duration::from_secs(1));
    let second = start(&world.engine.hosts()[1], &config(proxy()), |_| "w1".into(), None);
    world.engine.run_for(Duration::from_secs(5));
    assert!(!second.is_alive());
    assert_eq!(world.events().len(), 6);
    assert_eq!(world.ask(&[("GET", "/")]), ["200 w1"]);
}

#[test]
fn with_the_planted_bug_a_dead_server_is_asked_again_and_again() {
    let mut world = World::new(&config(proxy()));
    world.engine.hosts()[1].processes(PROCESS)[0].kill();
    world.engine.hosts()[2].processes("server")[0].kill();
    let planted = Some(PlantedBug::BalancerKeepsSendingToDeadNodes);
    let node_at = |address: IpAddr| if address.to_string().ends_with("21") { "w1" } else { "w2" }.into();
    start(&world.engine.hosts()[1], &config(proxy()), node_at, planted);
    world.engine.run_for(Duration::from_secs(1));
    assert_eq!(world.ask(&[("GET", "/"); 3]), ["502", "200 w2", "502"]);
    assert!(world.events().iter().all(|event| !event.contains("marked")));
}

#[test]
fn a_head_request_and_an_empty_answer_pass_through() {
    let mut world = World::new(&config(proxy()));
    world.modes[1].set(Mode::Status(204));
    assert_eq!(world.ask(&[("HEAD", "/"), ("GET", "/"), ("GET", "/")]), ["200 ", "204", "200 w1"]);
}

#[test]
fn the_end_of_the_world_is_no_event() {
    let mut world = World::new(&config(proxy()));
    world.modes[0].set(Mode::Hang);
    world.ask_for(&[("GET", "/")], Duration::from_secs(3));
    let memory = world.memory.clone();
    world.events();
    drop(world);
    assert_eq!(memory.into_events(), []);
}
