//! Who changed what.

use tributary_proto::admin::v1::{
    AgencyRole, AuditEntry, ListAuditEntriesRequest, TenantRole, audit_service_client::AuditServiceClient,
};

use crate::support::{World, agency_of, grant};

async fn entries(world: &World, token: &str, parent: &str) -> Vec<AuditEntry> {
    let mut client = AuditServiceClient::new(world.wire_of(token));
    let (mut all, mut page_token) = (Vec::new(), String::new());
    loop {
        let request = ListAuditEntriesRequest { parent: parent.to_owned(), page_size: 2, page_token };
        let page = client.list_audit_entries(request).await.unwrap().into_inner();
        all.extend(page.audit_entries);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return all;
        }
    }
}

fn told(entries: &[AuditEntry]) -> Vec<(&str, &str)> {
    entries.iter().map(|entry| (entry.action.as_str(), entry.actor.as_str())).collect()
}

#[tokio::test]
async fn changes_are_told_with_who_made_them_from_where_and_no_secret() {
    let world = World::start().await;
    let tenant = world.tenant("acme").await;
    let agency = agency_of(&tenant.name);
    // Ids of one moment have no order.
    world.pass(1);
    let admin = world.join(&agency, "a@example.com", AgencyRole::Admin, Vec::new()).await;
    world.pass(1);
    let grants = vec![grant(&tenant.name, TenantRole::Viewer)];
    let (_, invited) = world.invite(&agency, "v@example.com", AgencyRole::Member, grants).await;
    let made = world.source(&tenant, "calendly").await;
    let of_agency = entries(&world, admin.token(), &agency).await;
    let actors: Vec<_> = told(&of_agency);
    assert_eq!(actors[0], ("invitation.create", "admin_token"), "the newest first");
    let accepted = actors.iter().find(|(action, _)| *action == "invitation.accept").unwrap();
    assert!(accepted.1.starts_with("inv_"), "{actors:?}");
    assert_eq!(actors.last(), Some(&("agency.create", "admin_token")));
    assert!(of_agency.iter().all(|entry| entry.name.starts_with(&agency)));
    assert_eq!(of_agency[0].address, "127.0.0.1");
    let of_tenant = entries(&world, admin.token(), &tenant.name).await;
    assert_eq!(told(&of_tenant), [("source.create", "admin_token"), ("tenant.create", "admin_token")]);
    let shown = format!("{of_agency:?} {of_tenant:?}");
    assert!(shown.contains("VIEWER"), "what was given: {shown}");
    let secret = made.webhook_url.rsplit('/').next().unwrap().to_owned();
    for secret in [invited, secret, admin.tokens.refresh_token] {
        assert!(!shown.contains(&secret));
    }
}
