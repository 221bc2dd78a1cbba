//! Resource names: paths of collections and ids, such as `agencies/agc_…/tenants/ten_…/sources/src_…`.

use std::str::FromStr;

use tonic::Status;
use tributary_domain::{
    access::PrincipalId,
    id::{
        AgencyId, BlockId, ConflictId, ConversionId, DeliveryId, DestinationId, EventId, GroupId,
        InvitationId, MergeId, MessageId, OperationId, ProfileId, RejectionId, SourceId, SuppressionId,
        TenantId, WorkflowId,
    },
    identity::PairId,
};

use crate::violations::invalid;

/// Stands for any resource of a collection, where that is allowed.
pub(crate) const ANY: &str = "-";

/// The ids of a name whose collections are `collections`; `field` is where the name stands in the request.
///
/// # Errors
/// INVALID_ARGUMENT with the pattern that was expected.
pub(crate) fn segments<'a, const N: usize>(
    field: &str,
    name: &'a str,
    collections: [&str; N],
) -> Result<[&'a str; N], Status> {
    let mut ids = [""; N];
    let mut parts = name.split('/');
    for (id, collection) in ids.iter_mut().zip(collections) {
        match (parts.next(), parts.next()) {
            (Some(found), Some(part)) if found == collection && !part.is_empty() => *id = part,
            _ => return Err(malformed(field, &collections)),
        }
    }
    if parts.next().is_some() { Err(malformed(field, &collections)) } else { Ok(ids) }
}

fn malformed(field: &str, collections: &[&str]) -> Status {
    let pattern: Vec<_> = collections.iter().map(|collection| format!("{collection}/…")).collect();
    invalid(field, format!("expected a name such as `{}`", pattern.join("/")))
}

/// The id that a segment holds.
///
/// # Errors
/// INVALID_ARGUMENT when it is none of that kind.
pub(crate) fn id<T>(field: &str, segment: &str) -> Result<T, Status>
where
    T: FromStr<Err: std::fmt::Display>,
{
    segment.parse().map_err(|error: T::Err| invalid(field, error.to_string()))
}

/// The id of something one collection below a tenant, by its name or its bare id. Whose it is is not looked at: what belongs
/// to another tenant than the one that is asked is not found there.
///
/// # Errors
/// INVALID_ARGUMENT when it is neither.
pub(crate) fn named_or_bare<T>(field: &str, name: &str, collection: &str) -> Result<T, Status>
where
    T: FromStr<Err: std::fmt::Display>,
{
    match name.rsplit_once('/') {
        None => id(field, name),
        Some(_) => TenantPath::child(field, name, collection).map(|(_, id)| id),
    }
}

/// The id that a segment holds; nothing for `-`.
pub(crate) fn id_or_any<T>(field: &str, segment: &str) -> Result<Option<T>, Status>
where
    T: FromStr<Err: std::fmt::Display>,
{
    if segment == ANY { Ok(None) } else { id(field, segment).map(Some) }
}

/// A tenant as a name has it. The agency may be left open, because tenants' ids are unique without it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TenantPath {
    pub(crate) agency: Option<AgencyId>,
    pub(crate) tenant: TenantId,
}

impl TenantPath {
    fn of(field: &str, agency: &str, tenant: &str) -> Result<Self, Status> {
        Ok(Self { agency: id_or_any(field, agency)?, tenant: id(field, tenant)? })
    }

    /// The tenant of the name `agencies/…/tenants/…`.
    pub(crate) fn parse(field: &str, name: &str) -> Result<Self, Status> {
        let [agency, tenant] = segments(field, name, ["agencies", "tenants"])?;
        Self::of(field, agency, tenant)
    }

    /// The tenant of the name of something that each has one of, such as `agencies/…/tenants/…/quota`.
    pub(crate) fn singleton(field: &str, name: &str, what: &str) -> Result<Self, Status> {
        let tenant = name.strip_suffix(what).and_then(|rest| rest.strip_suffix('/'));
        let malformed = || invalid(field, format!("expected a name such as `agencies/…/tenants/…/{what}`"));
        Self::parse(field, tenant.ok_or_else(malformed)?)
    }

    /// The tenant and the id of a name one collection further down.
    pub(crate) fn child<T>(field: &str, name: &str, collection: &str) -> Result<(Self, T), Status>
    where
        T: FromStr<Err: std::fmt::Display>,
    {
        let [agency, tenant, child] = segments(field, name, ["agencies", "tenants", collection])?;
        Ok((Self::of(field, agency, tenant)?, id(field, child)?))
    }

