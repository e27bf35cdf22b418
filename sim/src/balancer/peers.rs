//! Who gets a request: the members of an upstream group, and nginx's accounting of their failures.
//!
//! This follows `ngx_http_upstream_round_robin`, `_ip_hash` and `_least_conn` of nginx 1.22 step by step,
//! because the order in which servers are tried is a matter of fact, not of taste. Times are whole seconds of
//! the host's wall clock, as nginx's cached `ngx_time()` is.

use std::net::IpAddr;

use crate::config::nginx::{Method, Upstream, UpstreamServer};

/// The state of a group, as one worker process (or, with a `zone`, all of them) knows it.
#[derive(Debug)]
pub(super) struct Group {
    method: Method,
    primary: Vec<Peer>,
    backup: Vec<Peer>,
    /// A bug to find: failures count for nothing and a retry goes to the server that has just failed.
    ignores_failures: bool,
}

/// A member of a group: which list, and where in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PeerId {
    pub(super) backup: bool,
    pub(super) index: usize,
}

/// How an attempt ended, as far as the group cares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Release {
    /// The request ended with this server. (An answer that broke after its head counts as fine, and so does
    /// a client that went away.)
    Fine,
    /// Its answer, 403 or 404, is not wanted; nothing is wrong with the server.
    Unwanted,
    /// It failed.
    Failed,
}

/// What one request has tried so far.
#[derive(Debug)]
pub(super) struct Selection {
    on_backup: bool,
    tried: Vec<usize>,
    /// How many servers may still be tried, the one that was chosen last included.
    pub(super) tries: u32,
    ip_hash: Option<IpHash>,
    last: Option<PeerId>,
}

#[derive(Debug)]
struct IpHash {
    address: [u8; 16],
    length: usize,
    hash: u64,
    tries: u32,
}

/// `ip_hash` looks for a live server so often before it falls back to round robin.
const IP_HASH_TRIES_MAX: u32 = 20;

#[derive(Debug)]
struct Peer {
    weight: i64,
    effective_weight: i64,
    current_weight: i64,
    max_fails: u32,
    fail_timeout_s: i64,
    max_conns: u32,
    down: bool,
    conns: u32,
    fails: u32,
    /// When it failed last.
    accessed_s: i64,
    /// When it failed last, or was first tried after `fail_timeout`.
    checked_s: i64,
}

impl Peer {
    fn new(server: &UpstreamServer) -> Self {
        let weight = i64::from(server.weight);
        Self {
            weight,
            effective_weight: weight,
            current_weight: 0,
            max_fails: server.max_fails,
            fail_timeout_s: i64::try_from(server.fail_timeout.as_secs()).unwrap_or(i64::MAX),
            max_conns: server.max_conns,
            down: server.down,
            conns: 0,
            fails: 0,
            accessed_s: 0,
            checked_s: 0,
        }
    }

    fn is_full(&self) -> bool {
        self.max_conns > 0 && self.conns >= self.max_conns
    }

    fn is_marked(&self, now_s: i64) -> bool {
        self.max_fails > 0 && self.fails >= self.max_fails && now_s - self.checked_s <= self.fail_timeout_s
    }

    /// One step of smooth weighted round robin; gives what it adds to the total.
    fn gain(&mut self) -> i64 {
        self.current_weight += self.effective_weight;
        let gained = self.effective_weight;
        if self.effective_weight < self.weight {
            self.effective_weight += 1;
        }
        gained
    }

    fn chosen(&mut self, now_s: i64) {
        self.conns += 1;
        if now_s - self.checked_s > self.fail_timeout_s {
            self.checked_s = now_s;
        }
    }
}

impl Group {
    pub(super) fn new(upstream: &Upstream, ignores_failures: bool) -> Self {
        let members = |backup| upstream.servers.iter().filter(move |server| server.backup == backup);
        Self {
            method: upstream.method,
            primary: members(false).map(Peer::new).collect(),
            backup: members(true).map(Peer::new).collect(),
            ignores_failures,
        }
    }

    /// Begins the choice for one request. `tries_max` is `proxy_next_upstream_tries`, 0 for no limit.
    pub(super) fn begin(&self, client: IpAddr, tries_max: u32) -> Selection {
        let live = self.primary.iter().chain(&self.backup).filter(|peer| !peer.down).count();
        let tries = u32::try_from(live).unwrap_or(u32::MAX);
        Selection {
            on_backup: false,
            tried: Vec::new(),
            tries: if tries_max > 0 { tries.min(tries_max) } else { tries },
            ip_hash: (self.method == Method::IpHash).then(|| IpHash::new(client)),
            last: None,
        }
    }

