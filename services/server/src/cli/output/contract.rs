//! Messages of the contract as JSON, by their descriptors: the canonical JSON of protocol buffers.

use std::sync::LazyLock;

use anyhow::Context;
use prost::Message;
use prost_reflect::{DescriptorError, DescriptorPool, DynamicMessage, MessageDescriptor};
use serde_json::Value;
use tributary_proto::admin::v1;

/// A message of the contract that can be written as JSON.
pub(crate) trait Contract: Message {
    /// Its name in the contract.
    const NAME: &'static str;
}

macro_rules! contract {
    ($($message:ident),* $(,)?) => {
        $(impl Contract for v1::$message {
            const NAME: &'static str = concat!("tributary.admin.v1.", stringify!($message));
        })*
    };
}

contract!(
    ApiKey,
    BlockedIdentifier,
    Conflict,
    CompareWorkflowVersionsResponse,
    Connection,
    Conversion,
    Delivery,
    DeletionPreview,
    Destination,
    Disclosure,
    Erasure,
    Event,
    EventName,
    Group,
    GroupMember,
    Member,
    Message,
    Merge,
    MessageTrace,
    NeverJoinPair,
    Operation,
    Platform,
    Profile,
    ProfileGroup,
    Provider,
    QueryAgencyStatsResponse,
    QueryMatchQualityResponse,
    QueryStatsResponse,
    ReplayPreview,
    RetentionSettings,
    Run,
    Sample,
    Source,
    SuggestMappingsResponse,
    Suppression,
    TailResponse,
    Tenant,
    TenantSettings,
    TenantUsage,
    TestDestinationResponse,
    TestWorkflowResponse,
    TimelineEntry,
    Workflow,
    WorkflowSpec,
    WorkflowVersion
);

impl Contract for v1::profile::OwnedIdentifier {
    const NAME: &'static str = "tributary.admin.v1.Profile.OwnedIdentifier";
}

static DESCRIPTORS: LazyLock<Result<DescriptorPool, DescriptorError>> =
    LazyLock::new(|| DescriptorPool::decode(tributary_proto::FILE_DESCRIPTOR_SET));

/// The message as JSON; fields that are not set are left out.
///
/// # Errors
/// When the build's descriptors do not fit: a defect of the build.
pub(crate) fn json<T: Contract>(message: &T) -> anyhow::Result<Value> {
    Ok(serde_json::to_value(dynamic(message)?)?)
}

/// The message with its description.
///
/// # Errors
/// When the build's descriptors do not fit: a defect of the build.
pub(crate) fn dynamic<T: Contract>(message: &T) -> anyhow::Result<DynamicMessage> {
    Ok(DynamicMessage::decode(descriptor(T::NAME)?, message.encode_to_vec().as_slice())?)
}

/// How a message of the contract is described, by its name, such as `tributary.admin.v1.Source`.
///
/// # Errors
/// When the build's descriptors do not fit: a defect of the build.
pub(crate) fn descriptor(name: &str) -> anyhow::Result<MessageDescriptor> {
    let pool =
        DESCRIPTORS.as_ref().context("the contract's descriptors cannot be read: a defect of the build")?;
    pool.get_message_by_name(name).with_context(|| format!("{name} is not described"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn messages_are_written_as_the_contract_names_them() {
        let tenant = v1::Tenant {
            name: "agencies/a/tenants/t".to_owned(),
            state: v1::tenant::State::Active.into(),
            create_time: Some(prost_types::Timestamp { seconds: 1_769_851_800, nanos: 0 }),
            ..v1::Tenant::default()
        };
        let expected = json!({
            "name": "agencies/a/tenants/t", "state": "STATE_ACTIVE", "createTime": "2026-01-31T09:30:00Z",
        });
        assert_eq!(super::json(&tenant).unwrap(), expected);
    }

    #[test]
    fn everything_that_is_written_is_described() {
        fn check<T: Contract + Default>() {
            assert!(super::json(&T::default()).is_ok(), "{}", T::NAME);
        }
        check::<v1::ApiKey>();
        check::<v1::CompareWorkflowVersionsResponse>();
        check::<v1::Conversion>();
        check::<v1::Delivery>();
        check::<v1::DeletionPreview>();
        check::<v1::Destination>();
        check::<v1::Event>();
        check::<v1::EventName>();
        check::<v1::Group>();
        check::<v1::Member>();
        check::<v1::Message>();
        check::<v1::MessageTrace>();
        check::<v1::Profile>();
        check::<v1::Platform>();
        check::<v1::ProfileGroup>();
        check::<v1::Provider>();
        check::<v1::QueryAgencyStatsResponse>();
        check::<v1::QueryMatchQualityResponse>();
        check::<v1::QueryStatsResponse>();
        check::<v1::Run>();
        check::<v1::Sample>();
        check::<v1::Source>();
        check::<v1::SuggestMappingsResponse>();
        check::<v1::TailResponse>();
        check::<v1::Tenant>();
        check::<v1::TenantSettings>();
        check::<v1::Workflow>();
        check::<v1::WorkflowSpec>();
        check::<v1::WorkflowVersion>();
    }
}
