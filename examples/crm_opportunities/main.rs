//! A published data set of a real-looking sales team (Maven Analytics, "CRM Sales Opportunities", public domain), as
//! exports that `bookd replay` reads: what would dynamic books have done with these accounts?
//!
//! `cargo run --example crm_opportunities -- [DATA_DIR] [OUT_DIR]`

mod csv;
mod export;

use std::path::PathBuf;

const DATA_DIR: &str = "../shared/data/crm-opportunities";
const OUT_DIR: &str = "target/crm-opportunities";

fn main() -> anyhow::Result<()> {
    let mut args = std::env::args_os().skip(1).map(PathBuf::from);
    let from = args.next().unwrap_or_else(|| DATA_DIR.into());
    let into = args.next().unwrap_or_else(|| OUT_DIR.into());
    let report = export::export(&from, &into)?;
    println!("{} as exports in {}:", from.display(), into.display());
    print!("{report}");
    println!("\nNext: cargo run -- replay {} --config examples/crm-opportunities.toml", into.display());
    Ok(())
}
