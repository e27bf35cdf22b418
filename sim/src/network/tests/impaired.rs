//! Links that lose, queue, flap and are cut off by firewalls, machines that stand still, connections that are reset.

use super::*;
use crate::network::{FirewallAction, FirewallRule, Flap};

/// A transfer of so many bytes from the client, and when the server had them all.
fn transfer(engine: &mut Engine, client: &Host, server: &Host, bytes: usize) -> Seen {
    let seen = Seen::default();
    let noted = Rc::clone(&seen);
    server.spawn("sink", move |process| async move {
        let listener = process.listen(80).await.expect("the port is free");
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut all = Vec::new();
        let read = stream.read_to_end(&mut all).await;
        let in_order = all.iter().enumerate().all(|(index, byte)| *byte == (index % 251) as u8);
        note(&noted, &process, format!("{} in order: {in_order}", said(&read)));
    });
    client.spawn("source", move |process| async move {
        let mut stream = process.connect(server_address()).await.expect("it is there");
        let data: Vec<u8> = (0..bytes).map(|index| (index % 251) as u8).collect();
        stream.write_all(&data).await.expect("it is taken");
        stream.shutdown().await.expect("nothing is broken");
        let _ = stream.read(&mut [0]).await;
    });
    engine.run_until(SimTime::from_secs(600));
    seen
}

fn both_ways(engine: &mut Engine, client: &Host, server: &Host, change: impl Fn(LinkSpec) -> LinkSpec) {
    for (from, to) in [(client, server), (server, client)] {
        let changed = change(engine.link(from, to));
        engine.set_link(from, to, changed);
    }
}

#[test]
fn a_lossy_link_delays_what_it_carries_and_gives_it_whole_and_in_order() {
    let time = |loss_ppm| {
        let (mut engine, client, server) = world();
        both_ways(&mut engine, &client, &server, |spec| LinkSpec { loss_ppm, ..spec });
        let seen = transfer(&mut engine, &client, &server, 500_000).take();
        assert_eq!(seen.len(), 1, "{loss_ppm}: {seen:?}");
        assert_eq!(seen[0].1, "500000 bytes in order: true", "{loss_ppm}");
        let census = engine.census();
        assert!(census.is_balanced(), "{census:?}");
        assert_eq!(census.lost > 0, loss_ppm > 0, "{census:?}");
        assert_eq!(census.data_delivered, census.data_sent, "{census:?}");
        seen[0].0
    };
    let (none, some, half) = (time(0), time(20_000), time(500_000));
    assert!(none < some && some < half, "{none} {some} {half}");
}

#[test]
fn a_full_queue_loses_the_tail_of_a_burst_and_all_of_it_arrives_later() {
    let run = |queue_bytes| {
        let (mut engine, client, server) = world();
        both_ways(&mut engine, &client, &server, |spec| LinkSpec {
            bandwidth: Some(64_000),
            queue_bytes,
            ..spec
        });
        let seen = transfer(&mut engine, &client, &server, 200_000).take();
        assert_eq!(seen[0].1, "200000 bytes in order: true");
        (seen[0].0, engine.census().lost)
    };
    let ((endless, none), (short, some)) = (run(None), run(Some(16_000)));
    assert_eq!(none, 0);
    assert!(some > 0);
    // 200 kB and their headers at 64 kB/s: what is lost costs no bandwidth, as it never was on the link.
    assert!((3_100..3_500).contains(&endless) && (3_100..6_000).contains(&short), "{endless} {short}");
}

#[test]
fn a_flapping_link_lets_a_transfer_through_while_it_is_up() {
    let (mut engine, client, server) = world();
    let seen = Seen::default();
    echo(&server);
    talk(&client, &seen, &[11, 14, 30]);
    let (down, up) = (Duration::from_secs(2), Duration::from_secs(3));
    engine.run_until(SimTime::from_secs(10));
    let flap = Flap { since: SimTime::from_secs(10), down, up };
    for (from, to) in [(&client, &server), (&server, &client)] {
        engine.flap(from, to, flap);
    }
    engine.run_until(SimTime::from_secs(29));
    for (from, to) in [(&client, &server), (&server, &client)] {
        engine.steady(from, to, flap);
    }
    engine.run_until(SimTime::from_secs(40));
    // Sent at 11 s, into the first outage: the probe 202 ms later and two timeouts are lost too, the next is not.
    seen_is(&seen, &[(2, "connected"), (12_618, "1 bytes"), (14_002, "1 bytes"), (30_002, "1 bytes")]);
}

#[test]
fn a_firewall_is_silent_or_refuses_as_its_rule_says() {
    let cases = [
        (FirewallAction::Drop, 127_000, "timed out"),
        (FirewallAction::Reset, 2, "connection refused"),
        (FirewallAction::PortUnreachable, 2, "connection refused"),
        (FirewallAction::AdminProhibited, 2, "host unreachable"),
    ];
    for (action, at, what) in cases {
        let (mut engine, client, server) = world();
        let seen = Seen::default();
        echo(&server);
        engine.block(&server, FirewallRule { port: 80, action });
        talk(&client, &seen, &[]);
        engine.run_until(SimTime::from_secs(200));
        seen_is(&seen, &[(at, what)]);
    }
}