    /// Chooses a server; none when no live one is left. What is chosen must be given back by
    /// [`Group::release`].
    pub(super) fn choose(&mut self, selection: &mut Selection, now_s: i64) -> Option<PeerId> {
        let index = match (self.ignores_failures, selection.last) {
            (true, Some(last)) => Some(last.index),
            _ => self.choose_from(selection, now_s),
        };
        if index.is_none() && !selection.on_backup && !self.backup.is_empty() {
            selection.on_backup = true;
            selection.tried.clear();
            selection.last = None;
            return self.choose(selection, now_s);
        }
        let id = PeerId { backup: selection.on_backup, index: index? };
        selection.tried.push(id.index);
        selection.last = Some(id);
        self.peer(id).chosen(now_s);
        Some(id)
    }

    /// Gives a server back. When this marks it as unavailable, the first second at which it is available again.
    pub(super) fn release(
        &mut self,
        selection: &mut Selection,
        id: PeerId,
        how: Release,
        now_s: i64,
    ) -> Option<i64> {
        let single = self.is_single();
        let ignores_failures = self.ignores_failures;
        let peer = self.peer(id);
        peer.conns -= 1;
        if single {
            selection.tries = 0;
            return None;
        }
        let mut marked_until = None;
        if how == Release::Failed && !ignores_failures {
            peer.fails += 1;
            peer.accessed_s = now_s;
            peer.checked_s = now_s;
            if peer.max_fails > 0 {
                peer.effective_weight -= peer.weight / i64::from(peer.max_fails);
                if peer.fails >= peer.max_fails {
                    marked_until = Some(now_s.saturating_add(peer.fail_timeout_s).saturating_add(1));
                }
            }
            peer.effective_weight = peer.effective_weight.max(0);
        } else if peer.accessed_s < peer.checked_s {
            peer.fails = 0;
        }
        selection.tries = selection.tries.saturating_sub(1);
        marked_until
    }

    /// A group of one server: it is never marked, and never tried twice for one request.
    fn is_single(&self) -> bool {
        self.primary.len() == 1 && self.backup.is_empty()
    }

    fn list(&mut self, backup: bool) -> &mut Vec<Peer> {
        if backup { &mut self.backup } else { &mut self.primary }
    }

    fn peer(&mut self, id: PeerId) -> &mut Peer {
        &mut self.list(id.backup)[id.index]
    }

    fn choose_from(&mut self, selection: &mut Selection, now_s: i64) -> Option<usize> {
        if self.is_single() {
            let only = &self.primary[0];
            return (!only.down && !only.is_full()).then_some(0);
        }
        let ignores_failures = self.ignores_failures;
        let tried = &selection.tried;
        let eligible = |index: usize, peer: &Peer| {
            !tried.contains(&index)
                && !peer.down
                && (ignores_failures || !peer.is_marked(now_s))
                && !peer.is_full()
        };
        match self.method {
            Method::RoundRobin => round_robin(self.list(selection.on_backup), eligible),
            Method::LeastConn => least_conn(self.list(selection.on_backup), eligible),
            Method::IpHash => {
                let peers = self.list(selection.on_backup);
                let hashed = selection.ip_hash.as_mut().and_then(|ip_hash| ip_hash.choose(peers, eligible));
                hashed.or_else(|| round_robin(peers, eligible))
            }
        }
    }
}

fn round_robin(peers: &mut [Peer], eligible: impl Fn(usize, &Peer) -> bool) -> Option<usize> {
    let mut total = 0;
    let mut best: Option<(usize, i64)> = None;
    for (index, peer) in peers.iter_mut().enumerate() {
        if !eligible(index, peer) {
            continue;
        }
        total += peer.gain();
        if best.is_none_or(|(_, weight)| peer.current_weight > weight) {
            best = Some((index, peer.current_weight));
        }
    }
    let (best, _) = best?;
    peers[best].current_weight -= total;
    Some(best)
}

