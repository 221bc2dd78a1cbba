//! Every call of the contract, taken from its descriptors, so that a new one is tested without anybody thinking of it.

use std::collections::HashMap;

use prost::Message;
use prost_types::{DescriptorProto, FieldMask, FileDescriptorProto, FileDescriptorSet};
use tonic::{Status, client::Grpc};
use tonic_prost::ProstCodec;
use tributary_domain::{
    id::{
        ApiKeyId, BlockId, ConflictId, ConversionId, DeliveryId, DestinationId, EventId, GroupId,
        InvitationId, MemberId, MergeId, MessageId, ProfileId,
    },
    identity::PairId,
};
use tributary_proto::{
    FILE_DESCRIPTOR_SET,
    admin::v1::{GetTenantRequest, LeastRole, ReplayMessagesRequest},
    least_role,
};

use super::World;
use crate::workflows;

const PACKAGE: &str = "tributary.admin.v1";
/// Descriptor paths (google/protobuf/descriptor.proto): a file's messages, and a message's fields.
const MESSAGES: i32 = 4;
const FIELDS: i32 = 2;

/// A call of the contract.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) name: String,
    /// `/package.Service/Call`.
    pub(crate) path: String,
    /// The least role that it takes.
    pub(crate) least: LeastRole,
    /// What is named by the first field of its request, such as `agencies/{agency}/tenants/{tenant}`, if anything is.
    pub(crate) pattern: Option<String>,
    /// Whether the first field is the resource itself, which has its name as its first field: the number of its etag.
    resource: Option<Resource>,
}

/// The numbers of a resource's fields that an update of it needs; 0 where it has none.
#[derive(Debug, Clone, Copy)]
struct Resource {
    etag: u32,
    display_name: u32,
}

/// Every call, in the order of the files.
pub(crate) fn calls() -> Vec<Call> {
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
            let path = format!("/{PACKAGE}.{}/{}", service.name(), method.name());
            calls.push(Call {
                name: method.name().to_owned(),
                least: least_role(&path).unwrap(),
                path,
                pattern: resource.map_or_else(|| pattern(request), |resource| pattern(*resource)),
                resource: resource.map(|resource| Resource {
                    etag: number(resource.2, "etag"),
                    display_name: number(resource.2, "display_name"),
                }),
            });
        }
    }
    assert!(calls.len() > 60, "the contract is there");
    calls
}

