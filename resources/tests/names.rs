//! How CloudFormation's names are spelt in Rust.

#[path = "../generator/names.rs"]
mod names;

#[test]
fn properties_become_snake_case() {
    for (name, spelt) in [
        ("MemorySizeInMB", "memory_size_in_mb"),
        ("KmsKeyId", "kms_key_id"),
        ("SubnetIDs", "subnet_ids"),
        ("NotificationARNs", "notification_arns"),
        ("IPv6CidrBlock", "ipv6_cidr_block"),
        ("Type", "type_"),
        ("New", "new_"),
        ("Endpoint.Address", "endpoint_address"),
    ] {
        assert_eq!(names::snake(name), spelt);
    }
}

#[test]
fn types_become_camel_case() {
    assert_eq!(names::upper_camel("DBInstance"), "DbInstance");
    assert_eq!(names::upper_camel("EndpointConfig"), "EndpointConfig");
}

#[test]
fn values_become_variants() {
    for (value, spelt) in [
        ("ml.g5.2xlarge", "MlG5_2xlarge"),
        ("ml.p4d.24xlarge", "MlP4d24xlarge"),
        ("LEAST_OUTSTANDING_REQUESTS", "LeastOutstandingRequests"),
        ("s3:ObjectCreated:*", "S3ObjectCreatedStar"),
        ("1.0", "N1_0"),
        ("", "Empty"),
        ("Self", "Self_"),
    ] {
        assert_eq!(names::variant(value), spelt);
    }
}

#[test]
fn a_repeated_name_gets_a_number() {
    let mut taken = std::collections::BTreeSet::new();
    let spelt: Vec<_> = ["a", "a", "a"].map(|name| names::unique(name.into(), &mut taken)).into();
    assert_eq!(spelt, ["a", "a2", "a3"]);
}
