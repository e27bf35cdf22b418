//! The cases: what two programs do, and what happens to them and the network between them.

/// A machine, and the program on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// Connects.
    Client,
    /// Listens.
    Server,
}

impl Who {
    /// The other one.
    pub fn other(self) -> Self {
        match self {
            Who::Client => Who::Server,
            Who::Server => Who::Client,
        }
    }

    /// Its address.
    pub fn address(self) -> &'static str {
        match self {
            Who::Client => "10.0.0.1",
            Who::Server => "10.0.0.2",
        }
    }

    /// Its hardware address.
    pub fn mac(self) -> &'static str {
        match self {
            Who::Client => "02:00:00:00:00:01",
            Who::Server => "02:00:00:00:00:02",
        }
    }

    /// For names.
    pub fn letter(self) -> char {
        match self {
            Who::Client => 'c',
            Who::Server => 's',
        }
    }
}

/// A direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// What the client sends.
    ToServer,
    /// What the server sends.
    ToClient,
    /// Both.
    Both,
}

/// What the server's firewall does with what arrives for [`PORT`](crate::script::PORT).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Block {
    /// Nothing is said.
    Drop,
    /// A TCP reset.
    Reset,
    /// ICMP port unreachable.
    PortUnreachable,
    /// ICMP administratively prohibited.
    AdminProhibited,
}

/// What happens to the world.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// One packet with data that goes this way is lost: so many of them pass before it.
    Lose(Way, u64),
    /// The server's firewall gets a rule.
    Block(Block),
    /// The rule is gone.
    Unblock,
    /// Every connection of a machine is destroyed, which tells its peer (`ss -K`).
    Abort(Who),
    /// A program gets no file descriptor any more.
    Exhaust(Who),
    /// It gets some again.
    Relieve(Who),
    /// A machine stands still: as its peers see it.
    Freeze(Who),
    /// It goes on.
    Thaw(Who),
    /// What is sent this way is lost from now on.
    Cut(Way),
    /// It is lost no more.
    Join(Way),
    /// SIGKILL.
    Kill(Who),
    /// Another program begins on a machine that is on, with these steps.
    Start(Who, &'static str),
    /// SIGSTOP.
    Pause(Who),
    /// SIGCONT.
    Resume(Who),
    /// The machine is silent and forgets everything.
    PowerOff(Who),
    /// It boots, and runs these steps.
    PowerOn(Who, &'static str),
}

/// A case.
#[derive(Debug, Clone)]
pub struct Case {
    /// A sentence.
    pub name: &'static str,
    /// The client's steps, from the first moment on.
    pub client: &'static str,
    /// The server's steps; begun before.
    pub server: &'static str,
    /// What happens, and when in milliseconds; at 0: before the client begins.
    pub world: Vec<(u64, Act)>,
    /// Settings below `net.ipv4` on both machines, and the model's of the same name.
    pub sysctls: &'static [(&'static str, u64)],
    /// Whether each knows the other's hardware address for good.
    pub knows_neighbour: bool,
    /// How far apart the two worlds may be: the retransmission interval that is in force at the last event.
    pub step_ms: u64,
    /// When the case is over.
    pub until_ms: u64,
}

/// A case without faults, in which moments differ by a delayed poll at most.
fn case(name: &'static str, client: &'static str, server: &'static str) -> Case {
    Case {
        name,
        client,
        server,
        world: Vec::new(),
        sysctls: &[],
        knows_neighbour: true,
        step_ms: 400,
        until_ms: 2000,
    }
}

/// All cases.
pub fn all() -> Vec<Case> {
    let mut all = connecting();
    all.extend(transferring());
    all.extend(one_way());
    all.extend(giving_up());
    all.extend(killed());
    all.extend(listening_again());
    all.extend(rebooted());
    all.extend(losing());
    all.extend(firewalled());
    all.extend(aborted());
    all.extend(exhausted());
    all.extend(frozen());
    all
}

const ECHO: &str = "listen; accept; read 1; write 1; read 1; write 1; read 1";

