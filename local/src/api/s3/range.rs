//! Ranges of an object's bytes.

/// The bytes that a `Range` header selects from an object of a given length.
#[derive(Debug, PartialEq)]
pub(super) enum ByteRange {
    /// The header is absent, or S3 ignores it (several ranges, another unit).
    Whole,
    /// The first and the last byte.
    Part { first: u64, last: u64 },
    /// No byte of the object is in the range.
    Unsatisfiable,
}

impl ByteRange {
    /// Parses `bytes=FIRST-LAST`, `bytes=FIRST-` or `bytes=-COUNT`.
    pub fn parse(header: Option<&str>, length: u64) -> Self {
        let Some((start, end)) =
            header.and_then(|text| text.strip_prefix("bytes=")).and_then(|text| text.split_once('-'))
        else {
            return Self::Whole;
        };
        let range = match (start.trim().parse::<u64>(), end.trim().parse::<u64>()) {
            (Ok(first), Ok(last)) if first <= last => (first, last.min(length.saturating_sub(1))),
            (Ok(first), Err(_)) if end.trim().is_empty() => (first, length.saturating_sub(1)),
            (Err(_), Ok(0)) if start.trim().is_empty() => return Self::Unsatisfiable,
            (Err(_), Ok(count)) if start.trim().is_empty() => {
                (length.saturating_sub(count), length.saturating_sub(1))
            }
            _ => return Self::Whole,
        };
        if length == 0 || range.0 >= length {
            return Self::Unsatisfiable;
        }
        Self::Part { first: range.0, last: range.1 }
    }
}

#[cfg(test)]
mod tests {
    use super::ByteRange::{self, *};

    #[test]
    fn ranges_are_cut_at_the_end_of_the_object() {
        let of = |header| ByteRange::parse(Some(header), 10);
        assert_eq!(of("bytes=0-3"), Part { first: 0, last: 3 });
        assert_eq!(of("bytes=8-20"), Part { first: 8, last: 9 });
        assert_eq!(of("bytes=4-"), Part { first: 4, last: 9 });
        assert_eq!(of("bytes=-3"), Part { first: 7, last: 9 });
        assert_eq!(of("bytes=-30"), Part { first: 0, last: 9 });
    }

    #[test]
    fn a_range_without_a_byte_is_unsatisfiable_and_a_wrong_one_is_ignored() {
        let of = |header| ByteRange::parse(Some(header), 10);
        assert_eq!(of("bytes=10-"), Unsatisfiable);
        assert_eq!(of("bytes=-0"), Unsatisfiable);
        assert_eq!(ByteRange::parse(Some("bytes=0-"), 0), Unsatisfiable);
        for wrong in ["bytes=3-1", "bytes=a-b", "lines=1-2", "bytes=0-1,3-4", "bytes=-"] {
            assert_eq!(of(wrong), Whole, "{wrong}");
        }
        assert_eq!(ByteRange::parse(None, 10), Whole);
    }
}
