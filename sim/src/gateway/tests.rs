//! What a gateway does in simulated time, seen by a client, in its files and in its trace.

use std::cell::RefCell;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use harness::plan::ApiSpec;
use harness::time::SimTime;
use harness::trace::event::{FileChange, WriteRoute};
use harness::trace::{Event, EventKind, Memory, Recorder};

use super::artifact::{ArtifactKind, api_files, built_in_files};
use super::*;
use crate::clock::RUN_BEGINS_UNIX_S;
use crate::config::{DeletionRule, HostsFile, Ports, ProxyPorts, RejectedUpdate, StartCommand};
use crate::disk::Disk;
use crate::engine::Engine;
use crate::host::HostSpec;
use crate::http::{Connection, Request};
use crate::network::LinkSpec;

const HOME: &str = "/opt/wso2am";
const HOST: &str = "gateway.example";
const BEGIN_NS: i64 = RUN_BEGINS_UNIX_S as i64 * 1_000_000_000;

fn pizza() -> ApiSpec {
    ApiSpec { name: "pizza".into(), version: "1.0.0".into() }
}

/// A manager: no profile, writes allowed.
fn manager() -> GatewayConfig {
    GatewayConfig {
        home: HOME.to_owned(),
        hostname: HOST.to_owned(),
        management_hostname: format!("mgt.{HOST}"),
        ports: Ports {
            servlet_http: 9763,
            servlet_https: 9443,
            pass_through_http: 8280,
            pass_through_https: 8243,
        },
        proxy_ports: ProxyPorts { http: Some(80), https: Some(443) },
        start: StartCommand {
            script: "api-manager.sh".to_owned(),
            profile: None,
            worker_node: false,
            port_offset: None,
        },
        read_only: false,
        portals: true,
        clustering: None,
    }
}

fn worker() -> GatewayConfig {
    let mut config = manager();
    config.start.profile = Some(Profile::GatewayWorker);
    config.read_only = true;
    config.portals = false;
    config
}

/// A gateway and a client that talks to it.
struct World {
    engine: Engine,
    memory: Memory,
    seen: RefCell<Vec<Event>>,
    answers: Rc<RefCell<Vec<String>>>,
    config: Rc<GatewayConfig>,
    model: ModelSettings,
    planted: Option<PlantedBug>,
}

impl World {
    /// The API `pizza` is on its disk at revision 1.
    fn new(config: GatewayConfig) -> Self {
        let mut disk = Disk::default();
        let content = tree::InitialContent { apis: vec![pizza()], ..tree::InitialContent::default() };
        tree::write_initial_tree(&mut disk, HOME, &content, BEGIN_NS - 1_000_000_000).unwrap();
        let spec = |name: &str, last: u8, disk: Disk| HostSpec {
            name: name.into(),
            address: IpAddr::from([10, 0, 0, last]),
            names: HostsFile::default(),
            disk,
        };
        let (recorder, memory) = (Recorder::new(), Memory::default());
        recorder.add_sink(memory.clone());
        let hosts = vec![spec("client", 1, Disk::default()), spec("gateway", 2, disk)];
        Self {
            engine: Engine::new(1, recorder, LinkSpec::default(), hosts),
            memory,
            seen: RefCell::default(),
            answers: Rc::default(),
            config: Rc::new(config),
            model: ModelSettings::default(),
            planted: None,
        }
    }

    /// A worker at 90 s, to which the sync has brought half of revision 2.
    fn half_updated() -> Self {
        let mut world = Self::new(worker());
        world.start();
        world.run_to(61);
        world.sync(2, 0..2);
        world.run_to(90);
        world
    }

    fn gateway(&self) -> &Host {
        &self.engine.hosts()[1]
    }

    fn start(&self) -> Process {
        start(self.gateway(), Rc::clone(&self.config), self.model, self.planted)
    }

    fn run_to(&mut self, second: u64) {
        self.engine.run_until(SimTime::from_secs(second));
    }

