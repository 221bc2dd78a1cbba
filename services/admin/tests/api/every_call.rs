//! What every call of the contract answers to somebody who may not call, and about what is somebody else's. The calls
//! are taken from the descriptors, so that a new one is in here without anybody thinking of it.

use std::collections::HashMap;

use prost::Message;
use prost_types::{DescriptorProto, FileDescriptorProto, FileDescriptorSet};
use tonic::{Code, Request, Status, client::Grpc, metadata::AsciiMetadataValue};
use tonic_prost::ProstCodec;
use tributary_domain::id::{DeliveryId, EventId, MessageId, ProfileId};
use tributary_proto::FILE_DESCRIPTOR_SET;

use crate::{
    support::{World, reason},
    workflows,
};

const PACKAGE: &str = "tributary.admin.v1";
/// Descriptor paths (google/protobuf/descriptor.proto): a file's messages, and a message's fields.
const MESSAGES: i32 = 4;
const FIELDS: i32 = 2;

/// Calls that are refused before anything is looked for, because more is missing in the request than a name.
const NEED_MORE: [&str; 6] = [
    "LookupProfile",
    "UpdateDestination",
    "UpdateSource",
    "UpdateTenant",
    "UpdateTenantQuota",
    "UpdateWorkflow",
];
/// Calls about what belongs to no agency.
const OF_NOBODY: [&str; 7] = [
    "CreateAgency",
    "DescribeMappingLanguage",
    "ListAgencies",
    "ListEventDefinitions",
    "ListPlatforms",
    "ListProviders",
    "ListTraitDefinitions",
];

/// A call of the contract.
#[derive(Debug)]
struct Call {
    name: String,
    /// `/package.Service/Call`.
    path: String,
    /// What is named by the first field of its request, such as `agencies/{agency}/tenants/{tenant}`, if anything is.
    pattern: Option<String>,
    /// Whether the first field is the resource itself, which has its name as its first field.
    has_resource: bool,
}

/// Every call, in the order of the files.
fn calls() -> Vec<Call> {
    let set = FileDescriptorSet::decode(FILE_DESCRIPTOR_SET).unwrap();
    let files: Vec<_> = set.file.into_iter().filter(|file| file.package() == PACKAGE).collect();
    let messages: HashMap<String, (&FileDescriptorProto, i32, &DescriptorProto)> = files
        .iter()
        .flat_map(|file| (0..).zip(&file.message_type).map(move |(index, message)| (file, index, message)))
        .map(|(file, index, message)| (format!(".{PACKAGE}.{}", message.name()), (file, index, message)))
        .collect();
    let mut calls = Vec::new();
    for service in files.iter().flat_map(|file| &file.service) {
        for method in &service.method {
            let request = messages[method.input_type()];
            let first = request.2.field.first();
            let resource = first.and_then(|field| messages.get(field.type_name()));
            calls.push(Call {
                name: method.name().to_owned(),
                path: format!("/{PACKAGE}.{}/{}", service.name(), method.name()),
                pattern: resource.map_or_else(|| pattern(request), |resource| pattern(*resource)),
                has_resource: resource.is_some(),
            });
        }
    }
    assert!(calls.len() > 40, "the contract is there");
    calls
}

/// The first name in the comment of the message's first field, where that field is a name.
fn pattern((file, index, message): (&FileDescriptorProto, i32, &DescriptorProto)) -> Option<String> {
    let field = message.field.first().filter(|field| ["name", "parent"].contains(&field.name()))?;
    assert_eq!(field.number(), 1, "{}", message.name());
    let path = [MESSAGES, index, FIELDS, 0];
    let mut locations = file.source_code_info.iter().flat_map(|info| &info.location);
    let comment = locations.find(|location| location.path == path).unwrap().leading_comments();
    Some(comment.split('`').nth(1).unwrap_or_else(|| panic!("{}: no pattern", message.name())).to_owned())
}

