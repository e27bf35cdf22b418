//! The stack against turmoil-net's: the same calls give the same results and the same packets. Left out is where
//! they differ on purpose, because Linux does: data for a program that is gone, what can be read after a reset, and
//! when a reader that let half of its buffer fill says that there is room again.

mod coalesce;

use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use proptest::prelude::*;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use turmoil_net::shim::tokio::net as peer;
use turmoil_net::{EnterGuard, HostId, KernelConfig, Net};

use super::*;

const PORT: u16 = 80;
const CONNECTIONS: usize = 3;
/// Below half of a buffer both say the same of their windows.
const UNREAD_MAX: usize = 32_000;

fn address(host: usize) -> IpAddr {
    IpAddr::from([10, 0, 0, host as u8 + 1])
}

/// What a program does: on connection `.0`, at the client's end or the server's.
#[derive(Debug, Clone, Copy)]
enum Call {
    Connect(usize),
    Accept,
    Write(usize, bool, usize),
    Read(usize, bool, usize),
    Shutdown(usize, bool),
    Close(usize, bool),
    /// Everything that was sent arrives.
    Travel,
}

fn calls() -> impl Strategy<Value = Vec<Call>> {
    let which = || 0..CONNECTIONS;
    let call = prop_oneof![
        2 => which().prop_map(Call::Connect),
        2 => Just(Call::Accept),
        4 => (which(), any::<bool>(), prop_oneof![1_usize..100, 1000_usize..20_000])
            .prop_map(|(which, server, count)| Call::Write(which, server, count)),
        4 => (which(), any::<bool>(), prop_oneof![1_usize..100, 1000_usize..70_000])
            .prop_map(|(which, server, count)| Call::Read(which, server, count)),
        1 => (which(), any::<bool>()).prop_map(|(which, server)| Call::Shutdown(which, server)),
        1 => (which(), any::<bool>()).prop_map(|(which, server)| Call::Close(which, server)),
        8 => Just(Call::Travel),
    ];
    prop::collection::vec(call, 1..80)
}

/// Both implementations, side by side.
struct Pair {
    ours: [Stack; 2],
    guard: EnterGuard,
    hosts: [HostId; 2],
    listener: Option<peer::TcpListener>,
    our_listener: SocketId,
    /// Connects under way and done, and the ends that were accepted.
    connecting: [Option<Connecting>; CONNECTIONS],
    ends: [[Option<End>; 2]; CONNECTIONS],
    /// Bytes that each end wrote and the other has not read.
    unread: [[usize; 2]; CONNECTIONS],
}

type Connecting = (Pin<Box<dyn Future<Output = std::io::Result<peer::TcpStream>>>>, SocketId);
type End = (peer::TcpStream, SocketId);

impl Pair {
    fn new() -> Self {
        let mut net = Net::with_config(KernelConfig::default().retx_threshold(u32::MAX));
        let hosts = [0, 1].map(|host| net.add_host(address(host)));
        let guard = net.enter();
        let mut ours = [0, 1].map(|host| Stack::new(address(host)));
        let our_listener = ours[1].listen(PORT).expect("the port is free");
        guard.set_current(hosts[1]);
        let mut bind = Box::pin(peer::TcpListener::bind(SocketAddr::from(([0, 0, 0, 0], PORT))));
        let Poll::Ready(Ok(listener)) = bind.as_mut().poll(&mut Context::from_waker(Waker::noop())) else {
            panic!("the port is free");
        };
        let (connecting, ends) = (Default::default(), Default::default());
        let unread = Default::default();
        Self { ours, guard, hosts, listener: Some(listener), our_listener, connecting, ends, unread }
    }