fn number(message: &DescriptorProto, field: &str) -> u32 {
    let found = message.field.iter().find(|found| found.name() == field);
    found.map_or(0, |found| found.number().cast_unsigned())
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

/// A field of a message, as it is sent.
fn field(number: u32, content: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    prost::encoding::bytes::encode(number, &content.to_vec(), &mut bytes);
    bytes
}

impl Call {
    /// A request about `name` that lacks nothing that is looked at before the name is.
    pub(crate) fn about(&self, name: &str) -> Vec<u8> {
        let named = field(1, name.as_bytes());
        if let Some(resource) = self.resource.filter(|resource| resource.etag > 0) {
            let etag = field(resource.etag, b"\"1\"");
            // Quotas have no name.
            let (path, changed) = match resource.display_name {
                0 => ("monthly_messages", Vec::new()),
                number => ("display_name", field(number, b"Another name")),
            };
            let mask = FieldMask { paths: vec![path.to_owned()] };
            let resource = [named, etag, changed].concat();
            return [field(1, &resource), field(2, &mask.encode_to_vec())].concat();
        }
        match self.name.as_str() {
            "LookupProfile" | "BlockIdentifier" => {
                [named, field(2, b"email"), field(3, b"a@example.com")].concat()
            }
            "DecideConflict" => [named, vec![2 << 3, 2]].concat(),
            _ => named,
        }
    }

    /// What the call names, with these ids.
    pub(crate) fn name_of(&self, ids: &HashMap<&str, String>) -> Option<String> {
        let parts: Vec<_> = self
            .pattern
            .as_ref()?
            .split('/')
            .map(|part| ids.get(part).map_or(part, String::as_str))
            .collect();
        Some(parts.join("/"))
    }

    /// Whether it names something of a tenant.
    pub(crate) fn is_of_a_tenant(&self) -> bool {
        self.pattern.as_ref().is_some_and(|pattern| pattern.contains("{tenant}"))
    }
}

/// Makes a call with a request of these bytes, and waits for its first answer.
pub(crate) async fn ask(
    world: &World,
    token: Option<&str>,
    call: &Call,
    request: Vec<u8>,
) -> Result<(), Status> {
    let mut request = tonic::Request::new(Encoded(request));
    if let Some(token) = token {
        request.metadata_mut().insert("authorization", token.parse().unwrap());
    }
    let mut client = Grpc::new(world.channel.clone());
    client.ready().await.unwrap();
    let codec = ProstCodec::<Encoded, ()>::default();
    let answer = client.server_streaming(request, call.path.parse().unwrap(), codec).await?;
    answer.into_inner().message().await.map(drop)
}

/// A message that is encoded already.
#[derive(Debug, Default)]
struct Encoded(Vec<u8>);

impl Message for Encoded {
    fn encode_raw(&self, buf: &mut impl prost::bytes::BufMut) {
        buf.put_slice(&self.0);
    }

    fn merge_field(
        &mut self,
        _: u32,
        _: prost::encoding::WireType,
        _: &mut impl prost::bytes::Buf,
        _: prost::encoding::DecodeContext,
    ) -> Result<(), prost::DecodeError> {
        Ok(())
    }

    fn encoded_len(&self) -> usize {
        self.0.len()
    }

    fn clear(&mut self) {
        self.0.clear();
    }
}

/// Ids of things of a tenant, some of which are there, for the names of calls.
pub(crate) async fn ids(world: &World, tenant: &str) -> HashMap<&'static str, String> {
    let last = |name: &str| name.rsplit('/').next().unwrap().to_owned();
    let request = GetTenantRequest { name: tenant.to_owned() };
    let tenant = world.tenants().get_tenant(request).await.unwrap().into_inner();
    let source = world.source(&tenant, "calendly").await.source.unwrap();
    let workflow = workflows::create(world, &source, "booking").await;
    let workflow = workflows::publish(world, &workflow).await;
    let message = MessageId::new(1, 1);
    let request = ReplayMessagesRequest {
        parent: tenant.name.clone(),
        messages: vec![message.to_string()],
        ..ReplayMessagesRequest::default()
    };
    let operation = world.logs().replay_messages(request).await.unwrap().into_inner();
    HashMap::from([
        ("{agency}", tenant.name.split('/').nth(1).unwrap().to_owned()),
        ("{tenant}", last(&tenant.name)),
        ("{source}", last(&source.name)),
        ("{workflow}", last(&workflow.name)),
        ("{version}", workflow.published_version.to_string()),
        ("{destination}", DestinationId::new(1, 1).to_string()),
        ("{message}", message.to_string()),
        ("{operation}", last(&operation.name)),
        ("{conversion}", ConversionId::new(1, 1).to_string()),
        ("{group}", GroupId::new(1, 1).to_string()),
        ("{profile}", ProfileId::new(1, 1).to_string()),
        ("{conflict}", ConflictId::new(1, 1).to_string()),
        ("{merge}", MergeId::new(1, 1).to_string()),
        ("{never_join_pair}", PairId::of(ProfileId::new(1, 1), ProfileId::new(1, 2)).to_string()),
        ("{blocked_identifier}", BlockId::new(1, 1).to_string()),
        ("{erasure}", last(&operation.name)),
        ("{event}", EventId::range(message).0.to_string()),
        ("{delivery}", DeliveryId::range(message).0.to_string()),
        ("{member}", MemberId::new(1, 1).to_string()),
        ("{api_key}", ApiKeyId::new(1, 1).to_string()),
        ("{invitation}", InvitationId::new(1, 1).to_string()),
    ])
}
