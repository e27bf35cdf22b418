//! How fast the engine is, against its two references in one run:
//!
//! - `turmoil::Sim` running the same cluster: client, balancer, two workers, one request a second for 600
//!   simulated seconds. Aim: at least 150 times faster.
//! - hyper alone over `tokio::io::duplex` with the same two hops, in CPU time a request. Aim: at most twice that.
//! - 100 workers at 10 requests a second. Aim: at least 1,000 times real time.
//!
//! The programs do the same everywhere: each hop opens a connection for each request, as the documented nginx does
//! towards its upstream servers. On this engine they speak HTTP with its own `http`, elsewhere with hyper.

use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use harness::time::SimTime;
use harness::trace::{NodeName, Recorder};
use http_body_util::{BodyExt, Full};
use hyper::Response;
use hyper::service::service_fn;
use sim::config::{HostsFile, nginx};
use sim::disk::Disk;
use sim::engine::Engine;
use sim::host::{Host, HostSpec};
use sim::http::{Connection, Scheme, serve};
use sim::network::LinkSpec;
use sim::process::Process;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// As the command's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const LATENCY: Duration = Duration::from_millis(1);
const PORT: u16 = 80;
/// CPU time may be accounted by ticks of 4 ms, which is as long as this engine needs for what turmoil is asked to do.
const REPEATS: u32 = 50;

fn main() {
    // For a profiler: one side alone, 2,000 requests.
    match std::env::args().nth(1).as_deref() {
        Some("engine") => return on_engine(Between::Plain, 2, 10, 200),
        Some("nginx") => return on_engine(Between::Nginx, 2, 10, 2000),
        Some("duplex") => return on_duplex(2000),
        _ => {}
    }
    let requests = 600;
    println!("client -> balancer -> 2 workers, 1 request/s, {requests} simulated seconds");
    let often = || (0..REPEATS).for_each(|_| on_engine(Between::Plain, 2, 1, requests));
    let engine = best_of(5, often) / f64::from(REPEATS);
    let turmoil = best_of(3, || on_turmoil(requests));
    println!("  this engine     {:>10.2} ms CPU", engine * 1e3);
    println!("  turmoil::Sim    {:>10.2} ms CPU", turmoil * 1e3);
    println!("  ratio           {:>10.0} times faster than turmoil (aim: at least 150)", turmoil / engine);

    let requests = 20_000;
    println!("\nCPU time a request, {requests} requests, two hops, a connection a hop");
    let floor = best_of(5, || on_duplex(requests)) / f64::from(requests);
    let engine = best_of(5, || on_engine(Between::Plain, 2, 10, requests / 10)) / f64::from(requests);
    let nginx = best_of(5, || on_engine(Between::Nginx, 2, 10, requests / 10)) / f64::from(requests);
    println!("  hyper on duplex {:>10.2} us", floor * 1e6);
    println!("  this engine     {:>10.2} us", engine * 1e6);
    println!("  ratio           {:>10.2} times the floor (aim: at most 2)", engine / floor);
    println!(
        "  with nginx      {:>10.2} us, its routing, its marks and its events in the trace included",
        nginx * 1e6
    );

    let seconds = 600;
    println!("\n100 workers, 10 requests/s, {seconds} simulated seconds");
    let engine = best_of(3, || on_engine(Between::Plain, 100, 10, seconds));
    println!("  this engine     {:>10.2} ms CPU", engine * 1e3);
    println!("  ratio           {:>10.0} times real time (aim: at least 1000)", f64::from(seconds) / engine);
}

/// The least CPU time in seconds of so many runs.
fn best_of(runs: u32, mut run: impl FnMut()) -> f64 {
    let measure = |_| {
        let before = cpu_seconds();
        run();
        cpu_seconds() - before
    };
    (0..runs).map(measure).fold(f64::INFINITY, f64::min)
}

/// CPU time of this thread, which is where everything runs.
fn cpu_seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux says it");
    let nanos: u64 = text.split(' ').next().and_then(|word| word.parse().ok()).expect("its first number");
    nanos as f64 / 1e9
}

// The programs: a worker answers, the balancer passes on to its workers in turn, the client asks.

async fn serve_worker(io: impl hyper::rt::Read + hyper::rt::Write + Unpin) {
    let service =
        service_fn(|_| async { Ok::<_, Infallible>(Response::new(Full::new(Bytes::from_static(b"pizza")))) });
    let _ = server().serve_connection(io, service).await;
}

