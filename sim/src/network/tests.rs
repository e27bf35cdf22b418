//! What programs on the simulated hosts see of each other when the network or a machine fails.

mod impaired;

use std::cell::RefCell;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use harness::time::SimTime;
use harness::trace::Recorder;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::config::HostsFile;
use crate::disk::Disk;
use crate::engine::Engine;
use crate::host::{Host, HostSpec};
use crate::network::LinkSpec;
use crate::process::Process;

const LATENCY: Duration = Duration::from_millis(1);

fn world() -> (Engine, Host, Host) {
    let spec = |name: &str, last: u8| HostSpec {
        name: name.into(),
        address: IpAddr::from([10, 0, 0, last]),
        names: HostsFile::default(),
        disk: Disk::default(),
    };
    let link = LinkSpec { latency: LATENCY, bandwidth: None, ..LinkSpec::default() };
    let engine = Engine::new(1, Recorder::new(), link, vec![spec("client", 1), spec("server", 2)]);
    let (client, server) = (engine.hosts()[0].clone(), engine.hosts()[1].clone());
    (engine, client, server)
}

/// What happened, with the moment.
type Seen = Rc<RefCell<Vec<(u64, String)>>>;

fn note(seen: &Seen, process: &Process, what: impl Into<String>) {
    seen.borrow_mut().push((process.now().as_millis(), what.into()));
}

fn said(result: &io::Result<usize>) -> String {
    match result {
        Ok(count) => format!("{count} bytes"),
        Err(error) => error.kind().to_string(),
    }
}

fn server_address() -> SocketAddr {
    SocketAddr::from(([10, 0, 0, 2], 80))
}

/// Answers every byte with itself.
fn echo(server: &Host) -> Process {
    server.spawn("echo", |process| async move {
        let listener = process.listen(80).await.expect("the port is free");
        while let Ok((mut stream, _)) = listener.accept().await {
            process.spawn(async move {
                let mut byte = [0];
                while let Ok(1) = stream.read(&mut byte).await {
                    if stream.write_all(&byte).await.is_err() {
                        return;
                    }
                }
            });
        }
    })
}

/// Connects, and sends a byte and waits for the answer at each of these seconds.
fn talk(client: &Host, seen: &Seen, at_seconds: &'static [u64]) {
    let seen = Rc::clone(seen);
    client.spawn("talk", |process| async move {
        let mut stream = match process.connect(server_address()).await {
            Ok(stream) => stream,
            Err(error) => return note(&seen, &process, error.kind().to_string()),
        };
        note(&seen, &process, "connected");
        for &second in at_seconds {
            process.sleep_until(SimTime::from_secs(second)).await;
            let written = stream.write(b"x").await;
            if written.is_err() {
                return note(&seen, &process, format!("write: {}", said(&written)));
            }
            let mut byte = [0];
            let read = stream.read(&mut byte).await;
            note(&seen, &process, said(&read));
            if !matches!(read, Ok(1)) {
                return;
            }
        }
    });
}

fn seen_is(seen: &Seen, expected: &[(u64, &str)]) {
    let expected: Vec<_> = expected.iter().map(|(at, what)| (*at, (*what).to_owned())).collect();
    assert_eq!(*seen.borrow(), expected);
}

#[test]
fn an_answer_takes_exactly_the_round_trip() {
    let (mut engine, client, server) = world();
    let seen = Seen::default();
    echo(&server);
    talk(&client, &seen, &[1]);
    engine.run_until(SimTime::from_secs(5));
    seen_is(&seen, &[(2, "connected"), (1002, "1 bytes")]);
}

#[test]
fn a_closed_port_refuses_at_once() {
    let (mut engine, client, _server) = world();
    let seen = Seen::default();
    talk(&client, &seen, &[]);
    engine.run_until(SimTime::from_secs(5));
    seen_is(&seen, &[(2, "connection refused")]);
}

