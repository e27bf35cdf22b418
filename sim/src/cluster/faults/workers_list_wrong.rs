//! The lines of a worker in the list are missing, or stand there twice. The next run of the script reads it.

use harness::plan::{Fault, ListMistake};

use super::{Stage, had_no_effect};
use crate::cluster::live::mistake_name;

pub(super) fn inject(fault: &Fault, line: ListMistake, stage: &mut Stage<'_>) {
    for name in fault.target.nodes() {
        if !stage.nodes.cluster().sync.workers.iter().any(|target| target.node == name) {
            had_no_effect(stage.nodes.host(&name), fault, format!("{name} is not in the list"));
        }
        stage.nodes.live().list_mistakes.take((name, mistake_name(line)));
    }
}

pub(super) fn heal(fault: &Fault, line: ListMistake, stage: &mut Stage<'_>) {
    for name in fault.target.nodes() {
        stage.nodes.live().list_mistakes.release(&(name, mistake_name(line)));
    }
}
