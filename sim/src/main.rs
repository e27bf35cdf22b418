//! The command: everything that it does is in [`sim::cli`].

/// A run is many short-lived tasks, buffers and headers: the system's allocator took a seventh of its time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    sim::cli::main()
}