    /// The tenant of a name, and its source where the name is that of one, which may be left open too.
    pub(crate) fn or_source(field: &str, name: &str) -> Result<(Self, Option<SourceId>), Status> {
        match Self::parse(field, name) {
            Ok(path) => Ok((path, None)),
            Err(_) => Self::any_source(field, name),
        }
    }

    /// The tenant and the source of a name in which the source may be left open.
    pub(crate) fn any_source(field: &str, name: &str) -> Result<(Self, Option<SourceId>), Status> {
        let [agency, tenant, source] = segments(field, name, ["agencies", "tenants", "sources"])?;
        Ok((Self::of(field, agency, tenant)?, id_or_any(field, source)?))
    }

    /// The tenant, the source (which may be left open) and the workflow of a workflow's name.
    pub(crate) fn workflow(field: &str, name: &str) -> Result<(Self, Option<SourceId>, WorkflowId), Status> {
        let (path, source, workflow) = Self::workflow_segments(field, name)?;
        Ok((path, source, id(field, workflow)?))
    }

    /// The same where the workflow may be left open as well.
    pub(crate) fn any_workflow(
        field: &str,
        name: &str,
    ) -> Result<(Self, Option<SourceId>, Option<WorkflowId>), Status> {
        let (path, source, workflow) = Self::workflow_segments(field, name)?;
        Ok((path, source, id_or_any(field, workflow)?))
    }

    fn workflow_segments<'a>(
        field: &str,
        name: &'a str,
    ) -> Result<(Self, Option<SourceId>, &'a str), Status> {
        let collections = ["agencies", "tenants", "sources", "workflows"];
        let [agency, tenant, source, workflow] = segments(field, name, collections)?;
        Ok((Self::of(field, agency, tenant)?, id_or_any(field, source)?, workflow))
    }
}

/// The name of a workflow and the number of its version, of the name of a version.
pub(crate) fn workflow_version<'a>(field: &str, name: &'a str) -> Result<(&'a str, u32), Status> {
    let pattern = "expected a name such as `agencies/…/tenants/…/sources/…/workflows/…/versions/1`";
    let parts = name.rsplit_once("/versions/");
    let read = parts.and_then(|(workflow, number)| Some((workflow, number.parse().ok()?)));
    read.filter(|(_, number)| *number > 0).ok_or_else(|| invalid(field, pattern))
}

/// The name of an agency.
pub(crate) fn agency(agency: AgencyId) -> String {
    format!("agencies/{agency}")
}

/// The agency of the name `agencies/…`.
pub(crate) fn agency_id(field: &str, name: &str) -> Result<AgencyId, Status> {
    let [segment] = segments(field, name, ["agencies"])?;
    id(field, segment)
}

/// The agency and the id of a name one collection below it.
pub(crate) fn agency_child<T>(field: &str, name: &str, collection: &str) -> Result<(AgencyId, T), Status>
where
    T: FromStr<Err: std::fmt::Display>,
{
    let [agency, child] = segments(field, name, ["agencies", collection])?;
    Ok((id(field, agency)?, id(field, child)?))
}

/// The name of a member or an API key.
pub(crate) fn principal(agency: AgencyId, principal: PrincipalId) -> String {
    let collection = match principal {
        PrincipalId::Member(_) => "members",
        PrincipalId::ApiKey(_) => "apiKeys",
    };
    format!("agencies/{agency}/{collection}/{principal}")
}

/// The name of an invitation.
pub(crate) fn invitation(agency: AgencyId, invitation: InvitationId) -> String {
    format!("agencies/{agency}/invitations/{invitation}")
}

/// Writes the names of one tenant's resources.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Names {
    pub(crate) agency: AgencyId,
    pub(crate) tenant: TenantId,
}

impl Names {
    /// The tenant's own name.
    pub(crate) fn tenant(self) -> String {
        format!("agencies/{}/tenants/{}", self.agency, self.tenant)
    }

    pub(crate) fn source(self, source: SourceId) -> String {
        format!("{}/sources/{source}", self.tenant())
    }

    pub(crate) fn rejected_request(self, source: SourceId, rejection: RejectionId) -> String {
        format!("{}/rejectedRequests/{rejection}", self.source(source))
    }

    pub(crate) fn workflow(self, source: SourceId, workflow: WorkflowId) -> String {
        format!("{}/workflows/{workflow}", self.source(source))
    }

    pub(crate) fn workflow_version(self, source: SourceId, workflow: WorkflowId, version: u32) -> String {
        format!("{}/versions/{version}", self.workflow(source, workflow))
    }

    pub(crate) fn destination(self, destination: DestinationId) -> String {
        format!("{}/destinations/{destination}", self.tenant())
    }

    pub(crate) fn message(self, message: MessageId) -> String {
        format!("{}/messages/{message}", self.tenant())
    }