#[test]
fn a_firewall_meets_connections_that_stand_and_lets_other_ports_alone() {
    let cases = [
        (FirewallAction::Reset, 10_002, "connection reset"),
        (FirewallAction::PortUnreachable, 925_202, "connection refused"),
        (FirewallAction::AdminProhibited, 925_202, "host unreachable"),
    ];
    for (action, at, what) in cases {
        let (mut engine, client, server) = world();
        let seen = Seen::default();
        echo(&server);
        talk(&client, &seen, &[5, 10]);
        engine.block(&server, FirewallRule { port: 81, action });
        engine.run_until(SimTime::from_secs(8));
        engine.block(&server, FirewallRule { port: 80, action });
        engine.run_until(SimTime::from_secs(1200));
        let seen = seen.take();
        assert_eq!(seen[1], (5002, "1 bytes".to_owned()));
        assert_eq!(seen[2].1, what, "{action:?}");
        assert!(seen[2].0.abs_diff(at) < 15_000, "{action:?}: {seen:?}");
    }
}

#[test]
fn a_firewall_that_is_opened_again_lets_the_repeated_syn_in() {
    let (mut engine, client, server) = world();
    let seen = Seen::default();
    echo(&server);
    let rule = FirewallRule { port: 80, action: FirewallAction::Drop };
    engine.block(&server, rule);
    talk(&client, &seen, &[]);
    engine.run_until(SimTime::from_secs(5));
    engine.unblock(&server, rule);
    engine.run_until(SimTime::from_secs(20));
    seen_is(&seen, &[(7002, "connected")]);
}

#[test]
fn both_ends_of_a_reset_connection_hear_of_it_and_a_new_one_can_be_made() {
    let (mut engine, client, server) = world();
    let (seen, later) = (Seen::default(), Seen::default());
    let noted = Rc::clone(&seen);
    server.spawn("waiter", move |process| async move {
        let listener = process.listen(80).await.expect("the port is free");
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let read = stream.read(&mut [0]).await;
            note(&noted, &process, said(&read));
        }
    });
    talk(&client, &seen, &[20]);
    engine.run_until(SimTime::from_secs(10));
    assert_eq!(engine.reset_connections(&client, &server), 1);
    engine.run_until(SimTime::from_secs(30));
    talk(&client, &later, &[]);
    engine.run_until(SimTime::from_secs(40));
    let expected = [
        (2, "connected"),
        (10_000, "connection reset"),
        (20_000, "write: connection reset"),
        (30_003, "0 bytes"),
    ];
    seen_is(&seen, &expected);
    seen_is(&later, &[(30_002, "connected")]);
}

#[test]
fn a_machine_that_stands_still_answers_nothing_and_goes_on_where_it_stood() {
    let (mut engine, client, server) = world();
    let (seen, ticks) = (Seen::default(), Seen::default());
    echo(&server);
    let noted = Rc::clone(&ticks);
    server.spawn("ticker", move |process| async move {
        for _ in 0..3 {
            process.sleep(Duration::from_secs(6)).await;
            note(&noted, &process, "tick");
        }
    });
    talk(&client, &seen, &[12, 30]);
    engine.run_until(SimTime::from_secs(10));
    server.freeze();
    assert!(!server.is_running() && server.is_powered());
    engine.run_until(SimTime::from_secs(20));
    let before = server.unix_ns();
    server.thaw(false);
    assert_eq!(before - server.unix_ns(), 10_000_000_000, "its clock has stood still");
    engine.run_until(SimTime::from_secs(50));
    // The second tick had 2 s left when the machine stood still.
    seen_is(&ticks, &[(6000, "tick"), (22_000, "tick"), (28_000, "tick")]);
    // Sent at 12 s; the retransmission that is sent at 25 s is the first one that is heard.
    let seen = seen.take();
    assert_eq!(seen[0], (2, "connected".to_owned()));
    assert_eq!(seen[1].1, "1 bytes");
    assert!((20_000..26_000).contains(&seen[1].0), "{seen:?}");
    assert_eq!(seen[2], (30_002, "1 bytes".to_owned()));
}

#[test]
fn a_machine_that_stands_still_gives_nothing_up_meanwhile() {
    let (mut engine, client, server) = world();
    let seen = Seen::default();
    echo(&server);
    talk(&client, &seen, &[5]);
    engine.run_until(SimTime::from_secs(4));
    engine.cut(&client, &server);
    engine.run_until(SimTime::from_secs(8));
    client.freeze();
    // Longer than retransmissions go on.
    engine.run_until(SimTime::from_secs(2000));
    client.thaw(true);
    engine.join(&client, &server);
    engine.run_until(SimTime::from_secs(2010));
    let seen = seen.take();
    assert_eq!(seen[1].1, "1 bytes");
    assert!((2_000_000..2_005_000).contains(&seen[1].0), "{seen:?}");
}

