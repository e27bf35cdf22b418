//! rsync, as version 3.5 behaves: one process that reads a command line, and one on the other side of a
//! connection, of which one sends and the other receives.
//!
//! The route of the data: [`Job::parse`] -> [`client`] and [`server`] over a byte stream -> [`Outcome`]. The
//! module knows neither engine nor cluster; what it needs of the world is [`Env`]. What is left out of the real
//! program stands in MODEL.md.

mod chmod;
pub mod command;
mod console;
mod delta;
mod env;
mod file_list;
mod filter;
mod itemize;
mod job;
mod local;
mod options;
mod outcome;
mod paths;
pub mod real_tree;
mod receiving;
mod scan;
mod sender;
mod stop;
mod tree_limits;
mod wire;

use tokio::io::{AsyncRead, AsyncWrite};

pub use env::{Env, Progress, Signal, Waiting};
pub use job::{Direction, Job, RemoteHost};
pub use local::{Ended, Interruption, LocalRun, run_local};
pub use options::{AltKind, DeleteWhen, Options, Refusal};
pub use outcome::{Kinds, Line, Outcome, SHELL_FAILED, Stats, Stream, describe};

use console::Console;
pub(crate) use env::race;
use filter::{Filters, Rules, Side};
use itemize::Style;
use job::Setup;
use outcome::{
    DELETE_LIMIT, FILE_SELECTION, PARTIAL, STREAM_IO, VANISHED, error_line, stats_lines, summary_lines,
};
use scan::scan;
use sender::{Sender, Trouble};
use stop::Stop;
use wire::{Activity, Inbound, Message, Outbound, Pace};

/// What one half came to.
struct Half {
    result: Result<(), Stop>,
    stats: Stats,
    trouble: Trouble,
    transferred: Vec<Vec<u8>>,
}

/// The process that the user or cron started. `io` leads to a [`server`] on the destination's host (or the
/// source's, when it pulls). It always comes to an outcome, whatever happens to the connection.
pub async fn client(job: &Job, io: impl AsyncRead + AsyncWrite + Unpin, env: &impl Env) -> Outcome {
    let began_ns = env.now_ns();
    let pushes = matches!(job.direction, Direction::Push(_));
    let style = Style { pushes, keeps_times: job.options.times };
    let console = Console::new(true, job.options.output, style);
    let setup = match job.setup(env, &|line| console.warning(line)) {
        Ok(setup) => setup,
        Err(Refusal::Rsync { lines, code }) => {
            for line in lines {
                console.warning(line);
            }
            return ended(&console, code, Stats::default(), Vec::new());
        }
        Err(refusal) => {
            console.warning(refusal.to_string());
            return ended(&console, outcome::SYNTAX, Stats::default(), Vec::new());
        }
    };
    let activity = Activity::default();
    activity.last_ns.set(env.now_ns());
    let sends = job.client_sends();
    let options = &job.options;
    say_that_the_list_begins(&console, options, sends);
    let (read, write) = tokio::io::split(io);
    let (mut inbound, mut outbound) =
        (Inbound::new(read, env, &activity), Outbound::new(write, env, &activity));
    inbound.set_timeout(options.timeout_s);
    outbound.set_limits(options.timeout_s, Pace::new(options.bwlimit_bytes));
    let body = serde_json::to_vec(&setup).expect("plain values become JSON");
    outbound.push(&Message::Setup(body.into()));
    let work = half(
        env,
        options,
        &setup,
        sends,
        &job.sources,
        &job.destination,
        &console,
        inbound,
        outbound,
        &activity,
    );
    let half = match race(work, std::future::poll_fn(|cx| env.poll_term(cx))).await {
        Ok(half) => half,
        Err(()) => Half {
            result: Err(Stop::Term),
            stats: Stats::default(),
            trouble: Trouble::default(),
            transferred: Vec::new(),
        },
    };
    let role = match (sends, half.stats.list_size) {
        (true, _) => "sender",
        // Before there is a list it has not split into two processes.
        (false, 0) => "Receiver",
        (false, _) => "receiver",
    };
    let code = client_code(&console, &half, &activity, env, role);
    if half.result.is_ok() {
        let seconds = (env.now_ns() - began_ns).max(0) as f64 / 1e9;
        let output = options.output;
        let human = output.human;
        if output.stats {
            for line in stats_lines(&half.stats, human, sends || half.stats.listed.total() > 0) {
                console.info(line);
            }
        }
        if output.verbose > 0 || output.stats {
            for line in summary_lines(&half.stats, human, seconds, options.dry_run) {
                console.info(line);
            }
        }
        if code != 0 {
            let (place, role) = match (sends, half.stats.listed.total()) {
                (true, _) => ("main.c(1394)", "sender"),
                (false, 0) => ("main.c(1898)", "Receiver"),
                (false, _) => ("main.c(1898)", "generator"),
            };
            console.warning(error_line(code, place, role));
        }
    }
    ended(&console, code, half.stats, half.transferred)
}

