//! The encoding of the whole state, in two parts that are written and read at once: the accounts and their
//! records, which are about half of the work, and all else. The length of the first stands before it, as 8 bytes.

use super::super::WireError;
use super::super::codec::{Reader, Wire};
use crate::engine::both::both;
use crate::engine::state::State;

/// As `wire_struct`, in parts.
macro_rules! two_parts {
    ($name:ident { $($beside:ident),* $(,)? } and { $($here:ident),* $(,)? }) => {
        impl Wire for $name {
            fn put(&self, out: &mut Vec<u8>) {
                let $name { $($beside,)* $($here),* } = self;
                let start = out.len();
                out.reserve(self.accounts.len() * ROOM);
                out.extend_from_slice(&[0; LENGTH]);
                let (rest, ()) = both(
                    || {
                        let mut rest = Vec::with_capacity(self.accounts.len() * ROOM);
                        $(Wire::put($here, &mut rest);)*
                        rest
                    },
                    || { $(Wire::put($beside, out);)* },
                );
                let length = (out.len() - start - LENGTH) as u64;
                out[start..start + LENGTH].copy_from_slice(&length.to_le_bytes());
                out.extend_from_slice(&rest);
            }

            fn get(from: &mut Reader<'_>) -> Result<$name, WireError> {
                let length = u64::from_le_bytes(from.array()?);
                let mut first = from.part(length)?;
                let (beside, here) = both(
                    || {
                        $(let $beside = Wire::get(&mut first)?;)*
                        first.finish().map(|()| ($($beside,)*))
                    },
                    || {
                        $(let $here = Wire::get(from)?;)*
                        Ok::<_, WireError>(($($here,)*))
                    },
                );
                let (($($beside,)*), ($($here,)*)) = (beside?, here?);
                Ok($name { $($beside,)* $($here),* })
            }
        }
    };
}

/// Bytes set aside for an account: more than most have, so that hundreds of millions aren't moved each time they
/// double. What isn't written to takes no memory.
const ROOM: usize = 400;
/// Bytes of the first part's length.
const LENGTH: usize = size_of::<u64>();

two_parts! {
    State { records, accounts } and {
        journal, shard, sequence, now, now_ms, policy, gate_open, opened, sides, seats, tenures, past_owners,
        commands, undo, reps, roles, sources, partitions, ends_passed, opportunities, kinds, remembered, arrivals, unknown,
        unknown_next, restored, book_losses, departures, departures_proceeded, tripped, again, losses_left, timers_left,
        shown_up_to, rate, issued, issued_losses,
    }
}
