//! Objects whose keys are known: one list says what is done for each, in the usual order and in any other.

/// An object of known fields from one list: `"key" => expression`, which reads the value, and calls the object and the
/// scanner by the names given. A key that comes twice is a surprise, which the field `seen` is for: a bit for each key of
/// the list.
macro_rules! fields {
    ($name:ident: |$this:ident, $scan:ident| { $($key:literal => $take:expr,)* }) => {
        impl<'a> $crate::feed::scan::Fields<'a> for $name<'a, '_> {
            fn field(
                &mut self,
                key: $crate::feed::scan::Found<'a>,
                $scan: &mut $crate::feed::scan::Scan<'a>,
            ) -> Option<()> {
                let $this = self;
                let mut bit = 1u16;
                $(
                    if key.text == $key {
                        if $this.seen & bit != 0 {
                            return None;
                        }
                        $this.seen |= bit;
                        $take;
                        return Some(());
                    }
                    bit <<= 1;
                )*
                let _ = bit;
                $scan.skip()
            }

            #[inline]
            fn usual(&mut self, $scan: &mut $crate::feed::scan::Scan<'a>) -> Option<bool> {
                let $this = self;
                let mut bit = 1u16;
                $(
                    if $scan.is_next(concat!("\"", $key, "\":")) {
                        $this.seen |= bit;
                        $take;
                        if $scan.ends()? {
                            return Some(true);
                        }
                    }
                    bit <<= 1;
                )*
                let _ = bit;
                Some(false)
            }
        }
    };
}

pub(super) use fields;
