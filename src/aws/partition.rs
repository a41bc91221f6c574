//! The partitions of AWS. The table is that of the AWS SDKs (`partitions.json`).

/// The domain of AWS's first partition, and of GovCloud.
pub(super) const USUAL_SUFFIX: &str = "amazonaws.com";

/// Each partition with the domain that its endpoints end in.
const PARTITIONS: [(&str, &str); 8] = [
    ("aws", USUAL_SUFFIX),
    ("aws-cn", "amazonaws.com.cn"),
    ("aws-eusc", "amazonaws.eu"),
    ("aws-iso", "c2s.ic.gov"),
    ("aws-iso-b", "sc2s.sgov.gov"),
    ("aws-iso-e", "cloud.adc-e.uk"),
    ("aws-iso-f", "csp.hci.ic.gov"),
    ("aws-us-gov", USUAL_SUFFIX),
];

/// The domain that a partition's endpoints end in. One that is not known here is taken for the
/// usual one.
pub(super) fn dns_suffix(partition: &str) -> &'static str {
    let known = PARTITIONS.iter().find(|(name, _)| *name == partition);
    known.map_or(USUAL_SUFFIX, |(_, suffix)| suffix)
}