#[test]
fn a_silent_host_times_a_connect_out_after_127_seconds() {
    let (mut engine, client, server) = world();
    let seen = Seen::default();
    server.power_off();
    talk(&client, &seen, &[]);
    engine.run_until(SimTime::from_secs(500));
    seen_is(&seen, &[(127_000, "timed out")]);
}

#[test]
fn an_address_that_nobody_has_is_silent_too() {
    let (mut engine, client, _server) = world();
    let seen = Seen::default();
    let noted = Rc::clone(&seen);
    client.spawn("talk", |process| async move {
        let error = process.connect(SocketAddr::from(([10, 0, 0, 99], 80))).await.unwrap_err();
        note(&noted, &process, error.kind().to_string());
    });
    engine.run_until(SimTime::from_secs(500));
    seen_is(&seen, &[(127_000, "timed out")]);
}

#[test]
fn a_connect_into_a_cut_succeeds_at_the_first_repeated_syn_that_gets_through() {
    let (mut engine, client, server) = world();
    let seen = Seen::default();
    echo(&server);
    engine.cut(&client, &server);
    talk(&client, &seen, &[]);
    engine.run_until(SimTime::from_secs(5));
    engine.join(&client, &server);
    engine.run_until(SimTime::from_secs(100));
    // Sent at 0, repeated at 1, 3 and 7 s.
    seen_is(&seen, &[(7002, "connected")]);
}

#[test]
fn a_lost_syn_ack_delays_a_connect_until_the_repeated_syn() {
    let (mut engine, client, server) = world();
    let seen = Seen::default();
    echo(&server);
    engine.cut(&server, &client);
    talk(&client, &seen, &[10]);
    engine.run_until(SimTime::from_secs(2));
    engine.join(&server, &client);
    engine.run_until(SimTime::from_secs(100));
    let connected = seen.borrow()[0].0;
    assert!((3000..=3004).contains(&connected), "{connected}");
    assert_eq!(seen.borrow()[1].1, "1 bytes");
}

#[test]
fn data_sent_into_a_cut_arrives_at_the_first_retransmission_that_gets_through() {
    let (mut engine, client, server) = world();
    let seen = Seen::default();
    echo(&server);
    talk(&client, &seen, &[1]);
    engine.run_until(SimTime::from_millis(500));
    engine.cut(&client, &server);
    engine.cut(&server, &client);
    engine.run_until(SimTime::from_secs(3));
    engine.join(&client, &server);
    engine.join(&server, &client);
    engine.run_until(SimTime::from_secs(100));
    // RTO is 200 ms and the round trip of 2 ms: probed at 1.202, repeated at 1.404, 1.808, 2.616 and 4.232 s.
    seen_is(&seen, &[(2, "connected"), (4234, "1 bytes")]);
}

#[test]
fn an_answer_lost_in_a_one_way_cut_arrives_at_the_answerers_retransmission() {
    let (mut engine, client, server) = world();
    let seen = Seen::default();
    echo(&server);
    talk(&client, &seen, &[1]);
    engine.run_until(SimTime::from_millis(500));
    engine.cut(&server, &client);
    engine.run_until(SimTime::from_secs(2));
    engine.join(&server, &client);
    engine.run_until(SimTime::from_secs(100));
    let (at, what) = seen.borrow()[1].clone();
    assert_eq!(what, "1 bytes");
    // The server sent its answer at 1.001 s: probed at 1.203, repeated at 1.405, 1.809 and 2.617 s.
    assert!((2617..=2620).contains(&at), "{at}");
}

#[test]
fn an_established_connection_gives_up_after_924_seconds_of_silence_with_data_pending() {
    let (mut engine, client, server) = world();
    let seen = Seen::default();
    echo(&server);
    talk(&client, &seen, &[1]);
    engine.run_until(SimTime::from_millis(500));
    engine.cut(&client, &server);
    engine.run_until(SimTime::from_secs(2000));
    let (at, what) = seen.borrow()[1].clone();
    assert_eq!(what, "timed out");
    assert!((925_600..928_000).contains(&at), "{at}");
}