/// What `-v` says of the list, which takes the model no time.
fn say_that_the_list_begins(console: &Console, options: &Options, sends: bool) {
    if options.output.verbose == 0 {
        return;
    }
    match (sends, options.is_incremental()) {
        (true, true) => console.info("sending incremental file list"),
        (false, true) => console.info("receiving incremental file list"),
        (true, false) if options.transfers_folders() => console.info("building file list ... done"),
        (false, false) if options.transfers_folders() => console.info("receiving file list ... done"),
        _ => {}
    }
}

/// The process at the other end of the connection, as the remote shell starts it. Gives its exit status.
pub async fn server(io: impl AsyncRead + AsyncWrite + Unpin, env: &impl Env) -> u8 {
    let activity = Activity::default();
    activity.last_ns.set(env.now_ns());
    let (read, write) = tokio::io::split(io);
    let (mut inbound, mut outbound) =
        (Inbound::new(read, env, &activity), Outbound::new(write, env, &activity));
    let setup = match inbound.next().await {
        Ok(Message::Setup(body)) => serde_json::from_slice::<Setup>(&body).map_err(|_| Stop::Garbled),
        Ok(_) => Err(Stop::Garbled),
        Err(stop) => Err(stop),
    };
    let setup = setup.and_then(|setup| {
        Options::decode(setup.options.as_bytes()).map(|options| (setup, options)).map_err(|_| Stop::Garbled)
    });
    let (mut setup, options) = match setup {
        Ok(both) => both,
        Err(stop) => return stop.code(),
    };
    setup.keep_what_is_sent(&options);
    let console = Console::new(false, options.output, Style { pushes: false, keeps_times: options.times });
    inbound.set_timeout(options.timeout_s);
    outbound.set_limits(options.timeout_s, Pace::new(if setup.sends { options.bwlimit_bytes } else { 0 }));
    let destination = setup.paths.first().cloned().unwrap_or_default();
    let work = half(
        env,
        &options,
        &setup,
        setup.sends,
        &setup.paths,
        &destination,
        &console,
        inbound,
        outbound,
        &activity,
    );
    match race(work, std::future::poll_fn(|cx| env.poll_term(cx))).await {
        Ok(Half { result: Ok(()), trouble, .. }) => trouble_code(&console, trouble),
        Ok(Half { result: Err(stop), .. }) => stop.code(),
        Err(()) => outcome::SIGNAL,
    }
}

