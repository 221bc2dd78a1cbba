//! The list of identifiers that a tenant suppresses.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use tonic::Status;
use tributary_domain::{
    id::{DestinationId, SuppressionId},
    identity::IdentifierType,
    normalise,
};
use tributary_proto::admin::v1::{
    AddSuppressionsRequest, AddSuppressionsResponse, ListSuppressionsRequest, ListSuppressionsResponse,
    RemoveSuppressionsRequest, RemoveSuppressionsResponse, SuppressedIdentifier, Suppression,
};
use tributary_store::suppression::SuppressionRecord;

use crate::{
    call::{Call, Located},
    convert::value::to_time,
    error::{from_store, optional},
    name::{TenantPath, named_or_bare},
    profile::command,
    violations::{Violations, invalid},
};

/// The most identifiers that one request has.
const MOST: usize = 1_000;
/// The most destinations that one request names.
const MOST_DESTINATIONS: usize = 100;
/// The longest label, in characters.
const MAX_LABEL: usize = 200;
/// As long as an identifier can be.
const MAX_VALUE: usize = 512;
/// How many of them one ledger command has: messages wait behind it.
const AT_ONCE: usize = 100;
/// The ledger's names of the commands.
const SUPPRESS: &str = "suppress";
const UNSUPPRESS: &str = "unsuppress";

/// Answers AddSuppressions.
pub(super) async fn add(
    call: &Call<'_>,
    request: AddSuppressionsRequest,
) -> Result<AddSuppressionsResponse, Status> {
    let path = TenantPath::parse("parent", &request.parent)?;
    let located = call.locate(path).await?;
    if request.identifiers.is_empty() {
        return Err(invalid("identifiers", "name at least one"));
    }
    check_count("identifiers", request.identifiers.len())?;
    let mut violations = Violations::default();
    violations.text("label", &request.label, MAX_LABEL);
    let identifiers = hashed(&located, &request.identifiers, &mut violations);
    violations.check()?;
    let destinations = destinations(&located, &request.destinations).await?;
    for some in identifiers.chunks(AT_ONCE) {
        let payload = json!({ "identifiers": some, "label": request.label, "destinations": destinations });
        command(call, &located, SUPPRESS, &payload).await?;
    }
    let mut suppressions = Vec::with_capacity(identifiers.len());
    for (_, id) in &identifiers {
        let record = located.scope.suppression(*id).await.map_err(from_store)?;
        suppressions.push(to_proto(&located, record));
    }
    Ok(AddSuppressionsResponse { suppressions })
}

/// Answers RemoveSuppressions.
pub(super) async fn remove(
    call: &Call<'_>,
    request: RemoveSuppressionsRequest,
) -> Result<RemoveSuppressionsResponse, Status> {
    let path = TenantPath::parse("parent", &request.parent)?;
    let located = call.locate(path).await?;
    check_count("suppressions", request.suppressions.len() + request.identifiers.len())?;
    let mut violations = Violations::default();
    let by_identifier = hashed(&located, &request.identifiers, &mut violations);
    violations.check()?;
    let mut wanted: BTreeSet<SuppressionId> = by_identifier.into_iter().map(|(_, id)| id).collect();
    for (number, name) in request.suppressions.iter().enumerate() {
        wanted.insert(named_or_bare(&format!("suppressions[{number}]"), name, "suppressions")?);
    }
    let mut listed = Vec::new();
    for id in wanted {
        let found = optional(located.scope.suppression(id).await)?;
        listed.extend(found.filter(|record| record.listed_at.is_some()).map(|record| record.id));
    }
    for some in listed.chunks(AT_ONCE) {
        command(call, &located, UNSUPPRESS, &json!({ "suppressions": some })).await?;
    }
    Ok(RemoveSuppressionsResponse { removed_count: i32::try_from(listed.len()).unwrap_or(i32::MAX) })
}

/// Answers ListSuppressions.
pub(super) async fn list(
    call: &Call<'_>,
    request: &ListSuppressionsRequest,
) -> Result<ListSuppressionsResponse, Status> {
    let path = TenantPath::parse("parent", &request.parent)?;
    let with_erased = if request.with_erased { "with erased" } else { "" };
    let list = call.list("ListSuppressions", &[&request.parent, with_erased]);
    let page = list.page(request.page_size, &request.page_token)?;
    let located = call.locate(path).await?;
    if request.with_erased {
        // The name of a suppression is told to who adds it: with it, somebody would be found among the erased.
        located.check_personal("who was erased")?;
    }
    let found = located.scope.suppressions(request.with_erased, page).await.map_err(from_store)?;
    Ok(ListSuppressionsResponse {
        suppressions: found.items.into_iter().map(|record| to_proto(&located, record)).collect(),
        next_page_token: list.next(found.next),
    })
}

fn check_count(field: &str, count: usize) -> Result<(), Status> {
    if count > MOST {
        return Err(invalid(field, format!("at most {MOST}: send several requests")));
    }
    Ok(())
}

/// The types and hashes of identifiers: from here on nobody knows which they are.
fn hashed(
    located: &Located<'_>,
    identifiers: &[SuppressedIdentifier],
    violations: &mut Violations,
) -> Vec<(String, SuppressionId)> {
    let mut found = Vec::with_capacity(identifiers.len());
    for (number, identifier) in identifiers.iter().enumerate() {
        let field = |name: &str| format!("identifiers[{number}].{name}");
        let Some(kind) = IdentifierType::parse(&identifier.r#type) else {
            violations.add(field("type"), "expected a type such as email or external_id:crm");
            continue;
        };
        violations.text(&field("value"), &identifier.value, MAX_VALUE);
        let value = Value::String(identifier.value.clone());
        let normal = normalise::identifier(&kind, &value, &located.record.settings);
        let normal = violations.take(&field("value"), normal.map_err(|rejection| rejection.to_string()));
        let id = |value: &str| located.scope.suppression_id(kind.as_str(), value);
        found.extend(normal.map(|normal| (kind.to_string(), id(&normal.value))));
    }
    found
}

/// The destinations that are named, all of which are the tenant's; nothing when none is.
async fn destinations(
    located: &Located<'_>,
    names: &[String],
) -> Result<Option<BTreeSet<DestinationId>>, Status> {
    if names.len() > MOST_DESTINATIONS {
        return Err(invalid("destinations", format!("at most {MOST_DESTINATIONS}")));
    }
    let mut found = BTreeSet::new();
    for (number, name) in names.iter().enumerate() {
        let destination = named_or_bare(&format!("destinations[{number}]"), name, "destinations")?;
        found.insert(located.scope.destination(destination).await.map_err(from_store)?.id);
    }
    Ok((!found.is_empty()).then_some(found))
}

/// A suppression as the contract has it. That somebody was erased is told to who sees personal data: others could ask it of
/// anybody, by adding them.
fn to_proto(located: &Located<'_>, record: SuppressionRecord) -> Suppression {
    let names = located.names;
    let erased_until = record.erased_until.filter(|_| located.sees_personal);
    let destinations = record.destinations.unwrap_or_default();
    Suppression {
        name: names.suppression(record.id),
        identifier_type: record.kind,
        label: record.label,
        destinations: destinations.into_iter().map(|destination| names.destination(destination)).collect(),
        list_time: record.listed_at.map(to_time),
        erased_until_time: erased_until.map(to_time),
    }
}
