//! Who changed what.

use prost_types::{Struct, value::Kind};
use serde_json::{Value, json};
use tonic::Request;
use tributary_proto::admin::v1::{
    AgencyRole, AuditEntry, ListAuditEntriesRequest, Member, SetSigningKeysRequest, Source, TenantRole,
    UpdateMemberRequest, UpdateSourceRequest, audit_service_client::AuditServiceClient,
};

use crate::support::{World, agency_of, grant, mask};

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

fn detail_of(entry: &AuditEntry) -> Value {
    fn plain(value: &prost_types::Value) -> Value {
        match value.kind.as_ref() {
            Some(Kind::StringValue(text)) => json!(text),
            Some(Kind::NumberValue(number)) => json!(number),
            Some(Kind::BoolValue(flag)) => json!(flag),
            Some(Kind::StructValue(object)) => fields(object),
            Some(Kind::ListValue(list)) => list.values.iter().map(plain).collect(),
            Some(Kind::NullValue(_)) | None => Value::Null,
        }
    }
    fn fields(object: &Struct) -> Value {
        object.fields.iter().map(|(name, value)| (name.clone(), plain(value))).collect()
    }
    fields(entry.detail.as_ref().unwrap())
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

#[tokio::test]
async fn a_change_is_told_with_what_was_before_and_what_is_after() {
    let world = World::start().await;
    let tenant = world.tenant("acme").await;
    let agency = agency_of(&tenant.name);
    let made = world.source(&tenant, "calendly").await.source.unwrap();
    world.pass(1);
    let key = "a signing key of calendly".to_owned();
    let request = SetSigningKeysRequest {
        name: made.name.clone(),
        signing_keys: vec![key.clone()],
        etag: String::new(),
    };
    let etag = world.sources().set_signing_keys(request).await.unwrap().into_inner().etag;
    world.pass(1);
    let changed = Source { display_name: "Bookings".to_owned(), etag, ..made.clone() };
    let update_mask = mask(&["display_name"]);
    let mut request = Request::new(UpdateSourceRequest { source: Some(changed), update_mask });
    request.metadata_mut().insert("x-forwarded-for", "192.0.2.1, 198.51.100.7".parse().unwrap());
    world.sources().update_source(request).await.unwrap();
    world.pass(1);
    let member = world.join(&agency, "m@example.com", AgencyRole::Member, Vec::new()).await;
    let grants = vec![grant(&tenant.name, TenantRole::Editor)];
    let given = Member { name: member.name.clone(), grants, etag: "\"1\"".to_owned(), ..Member::default() };
    let request = UpdateMemberRequest { member: Some(given), update_mask: mask(&["grants"]) };
    world.members().update_member(request).await.unwrap();

    let auditor = world.join(&agency, "o@example.com", AgencyRole::Owner, Vec::new()).await;
    let of_tenant = entries(&world, auditor.token(), &tenant.name).await;
    let detail = detail_of(&of_tenant[0]);
    assert_eq!(of_tenant[0].action, "source.update");
    assert_eq!(of_tenant[0].address, "198.51.100.7", "the proxy says from where, and not who calls it");
    assert_eq!(detail["before"]["display_name"], made.display_name.as_str());
    assert_eq!(detail["after"]["display_name"], "Bookings");
    assert_eq!(detail["after"].as_object().map(serde_json::Map::len), Some(1), "{detail}");
    let keys = detail_of(&of_tenant[1]);
    assert_eq!(
        (&keys["before"]["signing_keys"], &keys["after"]["signing_keys"]),
        (&Value::Null, &json!("***"))
    );
    assert!(!format!("{of_tenant:?}").contains(&key));
    let of_agency = entries(&world, auditor.token(), &agency).await;
    let update = of_agency.iter().find(|entry| entry.action == "member.update").unwrap();
    let id = tenant.name.rsplit('/').next().unwrap();
    assert_eq!(detail_of(update), json!({"before": {"grants": {}}, "after": {"grants": {id: "EDITOR"}}}));
    let signed_in = of_agency.iter().filter(|entry| entry.action == "session.begin").count();
    assert_eq!(signed_in, 2, "{:?}", told(&of_agency));
}
