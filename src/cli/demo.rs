//! `bookd demo`: a quarter of a made-up company.

use super::Failure;

#[derive(Clone, Debug, clap::Args)]
pub struct DemoArgs {}

pub fn run(_args: &DemoArgs) -> Result<(), Failure> {
    Err(anyhow::anyhow!("the demo is not in this build").into())
}
