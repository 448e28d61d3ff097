//! The partitions of AWS.

use std::fmt;

/// A partition: a group of regions with accounts, ARNs and domain names of its own.
///
/// ```
/// use stackwright_synth::Partition;
///
/// let china = Partition::of_region("cn-north-1");
/// assert_eq!((china.name(), china.dns_suffix()), ("aws-cn", "amazonaws.com.cn"));
/// assert_eq!(Partition::named("aws-us-gov"), Some(Partition::UsGov));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Partition {
    /// The standard partition (`aws`).
    Aws,
    /// The regions in China (`aws-cn`).
    China,
    /// AWS GovCloud (US) (`aws-us-gov`).
    UsGov,
    /// The regions of AWS ISO (`aws-iso`).
    Iso,
    /// The regions of AWS ISOB (`aws-iso-b`).
    IsoB,
    /// The regions of AWS ISOE (`aws-iso-e`).
    IsoE,
    /// The regions of AWS ISOF (`aws-iso-f`).
    IsoF,
    /// The AWS European Sovereign Cloud (`aws-eusc`).
    EuropeanSovereign,
}

impl Partition {
    /// The partitions with the start of the names of their regions, from `partitions.json` of botocore. All other regions belong
    /// to the standard partition.
    const REGIONS: [(&str, Self); 7] = [
        ("cn-", Self::China),
        ("us-gov-", Self::UsGov),
        ("us-iso-", Self::Iso),
        ("us-isob-", Self::IsoB),
        ("us-isof-", Self::IsoF),
        ("eu-isoe-", Self::IsoE),
        ("eusc-", Self::EuropeanSovereign),
    ];

    /// Returns the partition of a region such as `us-east-1`. A region with an unknown form belongs to `Aws`.
    pub fn of_region(region: &str) -> Self {
        let found = Self::REGIONS.into_iter().find(|(start, _)| region.starts_with(start));
        found.map_or(Self::Aws, |(_, partition)| partition)
    }

    /// Returns the partition with a name such as `aws-cn`; `None` if no known partition has the name.
    pub fn named(name: &str) -> Option<Self> {
        let others = Self::REGIONS.into_iter().map(|(_, partition)| partition);
        std::iter::once(Self::Aws).chain(others).find(|partition| partition.name() == name)
    }

    /// Returns the name in ARNs, such as `aws` or `aws-cn` (`AWS::Partition`).
    pub const fn name(self) -> &'static str {
        match self {
            Self::Aws => "aws",
            Self::China => "aws-cn",
            Self::UsGov => "aws-us-gov",
            Self::Iso => "aws-iso",
            Self::IsoB => "aws-iso-b",
            Self::IsoE => "aws-iso-e",
            Self::IsoF => "aws-iso-f",
            Self::EuropeanSovereign => "aws-eusc",
        }
    }

    /// Returns the suffix of the domain names of the partition, such as `amazonaws.com` (`AWS::URLSuffix`).
    pub const fn dns_suffix(self) -> &'static str {
        match self {
            Self::Aws | Self::UsGov => "amazonaws.com",
            Self::China => "amazonaws.com.cn",
            Self::Iso => "c2s.ic.gov",
            Self::IsoB => "sc2s.sgov.gov",
            Self::IsoE => "cloud.adc-e.uk",
            Self::IsoF => "csp.hci.ic.gov",
            Self::EuropeanSovereign => "amazonaws.eu",
        }
    }
}

impl fmt::Display for Partition {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::Partition;

    #[test]
    fn every_partition_has_a_region_and_a_name_of_its_own() {
        for (start, partition) in Partition::REGIONS {
            assert_eq!(Partition::of_region(&format!("{start}east-1")), partition);
            assert_eq!(Partition::named(partition.name()), Some(partition));
        }
        assert_eq!(Partition::of_region("eu-central-1"), Partition::Aws);
        assert_eq!((Partition::named("aws"), Partition::named("azure")), (Some(Partition::Aws), None));
    }
}