    /// Makes a call on both; what they answer.
    fn call(&mut self, call: Call) -> Option<(String, String)> {
        let cx = &mut Context::from_waker(Waker::noop());
        match call {
            Call::Connect(which) => {
                self.guard.set_current(self.hosts[0]);
                if self.ends[which][0].is_some() {
                    return None;
                }
                let server = SocketAddr::new(address(1), PORT);
                let (theirs, ours) = self.connecting[which].get_or_insert_with(|| {
                    let (id, _) = self.ours[0].connect(server).expect("there are ports");
                    (Box::pin(peer::TcpStream::connect(server)), id)
                });
                let (theirs, id) = (theirs.as_mut().poll(cx), *ours);
                let ours = self.ours[0].poll_connect(id, cx);
                let (is_ready, stream) = match theirs {
                    Poll::Ready(done) => (true, done.ok()),
                    Poll::Pending => (false, None),
                };
                let theirs =
                    if is_ready { Poll::Ready(stream.as_ref().map(|_| ()).ok_or(())) } else { Poll::Pending };
                if is_ready {
                    self.connecting[which] = None;
                    self.ends[which][0] = stream.map(|stream| (stream, id));
                }
                Some((said(&theirs), said(&ours.map_err(|_| ()))))
            }
            Call::Accept => {
                self.guard.set_current(self.hosts[1]);
                let theirs = self.listener.as_ref()?.poll_accept(cx);
                let ours = self.ours[1].poll_accept(self.our_listener, cx);
                match (theirs, ours) {
                    (Poll::Ready(Ok((stream, peer))), Poll::Ready(accepted)) => {
                        match self.client_at(accepted.peer) {
                            Some(which) => self.ends[which][1] = Some((stream, accepted.socket)),
                            None => drop(self.ours[1].close(accepted.socket)),
                        }
                        Some((peer.to_string(), accepted.peer.to_string()))
                    }
                    (theirs, ours) => Some((theirs.is_ready().to_string(), ours.is_ready().to_string())),
                }
            }
            Call::Write(which, server, count) => {
                let host = usize::from(server);
                let count = count.min(UNREAD_MAX - self.unread[which][host]);
                if count == 0 || self.ends[which][host].is_none() {
                    return None;
                }
                self.unread[which][host] += count;
                let bytes: Vec<u8> = (0..count).map(|place| (place % 251) as u8).collect();
                self.on_end(which, server, |ours, theirs, id, cx| {
                    let theirs = Pin::new(theirs).poll_write(cx, &bytes).map_err(|_| ());
                    let piece = |room: usize| Bytes::copy_from_slice(&bytes[..room]);
                    let ours = ours.poll_write(id, cx, bytes.len(), piece).map_err(|_| ());
                    (said(&theirs), said(&ours))
                })
            }
            Call::Read(which, server, count) => {
                let mut came = 0;
                let result = self.on_end(which, server, |ours, theirs, id, cx| {
                    let mut room = vec![0; count];
                    let mut buf = ReadBuf::new(&mut room);
                    let read = Pin::new(theirs).poll_read(cx, &mut buf).map_err(|_| ());
                    came = buf.filled().len();
                    let theirs = (said(&read), buf.filled().to_vec());
                    let mut bytes = Vec::new();
                    let read = ours.poll_read(id, cx, |queue| {
                        queue.take_pieces(count, |piece| bytes.extend_from_slice(piece))
                    });
                    let ours = (said(&read.map_ok(|_| ()).map_err(|_| ())), bytes);
                    (format!("{theirs:?}"), format!("{ours:?}"))
                });
                self.unread[which][usize::from(!server)] -= came;
                result
            }
            Call::Shutdown(which, server) => self.on_end(which, server, |ours, theirs, id, cx| {
                let theirs = Pin::new(theirs).poll_shutdown(cx).map_err(|_| ());
                (said(&theirs), said(&Poll::Ready(ours.shutdown(id).map_err(|_| ()))))
            }),
            Call::Close(which, server) => {
                let host = usize::from(server);
                if self.connecting[which].is_some() {
                    return None;
                }
                // What was sent to an end that is closed is answered in another way.
                let settled = self.settle();
                assert_eq!(settled.0, settled.1);
                self.guard.set_current(self.hosts[host]);
                let (stream, id) = self.ends[which][host].take()?;
                drop(stream);
                self.ours[host].close(id);
                let told = self.settle();
                // The other end may have been reset: what it still reads differs.
                self.guard.set_current(self.hosts[1 - host]);
                if let Some((stream, id)) = self.ends[which][1 - host].take() {
                    drop(stream);
                    self.ours[1 - host].close(id);
                }
                self.unread[which] = [0; 2];
                Some((format!("{:?}", told.0), format!("{:?}", told.1)))
            }
            Call::Travel => {
                let (theirs, ours) = self.travel();
                Some((format!("{theirs:?}"), format!("{ours:?}")))
            }
        }
    }