#[test]
fn without_a_file_descriptor_a_connection_waits_in_the_queue_and_its_data_with_it() {
    let (mut engine, client, server) = world();
    let seen = Seen::default();
    let noted = Rc::clone(&seen);
    let process = server.spawn("echo", move |process| async move {
        let listener = process.listen(80).await.expect("the port is free");
        loop {
            match listener.accept().await {
                Ok((mut stream, _)) => {
                    note(&noted, &process, "accepted");
                    let mut byte = [0];
                    stream.read_exact(&mut byte).await.unwrap();
                    stream.write_all(&byte).await.unwrap();
                }
                Err(error) => {
                    note(&noted, &process, format!("errno {:?}", error.raw_os_error().unwrap()));
                    process.sleep(Duration::from_secs(5)).await;
                }
            }
        }
    });
    engine.run_until(SimTime::from_millis(10));
    process.set_out_of_descriptors(true);
    talk(&client, &seen, &[1]);
    engine.run_until(SimTime::from_secs(8));
    process.set_out_of_descriptors(false);
    engine.run_until(SimTime::from_secs(20));
    let seen: Vec<String> = seen.take().into_iter().map(|(at, what)| format!("{at} {what}")).collect();
    assert_eq!(seen, ["12 connected", "13 errno 24", "5013 errno 24", "10013 accepted", "10014 1 bytes"]);
}

#[test]
fn a_connection_that_waits_for_a_file_descriptor_is_reset_with_its_listener() {
    let (mut engine, client, server) = world();
    let seen = Seen::default();
    let process = server.spawn("patient", |process| async move {
        let listener = process.listen(80).await.expect("the port is free");
        while listener.accept().await.is_err() {
            process.sleep(Duration::from_secs(1)).await;
        }
    });
    engine.run_until(SimTime::from_millis(10));
    process.set_out_of_descriptors(true);
    talk(&client, &seen, &[5]);
    engine.run_until(SimTime::from_secs(2));
    process.kill();
    engine.run_until(SimTime::from_secs(10));
    seen_is(&seen, &[(12, "connected"), (5000, "write: connection reset")]);
}

#[test]
fn a_process_without_file_descriptors_cannot_connect_either() {
    let (mut engine, client, server) = world();
    echo(&server);
    let seen = Seen::default();
    let noted = Rc::clone(&seen);
    client.spawn("talk", move |process| async move {
        process.set_out_of_descriptors(true);
        let error = process.connect(server_address()).await.expect_err("it has none");
        note(&noted, &process, format!("{:?}", error.raw_os_error()));
    });
    engine.run_until(SimTime::from_secs(1));
    seen_is(&seen, &[(0, "Some(24)")]);
}

#[test]
fn sigterm_ends_a_process_that_does_not_handle_it_at_once_or_when_it_runs_again() {
    let (mut engine, client, server) = world();
    let plain = echo(&server);
    let handler = client.spawn("handler", |process| async move {
        process.stop_requested().await;
        process.sleep(Duration::from_secs(3)).await;
    });
    engine.run_until(SimTime::from_secs(1));
    plain.pause();
    plain.request_stop();
    handler.request_stop();
    assert!(plain.is_alive(), "a stopped process hears nothing but SIGKILL");
    plain.resume();
    assert!(!plain.is_alive());
    engine.run_until(SimTime::from_secs(3));
    assert!(handler.is_alive());
    engine.run_until(SimTime::from_secs(5));
    assert!(!handler.is_alive());
}

#[test]
fn work_takes_longer_on_a_slow_processor_and_waiting_does_not() {
    let (mut engine, client, _server) = world();
    let seen = Seen::default();
    let noted = Rc::clone(&seen);
    client.set_work_percent(250);
    client.spawn("worker", move |process| async move {
        process.work(Duration::from_secs(2)).await;
        note(&noted, &process, "worked");
        process.sleep(Duration::from_secs(2)).await;
        note(&noted, &process, "waited");
    });
    engine.run_until(SimTime::from_secs(20));
    seen_is(&seen, &[(5000, "worked"), (7000, "waited")]);
}

#[test]
fn work_under_way_goes_on_at_the_speed_that_the_processor_then_has() {
    let (mut engine, client, _server) = world();
    let seen = Seen::default();
    for (name, span) in [("short", 2), ("long", 10)] {
        let noted = Rc::clone(&seen);
        client.spawn("worker", move |process| async move {
            process.work(Duration::from_secs(span)).await;
            note(&noted, &process, name);
        });
    }
    engine.run_until(SimTime::from_secs(1));
    client.set_work_percent(1000);
    engine.run_until(SimTime::from_secs(6));
    // Half a second of work was done in these five.
    client.set_work_percent(100);
    engine.run_until(SimTime::from_secs(10));
    // What stands still does not work.
    client.freeze();
    engine.run_until(SimTime::from_secs(12));
    client.set_work_percent(200);
    engine.run_until(SimTime::from_secs(13));
    client.thaw(true);
    engine.run_until(SimTime::from_secs(60));
    seen_is(&seen, &[(6500, "short"), (22_000, "long")]);
}
