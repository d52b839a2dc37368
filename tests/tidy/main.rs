//! Style and boundaries as an ordinary test: it reads the source and says, with file and line, what breaks
//! a rule of the house. Each rule has a test of its own that feeds it a bad snippet, so that it's known to bite.

mod links;
mod rooms;
mod shape;
mod source;
mod words;

use source::File;

/// Fails with all complaints at once.
fn expect_none(complaints: Vec<String>) {
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}

fn rust_files() -> Vec<File> {
    let files = source::files(&["rs"]);
    assert!(files.len() > 20, "the walk finds the source: {} files", files.len());
    files
}

#[test]
fn every_file_opens_with_what_it_is_for() {
    expect_none(rust_files().iter().flat_map(shape::head).collect());
}

#[test]
fn rooms_import_only_what_they_may() {
    expect_none(rust_files().iter().flat_map(rooms::check).collect());
}

#[test]
fn the_core_says_no_word_of_the_edge_and_nobody_a_banned_one() {
    expect_none(rust_files().iter().flat_map(words::check).collect());
    expect_none(words::stale_allowances(&rust_files()));
}

#[test]
fn files_and_functions_stay_short() {
    expect_none(shape::lengths(&rust_files()));
}

#[test]
fn names_say_what_is_inside() {
    expect_none(rust_files().iter().flat_map(shape::name).collect());
}

#[test]
fn lines_end_where_their_text_does() {
    // Bad input is as it came.
    let ours = |file: &&File| !file.path.starts_with("tests/bad_input/");
    expect_none(source::files(source::TEXTS).iter().filter(ours).flat_map(shape::whitespace).collect());
}

#[test]
fn no_path_of_a_private_machine() {
    expect_none(source::files(source::TEXTS).iter().flat_map(words::private_paths).collect());
}

#[test]
fn links_between_documents_resolve() {
    expect_none(source::files(&["md"]).iter().flat_map(links::check).collect());
}