    /// Sends a request now; its answer, after a second.
    fn ask(&mut self, port: u16, request: Request) -> String {
        let scheme = if [9443, 8243].contains(&port) { Scheme::Https } else { Scheme::Http };
        let answers = Rc::clone(&self.answers);
        self.engine.hosts()[0].spawn("client", move |process| async move {
            let server = SocketAddr::from(([10, 0, 0, 2], port));
            let answer = match Connection::open(&process, server, scheme).await {
                Err(error) => error.kind().to_string(),
                Ok(mut connection) => match connection.send(request).await {
                    Err(_) => "broken".to_owned(),
                    Ok(response) => {
                        let status = response.status.as_u16();
                        let revision = served_revision(&response.fields);
                        let _ = connection.read_body().await;
                        revision.map_or(format!("{status}"), |revision| format!("{status} r{revision}"))
                    }
                },
            };
            answers.borrow_mut().push(answer);
        });
        self.engine.run_for(Duration::from_secs(1));
        self.answers.borrow_mut().pop().unwrap_or_else(|| "nothing".to_owned())
    }

    fn call(&mut self) -> String {
        self.ask(8243, call_request(&pizza(), HOST))
    }

    /// Puts files of an API on the gateway's disk, as rsync would.
    fn sync(&self, revision: u64, parts: std::ops::Range<usize>) {
        for file in &api_files(&pizza(), revision)[parts] {
            self.put(file.kind, &file.name, &file.text);
        }
    }

    fn put(&self, kind: ArtifactKind, name: &str, text: &str) {
        let path = path(kind, name);
        let text = text.to_owned();
        self.gateway()
            .fs("rsync")
            .write(|disk, now_ns| {
                disk.create_dir_all(&path[..path.rfind('/').unwrap()], 0o755, now_ns)?;
                disk.write(&path, text, 0o644, now_ns)
            })
            .unwrap();
    }

    fn text(&self, kind: ArtifactKind, name: &str) -> Option<String> {
        self.gateway().fs("test").read_to_string(&path(kind, name)).ok()
    }

    fn api_file(&self) -> Option<String> {
        self.text(ArtifactKind::Api, "admin--pizza_v1.0.0.xml")
    }

    fn events(&self) -> Vec<Event> {
        // What the memory gives it forgets.
        self.seen.borrow_mut().extend(self.memory.clone().into_events());
        self.seen.borrow().clone()
    }

    /// The moments, in seconds, of the events that `chosen` gives a name.
    fn told(&self, chosen: impl Fn(&EventKind) -> Option<String>) -> Vec<(u64, String)> {
        let events = self.events();
        let named = |event: &Event| Some((event.at.as_millis() / 1000, chosen(&event.kind)?));
        events.iter().filter_map(named).collect()
    }

    fn deployments(&self) -> Vec<(u64, String)> {
        self.told(|kind| match kind {
            EventKind::ApiDeployed { revision, .. } => Some(format!("r{revision}")),
            EventKind::ApiUndeployed { .. } => Some("gone".to_owned()),
            EventKind::DeployFailed { .. } => Some("failed".to_owned()),
            _ => None,
        })
    }

    fn marks(&self) -> Vec<String> {
        let mark = |kind: &EventKind| match kind {
            // Every restoring is marked; what tests look at is what comes of it.
            EventKind::Mark { mark } if **mark == *mark::RESTORED => None,
            EventKind::Mark { mark } => Some(mark.to_string()),
            _ => None,
        };
        self.told(mark).into_iter().map(|(_, mark)| mark).collect()
    }
}

fn path(kind: ArtifactKind, name: &str) -> String {
    format!("{HOME}/repository/deployment/server/synapse-configs/default/{}/{name}", kind.folder())
}

fn deployed(at: u64, what: &str) -> (u64, String) {
    (at, what.to_owned())
}

#[test]
fn ports_refuse_until_the_server_is_up_and_pass_through_comes_first() {
    let mut world = World::new(manager());
    world.start();
    world.run_to(58);
    assert_eq!(world.call(), "connection refused");
    world.run_to(61);
    assert_eq!(world.call(), "200 r1");
    assert_eq!(world.ask(9763, management::version_request(HOST)), "connection refused");
    world.run_to(66);
    assert_eq!(world.ask(9763, management::version_request(HOST)), "200");
    assert_eq!(world.ask(9443, management::console_request(HOST)), "200");
    let ready = world.told(|kind| matches!(kind, EventKind::ProcessReady { .. }).then(String::new));
    assert_eq!(ready, [(65, String::new())]);
    assert_eq!(world.deployments(), [deployed(60, "r1")]);
}

