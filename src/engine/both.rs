//! Two things at once: what brings an engine back from a snapshot takes as long as its longer half. The only place
//! of the core that knows of threads, and nothing but how long it takes depends on them: both halves only read what
//! they share, or one hands it over to the other, and each gives back what it alone has made.

/// Does the one in a thread beside and the other here; whoever is first waits.
pub fn both<A: Send, B>(beside: impl FnOnce() -> A + Send, here: impl FnOnce() -> B) -> (A, B) {
    std::thread::scope(|scope| {
        let beside = scope.spawn(beside);
        let here = here();
        (beside.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)), here)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_gives_back_what_it_made() {
        let rows = [1, 2, 3];
        assert_eq!(both(|| rows.iter().sum::<i32>(), || rows.len()), (6, 3));
    }
}
