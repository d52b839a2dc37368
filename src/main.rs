//! bookd's process: everything is in [`bookd::cli`].

use std::process::ExitCode;

use bookd::large_pages::LargePages;

/// Batches, entries and state come and go in large pieces: glibc gives them back to the kernel and takes them again,
/// page by page.
#[global_allocator]
static ALLOCATOR: LargePages<mimalloc::MiMalloc> = LargePages(mimalloc::MiMalloc);

fn main() -> ExitCode {
    bookd::cli::main()
}
