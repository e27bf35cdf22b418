//! The command: everything that it does is in [`sim::cli`].

fn main() -> std::process::ExitCode {
    sim::cli::main()
}