#[test]
fn an_idle_connection_does_not_notice_a_cut() {
    let (mut engine, client, server) = world();
    let seen = Seen::default();
    echo(&server);
    talk(&client, &seen, &[1, 4000]);
    engine.run_until(SimTime::from_secs(2));
    engine.cut(&client, &server);
    engine.cut(&server, &client);
    engine.run_until(SimTime::from_secs(3000));
    engine.join(&client, &server);
    engine.join(&server, &client);
    engine.run_until(SimTime::from_secs(5000));
    seen_is(&seen, &[(2, "connected"), (1002, "1 bytes"), (4_000_002, "1 bytes")]);
}

#[test]
fn power_loss_says_nothing_and_the_reboot_answers_old_connections_with_a_reset() {
    let (mut engine, client, server) = world();
    let seen = Seen::default();
    echo(&server);
    talk(&client, &seen, &[1, 10]);
    engine.run_until(SimTime::from_secs(5));
    server.power_off();
    engine.run_until(SimTime::from_secs(8));
    assert_eq!(seen.borrow().len(), 2, "nobody may hear of it");
    server.power_on();
    echo(&server);
    engine.run_until(SimTime::from_secs(100));
    seen_is(&seen, &[(2, "connected"), (1002, "1 bytes"), (10_002, "connection reset")]);
}

#[test]
fn data_pending_when_the_peer_reboots_meets_a_reset_at_the_next_retransmission() {
    let (mut engine, client, server) = world();
    let seen = Seen::default();
    echo(&server);
    talk(&client, &seen, &[1, 10]);
    engine.run_until(SimTime::from_secs(5));
    server.power_off();
    engine.run_until(SimTime::from_secs(12));
    server.power_on();
    echo(&server);
    engine.run_until(SimTime::from_secs(100));
    // Sent at 10 s, probed at 10.202, repeated at 10.404, 10.808, 11.616 and 13.232 s.
    seen_is(&seen, &[(2, "connected"), (1002, "1 bytes"), (13_234, "connection reset")]);
}

#[test]
fn a_killed_process_says_goodbye_through_its_kernel() {
    let (mut engine, client, server) = world();
    let seen = Seen::default();
    let process = echo(&server);
    let noted = Rc::clone(&seen);
    client.spawn("wait", |client| async move {
        let mut stream = client.connect(server_address()).await.unwrap();
        let read = stream.read(&mut [0]).await;
        note(&noted, &client, said(&read));
        client.sleep(Duration::from_secs(1)).await;
        note(&noted, &client, said(&stream.write(b"x").await));
        client.sleep(Duration::from_secs(1)).await;
        note(&noted, &client, said(&stream.read(&mut [0]).await));
        note(&noted, &client, said(&stream.write(b"x").await));
    });
    engine.run_until(SimTime::from_secs(3));
    process.kill();
    engine.run_until(SimTime::from_secs(10));
    // The end, and so again although what was written meets a kernel whose reader is gone; only writing fails.
    let expected = [(3001, "0 bytes"), (4001, "1 bytes"), (5001, "0 bytes"), (5001, "broken pipe")];
    seen_is(&seen, &expected);
}

#[test]
fn a_paused_process_still_has_a_kernel_that_accepts_connections() {
    let (mut engine, client, server) = world();
    let seen = Seen::default();
    let process = echo(&server);
    engine.run_until(SimTime::from_millis(1));
    process.pause();
    talk(&client, &seen, &[1]);
    engine.run_until(SimTime::from_secs(20));
    assert_eq!(seen.borrow().len(), 1, "connected, but not answered: {:?}", seen.borrow());
    process.resume();
    engine.run_until(SimTime::from_secs(21));
    assert_eq!(seen.borrow()[1], (20_001, "1 bytes".to_owned()));
}