/// The fewest connections in proportion to the weight; among several such, round robin.
fn least_conn(peers: &mut [Peer], eligible: impl Fn(usize, &Peer) -> bool) -> Option<usize> {
    // Two servers' loads are compared crosswise, without a division.
    let load = |of: &Peer, against: &Peer| i64::from(of.conns) * against.weight;
    let mut best: Option<usize> = None;
    let mut many = false;
    for (index, peer) in peers.iter().enumerate() {
        if !eligible(index, peer) {
            continue;
        }
        match best.map(|best| load(peer, &peers[best]).cmp(&load(&peers[best], peer))) {
            None | Some(std::cmp::Ordering::Less) => {
                best = Some(index);
                many = false;
            }
            Some(std::cmp::Ordering::Equal) => many = true,
            Some(std::cmp::Ordering::Greater) => {}
        }
    }
    let mut best = best?;
    if many {
        let (first, mut total) = (best, 0);
        for index in first..peers.len() {
            let equal = load(&peers[index], &peers[best]) == load(&peers[best], &peers[index]);
            if !eligible(index, &peers[index]) || !equal {
                continue;
            }
            total += peers[index].gain();
            if peers[index].current_weight > peers[best].current_weight {
                best = index;
            }
        }
        peers[best].current_weight -= total;
    }
    Some(best)
}

impl IpHash {
    fn new(client: IpAddr) -> Self {
        let mut address = [0; 16];
        let length = match client {
            IpAddr::V4(client) => {
                address[..4].copy_from_slice(&client.octets());
                3
            }
            IpAddr::V6(client) => {
                address = client.octets();
                16
            }
        };
        Self { address, length, hash: 89, tries: 0 }
    }

    fn choose(&mut self, peers: &[Peer], eligible: impl Fn(usize, &Peer) -> bool) -> Option<usize> {
        let total_weight: i64 = peers.iter().map(|peer| peer.weight).sum();
        let mut hash = self.hash;
        while self.tries <= IP_HASH_TRIES_MAX {
            for &byte in &self.address[..self.length] {
                hash = (hash * 113 + u64::from(byte)) % 6271;
            }
            let mut place = i64::try_from(hash).expect("below 6271") % total_weight.max(1);
            let index = peers.iter().position(|peer| {
                place -= peer.weight;
                place < 0
            })?;
            if eligible(index, &peers[index]) {
                self.hash = hash;
                return Some(index);
            }
            self.tries += 1;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::config::nginx::KeepAlive;

    const CLIENT: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 7, 1));

    fn server(weight: u32) -> UpstreamServer {
        UpstreamServer {
            address: ([10, 0, 0, 2], 80).into(),
            name: None,
            weight,
            max_fails: 1,
            fail_timeout: Duration::from_secs(10),
            max_conns: 0,
            backup: false,
            down: false,
        }
    }

    fn group(method: Method, servers: Vec<UpstreamServer>) -> Group {
        let upstream = Upstream {
            name: "be".to_owned(),
            servers,
            method,
            keepalive: None,
            keepalive_limits: KeepAlive::new(Duration::from_secs(60)),
            zone: false,
        };
        Group::new(&upstream, false)
    }

    /// One request that ends with the first server that does not fail; who was tried.
    fn request(group: &mut Group, now_s: i64, fails: impl Fn(PeerId) -> bool) -> Vec<usize> {
        let mut selection = group.begin(CLIENT, 0);
        let mut tried = Vec::new();
        while let Some(id) = group.choose(&mut selection, now_s) {
            tried.push(id.index + if id.backup { 100 } else { 0 });
            let how = if fails(id) { Release::Failed } else { Release::Fine };
            group.release(&mut selection, id, how, now_s);
            if how == Release::Fine || selection.tries == 0 {
                break;
            }
        }
        tried
    }

    fn order(group: &mut Group, requests: usize) -> Vec<usize> {
        (0..requests).flat_map(|_| request(group, 1000, |_| false)).collect()
    }

    #[test]
    fn weights_are_spread_smoothly() {
        let mut group = group(Method::RoundRobin, vec![server(5), server(1), server(1)]);
        assert_eq!(order(&mut group, 7), [0, 0, 1, 0, 2, 0, 0]);
    }

    #[test]
    fn a_failed_server_is_left_out_until_its_time_is_over() {
        let mut group = group(Method::RoundRobin, vec![server(1), server(1)]);
        let dead = |id: PeerId| id.index == 0;
        assert_eq!(request(&mut group, 1000, dead), [0, 1]);
        assert_eq!(request(&mut group, 1000, dead), [1]);
        assert_eq!(request(&mut group, 1010, dead), [1]);
        // Its weight is gone with its failure and comes back step by step: seen of the real nginx, too.
        assert_eq!(request(&mut group, 1011, dead), [1]);
        assert_eq!(request(&mut group, 1011, dead), [1]);
        assert_eq!(request(&mut group, 1011, dead), [0, 1], "tried again with live traffic");
        assert_eq!(request(&mut group, 1021, dead), [1]);
    }