/// Runs the sending or the receiving half to its end.
#[allow(clippy::too_many_arguments, reason = "two private callers pass everything on")]
async fn half<R: AsyncRead + Unpin, W: AsyncWrite + Unpin, E: Env>(
    env: &E,
    options: &Options,
    setup: &Setup,
    sends: bool,
    sources: &[Vec<u8>],
    destination: &[u8],
    console: &Console,
    mut inbound: Inbound<'_, R, E>,
    mut outbound: Outbound<'_, W, E>,
    activity: &Activity,
) -> Half {
    let delete_excluded = options.delete_excluded;
    let filters = |side| Filters::new(&setup.rules, side, delete_excluded);
    // To another host `-0` goes only where it must read names.
    let nul = match console.is_client() || setup.local {
        true => options.from0,
        false => sends && setup.names.is_some(),
    };
    let (side, role) = if sends { (Side::Sender, "sender") } else { (Side::Receiver, "generator") };
    let rules = Rules::new(filters(side), env, console, role, nul, delete_excluded);
    let mut half = if sends {
        let base = sources.first().filter(|_| setup.names.is_some());
        if let Some(why) = base.and_then(|base| scan::cannot_enter(env, base)) {
            console.error(why);
            let stop = Stop::Failed(FILE_SELECTION, "flist.c(2791)", "sender");
            return give_up_before_list(setup, console, stop, &mut outbound).await;
        }
        let mut receiver_filters = filters(Side::Receiver);
        receiver_filters.set_base(env.working_folder());
        let names = setup.names.as_deref();
        let scanned = match scan(env, options, rules, &receiver_filters, sources, names, console) {
            Ok(scanned) => scanned,
            Err(stop) => return give_up_before_list(setup, console, stop, &mut outbound).await,
        };
        let (stats, trouble, transferred) = (Stats::default(), Trouble::default(), Vec::new());
        let mut sender = Sender {
            env,
            options,
            console,
            scanned: &scanned,
            inbound,
            outbound,
            stats,
            matches: 0,
            literal: 0,
            trouble,
            transferred,
        };
        let result = sender.run().await;
        Half { result, stats: sender.stats, trouble: sender.trouble, transferred: sender.transferred }
    } else {
        // A client holds what comes from another host against its own rules, unless folders may have further ones.
        let mut sender_filters = filters(Side::Sender);
        sender_filters.set_base(env.working_folder());
        let distrusts = console.is_client() && !setup.local && !sender_filters.look_into_folders();
        let result = match outbound.flush().await {
            Ok(()) => {
                let whole_file = options.whole_file.unwrap_or(setup.local);
                receiving::run(
                    env,
                    options,
                    whole_file,
                    console,
                    rules,
                    Some(&sender_filters).filter(|_| distrusts),
                    destination,
                    &mut inbound,
                    &mut outbound,
                )
                .await
            }
            Err(stop) => (Err(stop), receiving::Received::default()),
        };
        let (result, received) = result;
        if let Err(Stop::Failed(code, place, role)) = result {
            // The client is told why and how to exit; when it cannot be, it finds out by itself.
            console.warning(error_line(code, place, role));
            if console.is_client() && role == "generator" {
                console.warning("rsync error: received SIGUSR1 (code 19) at main.c(1660) [receiver=3.5.0]");
            }
            for message in console.take_queued() {
                outbound.push(&message);
            }
            outbound.push(&Message::Exit(code));
            let _ = outbound.flush().await;
        }
        Half { result, stats: received.stats, trouble: received.trouble, transferred: received.transferred }
    };
    half.stats.sent = activity.sent.get();
    half.stats.received = activity.received.get();
    half
}

/// A sender that ends before there is a list, of which it has said why; each of the two processes says so on its own.
async fn give_up_before_list<W: AsyncWrite + Unpin, E: Env>(
    setup: &Setup,
    console: &Console,
    stop: Stop,
    outbound: &mut Outbound<'_, W, E>,
) -> Half {
    if let Stop::Failed(code, place, role) = stop {
        console.warning(error_line(code, place, role));
    }
    if !console.is_client() {
        for message in console.take_queued() {
            outbound.push(&message);
        }
        let _ = outbound.flush().await;
    } else if setup.local {
        console.warning("rsync error: received SIGUSR1 (code 19) at main.c(1660) [Receiver=3.5.0]");
    } else {
        console.warning("rsync: connection unexpectedly closed (0 bytes received so far) [Receiver]");
        console.warning(error_line(STREAM_IO, "io.c(285)", "Receiver"));
    }
    Half { result: Err(stop), stats: Stats::default(), trouble: Trouble::default(), transferred: Vec::new() }
}

fn trouble_code(console: &Console, trouble: Trouble) -> u8 {
    if trouble.limit_alone {
        DELETE_LIMIT
    } else if console.had_error() || trouble.general {
        PARTIAL
    } else if trouble.vanished {
        VANISHED
    } else if trouble.delete_limit {
        DELETE_LIMIT
    } else {
        0
    }
}

/// What the client exits with; what it says of a run that did not come to its end.
fn client_code(console: &Console, half: &Half, activity: &Activity, env: &impl Env, role: &str) -> u8 {
    let stop = match half.result {
        Ok(()) => return trouble_code(console, half.trouble),
        Err(stop) => stop,
    };
    let mut code = stop.code();
    let place = match stop {
        Stop::ConnectionLost => {
            let received = activity.received.get();
            console.warning(format!(
                "rsync: connection unexpectedly closed ({received} bytes received so far) [{role}]"
            ));
            // The remote shell's own status counts when it is the greater one.
            code = code.max(env.remote_status().unwrap_or(0));
            "io.c(285)"
        }
        Stop::TimedOut(seconds) => {
            console.warning(format!("[{role}] io timeout after {seconds} seconds -- exiting"));
            "io.c(207)"
        }
        Stop::Garbled => "io.c(1600)",
        Stop::Term => "rsync.c(713)",
        Stop::Told(_) | Stop::Failed(..) | Stop::Killed => return code,
    };
    console.warning(error_line(code, place, role));
    code
}

fn ended(console: &Console, exit_code: u8, stats: Stats, transferred: Vec<Vec<u8>>) -> Outcome {
    Outcome { exit_code, lines: console.take_lines(), stats, transferred }
}