#[test]
fn the_console_redirects_to_the_address_that_the_balancer_shows() {
    let mut world = World::new(manager());
    world.start();
    world.run_to(66);
    let seen: Rc<RefCell<String>> = Rc::default();
    let noted = Rc::clone(&seen);
    world.engine.hosts()[0].spawn("browser", move |process| async move {
        let server = SocketAddr::from(([10, 0, 0, 2], 9443));
        let mut connection = Connection::open(&process, server, Scheme::Https).await.unwrap();
        let request = http::Request::get("/carbon/").body(Default::default()).unwrap();
        let response = connection.send((&request).into()).await.unwrap();
        *noted.borrow_mut() = response.fields.text("location").unwrap().to_owned();
    });
    world.run_to(67);
    assert_eq!(*seen.borrow(), "https://mgt.gateway.example/carbon/admin/login.jsp");
}

#[test]
fn an_unknown_api_is_404_by_the_main_sequence_which_cannot_be_removed() {
    let mut world = World::new(worker());
    world.start();
    world.run_to(61);
    let unknown = || call_request(&ApiSpec { name: "pasta".into(), version: "1".into() }, HOST);
    assert_eq!(world.ask(8280, unknown()), "404");
    for second in [62, 122] {
        world.run_to(second);
        let main = path(ArtifactKind::Sequence, "main.xml");
        world.gateway().fs("rsync").write(|disk, now_ns| disk.remove_file(main, now_ns)).unwrap();
        world.run_to(second + 20);
        assert_eq!(world.ask(8280, unknown()), "404");
        assert!(world.text(ArtifactKind::Sequence, "main.xml").is_some());
    }
    assert_eq!(world.marks(), [mark::RESTORE_LOOP]);
}

#[test]
fn a_publish_is_acknowledged_and_served_before_it_is_on_disk() {
    let mut world = World::new(manager());
    world.start();
    world.run_to(66);
    assert_eq!(world.ask(9443, management::publish_request(&pizza(), 2, HOST)), "200");
    assert_eq!(world.call(), "200 r2");
    world.run_to(75);
    assert!(world.api_file().unwrap().contains("value=\"2\""));
    let events = world.told(|kind| match kind {
        EventKind::PersistenceQueued { revision, .. } => Some(format!("queued {revision}")),
        EventKind::FileChanged { path, change, .. } if path.contains("/api/") => Some(format!("{change:?}")),
        _ => None,
    });
    // Looked at every 5 s; in two pieces.
    let expected = [(66, "queued 2"), (70, "Modified"), (70, "Modified")];
    assert_eq!(events, expected.map(|(at, what)| deployed(at, what)));
    // The deployer takes the server's own files for what they are.
    world.run_to(120);
    assert_eq!(world.deployments(), [deployed(60, "r1"), deployed(66, "r2")]);
    assert_eq!(world.marks(), [""; 0]);
}

#[test]
fn the_api_file_is_written_last_and_each_file_is_incomplete_for_a_moment() {
    let mut world = World::new(manager());
    world.start();
    world.run_to(66);
    world.ask(9443, management::publish_request(&pizza(), 2, HOST));
    world.run_to(75);
    let writes = world.told(|kind| match kind {
        EventKind::FileChanged { path, change: FileChange::Modified | FileChange::Created, size, .. }
            if path.contains("synapse-configs") =>
        {
            Some(format!("{} {size}", path.rsplit('/').nth(1).unwrap()))
        }
        _ => None,
    });
    let folders: Vec<&str> = writes.iter().map(|(_, write)| write.split(' ').next().unwrap()).collect();
    assert_eq!(
        folders,
        ["endpoints", "endpoints", "sequences", "sequences", "sequences", "sequences", "api", "api"]
    );
    assert_ne!(writes[6].1, writes[7].1);
}

#[test]
fn an_api_is_created_and_deleted() {
    let mut world = World::new(manager());
    world.start();
    world.run_to(66);
    let pasta = ApiSpec { name: "pasta".into(), version: "2".into() };
    assert_eq!(world.ask(9443, management::create_request(&pizza(), 2, HOST)), "409");
    assert_eq!(world.ask(9443, management::create_request(&pasta, 2, HOST)), "201");
    assert_eq!(world.ask(9443, management::delete_request(&pizza(), 3, HOST)), "200");
    assert_eq!(world.ask(9443, management::delete_request(&pizza(), 4, HOST)), "404");
    assert_eq!(world.call(), "404");
    world.run_to(80);
    assert_eq!(world.api_file(), None);
    assert_eq!(world.text(ArtifactKind::Sequence, "admin--pizza_v1.0.0--In.xml"), None);
    assert!(world.text(ArtifactKind::Api, "admin--pasta_v2.xml").is_some());
    assert_eq!(world.ask(9443, management::publish_request(&pizza(), 5, HOST)), "201");
}

