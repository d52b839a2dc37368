//! The inputs of a journal entry, one after the other. Apart from the entry, so that another arrangement (by
//! columns, say) can take its place behind the entry's format number.

use super::WireError;
use super::codec::{Reader, Wire};
use crate::domain::Input;

pub fn encode_inputs(inputs: &Vec<Input>, out: &mut Vec<u8>) {
    inputs.put(out);
}

pub fn decode_inputs(from: &mut Reader<'_>) -> Result<Vec<Input>, WireError> {
    Wire::get(from)
}