    #[test]
    fn when_all_failed_none_is_left_and_the_marks_stay() {
        let mut group = group(Method::RoundRobin, vec![server(1), server(1)]);
        assert_eq!(request(&mut group, 1000, |_| true), [0, 1]);
        assert_eq!(request(&mut group, 1000, |_| false), [0; 0]);
        assert_eq!(request(&mut group, 1010, |_| false), [0; 0]);
        assert_eq!(request(&mut group, 1011, |_| false).len(), 1);
    }

    #[test]
    fn the_only_server_of_a_group_is_never_marked() {
        let mut group = group(Method::RoundRobin, vec![server(1)]);
        assert_eq!(request(&mut group, 1000, |_| true), [0]);
        assert_eq!(request(&mut group, 1000, |_| true), [0]);
    }

    #[test]
    fn failures_count_only_within_the_time_of_their_check() {
        let mut servers = vec![server(1), server(1)];
        servers[0].max_fails = 2;
        let mut group = group(Method::RoundRobin, servers);
        let dead = |id: PeerId| id.index == 0;
        assert_eq!(request(&mut group, 1000, dead), [0, 1]);
        // Half its weight is gone and comes back step by step.
        let next: Vec<_> = (0..3).flat_map(|_| request(&mut group, 1001, |_| false)).collect();
        assert!(next.contains(&0), "one failure of two allowed: still in use: {next:?}");
        // A success after `fail_timeout` clears the count; one more failure is the first again.
        for _ in 0..2 {
            request(&mut group, 1012, |_| false);
        }
        for _ in 0..2 {
            request(&mut group, 1013, dead);
        }
        let after: Vec<_> = (0..3).flat_map(|_| request(&mut group, 1013, |_| false)).collect();
        assert!(after.contains(&0), "{after:?}");
    }

    #[test]
    fn backups_serve_only_when_the_others_are_out() {
        let mut servers = vec![server(1), server(1)];
        servers[1].backup = true;
        let mut group = group(Method::RoundRobin, servers);
        assert_eq!(request(&mut group, 1000, |_| false), [0]);
        assert_eq!(request(&mut group, 1000, |id| !id.backup), [0, 100]);
        assert_eq!(request(&mut group, 1000, |_| false), [100]);
    }

    #[test]
    fn a_server_that_is_down_is_neither_tried_nor_counted() {
        let mut servers = vec![server(1), server(1)];
        servers[0].down = true;
        let mut group = group(Method::RoundRobin, servers);
        assert_eq!(group.begin(CLIENT, 0).tries, 1);
        assert_eq!(order(&mut group, 2), [1, 1]);
    }

    #[test]
    fn the_fewest_connections_win_and_equals_take_turns() {
        let mut group = group(Method::LeastConn, vec![server(1), server(1)]);
        let mut held = group.begin(CLIENT, 0);
        assert_eq!(group.choose(&mut held, 1000).unwrap().index, 0);
        assert_eq!(order(&mut group, 2), [1, 1]);
    }

    #[test]
    fn a_client_keeps_its_server_while_that_lives() {
        let mut group = group(Method::IpHash, vec![server(1), server(1), server(1)]);
        let first = order(&mut group, 1)[0];
        assert_eq!(order(&mut group, 3), [first; 3]);
        let tried = request(&mut group, 1000, |id| id.index == first);
        assert_eq!((tried[0], tried.len()), (first, 2));
        let second = tried[1];
        assert_eq!(order(&mut group, 2), [second; 2]);
    }

    #[test]
    fn a_server_takes_no_more_connections_than_allowed() {
        let mut servers = vec![server(1), server(1)];
        servers[0].max_conns = 1;
        let mut group = group(Method::RoundRobin, servers);
        let mut held = group.begin(CLIENT, 0);
        assert_eq!(group.choose(&mut held, 1000).unwrap().index, 0);
        assert_eq!(order(&mut group, 2), [1, 1]);
    }

    #[test]
    fn with_the_planted_bug_the_dead_server_is_tried_again_and_again() {
        let mut group = group(Method::RoundRobin, vec![server(1), server(1)]);
        group.ignores_failures = true;
        assert_eq!(request(&mut group, 1000, |id| id.index == 0), [0, 0]);
    }
}