#[test]
fn a_publish_that_was_acknowledged_is_lost_with_a_killed_manager_but_not_with_a_stopped_one() {
    for stop in [false, true] {
        let mut world = World::new(manager());
        let process = world.start();
        world.run_to(66);
        assert_eq!(world.ask(9443, management::publish_request(&pizza(), 2, HOST)), "200");
        if stop {
            process.request_stop();
        } else {
            process.kill();
        }
        // It stops when its queue has been looked at.
        world.run_to(72);
        assert!(!process.is_alive());
        assert_eq!(world.api_file().unwrap().contains("value=\"2\""), stop);
        assert_eq!(world.marks().contains(&mark::LOST_IN_QUEUE.to_owned()), !stop);
        world.start();
        world.run_to(140);
        assert_eq!(world.call(), if stop { "200 r2" } else { "200 r1" });
    }
}

#[test]
fn a_manager_killed_while_it_writes_has_half_a_file_that_no_restart_deploys() {
    let mut world = World::new(manager());
    let process = world.start();
    world.run_to(66);
    world.ask(9443, management::publish_request(&pizza(), 2, HOST));
    // 70 s: the endpoint, two sequences, then the API, 4 ms each, the last 2 of them incomplete.
    world.engine.run_until(SimTime::from_millis(70_015));
    process.kill();
    world.start();
    world.run_to(140);
    assert_eq!(world.call(), "404");
    assert_eq!(world.deployments().last(), Some(&deployed(100, "failed")));
}

#[test]
fn a_synced_update_is_found_by_the_next_scan_and_takes_2_s_a_file() {
    let mut world = World::new(worker());
    world.start();
    world.run_to(61);
    world.sync(2, 0..4);
    world.run_to(79);
    assert_eq!(world.call(), "200 r1");
    world.run_to(85);
    // Scans at 60 and 75; the API is the last of four files.
    assert_eq!(world.deployments(), [deployed(60, "r1"), deployed(81, "r2")]);
    assert_eq!(world.call(), "200 r2");
    assert_eq!(world.marks(), [mark::SERVED_WHILE_UPDATING]);
    // The next scan begins 15 s after that one ended.
    let scans = world.told(|kind| matches!(kind, EventKind::ScanStarted).then(String::new));
    world.run_to(99);
    let later = world.told(|kind| matches!(kind, EventKind::ScanStarted).then(String::new));
    assert_eq!((scans.last().unwrap().0, later.last().unwrap().0), (75, 98));
}

#[test]
fn half_an_update_is_served_as_a_torn_snapshot() {
    let mut world = World::half_updated();
    assert_eq!(world.call(), "200 r1");
    world.call();
    assert_eq!(world.marks(), [mark::TORN_DEPLOYED, mark::TORN_SERVED]);
}

#[test]
fn an_api_that_was_gone_meanwhile_is_torn_anew() {
    let mut world = World::half_updated();
    assert_eq!(world.call(), "200 r1");
    let remove_all = |disk: &mut Disk, now_ns| {
        api_files(&pizza(), 1)
            .iter()
            .try_for_each(|file| disk.remove_file(path(file.kind, &file.name), now_ns))
    };
    world.gateway().fs("rsync").write(remove_all).unwrap();
    world.run_to(180);
    assert_eq!(world.call(), "404");
    world.sync(4, 0..2);
    world.sync(3, 2..4);
    // More than 150 s after the first torn set, and less after the second.
    world.run_to(270);
    assert_eq!(world.call(), "200 r3");
    let torn = [mark::TORN_DEPLOYED, mark::TORN_SERVED];
    assert_eq!(world.marks(), [torn, torn].concat());
    world.run_to(440);
    world.call();
    assert_eq!(world.marks()[4..], [mark::TORN_FOR_LONG]);
}

#[test]
fn an_api_without_its_sequences_is_deployed_and_fails_its_callers() {
    let mut world = World::new(worker());
    world.start();
    world.run_to(61);
    world
        .gateway()
        .fs("rsync")
        .write(|disk, now_ns| {
            disk.remove_file(path(ArtifactKind::Sequence, "admin--pizza_v1.0.0--In.xml"), now_ns)
        })
        .unwrap();
    world.run_to(90);
    assert_eq!(world.call(), "500");
    assert_eq!(world.marks(), [mark::INCOMPLETE_SERVED]);
}

