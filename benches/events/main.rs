//! What an event costs: bookd against the plain ways to do it, stage by stage, in time, instructions and memory.
//!
//! Without words it measures everything and prints one table. The other words are its own: it runs itself again for
//! each size and each question of memory, in a process of its own.

#[path = "../baselines/mod.rs"]
mod baselines;
#[path = "../document.rs"]
mod document;
#[path = "../workload/mod.rs"]
mod workload;

mod agreement;
mod contestants;
mod counted;
mod findings;
mod gate;
mod measure;
mod memory;
mod pass;
mod report;
mod restore;
mod subject;

use bookd::large_pages::LargePages;

/// As the program has it.
#[global_allocator]
static ALLOCATOR: LargePages<mimalloc::MiMalloc> = LargePages(mimalloc::MiMalloc);

fn main() {
    // `cargo bench` adds a word of its own.
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        [] => report::make(),
        ["--agree"] => agreement::check(),
        ["--pass", accounts, ref names @ ..] => pass::run(number(accounts), names).print(),
        ["--memory", name, what, accounts] => memory::measure(name, what, number(accounts)).print(),
        ["--counted", ref names @ ..] => counted::run_counted(names),
        ["--gate"] => gate::hold(),
        ["--bless"] => gate::bless(),
        _ => panic!("what is {words:?}?"),
    }
}

fn number(word: &str) -> u32 {
    word.parse().expect("a whole number")
}
