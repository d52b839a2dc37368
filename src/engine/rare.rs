//! What most rows don't have: it stands behind a pointer once there is any of it.

use std::ops::Deref;

/// What a row has as long as there is nothing of it.
pub trait Empty: Default + PartialEq + 'static {
    fn empty() -> &'static Self;
}

#[derive(Clone, Default)]
pub struct Rare<T>(Option<Box<T>>);

impl<T: Empty> Rare<T> {
    /// To write to. It has its place from now on.
    pub fn make(&mut self) -> &mut T {
        self.0.get_or_insert_default()
    }

    /// Changes it; what is empty afterwards has no place.
    pub fn change<R>(&mut self, change: impl FnOnce(&mut T) -> R) -> R {
        let content = self.make();
        let said = change(content);
        if content == T::empty() {
            self.0 = None;
        }
        said
    }

    /// Has what is there fetched.
    pub(super) fn fetch(&self) {
        if let Some(content) = &self.0 {
            super::fetch::whole(&**content);
        }
    }
}

impl<T: Empty> From<T> for Rare<T> {
    fn from(content: T) -> Rare<T> {
        Rare((content != *T::empty()).then(|| Box::new(content)))
    }
}

impl<T: Empty> Deref for Rare<T> {
    type Target = T;

    fn deref(&self) -> &T {
        match &self.0 {
            Some(content) => content,
            None => T::empty(),
        }
    }
}

/// A place with nothing in it is nothing.
impl<T: Empty> PartialEq for Rare<T> {
    fn eq(&self, other: &Rare<T>) -> bool {
        **self == **other
    }
}

impl<T: Empty + Eq> Eq for Rare<T> {}

impl<T: Empty + std::fmt::Debug> std::fmt::Debug for Rare<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        (**self).fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Empty for Vec<u8> {
        fn empty() -> &'static Vec<u8> {
            const { &Vec::new() }
        }
    }

    #[test]
    fn it_has_a_place_while_there_is_something_in_it() {
        let mut rare = Rare::<Vec<u8>>::default();
        assert_eq!((rare.len(), rare.0.is_some()), (0, false));
        rare.change(|bytes| bytes.push(7));
        assert_eq!((rare.as_slice(), rare.0.is_some()), (&[7][..], true));
        assert_eq!(rare.change(Vec::pop), Some(7));
        assert_eq!((rare.len(), rare.0.is_some()), (0, false));
        rare.make();
        assert_eq!(rare, Rare::default());
        assert!(Rare::from(Vec::new()).0.is_none() && Rare::from(vec![1u8]).0.is_some());
    }
}
