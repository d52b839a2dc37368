//! Standard output, where `println!` would panic: a reader that has enough (`bookd check … | head -1`) gets no more and
//! the command goes on to its own verdict; output that can't be written (a full disk) ends it with one line.

use std::fmt::Arguments;
use std::io::{self, ErrorKind, Write};
use std::sync::atomic::{AtomicBool, Ordering};

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

/// Nobody reads any more.
static CLOSED: AtomicBool = AtomicBool::new(false);

pub fn write(text: Arguments<'_>) {
    if CLOSED.load(Ordering::Relaxed) {
        return;
    }
    match io::stdout().write_fmt(text) {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::BrokenPipe => CLOSED.store(true, Ordering::Relaxed),
        Err(error) => end(&error),
    }
}

/// For a command that has nothing to do but to write: nothing is lost with it: what a log has committed is on its files, and what it hasn't would be cut off.
pub fn end(error: &io::Error) -> ! {
    if error.kind() == ErrorKind::BrokenPipe {
        std::process::exit(0);
    }
    eprintln!("bookd: standard output: {error}");
    std::process::exit(i32::from(EXIT_FAILED));
}
