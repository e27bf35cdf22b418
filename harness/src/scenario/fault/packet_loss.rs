//! Some of the packets between two groups of nodes are lost by chance. At the end all pass again.

use super::{Kind, each_link};
use crate::plan::{FaultKind, PartitionDirection};
use crate::scenario::amount::parse_share_ppm;
use crate::scenario::selector;

pub(super) const KIND: Kind = Kind {
    name: "packet-loss",
    doc: "some packets between two groups of nodes are lost, which TCP repeats; at the end all pass again",
    keys: &[
        ("between", "one group: names or roles"),
        ("and", "the other group; all other nodes, if it is left out"),
        ("loss", "how many: `2 %`"),
        ("direction", "`both` (if it is left out), `a-to-b` or `b-to-a`: whose packets are lost"),
    ],
    read: |table| {
        let (target, direction) = (selector::between(table), selector::direction(table));
        let loss = table.require_text("loss", "write `loss = \"2 %\"`: how many packets are lost")?;
        match parse_share_ppm(&loss.value) {
            Ok(loss_ppm) => Some((FaultKind::PacketLoss { loss_ppm, direction }, target?)),
            Err(why) => {
                table.reader.error(loss.span, "`loss` is not a share", why);
                None
            }
        }
    },
    candidates: |topology| {
        let kind = FaultKind::PacketLoss { loss_ppm: 50_000, direction: PartitionDirection::Both };
        each_link(topology).into_iter().map(|target| (kind.clone(), target)).collect()
    },
};