async fn serve_balancer<F>(io: impl hyper::rt::Read + hyper::rt::Write + Unpin, pass_on: impl Fn() -> F)
where
    F: Future<Output = Bytes>,
{
    let service = service_fn(|_| {
        let answer = pass_on();
        async { Ok::<_, Infallible>(Response::new(Full::new(answer.await))) }
    });
    let _ = server().serve_connection(io, service).await;
}

fn server() -> hyper::server::conn::http1::Builder {
    let mut server = hyper::server::conn::http1::Builder::new();
    server.auto_date_header(false).header_read_timeout(None);
    server
}

/// What the client and the balancer send.
fn request() -> http::Request<Bytes> {
    let head = http::Request::builder().uri("/pizza/1.0.0/menu");
    let head = head.header("host", "am.wso2.com").header("connection", "close");
    head.body(Bytes::new()).expect("it is valid")
}

async fn ask<I>(io: I, spawn: impl FnOnce(Pin<Box<dyn Future<Output = ()>>>)) -> Bytes
where
    I: hyper::rt::Read + hyper::rt::Write + Unpin + 'static,
{
    let (mut sender, connection) = hyper::client::conn::http1::handshake(io).await.expect("no bytes yet");
    spawn(Box::pin(async {
        let _ = connection.await;
    }));
    let response = sender.send_request(request().map(Full::new)).await.expect("nothing fails here");
    response.into_body().collect().await.expect("nothing fails here").to_bytes()
}

// On this engine.

/// Who stands between the client and the workers.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Between {
    /// The program that runs on the other engines, too.
    Plain,
    /// The modelled nginx, as the guide configures it, without TLS.
    Nginx,
}

fn start_nginx(host: &Host, workers: u8) {
    let servers: String =
        (0..workers).map(|worker| format!("server 10.0.0.{}:{PORT};", worker + 3)).collect();
    let text = format!(
        "events {{ }} http {{ upstream gw {{ {servers} }} server {{ listen {PORT}; server_name am.wso2.com; location / {{
            proxy_set_header X-Forwarded-Host $host;
            proxy_set_header X-Forwarded-Server $host;
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
            proxy_set_header Host $http_host;
            proxy_pass http://gw;
        }} }} }}"
    );
    let nodes: Vec<_> =
        (3..workers + 3).map(|last| (NodeName::from("worker"), IpAddr::from([10, 0, 0, last]))).collect();
    let parsed = nginx::parse(&text, &HostsFile::default(), host.address(), &nodes);
    let (config, _) = parsed.expect("it is the guide's");
    sim::balancer::start(host, &config, |_| "worker".into(), None);
}

async fn ask_on_engine(process: &Process, server: SocketAddr) -> Bytes {
    let mut connection = Connection::open(process, server, Scheme::Http).await.expect("it listens");
    connection.send((&request()).into()).await.expect("nothing fails here");
    connection.read_body().await.expect("nothing fails here")
}

fn start_plain(host: &Host, workers: u8) {
    host.spawn("balancer", move |process| async move {
        let listener = process.listen(PORT).await.expect("the port is free");
        let turn = Rc::new(Cell::new(0));
        while let Ok((stream, _)) = listener.accept().await {
            let (own, turn) = (process.clone(), Rc::clone(&turn));
            process.spawn(async move {
                let served = serve(&own, stream, Scheme::Http, None, |_| async {
                    turn.set((turn.get() + 1) % workers);
                    let worker = SocketAddr::from(([10, 0, 0, turn.get() + 3], PORT));
                    sim::http::answer(200, ask_on_engine(&own, worker).await)
                });
                let _ = served.await;
            });
        }
    });
}