fn connecting() -> Vec<Case> {
    let cut_before = |name, joined_ms, until_ms, step_ms| Case {
        world: vec![(0, Act::Cut(Way::Both)), (joined_ms, Act::Join(Way::Both))],
        until_ms,
        step_ms,
        ..case(name, "at 500; connect; write 1; read 1", ECHO)
    };
    vec![
        case("a closed port refuses", "connect", ""),
        Case {
            world: vec![(0, Act::Cut(Way::ToServer))],
            sysctls: &[("tcp_syn_retries", 3)],
            step_ms: 1000,
            until_ms: 17_000,
            ..case("a silent address times a connect out", "connect", ECHO)
        },
        Case {
            world: vec![(0, Act::Cut(Way::ToServer))],
            sysctls: &[("tcp_syn_retries", 2), ("tcp_syn_linear_timeouts", 1)],
            step_ms: 1000,
            until_ms: 10_000,
            ..case("a silent address, where the first repetitions are linear", "connect", ECHO)
        },
        Case {
            world: vec![(0, Act::Cut(Way::ToServer))],
            sysctls: &[("tcp_syn_retries", 1), ("tcp_syn_linear_timeouts", 4)],
            step_ms: 1000,
            until_ms: 10_000,
            ..case("a silent address, where time is up before the linear repetitions", "connect", ECHO)
        },
        Case {
            world: vec![(200, Act::Pause(Who::Server)), (5000, Act::Resume(Who::Server))],
            until_ms: 6000,
            ..case(
                "a paused process's kernel accepts and answers nothing",
                "at 500; connect; write 1; read 1",
                ECHO,
            )
        },
        cut_before("a connect into a cut of 1 s", 1000, 3000, 1000),
        cut_before("a connect into a cut of 5 s", 5000, 9000, 4000),
        cut_before("a connect into a cut of 20 s", 20_000, 40_000, 16_000),
        Case {
            world: vec![(0, Act::Cut(Way::ToClient)), (5000, Act::Join(Way::ToClient))],
            until_ms: 9000,
            step_ms: 1000,
            ..case("a connect whose answers are cut off for 5 s", "at 500; connect; write 1; read 1", ECHO)
        },
    ]
}

fn transferring() -> Vec<Case> {
    let during = |name, joined_ms: u64, step_ms| Case {
        world: vec![(1000, Act::Cut(Way::Both)), (1000 + joined_ms, Act::Join(Way::Both))],
        until_ms: 2 * joined_ms + 6000,
        step_ms,
        ..case(
            name,
            "connect; stream 100 x 500 every 20; shutdown; read all",
            "listen; accept; read all; write 5; close",
        )
    };
    vec![
        during("a transfer that is cut for 1 s", 1000, 800),
        during("a transfer that is cut for 5 s", 5000, 3200),
        during("a transfer that is cut for 20 s", 20_000, 12_800),
        Case {
            world: vec![(1000, Act::Cut(Way::Both)), (6000, Act::Join(Way::Both))],
            until_ms: 9000,
            ..case(
                "an idle connection does not notice a cut",
                "connect; write 1; read 1; at 7000; write 1; read 1",
                ECHO,
            )
        },
        Case {
            world: vec![(1000, Act::Pause(Who::Server)), (4000, Act::Resume(Who::Server))],
            until_ms: 6000,
            ..case(
                "a transfer to a process that is paused for 3 s",
                "connect; stream 100 x 500 every 20; shutdown; read all",
                "listen; accept; read all; write 5; close",
            )
        },
    ]
}

fn one_way() -> Vec<Case> {
    let echo_once = "connect; at 1000; write 1; read 1";
    let cut = |name, way, joined_ms: u64, step_ms| Case {
        world: vec![(500, Act::Cut(way)), (joined_ms, Act::Join(way))],
        until_ms: 2 * joined_ms,
        step_ms,
        ..case(name, echo_once, ECHO)
    };
    vec![
        cut("what a client sends is cut off for 5 s", Way::ToServer, 5500, 3200),
        cut("what a server answers is cut off for 5 s", Way::ToClient, 5500, 3200),
    ]
}

fn giving_up() -> Vec<Case> {
    let give_up = |name, way| Case {
        world: vec![(500, Act::Cut(way))],
        sysctls: &[("tcp_retries2", 5)],
        step_ms: 12_800,
        until_ms: 32_000,
        ..case(
            name,
            "connect; at 1000; write 1; read 1; write 1",
            "listen; accept; read 1; write 1; read 1; write 1",
        )
    };
    vec![
        give_up("data that nobody acknowledges is given up", Way::Both),
        give_up("data that does not arrive is given up, and the server does not notice", Way::ToServer),
        give_up("both give up where the answers do not arrive", Way::ToClient),
    ]
}

