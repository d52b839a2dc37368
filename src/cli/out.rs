//! Standard output, where `println!` would panic: a reader that has enough (`bookd explain … | head -1`) ends the
//! process quietly, and output that can't be written (a full disk) with one line.

use std::fmt::Arguments;
use std::io::{self, ErrorKind, Write};

use super::EXIT_FAILED;

/// `print!` for pipes.
macro_rules! out {
    ($($arg:tt)*) => { $crate::cli::out::write(format_args!($($arg)*)) };
}

/// `println!` for pipes.
macro_rules! outln {
    () => { out!("\n") };
    ($($arg:tt)*) => { out!("{}\n", format_args!($($arg)*)) };
}

pub fn write(text: Arguments<'_>) {
    if let Err(error) = io::stdout().write_fmt(text) {
        end(&error);
    }
}

/// Nothing is lost with it: what a log has committed is on its files, and what it hasn't would be cut off.
pub fn end(error: &io::Error) -> ! {
    if error.kind() == ErrorKind::BrokenPipe {
        std::process::exit(0);
    }
    eprintln!("bookd: standard output: {error}");
    std::process::exit(i32::from(EXIT_FAILED));
}
