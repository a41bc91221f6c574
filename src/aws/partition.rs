//! The partitions of AWS. The table is that of the AWS SDKs (`partitions.json`).

/// The domain of AWS's first partition, and of GovCloud.
pub(super) const USUAL_SUFFIX: &str = "amazonaws.com";

/// Each partition with the domain that its endpoints end in, and what its regions begin with.
const PARTITIONS: [(&str, &str, &str); 7] = [
    ("aws-cn", "amazonaws.com.cn", "cn-"),
    ("aws-eusc", "amazonaws.eu", "eusc-"),
    ("aws-iso", "c2s.ic.gov", "us-iso-"),
    ("aws-iso-b", "sc2s.sgov.gov", "us-isob-"),
    ("aws-iso-e", "cloud.adc-e.uk", "eu-isoe-"),
    ("aws-iso-f", "csp.hci.ic.gov", "us-isof-"),
    ("aws-us-gov", USUAL_SUFFIX, "us-gov-"),
];

/// The domain that a partition's endpoints end in. One that is not known here is taken for the
/// usual one.
pub(super) fn dns_suffix(partition: &str) -> &'static str {
    let known = PARTITIONS.iter().find(|(name, ..)| *name == partition);
    known.map_or(USUAL_SUFFIX, |(_, suffix, _)| suffix)
}

/// The partition that a region is in.
pub(super) fn of_region(region: &str) -> &'static str {
    let mut all = PARTITIONS.iter();
    let known = all.find(|(.., prefix)| region.starts_with(prefix));
    known.map_or("aws", |(name, ..)| name)
}

#[cfg(test)]
mod tests {
    use super::of_region;

    #[test]
    fn a_region_tells_its_partition() {
        for (region, partition) in [
            ("eu-central-1", "aws"),
            ("us-gov-west-1", "aws-us-gov"),
            ("cn-north-1", "aws-cn"),
            ("us-iso-east-1", "aws-iso"),
            ("us-isob-east-1", "aws-iso-b"),
            ("eusc-de-east-1", "aws-eusc"),
        ] {
            assert_eq!(of_region(region), partition);
        }
    }
}