fn killed() -> Vec<Case> {
    let kill = |name, client, server| Case {
        world: vec![(1000, Act::Kill(Who::Server))],
        until_ms: 5000,
        ..case(name, client, server)
    };
    vec![
        kill(
            "a peer killed while idle says goodbye, and then refuses what is written",
            "connect; read 1; at 2000; write 1; at 3000; read 1; write 1; read 1",
            "listen; accept; read 1",
        ),
        kill(
            "a peer killed while idle, to one that writes before it reads",
            "connect; at 2000; write 1; at 3000; write 1; read 1",
            "listen; accept; read 1",
        ),
        kill(
            "a peer killed before it has read everything resets",
            "connect; write 100; read 1; write 1; read 1",
            "listen; accept; at 4000",
        ),
        kill(
            "what came before a reset can still be read",
            "connect; write 100; at 2000; read 1; read all; write 1",
            "listen; accept; write 5000; at 4000",
        ),
        kill(
            "what a peer had sent before it was killed arrives",
            "connect; at 2000; read all; at 3000; write 1; at 3500; write 1",
            "listen; accept; write 20000; at 4000",
        ),
        Case {
            // Far from both pieces around it: on a busy machine the signal comes late.
            world: vec![(1400, Act::Kill(Who::Server))],
            ..kill(
                "a peer killed while it sends",
                "connect; read all; write 1; at 3000; write 1",
                "listen; accept; stream 100 x 100 every 400",
            )
        },
        kill(
            "a connection that nobody has accepted is reset when the listener is killed",
            "connect; read 1; write 1",
            "listen; at 4000",
        ),
        Case {
            world: vec![
                (1000, Act::Cut(Way::Both)),
                (1500, Act::Kill(Who::Server)),
                (4000, Act::Join(Way::Both)),
            ],
            step_ms: 1600,
            until_ms: 9000,
            ..case(
                "a peer killed behind a cut says goodbye after it",
                "connect; read 1",
                "listen; accept; read 1",
            )
        },
        Case {
            world: vec![(1000, Act::Kill(Who::Client))],
            until_ms: 3000,
            ..case(
                "a client killed in the middle of an answer",
                "connect; read 1; at 3000",
                "listen; accept; stream 50 x 10 every 50",
            )
        },
    ]
}

/// A server that ends leaves connections behind, which the kernel keeps for a while.
fn listening_again() -> Vec<Case> {
    let again = |name, client, world| Case {
        world,
        until_ms: 9000,
        step_ms: 1600,
        ..case(name, client, "listen; accept; read 1; write 5000; at 9000")
    };
    let restart = |begun_ms, more: &[(u64, Act)]| {
        let mut world = vec![(1000, Act::Kill(Who::Server)), (begun_ms, Act::Start(Who::Server, ECHO))];
        world.extend_from_slice(more);
        world.sort_by_key(|(at_ms, _)| *at_ms);
        world
    };
    vec![
        again(
            "a server listens again while a client has not closed its connection to the one before",
            "connect; write 1; read 1; at 3000; connect; write 1; read 1",
            restart(2000, &[]),
        ),
        again(
            "a server listens again while what the one before had sent is not acknowledged",
            "connect; write 1; at 5000; connect; write 1; read 1",
            restart(2000, &[(900, Act::Cut(Way::ToClient)), (4000, Act::Join(Way::ToClient))]),
        ),
        again(
            "a second server cannot listen beside the first",
            "connect; write 1; read 1",
            vec![(1000, Act::Start(Who::Server, "listen; accept"))],
        ),
    ]
}

fn rebooted() -> Vec<Case> {
    let reboot = |name, client, server, on_ms| Case {
        world: vec![(1000, Act::PowerOff(Who::Server)), (on_ms, Act::PowerOn(Who::Server, ECHO))],
        until_ms: 12_000,
        ..case(name, client, server)
    };
    vec![
        reboot(
            "a host rebooted under an idle connection answers with a reset",
            "connect; write 1; read 1; at 3000; write 1; read 1; write 1",
            ECHO,
            2000,
        ),
        Case {
            step_ms: 3200,
            ..reboot(
                "a host rebooted under a busy connection resets at a retransmission",
                "connect; stream 200 x 10 every 50; read 1",
                "listen; accept; read all",
                5000,
            )
        },
        Case {
            step_ms: 1000,
            ..reboot(
                "a connect to a host that is off waits for its boot",
                "at 1500; connect; write 1; read 1",
                ECHO,
                3000,
            )
        },
    ]
}

