//! Roles and grants.

use tributary_domain::access::{AgencyRole, Standing, TenantRole};
use tributary_domain::id::AgencyId;
use tributary_proto::admin::v1::{self as proto, Grant};
use tributary_store::access::Grants;

use super::enums::Twin;
use crate::{
    name::{Names, TenantPath},
    violations::Violations,
};

/// The most grants that one member or API key may have.
const MOST: usize = 1_000;

/// The role that a field holds; one that is not set is a violation.
pub(crate) fn agency_role(number: i32, path: &str, violations: &mut Violations) -> AgencyRole {
    match AgencyRole::of_number(number) {
        Ok(Some(role)) => return role,
        Ok(None) => violations.add(path, "has to be set"),
        Err(_) => violations.add(path, "is not a value of this enumeration"),
    }
    AgencyRole::Member
}

/// The grants that a field holds, each tenant once and of `agency`.
pub(crate) fn grants(given: &[Grant], agency: AgencyId, path: &str, violations: &mut Violations) -> Grants {
    let mut grants = Grants::new();
    if given.len() > MOST {
        violations.add(path, format!("at most {MOST} grants"));
        return grants;
    }
    for (index, grant) in given.iter().enumerate() {
        let at = |field: &str| format!("{path}[{index}].{field}");
        let Ok(Some(role)) = TenantRole::of_number(grant.role) else {
            violations.add(at("role"), "has to be one of the roles in a tenant");
            continue;
        };
        match TenantPath::parse(&at("tenant"), &grant.tenant) {
            Ok(found) if found.agency.is_some_and(|named| named != agency) => {
                violations.add(at("tenant"), "is a tenant of another agency");
            }
            Ok(found) => {
                if grants.insert(found.tenant, role).is_some() {
                    violations.add(at("tenant"), "is granted twice");
                }
            }
            Err(_) => violations.add(at("tenant"), "expected a name such as `agencies/…/tenants/…`"),
        }
    }
    grants
}

/// Grants as the contract has them.
pub(crate) fn to_proto(agency: AgencyId, grants: &Grants) -> Vec<Grant> {
    let grant = |(tenant, role): (&_, &TenantRole)| Grant {
        tenant: Names { agency, tenant: *tenant }.tenant(),
        role: role.number(),
    };
    grants.iter().map(grant).collect()
}

/// Who somebody is who may do this.
pub(crate) fn caller(principal: String, standing: &Standing) -> proto::Caller {
    proto::Caller {
        principal,
        role: standing.role.number(),
        grants: to_proto(standing.agency, &standing.grants),
    }
}