#[test]
fn a_bad_update_is_replaced_by_the_old_artifact_each_time_it_comes() {
    let mut world = World::new(worker());
    world.start();
    world.run_to(61);
    let good = world.api_file().unwrap();
    for second in [62, 122] {
        world.run_to(second);
        world.put(ArtifactKind::Api, "admin--pizza_v1.0.0.xml", "<api");
        world.run_to(second + 30);
        assert_eq!(world.api_file().as_ref(), Some(&good));
        assert_eq!(world.call(), "200 r1");
    }
    assert_eq!(world.deployments(), [deployed(60, "r1"), deployed(75, "failed"), deployed(135, "failed")]);
    assert_eq!(world.marks(), [mark::RESTORE_LOOP]);
}

#[test]
fn a_bad_update_that_is_left_alone_is_not_tried_again() {
    let mut world = World::new(worker());
    world.model.rejected_update = RejectedUpdate::KeepFile;
    world.start();
    world.run_to(61);
    world.put(ArtifactKind::Api, "admin--pizza_v1.0.0.xml", "<api");
    world.run_to(200);
    assert_eq!(world.api_file().unwrap(), "<api");
    assert_eq!(world.deployments(), [deployed(60, "r1"), deployed(75, "failed")]);
}

#[test]
fn health_is_bad_while_an_api_is_not_deployed() {
    let mut world = World::new(worker());
    world.model.rejected_update = RejectedUpdate::KeepFile;
    world.start();
    world.run_to(66);
    let health = |world: &mut World| world.ask(9443, management::health_request(HOST));
    assert_eq!(health(&mut world), "200");
    world.put(ArtifactKind::Sequence, "main.xml", "<sequence");
    world.run_to(81);
    assert_eq!(health(&mut world), "200");
    world.put(ArtifactKind::Api, "admin--pizza_v1.0.0.xml", "<api");
    world.run_to(96);
    assert_eq!(health(&mut world), "500");
    let file = &api_files(&pizza(), 2)[3];
    world.put(file.kind, &file.name, &file.text);
    world.run_to(111);
    assert_eq!(health(&mut world), "200");
}

#[test]
fn a_file_with_an_older_time_counts_as_changed_and_one_with_the_same_time_does_not() {
    let mut world = World::new(worker());
    world.start();
    world.run_to(61);
    let file = &api_files(&pizza(), 2)[3];
    let path = path(file.kind, &file.name);
    let before = world.gateway().disk().stat(&path).unwrap().mtime_ns;
    world.put(file.kind, &file.name, &file.text);
    world.gateway().fs("rsync").write(|disk, now_ns| disk.set_mtime(&path, before, now_ns)).unwrap();
    world.run_to(90);
    assert_eq!(world.deployments(), [deployed(60, "r1")]);
    world.gateway().fs("rsync").write(|disk, now_ns| disk.set_mtime(&path, before - 1, now_ns)).unwrap();
    world.run_to(120);
    assert_eq!(world.deployments()[1..], [deployed(105, "r2")]);
}

#[test]
fn temporary_files_of_rsync_are_not_looked_at() {
    let mut world = World::new(worker());
    world.start();
    world.run_to(61);
    world.put(ArtifactKind::Api, ".admin--pizza_v1.0.0.xml.Ab3dEf", "<api");
    world.run_to(90);
    assert_eq!(world.deployments(), [deployed(60, "r1")]);
}

#[test]
fn a_deletion_undeploys_only_while_the_folder_is_there() {
    for (rule, expected) in [(DeletionRule::ParentExists, "200 r1"), (DeletionRule::Always, "404")] {
        let mut world = World::new(worker());
        world.model.deletion = rule;
        world.start();
        world.run_to(61);
        let folder = path(ArtifactKind::Api, "");
        let folder = folder.trim_end_matches('/').to_owned();
        world.gateway().fs("rsync").write(|disk, now_ns| disk.remove_dir_all(&folder, now_ns)).unwrap();
        world.run_to(80);
        assert_eq!(world.call(), expected, "{rule:?}");
        world.gateway().fs("rsync").write(|disk, now_ns| disk.create_dir(&folder, 0o755, now_ns)).unwrap();
        world.run_to(120);
        assert_eq!(world.call(), "404");
    }
}

