//! What turmoil-net's packets are when those are joined that a real kernel would not have sent alone.
//!
//! Its stack answers each segment with an acknowledgement of its own, at once, and sends FIN by itself; see
//! `Stack::send` for what Linux does.

use turmoil_net::{Packet, TcpSegment, Transport};

/// Adds a packet to those that a host sends at one moment, of which it may make one superfluous, or be so itself.
pub(super) fn add(packets: &mut Vec<Packet>, packet: Packet) {
    packets.push(packet);
    let Some((last, before)) = packets.split_last() else { return };
    let Some(place) = before.iter().rposition(|earlier| same_flow(earlier, last)) else { return };
    if carries_fin_of(&before[place], last) {
        packets.pop();
        segment_mut(&mut packets[place]).flags.fin = true;
    } else if is_superfluous_before(&before[place], last) {
        packets.remove(place);
    }
}

fn same_flow(one: &Packet, other: &Packet) -> bool {
    match (&one.payload, &other.payload) {
        (Transport::Tcp(a), Transport::Tcp(b)) => {
            a.src_port == b.src_port
                && a.dst_port == b.dst_port
                && one.src == other.src
                && one.dst == other.dst
        }
        _ => false,
    }
}

/// Whether `earlier` only acknowledges, and `later` acknowledges as much.
fn is_superfluous_before(earlier: &Packet, later: &Packet) -> bool {
    let (earlier, later) = (segment(earlier), segment(later));
    is_bare_acknowledgement(earlier) && later.flags.ack && !later.flags.rst && !ends_handshake(earlier)
}

fn is_bare_acknowledgement(segment: &TcpSegment) -> bool {
    let flags = segment.flags;
    segment.payload.is_empty() && flags.ack && !flags.syn && !flags.fin && !flags.rst
}

/// The third step of a handshake must go alone: the stack drops data that comes with it. The stacks' initial
/// sequence numbers are multiples of 65,536, so nothing has been sent either way when both numbers are one more
/// than that. (After exactly that many bytes it is mistaken, and one packet more is sent.)
fn ends_handshake(segment: &TcpSegment) -> bool {
    let begins = |number: u32| number.wrapping_sub(1) & 0xffff == 0;
    begins(segment.seq) && begins(segment.ack)
}

/// Whether `later` is nothing but the FIN right behind the data of `earlier`.
fn carries_fin_of(earlier: &Packet, later: &Packet) -> bool {
    let (earlier, later) = (segment(earlier), segment(later));
    later.flags.fin
        && later.payload.is_empty()
        && !earlier.payload.is_empty()
        && !earlier.flags.fin
        && earlier.ack == later.ack
        && earlier.seq.wrapping_add(earlier.payload.len() as u32) == later.seq
}

pub(super) fn segment(packet: &Packet) -> &TcpSegment {
    match &packet.payload {
        Transport::Tcp(segment) => segment,
        Transport::Udp(_) => unreachable!("flows are TCP"),
    }
}

fn segment_mut(packet: &mut Packet) -> &mut TcpSegment {
    match &mut packet.payload {
        Transport::Tcp(segment) => segment,
        Transport::Udp(_) => unreachable!("flows are TCP"),
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use bytes::Bytes;
    use turmoil_net::TcpFlags;

    use super::*;

    fn packet(port: u16, seq: u32, ack: u32, payload: &'static [u8], fin: bool) -> Packet {
        Packet {
            src: IpAddr::from([10, 0, 0, 1]),
            dst: IpAddr::from([10, 0, 0, 2]),
            ttl: 64,
            payload: Transport::Tcp(TcpSegment {
                src_port: port,
                dst_port: 80,
                seq,
                ack,
                flags: TcpFlags { ack: true, fin, ..TcpFlags::default() },
                window: 1000,
                payload: Bytes::from_static(payload),
            }),
        }
    }

    fn merge(packets: Vec<Packet>) -> Vec<Packet> {
        packets.into_iter().fold(Vec::new(), |mut merged, packet| {
            add(&mut merged, packet);
            merged
        })
    }

    #[test]
    fn data_carries_the_acknowledgement_that_was_due() {
        let (ack, data) = (packet(1, 10, 20, b"", false), packet(1, 10, 20, b"abc", false));
        assert_eq!(merge(vec![ack, data.clone()]), [data]);
    }

    #[test]
    fn the_last_segment_carries_fin() {
        let merged = merge(vec![packet(1, 10, 20, b"abc", false), packet(1, 13, 20, b"", true)]);
        assert_eq!(merged, [packet(1, 10, 20, b"abc", true)]);
    }

    #[test]
    fn the_end_of_a_handshake_and_other_flows_are_left_alone() {
        let packets = vec![
            packet(1, 0x0100_0001, 0x0203_0001, b"", false),
            packet(1, 0x0100_0001, 0x0203_0001, b"abc", false),
            packet(2, 10, 20, b"", false),
            packet(3, 10, 20, b"abc", false),
        ];
        assert_eq!(merge(packets.clone()), packets);
    }
}
