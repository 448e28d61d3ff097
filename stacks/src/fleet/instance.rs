//! The parts that the launch templates of fleets and of training jobs share.

use stackwright_resources::ec2::launch_template::{
    BlockDeviceMapping, CapacityReservationSpecification, CapacityReservationTarget, Ebs, HttpEndpoint,
    HttpTokens, InstanceMarketOptions, InstanceMetadataTags, LaunchTemplateData, MarketType, MetadataOptions,
    VolumeType,
};
use stackwright_synth::{Scope, Value};

use crate::defaults;
use crate::key::EncryptionKey;

/// The metadata service: IMDSv2 only.
pub(super) fn metadata() -> MetadataOptions {
    MetadataOptions::new()
        .http_endpoint(HttpEndpoint::Enabled)
        .http_tokens(HttpTokens::Required)
        // The request of a container passes one more network hop.
        .http_put_response_hop_limit(2)
        .instance_metadata_tags(InstanceMetadataTags::Disabled)
}

/// An encrypted root volume.
pub(super) fn root_volume(
    device: &str,
    size_gb: &Value<i64>,
    key: Option<&EncryptionKey>,
    scope: &Scope<'_>,
) -> BlockDeviceMapping {
    let mut volume = Ebs::new()
        .volume_size(size_gb)
        .volume_type(VolumeType::Gp3)
        .encrypted(true)
        .delete_on_termination(true);
    if let Some(key) = defaults::encryption_key(key.cloned(), scope) {
        volume = volume.kms_key_id(key.id());
    }
    BlockDeviceMapping::new().device_name(device).ebs(volume)
}

/// Launches instances into a capacity block, by the ID of its reservation.
pub(super) fn in_block(data: LaunchTemplateData, reservation_id: &Value<String>) -> LaunchTemplateData {
    let target = CapacityReservationTarget::new().capacity_reservation_id(reservation_id);
    data.instance_market_options(InstanceMarketOptions::new().market_type(MarketType::CapacityBlock))
        .capacity_reservation_specification(
            CapacityReservationSpecification::new().capacity_reservation_target(target),
        )
}