#[test]
fn what_arrives_while_an_emptied_worker_starts_stays_undeployed_until_a_restart() {
    let mut world = World::new(worker());
    tree::empty_deployment(&mut world.gateway().disk_mut(), HOME, BEGIN_NS).unwrap();
    let process = world.start();
    world.run_to(40);
    for file in built_in_files() {
        world.put(file.kind, &file.name, &file.text);
    }
    world.sync(1, 0..4);
    world.run_to(120);
    assert_eq!(world.call(), "202");
    assert_eq!(world.marks(), [mark::SKIPPED_AT_START_UP, mark::DROPPED]);
    process.kill();
    world.start();
    world.run_to(200);
    assert_eq!(world.call(), "200 r1");
}

#[test]
fn what_arrives_after_the_start_is_deployed_but_the_main_sequence_needs_a_restart() {
    let mut world = World::new(worker());
    tree::empty_deployment(&mut world.gateway().disk_mut(), HOME, BEGIN_NS).unwrap();
    let process = world.start();
    let unknown = || call_request(&ApiSpec { name: "pasta".into(), version: "1".into() }, HOST);
    world.run_to(62);
    assert_eq!(world.call(), "202");
    for file in built_in_files() {
        world.put(file.kind, &file.name, &file.text);
    }
    world.sync(1, 0..4);
    world.run_to(80);
    assert_eq!(world.call(), "200 r1");
    assert_eq!(world.ask(8243, unknown()), "202");
    assert_eq!(world.deployments(), [deployed(75, "failed"), deployed(75, "failed"), deployed(75, "r1")]);
    assert_eq!(world.marks(), [mark::DROPPED]);
    process.kill();
    world.start();
    world.run_to(160);
    assert_eq!(world.ask(8243, unknown()), "404");
}

#[test]
fn changes_of_a_file_that_waits_to_be_written_become_one() {
    let mut world = World::new(manager());
    world.start();
    world.run_to(65);
    for revision in 2..5 {
        assert_eq!(world.ask(9443, management::publish_request(&pizza(), revision, HOST)), "200");
    }
    assert_eq!(world.ask(9443, management::delete_request(&pizza(), 5, HOST)), "200");
    world.run_to(80);
    assert_eq!(world.api_file(), None);
    let changes = world.told(|kind| match kind {
        EventKind::FileChanged { path, change, .. } if path.contains("/api/") => Some(format!("{change:?}")),
        _ => None,
    });
    assert_eq!(changes, [deployed(70, "Removed")]);
}

#[test]
fn a_worker_refuses_every_write() {
    let mut world = World::new(worker());
    world.start();
    world.run_to(66);
    let before = world.events().len();
    let answers: Vec<String> =
        WriteRoute::ALL.map(|route| world.ask(9443, write_attempt(route, 7, HOST))).into();
    assert_eq!(answers, ["403", "403", "404", "404", "404"]);
    world.run_to(90);
    let changed = |event: &Event| matches!(event.kind, EventKind::FileChanged { .. });
    assert!(!world.events()[before..].iter().any(changed));
    assert_eq!(world.ask(9443, management::console_request(HOST)), "404");
}

#[test]
fn a_full_product_with_the_worker_flag_refuses_every_write_with_403() {
    let mut config = manager();
    config.read_only = true;
    let mut world = World::new(config);
    world.start();
    world.run_to(66);
    for route in WriteRoute::ALL {
        assert_eq!(world.ask(9443, write_attempt(route, 7, HOST)), "403", "{}", route.name());
    }
}

#[test]
fn a_server_that_is_not_read_only_accepts_every_write_and_its_disk_changes() {
    let mut world = World::new(manager());
    world.start();
    world.run_to(66);
    for (number, route) in WriteRoute::ALL.into_iter().enumerate() {
        let answer = world.ask(9443, write_attempt(route, number as u64 + 2, HOST));
        assert!(is_accepted(answer.parse().unwrap()), "{}: {answer}", route.name());
    }
    world.run_to(90);
    for (kind, name) in [
        (ArtifactKind::Api, "admin--intruder_v2.0.xml"),
        (ArtifactKind::Api, "admin--intruder_v3.0.xml"),
        (ArtifactKind::Api, "admin--intruder_v4.0.xml"),
        (ArtifactKind::Sequence, "intruder-6.xml"),
    ] {
        assert!(world.text(kind, name).is_some(), "{name}");
    }
}

