//! Objects whose keys are known: one list says what is done for each, in the usual order and in any other.

/// An object of known fields from one list: `"key" => method`, where the method reads the value. A key that comes twice is
/// a surprise, which the field `seen` is for: a bit for each key of the list.
macro_rules! fields {
    ($name:ident { $($key:literal => $take:ident,)* }) => {
        impl<'a> $crate::feed::scan::Fields<'a> for $name<'a, '_> {
            fn field(
                &mut self,
                key: $crate::feed::scan::Found<'a>,
                scan: &mut $crate::feed::scan::Scan<'a>,
            ) -> Option<()> {
                let mut bit = 1u16;
                $(
                    if key.text == $key {
                        let again = self.seen & bit != 0;
                        self.seen |= bit;
                        return if again { None } else { self.$take(scan) };
                    }
                    bit <<= 1;
                )*
                let _ = bit;
                scan.skip()
            }

            #[inline]
            fn usual(&mut self, scan: &mut $crate::feed::scan::Scan<'a>) -> Option<bool> {
                let mut bit = 1u16;
                $(
                    if scan.is_next(concat!("\"", $key, "\":")) {
                        self.seen |= bit;
                        self.$take(scan)?;
                        if scan.ends()? {
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