#[test]
fn large_data_passes_a_cut_whole_and_in_order() {
    let (mut engine, client, server) = world();
    let received: Rc<RefCell<Vec<u8>>> = Rc::default();
    let kept = Rc::clone(&received);
    server.spawn("sink", |process| async move {
        let listener = process.listen(80).await.unwrap();
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut all = Vec::new();
        stream.read_to_end(&mut all).await.unwrap();
        kept.replace(all);
    });
    let data: Vec<u8> = (0..400_000_u32).map(|i| (i / 7) as u8).collect();
    let sent = data.clone();
    client.spawn("source", |process| async move {
        let mut stream = process.connect(server_address()).await.unwrap();
        for chunk in sent.chunks(10_000) {
            stream.write_all(chunk).await.unwrap();
            process.sleep(Duration::from_millis(50)).await;
        }
        stream.shutdown().await.unwrap();
    });
    for (cut, joined) in [(300, 700), (1000, 1001), (1500, 4000)] {
        engine.run_until(SimTime::from_millis(cut));
        engine.cut(&client, &server);
        engine.cut(&server, &client);
        engine.run_until(SimTime::from_millis(joined));
        engine.join(&client, &server);
        engine.join(&server, &client);
    }
    engine.run_until(SimTime::from_secs(120));
    assert!(*received.borrow() == data, "{} of {} bytes arrived", received.borrow().len(), data.len());
}

#[test]
fn an_engine_can_be_dropped_with_everything_under_way() {
    let (mut engine, client, server) = world();
    let seen = Seen::default();
    echo(&server);
    talk(&client, &seen, &[1, 2, 3]);
    engine.run_until(SimTime::from_millis(1500));
    drop(engine);
    let (_engine, ..) = world();
}

#[test]
fn a_reader_that_let_its_buffer_fill_gets_everything_in_small_pieces() {
    const BYTES: usize = 300_000;
    let (mut engine, client, server) = world();
    let got = Rc::new(RefCell::new(0));
    let count = Rc::clone(&got);
    server.spawn("slow", |process| async move {
        let listener = process.listen(80).await.expect("the port is free");
        let (mut stream, _) = listener.accept().await.expect("somebody connects");
        process.sleep(Duration::from_secs(5)).await;
        let mut piece = [0; 1000];
        while let Ok(bytes) = stream.read(&mut piece).await
            && bytes > 0
        {
            *count.borrow_mut() += bytes;
            process.sleep(Duration::from_millis(1)).await;
        }
    });
    client.spawn("writer", |process| async move {
        let mut stream = process.connect(server_address()).await.expect("it listens");
        stream.write_all(&[7; BYTES]).await.expect("it is read");
    });
    engine.run_until(SimTime::from_secs(30));
    assert_eq!(*got.borrow(), BYTES);
}

#[test]
fn a_syn_that_finds_a_full_queue_is_lost_and_repeated_until_there_is_room() {
    const CLIENTS: usize = 1030;
    let (mut engine, client, server) = world();
    let seen = Seen::default();
    server.spawn("slow", |process| async move {
        let listener = process.listen(80).await.expect("the port is free");
        process.sleep(Duration::from_millis(1500)).await;
        let mut kept = Vec::new();
        while let Ok(accepted) = listener.accept().await {
            kept.push(accepted);
        }
    });
    for _ in 0..CLIENTS {
        let seen = Rc::clone(&seen);
        client.spawn("client", |process| async move {
            let stream = process.connect(server_address()).await;
            note(&seen, &process, if stream.is_ok() { "connected" } else { "failed" });
            std::future::pending::<()>().await;
        });
    }
    engine.run_until(SimTime::from_secs(10));
    let seen = seen.borrow();
    assert!(seen.iter().all(|(_, what)| what == "connected") && seen.len() == CLIENTS, "{}", seen.len());
    let late: Vec<u64> = seen.iter().map(|(at, _)| *at).filter(|at| *at > 10).collect();
    // The SYN is repeated after 1 s, when the queue is still full, and after 3 s, when it is not.
    assert_eq!(late, [3002; CLIENTS - 1024]);
}