#[test]
fn a_planted_bug_lets_a_worker_accept_writes() {
    let mut world = World::new(worker());
    world.planted = Some(PlantedBug::WorkerAcceptsWrites);
    world.start();
    world.run_to(66);
    assert_eq!(world.ask(9443, write_attempt(WriteRoute::AdminService, 7, HOST)), "200");
    world.run_to(80);
    assert!(world.text(ArtifactKind::Api, "admin--intruder_v7.0.xml").is_some());
}

#[test]
fn a_planted_bug_lets_a_manager_lose_what_it_acknowledged() {
    let mut world = World::new(manager());
    world.planted = Some(PlantedBug::ManagerLosesPublish);
    world.start();
    world.run_to(66);
    assert_eq!(world.ask(9443, management::publish_request(&pizza(), 2, HOST)), "200");
    world.run_to(90);
    assert!(world.api_file().unwrap().contains("value=\"1\""));
}

#[test]
fn a_full_disk_loses_a_publish_and_only_the_log_says_so() {
    let mut world = World::new(manager());
    world.start();
    world.run_to(66);
    let used = world.gateway().disk().used_bytes();
    world.gateway().disk_mut().set_capacity(used);
    assert_eq!(world.ask(9443, management::publish_request(&pizza(), 2, HOST)), "200");
    world.run_to(75);
    assert!(world.marks().contains(&mark::PERSISTENCE_FAILED.to_owned()));
    let logged = world.told(|kind| match kind {
        EventKind::Logged { line, .. } => Some(line.to_string()),
        _ => None,
    });
    assert!(logged.iter().any(|(_, line)| line.contains("error while saving")), "{logged:?}");
}

#[test]
fn what_the_server_writes_and_deletes_while_a_scan_waits_for_a_slow_disk_is_no_news() {
    let mut world = World::new(manager());
    world.start();
    world.run_to(74);
    world.gateway().set_disk_delay(Duration::from_secs(2));
    world.run_to(76);
    assert_eq!(world.ask(9443, management::delete_request(&pizza(), 2, HOST)), "200");
    world.run_to(86);
    world.gateway().set_disk_delay(Duration::ZERO);
    world.run_to(94);
    assert_eq!(world.ask(9443, management::publish_request(&pizza(), 3, HOST)), "201");
    world.run_to(130);
    assert_eq!(world.call(), "200 r3");
    assert!(world.api_file().unwrap().contains("value=\"3\""));
    let failed = world.told(|kind| match kind {
        EventKind::DeployFailed { why, .. } => Some(why.to_string()),
        _ => None,
    });
    assert_eq!(failed, []);
}

#[test]
fn a_port_that_is_taken_ends_the_start() {
    let mut world = World::new(manager());
    world.gateway().spawn("squatter", |process| async move {
        let _listener = process.listen(8243).await.unwrap();
        process.sleep(Duration::from_secs(1000)).await;
    });
    let process = world.start();
    world.run_to(70);
    assert!(!process.is_alive());
    let logged = world.told(|kind| match kind {
        EventKind::Logged { line, .. } => Some(line.to_string()),
        _ => None,
    });
    assert!(logged[0].1.contains("Address already in use: 8243"), "{logged:?}");
}

#[test]
fn a_paused_gateway_answers_when_it_goes_on() {
    let mut world = World::new(worker());
    let process = world.start();
    world.run_to(61);
    process.pause();
    assert_eq!(world.call(), "nothing");
    process.resume();
    world.run_to(65);
    assert_eq!(world.answers.take(), ["200 r1"]);
}

#[test]
fn malformed_management_requests_are_refused() {
    let mut world = World::new(manager());
    world.start();
    world.run_to(66);
    for (method, path, body, status) in [
        (http::Method::PUT, "/api/am/gateway/v2/apis/pizza/1.0.0", "{", "400"),
        (http::Method::PUT, "/api/am/gateway/v2/apis/%zz/1.0.0", "{\"revision\":2}", "404"),
        (http::Method::POST, "/api/am/gateway/v2/apis", "{\"revision\":2}", "400"),
        (http::Method::POST, "/services/RESTAPIAdmin", "<soap", "500"),
        (http::Method::PATCH, "/carbon/", "", "404"),
    ] {
        let request = management::request(method, path, HOST, body.as_bytes());
        assert_eq!(world.ask(9443, request), status, "{path}");
    }
}