    /// Which connection has this address at the client's end.
    fn client_at(&self, address: SocketAddr) -> Option<usize> {
        (0..CONNECTIONS).find(|&which| {
            let connecting = self.connecting[which].as_ref().map(|(_, id)| *id);
            let id = connecting.or(self.ends[which][0].as_ref().map(|(_, id)| *id));
            id.and_then(|id| self.ours[0].tcb(id)).is_some_and(|tcb| tcb.ends.local() == address)
        })
    }

    fn on_end(
        &mut self,
        which: usize,
        server: bool,
        call: impl FnOnce(&mut Stack, &mut peer::TcpStream, SocketId, &mut Context<'_>) -> (String, String),
    ) -> Option<(String, String)> {
        let host = usize::from(server);
        self.guard.set_current(self.hosts[host]);
        let (theirs, id) = self.ends[which][host].as_mut()?;
        Some(call(&mut self.ours[host], theirs, *id, &mut Context::from_waker(Waker::noop())))
    }

    /// Delivers what was sent, once; what it was, connection by connection: in which order those of one host send at
    /// one moment is each stack's own. turmoil-net's sends each segment alone.
    fn travel(&mut self) -> (Vec<Packet>, Vec<Packet>) {
        let (mut theirs, mut ours) = (Vec::new(), Vec::new());
        self.guard.egress_all(&mut theirs);
        let (of_client, of_server): (Vec<_>, Vec<_>) =
            theirs.into_iter().partition(|packet| packet.src == address(0));
        let mut theirs = Vec::new();
        for packets in [of_client, of_server] {
            let mut merged = Vec::new();
            packets.into_iter().for_each(|packet| coalesce::add(&mut merged, packet));
            theirs.append(&mut merged);
        }
        for stack in &mut self.ours {
            ours.extend(stack.send_all().drain(..).map(|packet| *packet));
        }
        for packet in &theirs {
            self.guard.deliver(packet.clone());
        }
        for packet in &ours {
            let host = usize::from(packet.dst == address(1));
            assert!(self.ours[host].receive(&mut packet.clone(), None));
        }
        for packets in [&mut theirs, &mut ours] {
            packets.sort_by_key(|packet| {
                let segment = coalesce::segment(packet);
                (packet.src, segment.src_port, segment.dst_port)
            });
        }
        (theirs, ours)
    }

    /// Delivers until nothing is sent any more; all that was.
    fn settle(&mut self) -> (Vec<Packet>, Vec<Packet>) {
        let mut all = (Vec::new(), Vec::new());
        loop {
            let (theirs, ours) = self.travel();
            if theirs.is_empty() && ours.is_empty() {
                return all;
            }
            all.0.extend(theirs);
            all.1.extend(ours);
        }
    }
}

impl Drop for Pair {
    fn drop(&mut self) {
        self.connecting = Default::default();
        self.ends = Default::default();
        self.listener = None;
    }
}

fn said<T: std::fmt::Debug, E: std::fmt::Debug>(polled: &Poll<Result<T, E>>) -> String {
    format!("{polled:?}")
}

/// Makes the calls on both, and looks after whatever lets packets travel at every connect that is under way.
///
/// A program that is woken looks at once: on turmoil-net a connect must be seen before its peer's end, or it fails.
fn compare(calls: impl IntoIterator<Item = Call>) -> Result<(), TestCaseError> {
    let mut pair = Pair::new();
    for call in calls {
        let woken = (0..CONNECTIONS).filter(|&which| pair.connecting[which].is_some()).map(Call::Connect);
        let travels = matches!(call, Call::Travel | Call::Close(..));
        let after = if travels { woken.collect() } else { Vec::new() };
        for call in [call].into_iter().chain(after) {
            if let Some((theirs, ours)) = pair.call(call) {
                prop_assert_eq!(ours, theirs, "{:?}", call);
            }
        }
    }
    Ok(())
}

#[test]
fn a_connect_that_is_done_while_another_socket_closes_is_seen_before_its_peers_end() {
    let calls =
        [Call::Connect(1), Call::Close(0, false), Call::Accept, Call::Shutdown(1, true), Call::Travel];
    compare(calls).unwrap();
}

proptest! {
    #[test]
    fn the_same_calls_give_the_same_packets_as_on_turmoil_net(calls in calls()) {
        compare(calls)?;
    }
}
