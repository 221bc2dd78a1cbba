//! Who may do what: roles in an agency and in a tenant, and what each of them reaches.

use std::{collections::BTreeMap, fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::id::{AgencyId, ApiKeyId, InvalidId, MemberId, TenantId};

/// A role in one tenant. Each may do what those before it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum TenantRole {
    /// Reads everything but secrets.
    Viewer,
    /// Changes sources, workflows and destinations, and decides what happens to messages.
    Editor,
    /// Changes the tenant itself.
    Admin,
}

impl TenantRole {
    /// The stable code.
    pub fn code(self) -> &'static str {
        match self {
            Self::Viewer => "VIEWER",
            Self::Editor => "EDITOR",
            Self::Admin => "ADMIN",
        }
    }

    /// The role of a code.
    pub fn from_code(code: &str) -> Option<Self> {
        [Self::Viewer, Self::Editor, Self::Admin].into_iter().find(|role| role.code() == code)
    }
}

/// A role in an agency. Each may do what those before it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum AgencyRole {
    /// Reaches the tenants that were granted, and no others.
    Member,
    /// Does everything in every tenant of the agency, and decides who its members are.
    Admin,
    /// An admin who also decides who the owners are.
    Owner,
}

impl AgencyRole {
    /// The stable code.
    pub fn code(self) -> &'static str {
        match self {
            Self::Member => "MEMBER",
            Self::Admin => "ADMIN",
            Self::Owner => "OWNER",
        }
    }

    /// The role of a code.
    pub fn from_code(code: &str) -> Option<Self> {
        [Self::Member, Self::Admin, Self::Owner].into_iter().find(|role| role.code() == code)
    }

    /// Whether one of this role may give, change or take away one of the role `other`: owners are the owners' business.
    pub fn may_appoint(self, other: Self) -> bool {
        self >= Self::Admin && self >= other
    }
}

/// Who calls with a token of their own: a person or a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PrincipalId {
    /// A person.
    Member(MemberId),
    /// A service.
    ApiKey(ApiKeyId),
}

impl fmt::Display for PrincipalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Member(id) => id.fmt(f),
            Self::ApiKey(id) => id.fmt(f),
        }
    }
}

impl FromStr for PrincipalId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        match text.parse() {
            Ok(member) => Ok(Self::Member(member)),
            Err(_) => text.parse().map(Self::ApiKey),
        }
    }
}

/// Whether something may be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It may.
    Allowed,
    /// Its being there may be known, but the role does not reach so far.
    Forbidden,
    /// Not even that it is there may be known.
    Hidden,
}

impl Verdict {
    fn of<R: Ord + Copy>(held: R, least: R) -> Self {
        if held >= least { Self::Allowed } else { Self::Forbidden }
    }
}

/// What somebody may do: a role in one agency, and roles in some of its tenants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// The agency. Nothing outside of it is reached.
    pub agency: AgencyId,
    /// The role in it.
    pub role: AgencyRole,
    /// The roles in single tenants. An admin or owner of the agency needs none.
    pub grants: BTreeMap<TenantId, TenantRole>,
}

impl Standing {
    /// The role in a tenant of `agency`; none where the tenant is not reached.
    pub fn tenant_role(&self, agency: AgencyId, tenant: TenantId) -> Option<TenantRole> {
        if agency != self.agency {
            return None;
        }
        match self.role {
            AgencyRole::Admin | AgencyRole::Owner => Some(TenantRole::Admin),
            AgencyRole::Member => self.grants.get(&tenant).copied(),
        }
    }

    /// Whether something that takes the role `least` may be done in a tenant of `agency`.
    pub fn in_tenant(&self, agency: AgencyId, tenant: TenantId, least: TenantRole) -> Verdict {
        self.tenant_role(agency, tenant).map_or(Verdict::Hidden, |held| Verdict::of(held, least))
    }

    /// Whether something that takes the role `least` may be done in `agency`.
    pub fn in_agency(&self, agency: AgencyId, least: AgencyRole) -> Verdict {
        if agency == self.agency { Verdict::of(self.role, least) } else { Verdict::Hidden }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn agency(number: u128) -> AgencyId {
        AgencyId::new(1, number)
    }

    fn tenant(number: u128) -> TenantId {
        TenantId::new(1, number)
    }

    fn standing(role: AgencyRole) -> Standing {
        Standing { agency: agency(1), role, grants: BTreeMap::from([(tenant(1), TenantRole::Editor)]) }
    }

    #[test]
    fn a_member_reaches_what_was_granted() {
        let member = standing(AgencyRole::Member);
        let verdict = |number, least| member.in_tenant(agency(1), tenant(number), least);
        assert_eq!(verdict(1, TenantRole::Viewer), Verdict::Allowed);
        assert_eq!(verdict(1, TenantRole::Editor), Verdict::Allowed);
        assert_eq!(verdict(1, TenantRole::Admin), Verdict::Forbidden);
        assert_eq!(verdict(2, TenantRole::Viewer), Verdict::Hidden);
        assert_eq!(member.in_agency(agency(1), AgencyRole::Admin), Verdict::Forbidden);
    }

    #[test]
    fn an_admin_reaches_every_tenant_of_the_agency_and_of_no_other() {
        for role in [AgencyRole::Admin, AgencyRole::Owner] {
            let standing = standing(role);
            assert_eq!(standing.in_tenant(agency(1), tenant(2), TenantRole::Admin), Verdict::Allowed);
            assert_eq!(standing.in_tenant(agency(2), tenant(1), TenantRole::Viewer), Verdict::Hidden);
            assert_eq!(standing.in_agency(agency(2), AgencyRole::Member), Verdict::Hidden);
        }
    }

    #[test]
    fn owners_are_the_owners_business() {
        use AgencyRole::{Admin, Member, Owner};
        let may = |role: AgencyRole| [Member, Admin, Owner].map(|other| role.may_appoint(other));
        assert_eq!(may(Member), [false; 3]);
        assert_eq!(may(Admin), [true, true, false]);
        assert_eq!(may(Owner), [true; 3]);
    }

    #[test]
    fn a_principal_is_known_by_its_id() {
        let (member, key) = (MemberId::new(1, 1), ApiKeyId::new(1, 1));
        assert_eq!(member.to_string().parse(), Ok(PrincipalId::Member(member)));
        assert_eq!(key.to_string().parse(), Ok(PrincipalId::ApiKey(key)));
        assert!(agency(1).to_string().parse::<PrincipalId>().is_err());
    }
}