    pub(crate) fn run(self, message: MessageId, workflow: WorkflowId) -> String {
        format!("{}/runs/{workflow}", self.message(message))
    }

    pub(crate) fn parked_message(self, message: MessageId) -> String {
        format!("{}/parkedMessages/{message}", self.tenant())
    }

    pub(crate) fn held_message(self, position: u64) -> String {
        format!("{}/heldMessages/{position}", self.tenant())
    }

    pub(crate) fn event(self, event: EventId) -> String {
        format!("{}/events/{event}", self.tenant())
    }

    pub(crate) fn delivery(self, delivery: DeliveryId) -> String {
        format!("{}/deliveries/{delivery}", self.tenant())
    }

    pub(crate) fn operation(self, operation: OperationId) -> String {
        format!("{}/operations/{operation}", self.tenant())
    }

    pub(crate) fn erasure(self, operation: OperationId) -> String {
        format!("{}/erasures/{operation}", self.tenant())
    }

    pub(crate) fn suppression(self, suppression: SuppressionId) -> String {
        format!("{}/suppressions/{suppression}", self.tenant())
    }

    pub(crate) fn profile(self, profile: ProfileId) -> String {
        format!("{}/profiles/{profile}", self.tenant())
    }

    pub(crate) fn group(self, group: GroupId) -> String {
        format!("{}/groups/{group}", self.tenant())
    }

    pub(crate) fn merge(self, merge: MergeId) -> String {
        format!("{}/merges/{merge}", self.tenant())
    }

    pub(crate) fn never_join_pair(self, pair: PairId) -> String {
        format!("{}/neverJoinPairs/{pair}", self.tenant())
    }

    pub(crate) fn blocked_identifier(self, block: BlockId) -> String {
        format!("{}/blockedIdentifiers/{block}", self.tenant())
    }

    pub(crate) fn conversion(self, conversion: ConversionId) -> String {
        format!("{}/conversions/{conversion}", self.tenant())
    }

    pub(crate) fn conflict(self, conflict: ConflictId) -> String {
        format!("{}/conflicts/{conflict}", self.tenant())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Names {
        Names { agency: AgencyId::new(1, 1), tenant: TenantId::new(1, 2) }
    }

    #[test]
    fn what_is_written_can_be_read() {
        let (names, source, workflow) = (names(), SourceId::new(1, 3), WorkflowId::new(1, 4));
        let path = TenantPath { agency: Some(names.agency), tenant: names.tenant };
        assert_eq!(TenantPath::parse("name", &names.tenant()).unwrap(), path);
        assert_eq!(TenantPath::child("name", &names.source(source), "sources").unwrap(), (path, source));
        let name = names.workflow(source, workflow);
        assert_eq!(TenantPath::workflow("name", &name).unwrap(), (path, Some(source), workflow));
    }

    #[test]
    fn the_agency_may_be_left_open() {
        let name = names().tenant().replace(&names().agency.to_string(), ANY);
        assert_eq!(
            TenantPath::parse("name", &name).unwrap(),
            TenantPath { agency: None, tenant: names().tenant }
        );
    }

    #[test]
    fn the_source_and_the_workflow_may_be_left_open_where_that_is_allowed() {
        let (names, source) = (names(), SourceId::new(1, 3));
        let path = TenantPath { agency: Some(names.agency), tenant: names.tenant };
        for (name, found) in [
            (names.tenant(), None),
            (format!("{}/sources/-", names.tenant()), None),
            (names.source(source), Some(source)),
        ] {
            assert_eq!(TenantPath::or_source("parent", &name).unwrap(), (path, found), "{name}");
        }
        let of_source = format!("{}/workflows/-", names.source(source));
        assert_eq!(TenantPath::any_workflow("parent", &of_source).unwrap(), (path, Some(source), None));
        let of_all = format!("{}/sources/-/workflows/-", names.tenant());
        assert_eq!(TenantPath::any_workflow("parent", &of_all).unwrap(), (path, None, None));
        assert!(TenantPath::workflow("name", &of_all).is_err(), "one workflow is not any");
    }

    #[test]
    fn other_shapes_are_refused() {
        let tenant = names().tenant();
        for name in [
            "",
            "agencies",
            "agencies/-",
            "agencies//tenants/x",
            &format!("{tenant}/"),
            &format!("/{tenant}"),
        ] {
            assert_eq!(
                TenantPath::parse("name", name).unwrap_err().code(),
                tonic::Code::InvalidArgument,
                "{name}"
            );
        }
        assert!(
            TenantPath::child::<SourceId>("name", &format!("{tenant}/sources/msg_1"), "sources").is_err()
        );
    }
}
