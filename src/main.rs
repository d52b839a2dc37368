//! bookd's process: everything is in [`bookd::cli`].

use std::process::ExitCode;

fn main() -> ExitCode {
    bookd::cli::main()
}