fn on_engine(between: Between, workers: u8, per_second: u32, seconds: u32) {
    let spec = |last: u8| HostSpec {
        name: format!("host{last}").into(),
        address: IpAddr::from([10, 0, 0, last]),
        names: HostsFile::default(),
        disk: Disk::default(),
    };
    let link = LinkSpec { latency: LATENCY, bandwidth: None, ..LinkSpec::default() };
    let hosts = (1..=workers + 2).map(spec).collect();
    let mut engine = Engine::new(1, Recorder::new(), link, hosts);
    for host in &engine.hosts()[2..] {
        host.spawn("worker", |process| async move {
            let listener = process.listen(PORT).await.expect("the port is free");
            while let Ok((stream, _)) = listener.accept().await {
                let own = process.clone();
                process.spawn(async move {
                    let answer = |_| async { sim::http::answer(200, "pizza") };
                    let _ = serve(&own, stream, Scheme::Http, None, answer).await;
                });
            }
        });
    }
    match between {
        Between::Plain => start_plain(&engine.hosts()[1], workers),
        Between::Nginx => start_nginx(&engine.hosts()[1], workers),
    }
    let answered = Rc::new(Cell::new(0));
    let count = Rc::clone(&answered);
    engine.hosts()[0].spawn("client", move |process| async move {
        for request in 0..per_second * seconds {
            let at = SimTime::from_nanos(u64::from(request) * 1_000_000_000 / u64::from(per_second));
            process.sleep_until(at + Duration::from_millis(10)).await;
            ask_on_engine(&process, SocketAddr::from(([10, 0, 0, 2], PORT))).await;
            count.set(count.get() + 1);
        }
    });
    engine.run_until(SimTime::from_secs(u64::from(seconds) + 1));
    assert_eq!(answered.get(), per_second * seconds);
}

// On turmoil.

fn on_turmoil(seconds: u32) {
    let mut sim = turmoil::Builder::new()
        .simulation_duration(Duration::from_secs(u64::from(seconds) + 10))
        .min_message_latency(LATENCY)
        .max_message_latency(LATENCY)
        .build();
    for name in ["worker0", "worker1"] {
        sim.host(name, || async {
            let listener = turmoil::net::TcpListener::bind((Ipv4Addr::UNSPECIFIED, PORT)).await?;
            loop {
                let (stream, _) = listener.accept().await?;
                tokio::task::spawn_local(serve_worker(Io::new(stream)));
            }
        });
    }
    sim.host("balancer", || async {
        let listener = turmoil::net::TcpListener::bind((Ipv4Addr::UNSPECIFIED, PORT)).await?;
        let turn = Rc::new(Cell::new(0));
        loop {
            let (stream, _) = listener.accept().await?;
            let turn = Rc::clone(&turn);
            tokio::task::spawn_local(async move {
                serve_balancer(Io::new(stream), || async {
                    turn.set((turn.get() + 1) % 2);
                    let worker = format!("worker{}", turn.get());
                    let stream = turmoil::net::TcpStream::connect((worker, PORT)).await.expect("it listens");
                    ask(Io::new(stream), |connection| drop(tokio::task::spawn_local(connection))).await
                })
                .await;
            });
        }
    });
    sim.client("client", async move {
        for _ in 0..seconds {
            let stream = turmoil::net::TcpStream::connect(("balancer", PORT)).await?;
            ask(Io::new(stream), |connection| drop(tokio::task::spawn_local(connection))).await;
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        Ok(())
    });
    sim.run().expect("nothing fails here");
}

// On nothing but hyper: a pair of pipes a hop.

fn on_duplex(requests: u32) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    tokio::task::LocalSet::new().block_on(&runtime, async {
        for _ in 0..requests {
            let (client, balancer) = tokio::io::duplex(64 * 1024);
            tokio::task::spawn_local(serve_balancer(Io::new(balancer), || async {
                let (balancer, worker) = tokio::io::duplex(64 * 1024);
                tokio::task::spawn_local(serve_worker(Io::new(worker)));
                ask(Io::new(balancer), |connection| drop(tokio::task::spawn_local(connection))).await
            }));
            ask(Io::new(client), |connection| drop(tokio::task::spawn_local(connection))).await;
        }
    });
}

/// tokio's traits for hyper, through a buffer, as the engine's own streams do it.
struct Io<T> {
    inner: T,
}

impl<T> Io<T> {
    fn new(inner: T) -> Self {
        Self { inner }
    }
}

thread_local! {
    static SCRATCH: RefCell<Vec<u8>> = RefCell::new(vec![0; 16 * 1024]);
}

impl<T: AsyncRead + Unpin> hyper::rt::Read for Io<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut cursor: hyper::rt::ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        SCRATCH.with_borrow_mut(|scratch| {
            let room = cursor.remaining().min(scratch.len());
            let mut buf = ReadBuf::new(&mut scratch[..room]);
            let polled = Pin::new(&mut self.inner).poll_read(cx, &mut buf);
            if let Poll::Ready(Ok(())) = polled {
                cursor.put_slice(buf.filled());
            }
            polled
        })
    }
}

impl<T: AsyncWrite + Unpin> hyper::rt::Write for Io<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}
