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

/// Where API Gateway is in the partitions that anybody can have an account in, from the endpoints of
/// the AWS SDKs. A list of AWS's own (`account:ListRegions`, `ec2:DescribeRegions`) would need a right
/// that nothing else here needs.
const REGIONS: [&str; 39] = [
    "af-south-1",
    "ap-east-1",
    "ap-east-2",
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-northeast-3",
    "ap-south-1",
    "ap-south-2",
    "ap-southeast-1",
    "ap-southeast-2",
    "ap-southeast-3",
    "ap-southeast-4",
    "ap-southeast-5",
    "ap-southeast-6",
    "ap-southeast-7",
    "ca-central-1",
    "ca-west-1",
    "eu-central-1",
    "eu-central-2",
    "eu-north-1",
    "eu-south-1",
    "eu-south-2",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "il-central-1",
    "me-central-1",
    "me-south-1",
    "mx-central-1",
    "sa-east-1",
    "us-east-1",
    "us-east-2",
    "us-west-1",
    "us-west-2",
    "cn-north-1",
    "cn-northwest-1",
    "eusc-de-east-1",
    "us-gov-east-1",
    "us-gov-west-1",
];

/// The regions of a partition, and `own`, which may be newer than the list.
pub fn regions(partition: &str, own: &str) -> Vec<String> {
    let listed = REGIONS.iter().filter(|one| of_region(one) == partition);
    let mut all: Vec<_> = listed.map(|one| (*one).to_owned()).collect();
    if !all.iter().any(|one| one == own) {
        all.push(own.to_owned());
    }
    all
}

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
    use super::{of_region, regions};

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

    #[test]
    fn the_own_region_is_among_those_of_the_partition() {
        assert_eq!(regions("aws", "eu-west-1").len(), 34);
        assert_eq!(
            regions("aws-cn", "cn-north-1"),
            ["cn-north-1", "cn-northwest-1"]
        );
        let newer = regions("aws", "eu-west-9");
        assert_eq!(newer.last().map(String::as_str), Some("eu-west-9"));
    }
}
