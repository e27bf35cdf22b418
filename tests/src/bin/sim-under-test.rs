//! The command, built with this package: cargo tells a package's tests where its own programs are, and nobody
//! else's. It is the same main function as the program `sim` has.

fn main() -> std::process::ExitCode {
    sim::cli::main()
}
