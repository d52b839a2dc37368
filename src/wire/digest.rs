//! Digests over canonical outputs and state: integers and codes, never JSON.

use crate::domain::Output;
use crate::domain::ids::Id128;
use crate::engine::view::View;

/// Over an entry's outputs, dead letters left out.
pub fn outputs(_outputs: &[Output]) -> Id128 {
    unimplemented!()
}

/// Over the deciding state.
pub fn state(_view: &View) -> Id128 {
    unimplemented!()
}
