//! Roles in single tenants.

use std::collections::BTreeMap;

use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter, QuerySelect};
use tributary_domain::{
    access::{PrincipalId, TenantRole},
    id::TenantId,
};

use super::AgencyScope;
use crate::{
    StoreError,
    column::id,
    entity::{grant, tenant},
};

/// The role in each tenant that was granted.
pub type Grants = BTreeMap<TenantId, TenantRole>;

/// The grants of these principals, each with its principal.
pub(super) async fn read(
    connection: &impl ConnectionTrait,
    principals: impl IntoIterator<Item = PrincipalId>,
) -> Result<BTreeMap<PrincipalId, Grants>, StoreError> {
    let keys: Vec<String> = principals.into_iter().map(|principal| principal.to_string()).collect();
    let rows = grant::Entity::find().filter(grant::Column::PrincipalId.is_in(keys)).all(connection).await?;
    let mut found: BTreeMap<PrincipalId, Grants> = BTreeMap::new();
    for row in rows {
        let role = TenantRole::from_code(&row.role).ok_or_else(|| StoreError::corrupt("grants.role"))?;
        let principal = id(&row.principal_id, "grants.principal_id")?;
        found.entry(principal).or_default().insert(id(&row.tenant_id, "grants.tenant_id")?, role);
    }
    Ok(found)
}

/// The grants of one principal.
pub(super) async fn of(
    connection: &impl ConnectionTrait,
    principal: PrincipalId,
) -> Result<Grants, StoreError> {
    Ok(read(connection, [principal]).await?.remove(&principal).unwrap_or_default())
}

/// Takes all grants of a principal away.
pub(super) async fn clear(
    connection: &impl ConnectionTrait,
    principal: PrincipalId,
) -> Result<(), StoreError> {
    let of_it = grant::Column::PrincipalId.eq(principal.to_string());
    grant::Entity::delete_many().filter(of_it).exec(connection).await?;
    Ok(())
}

impl AgencyScope<'_> {
    /// Gives a principal these grants instead of those it has.
    ///
    /// # Errors
    /// When one of the tenants is not there, or not of this agency.
    pub(super) async fn grant(
        &self,
        connection: &impl ConnectionTrait,
        principal: PrincipalId,
        grants: &Grants,
    ) -> Result<(), StoreError> {
        self.own(connection, grants).await?;
        clear(connection, principal).await?;
        let rows = grants.iter().map(|(tenant, role)| {
            let row = grant::Model {
                principal_id: principal.to_string(),
                tenant_id: tenant.to_string(),
                role: role.code().to_owned(),
            };
            row.into_active_model()
        });
        if !grants.is_empty() {
            grant::Entity::insert_many(rows).exec_without_returning(connection).await?;
        }
        Ok(())
    }

    /// # Errors
    /// When one of the tenants is not there, or not of this agency.
    pub(super) async fn own(
        &self,
        connection: &impl ConnectionTrait,
        grants: &Grants,
    ) -> Result<(), StoreError> {
        let is_whole = self.possible(connection, grants).await?.len() == grants.len();
        if is_whole { Ok(()) } else { Err(StoreError::not_found("tenant")) }
    }

    /// Those of `grants` whose tenants are there, and of this agency. One that is deleted can come back.
    pub(super) async fn possible(
        &self,
        connection: &impl ConnectionTrait,
        grants: &Grants,
    ) -> Result<Grants, StoreError> {
        let ids: Vec<String> = grants.keys().map(ToString::to_string).collect();
        let found: Vec<String> = tenant::Entity::find()
            .select_only()
            .column(tenant::Column::Id)
            .filter(tenant::Column::Id.is_in(ids))
            .filter(tenant::Column::AgencyId.eq(self.key()))
            .into_tuple()
            .all(connection)
            .await?;
        let found: Vec<TenantId> =
            found.iter().map(|tenant| id(tenant, "tenants.id")).collect::<Result<_, _>>()?;
        Ok(grants
            .iter()
            .filter(|(tenant, _)| found.contains(tenant))
            .map(|(tenant, role)| (*tenant, *role))
            .collect())
    }
}
