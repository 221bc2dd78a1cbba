//! What unit tests need around an actor.

use tributary_domain::{
    id::{AgencyId, TenantId},
    tenant::TenantSettings,
    time::Timestamp,
};
use tributary_store::{Store, agency::NewAgency, audit::Author, tenant::NewTenant};

/// Who changes things in tests.
pub(crate) fn author() -> Author {
    Author::new("test", Timestamp::from_seconds(1))
}

/// Makes `tenant`, and an agency for it alone.
pub(crate) async fn make_tenant(store: &Store, tenant: TenantId) {
    let agency = NewAgency {
        id: AgencyId::from_bits(tenant.bits()),
        key: tenant.to_string(),
        display_name: "Agency".to_owned(),
    };
    store.agencies().create(&agency, &author()).await.expect("makes an agency");
    let tenant = NewTenant {
        id: tenant,
        agency: agency.id,
        key: "main".to_owned(),
        display_name: "Tenant".to_owned(),
        settings: TenantSettings::default(),
    };
    store.tenants().create(&tenant, &author()).await.expect("makes a tenant");
}