fn losing() -> Vec<Case> {
    // The pieces are 500 bytes: the rule that loses one does not count what carries no data.
    let lose = |name, way, after, client, server| Case {
        world: vec![(0, Act::Lose(way, after))],
        step_ms: 90,
        ..case(name, client, server)
    };
    vec![
        lose(
            "a lost piece is sent again when the next one has arrived, and holds up those behind it",
            Way::ToServer,
            2,
            "connect; stream 10 x 500 every 100; shutdown; read all",
            "listen; accept; read 1000; read 500; read 500; read all; write 5; close",
        ),
        lose(
            "a lost last piece is sent again by the probe",
            Way::ToServer,
            4,
            "connect; stream 5 x 500 every 20; read 1",
            "listen; accept; read 2000; read 500; write 1",
        ),
        lose(
            "a lost answer is sent again by the probe",
            Way::ToClient,
            0,
            "connect; write 1; read 500",
            "listen; accept; read 1; write 500",
        ),
    ]
}

fn firewalled() -> Vec<Case> {
    let blocked = |name, block| Case { world: vec![(0, Act::Block(block))], ..case(name, "connect", ECHO) };
    let standing = |name, block| Case {
        world: vec![(1000, Act::Block(block))],
        sysctls: &[("tcp_retries2", 5)],
        step_ms: 12_800,
        until_ms: 32_000,
        ..case(name, "connect; write 1; read 1; at 1500; write 1; read 1; write 1", ECHO)
    };
    vec![
        Case {
            sysctls: &[("tcp_syn_retries", 2)],
            step_ms: 1000,
            until_ms: 10_000,
            ..blocked("a firewall that drops a port is silent", Block::Drop)
        },
        blocked("a firewall that rejects a port with a reset refuses", Block::Reset),
        // Over veth the first message is there while connect(2) still holds its socket, which then does not hear it;
        // it hears the one that answers the second SYN.
        Case {
            step_ms: 1100,
            ..blocked("a firewall that rejects a port as unreachable refuses", Block::PortUnreachable)
        },
        Case {
            step_ms: 1100,
            ..blocked("a firewall that prohibits a port makes the host unreachable", Block::AdminProhibited)
        },
        Case {
            world: vec![(0, Act::Block(Block::Drop)), (2000, Act::Unblock)],
            step_ms: 1000,
            until_ms: 5000,
            ..case("a firewall that is opened lets the repeated SYN in", "connect; write 1; read 1", ECHO)
        },
        Case {
            world: vec![(1000, Act::Block(Block::Drop)), (4000, Act::Unblock)],
            step_ms: 1600,
            until_ms: 8000,
            ..case(
                "a firewall that drops what a connection sends delays it",
                "connect; write 1; read 1; at 1500; write 1; read 1",
                ECHO,
            )
        },
        Case {
            step_ms: 400,
            ..standing("a firewall that resets what a connection sends ends it for the sender", Block::Reset)
        },
        standing(
            "a connection that is refused as unreachable is told so when it gives up",
            Block::PortUnreachable,
        ),
        standing("a connection that is prohibited is told so when it gives up", Block::AdminProhibited),
    ]
}

fn aborted() -> Vec<Case> {
    let abort = |name, client, server| Case {
        world: vec![(1000, Act::Abort(Who::Server))],
        until_ms: 4000,
        ..case(name, client, server)
    };
    vec![
        abort(
            "a connection reset under a reader",
            "connect; read 1; write 1; read 1",
            "listen; accept; at 9000",
        ),
        abort(
            "a connection reset before a reader comes",
            "connect; at 2000; read 10; read 1; write 1",
            "listen; accept; write 10; at 9000",
        ),
        abort(
            "a connection reset before a writer comes",
            "connect; at 2000; write 1; write 1; read 1",
            "listen; accept; at 9000",
        ),
        abort(
            "a new connection after a reset",
            "connect; read 1; connect; write 1; read 1",
            "listen; accept; accept; read 1; write 1",
        ),
    ]
}

fn exhausted() -> Vec<Case> {
    vec![Case {
        world: vec![(200, Act::Exhaust(Who::Server)), (2000, Act::Relieve(Who::Server))],
        until_ms: 5000,
        ..case(
            "without a file descriptor accept fails and the connection waits",
            "at 500; connect; write 1; read 1",
            "listen; at 1000; accept; at 3000; accept; read 1; write 1",
        )
    }]
}

fn frozen() -> Vec<Case> {
    vec![Case {
        world: vec![(1000, Act::Freeze(Who::Server)), (6000, Act::Thaw(Who::Server))],
        step_ms: 3200,
        until_ms: 12_000,
        ..case(
            "a machine that stands still for 5 s is silent and goes on",
            "connect; write 1; read 1; at 2000; write 1; read 1",
            ECHO,
        )
    }]
}
