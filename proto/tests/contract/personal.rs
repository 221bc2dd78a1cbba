//! What of the answers is personal: nobody can forget to say it of a new field.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::LazyLock,
};

use prost_reflect::{DescriptorPool, FieldDescriptor, Kind, MessageDescriptor};
use tributary_proto::{FILE_DESCRIPTOR_SET, admin::v1::LeastRole, least_role, personal};

use crate::descriptors::PACKAGE;

const DECIDED: [&str; 3] = ["google.protobuf.Struct", "google.protobuf.Value", "google.protobuf.ListValue"];

static POOL: LazyLock<DescriptorPool> =
    LazyLock::new(|| DescriptorPool::decode(FILE_DESCRIPTOR_SET).unwrap());

/// The number of the field's option `personal`; 0: it has none.
pub(crate) fn mark(message: &str, field: &str) -> i32 {
    let found = POOL.get_message_by_name(&format!("{PACKAGE}.{message}"));
    let found = found.and_then(|message| message.get_field_by_name(field));
    found.map_or(0, |field| mark_of(&field))
}

fn mark_of(field: &FieldDescriptor) -> i32 {
    let personal = POOL.get_extension_by_name(&format!("{PACKAGE}.personal")).unwrap();
    field.options().get_extension(&personal).as_enum_number().unwrap_or_default()
}

fn is_impersonal(message: &MessageDescriptor) -> bool {
    let option = POOL.get_extension_by_name(&format!("{PACKAGE}.impersonal")).unwrap();
    message.parent_file().options().get_extension(&option).as_bool().unwrap_or_default()
}

/// Whether a value of the field could say something of people: texts, bytes, objects, and maps to these.
fn is_text(field: &FieldDescriptor) -> bool {
    match field.kind() {
        Kind::String | Kind::Bytes => true,
        Kind::Message(entry) if entry.is_map_entry() => is_text(&entry.map_entry_value_field()),
        Kind::Message(message) => DECIDED.contains(&message.full_name()),
        _ => false,
    }
}

/// Every message of the contract that is in an answer to somebody who may be below a tenant's admins.
fn answered() -> BTreeMap<String, MessageDescriptor> {
    let below_admins =
        [LeastRole::Caller, LeastRole::AgencyMember, LeastRole::TenantViewer, LeastRole::TenantEditor];
    let mut found = BTreeMap::new();
    let services = POOL.services().filter(|service| service.parent_file().package_name() == PACKAGE);
    let mut to_see: Vec<MessageDescriptor> = services
        .flat_map(|service| service.methods().collect::<Vec<_>>())
        .filter(|method| {
            let path = format!("/{}/{}", method.parent_service().full_name(), method.name());
            below_admins.contains(&least_role(&path).unwrap())
        })
        .map(|method| method.output())
        .collect();
    while let Some(message) = to_see.pop() {
        if message.full_name().starts_with(PACKAGE) && !found.contains_key(message.full_name()) {
            to_see.extend(message.fields().filter_map(|field| field.kind().as_message().cloned()));
            found.insert(message.full_name().to_owned(), message);
        }
    }
    found
}

#[test]
fn of_every_text_of_an_answer_it_is_said_whether_it_is_personal() {
    let answered = answered();
    assert!(answered.len() > 80, "the answers are there");
    let mut undecided = BTreeSet::new();
    for message in answered.values().filter(|message| !message.is_map_entry() && !is_impersonal(message)) {
        let fields = message.fields().filter(|field| is_text(field) && field.name() != "next_page_token");
        undecided
            .extend(fields.filter(|field| mark_of(field) == 0).map(|field| field.full_name().to_owned()));
    }
    assert!(
        undecided.is_empty(),
        "say with the option (personal) whether these are personal, or with (impersonal) that nothing in their file \
         is: {undecided:#?}"
    );
}

#[test]
fn what_is_said_of_a_field_is_about_a_text_and_in_a_file_that_is_not_impersonal() {
    for message in POOL.all_messages().filter(|message| message.full_name().starts_with(PACKAGE)) {
        for field in message.fields().filter(|field| mark_of(field) > 0) {
            assert!(is_text(&field), "{}", field.full_name());
            assert!(!is_impersonal(&message), "{}: its file says that nothing in it is", field.full_name());
        }
    }
}

/// Independent of how the tables are made: the descriptors are followed from each answer.
#[test]
fn the_tables_have_what_the_contract_says() {
    fn same(message: &MessageDescriptor, place: Option<u16>, seen: &mut BTreeSet<(String, Option<u16>)>) {
        if !seen.insert((message.full_name().to_owned(), place)) {
            return;
        }
        let masks: BTreeMap<u32, personal::Mask> =
            place.map(personal::fields).unwrap_or_default().iter().copied().collect();
        for field in message.fields() {
            let mask = masks.get(&field.number());
            match (mask, field.kind()) {
                (Some(personal::Mask::Below(place)), Kind::Message(below)) => {
                    same(&below, Some(*place), seen)
                }
                // A map is marked, and not the values in it.
                _ if message.is_map_entry() => {}
                (_, kind) => {
                    assert_eq!(mask.is_some(), mark_of(&field) > 1, "{}", field.full_name());
                    if let Kind::Message(below) = kind {
                        same(&below, None, seen);
                    }
                }
            }
        }
    }
    let mut seen = BTreeSet::new();
    let services = POOL.services().filter(|service| service.parent_file().package_name() == PACKAGE);
    for method in services.flat_map(|service| service.methods().collect::<Vec<_>>()) {
        let path = format!("/{}/{}", method.parent_service().full_name(), method.name());
        same(&method.output(), personal::answer(&path), &mut seen);
    }
    for personal in ["Message", "Event", "Reason", "Profile", "DeliveryAttempt", "Identifier", "NodeTrace"] {
        let name = format!("{PACKAGE}.{personal}");
        assert!(seen.iter().any(|(seen, place)| *seen == name && place.is_some()), "{personal}");
    }
}
