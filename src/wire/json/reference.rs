//! What the schemas' structs have in common, by which tests judge what is written by hand.

use serde::Serialize;

/// The account of an output, named as writers look it up.
#[derive(Serialize)]
pub struct AccountRef<'a> {
    pub crm_id: &'a str,
}