/// Makes a call whose request has `name` as its first field, and waits for its first answer.
async fn ask(
    world: &World,
    token: Option<&AsciiMetadataValue>,
    call: &Call,
    name: &str,
) -> Result<(), Status> {
    // As bytes, a string and a message with a string in it are the same.
    let name = name.as_bytes().to_vec();
    let is_resource = call.has_resource && !name.is_empty();
    let mut request = Request::new(if is_resource { name.encode_to_vec() } else { name });
    if let Some(token) = token {
        request.metadata_mut().insert("authorization", token.clone());
    }
    let mut client = Grpc::new(world.channel.clone());
    client.ready().await.unwrap();
    let codec = ProstCodec::<Vec<u8>, ()>::default();
    let answer = client.server_streaming(request, call.path.parse().unwrap(), codec).await?;
    answer.into_inner().message().await.map(drop)
}

#[tokio::test]
async fn nobody_calls_without_the_right_token() {
    let world = World::start().await;
    let wrong: AsciiMetadataValue = format!("Bearer tra_{}", "x".repeat(43)).parse().unwrap();
    for call in calls() {
        for (token, told) in [(None, "TOKEN_MISSING"), (Some(&wrong), "TOKEN_INVALID")] {
            let refused = ask(&world, token, &call, "").await.unwrap_err();
            assert_eq!(
                (refused.code(), reason(&refused).as_str()),
                (Code::Unauthenticated, told),
                "{call:?}"
            );
        }
    }
}

#[tokio::test]
async fn a_request_without_anything_in_it_is_answered_or_told_what_is_missing() {
    let world = World::start().await;
    for call in calls() {
        match ask(&world, Some(world.token()), &call, "").await {
            Ok(()) => assert!(OF_NOBODY.contains(&call.name.as_str()), "{call:?}"),
            Err(refused) => assert_eq!(refused.code(), Code::InvalidArgument, "{call:?}: {refused:?}"),
        }
    }
}

#[tokio::test]
async fn what_is_named_below_another_agency_is_not_found() {
    let world = World::start().await;
    let tenant = world.tenant("acme").await;
    let other = world.tenant("other").await;
    let source = world.source(&tenant, "calendly").await.source.unwrap();
    let workflow = workflows::create(&world, &source, "booking").await;
    let message = MessageId::new(1, 1);
    let last = |name: &str| name.rsplit('/').next().unwrap().to_owned();
    let ids = HashMap::from([
        // The other's, which is there; all the rest is of the first.
        ("{agency}", other.name.split('/').nth(1).unwrap().to_owned()),
        ("{tenant}", last(&tenant.name)),
        ("{source}", last(&source.name)),
        ("{workflow}", last(&workflow.name)),
        ("{destination}", tributary_domain::id::DestinationId::new(1, 1).to_string()),
        ("{message}", message.to_string()),
        ("{profile}", ProfileId::new(1, 1).to_string()),
        ("{event}", EventId::range(message).0.to_string()),
        ("{delivery}", DeliveryId::range(message).0.to_string()),
    ]);
    let mut need_more = Vec::new();
    for call in calls() {
        let Some(pattern) = &call.pattern else {
            assert!(OF_NOBODY.contains(&call.name.as_str()), "{call:?}: it names nothing");
            continue;
        };
        let is_of_a_tenant = pattern.contains("{tenant}");
        let name: Vec<_> =
            pattern.split('/').map(|part| ids.get(part).map_or(part, String::as_str)).collect();
        let answer = ask(&world, Some(world.token()), &call, &name.join("/")).await;
        if !is_of_a_tenant {
            continue;
        }
        match answer.expect_err(&call.name).code() {
            Code::NotFound => {}
            Code::InvalidArgument => need_more.push(call.name),
            code => panic!("{code:?}: {call:?}"),
        }
    }
    need_more.sort();
    assert_eq!(need_more, NEED_MORE);
}
