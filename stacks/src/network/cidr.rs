//! IPv4 address blocks, and their division among subnets.

use ipnet::Ipv4Net;

/// The prefix length of the smallest block that a VPC or a subnet can have.
const SMALLEST_PREFIX: u8 = 28;

/// The prefix length of the largest block that a VPC can have.
const LARGEST_PREFIX: u8 = 16;

/// The number of addresses that AWS reserves in each subnet.
const RESERVED_ADDRESSES: u32 = 5;

/// Parses the block of a VPC.
///
/// # Errors
/// Returns a sentence that explains what is wrong with the text.
pub(super) fn vpc_block(text: &str) -> Result<Ipv4Net, String> {
    let block: Ipv4Net =
        text.parse().map_err(|_| format!("`{text}` is not an IPv4 address block such as `10.0.0.0/16`"))?;
    if block.trunc() != block {
        return Err(format!("`{text}` has bits set beyond its prefix; the block is `{}`", block.trunc()));
    }
    if !(LARGEST_PREFIX..=SMALLEST_PREFIX).contains(&block.prefix_len()) {
        return Err(format!("`{text}` has a prefix of {}, and a VPC takes /16 to /28", block.prefix_len()));
    }
    Ok(block)
}

/// Divides a block into `count` private subnets of equal size and, if requested, as many small public ones in the
/// last part of the block.
///
/// Returns `None` if the block is too small.
pub(super) fn divide(
    block: Ipv4Net,
    count: usize,
    with_public: bool,
) -> Option<(Vec<Ipv4Net>, Vec<Ipv4Net>)> {
    let parts = count.checked_add(usize::from(with_public))?.max(1).checked_next_power_of_two()?;
    let bits = u8::try_from(parts.trailing_zeros()).ok()?;
    let prefix = block.prefix_len().checked_add(bits).filter(|prefix| *prefix <= SMALLEST_PREFIX)?;
    let mut blocks = block.subnets(prefix).ok()?;
    let private = blocks.by_ref().take(count).collect();
    if !with_public {
        return Some((private, Vec::new()));
    }
    let last = blocks.last()?;
    let public = last.subnets(SMALLEST_PREFIX.max(last.prefix_len())).ok()?.take(count).collect::<Vec<_>>();
    (public.len() == count).then_some((private, public))
}

/// Returns the number of addresses that a subnet of this block has for network interfaces.
pub(super) fn usable_addresses(block: Ipv4Net) -> u32 {
    let size = u32::from(block.broadcast()) - u32::from(block.network());
    size.saturating_add(1).saturating_sub(RESERVED_ADDRESSES)
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[test]
    fn a_block_is_divided_into_equal_parts() {
        let block = vpc_block("10.0.0.0/16").unwrap();
        let (private, public) = divide(block, 2, false).unwrap();
        assert_eq!(
            private.iter().map(ToString::to_string).collect::<Vec<_>>(),
            ["10.0.0.0/17", "10.0.128.0/17"]
        );
        assert!(public.is_empty());
        let (private, public) = divide(block, 3, true).unwrap();
        assert_eq!(private[2].to_string(), "10.0.128.0/18");
        assert_eq!(
            public.iter().map(ToString::to_string).collect::<Vec<_>>(),
            ["10.0.192.0/28", "10.0.192.16/28", "10.0.192.32/28"]
        );
        assert_eq!(usable_addresses(private[0]), 16_379);
        assert!(block.contains(&Ipv4Addr::new(10, 0, 255, 1)));
    }

    #[test]
    fn address_blocks_that_a_vpc_cannot_have_are_errors() {
        for (text, reason) in [
            ("10.0.0.0", "not an IPv4 address block"),
            ("10.0.0.1/16", "bits set"),
            ("10.0.0.0/8", "/16 to /28"),
            ("10.0.0.0/29", "/16 to /28"),
        ] {
            assert!(vpc_block(text).unwrap_err().contains(reason), "{text}");
        }
        assert!(divide(vpc_block("10.0.0.0/28").unwrap(), 2, false).is_none());
        assert!(divide(vpc_block("10.0.0.0/16").unwrap(), usize::MAX, true).is_none());
    }
}
