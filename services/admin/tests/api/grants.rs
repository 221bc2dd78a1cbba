//! Random grants and revocations, compared with a small model after each.

use std::collections::HashMap;

use proptest::{
    collection::vec,
    prelude::*,
    test_runner::{Config, TestRunner},
};
use tokio::runtime::Runtime;
use tonic::Code;
use tributary_proto::admin::v1::{
    AgencyRole, ApiKey, CreateSourceRequest, CreateTenantRequest, DeleteApiKeyRequest, DeleteMemberRequest,
    GetTenantRequest, Grant, Member, Source, Tenant, TenantRole, UpdateApiKeyRequest, UpdateMemberRequest,
    UpdateTenantRequest, source_service_client::SourceServiceClient,
    tenant_service_client::TenantServiceClient,
};

use crate::support::{World, agency_of, grant, mask};

const CASES: u32 = 8;

/// What is done to one of the three: two members, of an agency each, and an API key of the first agency.
#[derive(Debug, Clone)]
enum Step {
    /// These roles in the agency's two tenants; 0 is none.
    Grant(usize, [i32; 2]),
    /// This role in the agency: 1 to 3; an API key cannot be an owner.
    Appoint(usize, i32),
    Remove(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..3_usize, [0..4_i32, 0..4]).prop_map(|(who, roles)| Step::Grant(who, roles)),
        3 => (0..3_usize, 1..4_i32).prop_map(|(who, role)| Step::Appoint(who, role)),
        1 => (0..3_usize).prop_map(Step::Remove),
    ]
}

/// What the model knows of somebody; nothing once they are removed.
#[derive(Debug, Clone)]
struct Known {
    agency: usize,
    role: i32,
    grants: [i32; 2],
}

impl Known {
    /// What is to come of something that takes the role `least` (1: viewer to 3: admin) in tenant number `tenant`.
    fn expected(known: Option<&Self>, tenant: usize, least: i32, done: Code) -> Code {
        let Some(known) = known else { return Code::Unauthenticated };
        let held = match (tenant / 2 == known.agency, known.role) {
            (false, _) => 0,
            (true, 1) => known.grants[tenant % 2],
            (true, _) => 3,
        };
        match held {
            0 => Code::NotFound,
            held if held < least => Code::PermissionDenied,
            _ => done,
        }
    }
}

/// One of the three, as the API knows them.
struct Somebody {
    name: String,
    etag: String,
    token: String,
    is_key: bool,
}

struct Scene {
    world: World,
    /// Two of each agency.
    tenants: Vec<Tenant>,
    people: Vec<Somebody>,
}

impl Scene {
    async fn new() -> Self {
        let world = World::start().await;
        let mut tenants = Vec::new();
        for agency in ["first", "second"] {
            let tenant = world.tenant(agency).await;
            let another =
                Tenant { key: "another".to_owned(), display_name: "Another".to_owned(), ..Tenant::default() };
            let request = CreateTenantRequest {
                parent: agency_of(&tenant.name),
                tenant: Some(another),
                ..CreateTenantRequest::default()
            };
            let another = world.tenants().create_tenant(request).await.unwrap().into_inner();
            world.join(&agency_of(&tenant.name), "owner@example.com", AgencyRole::Owner, Vec::new()).await;
            tenants.extend([tenant, another]);
        }
        let mut people = Vec::new();
        for number in [0, 2] {
            let agency = agency_of(&tenants[number].name);
            let member = world.join(&agency, "m@example.com", AgencyRole::Member, Vec::new()).await;
            let token = member.token().to_owned();
            people.push(Somebody { name: member.name, etag: "\"1\"".to_owned(), token, is_key: false });
        }
        let (key, _, token) =
            world.api_key(&agency_of(&tenants[0].name), AgencyRole::Member, Vec::new()).await;
        people.push(Somebody { name: key.name, etag: key.etag, token, is_key: true });
        Self { world, tenants, people }
    }

    /// Does a step to somebody who is there.
    async fn update(&mut self, who: usize, path: &str, role: i32, grants: Vec<Grant>) {
        let Somebody { name, etag, is_key, .. } = &self.people[who];
        let (name, etag) = (name.clone(), etag.clone());
        self.people[who].etag = if *is_key {
            let api_key = Some(ApiKey { name, etag, role, grants, ..ApiKey::default() });
            let request = UpdateApiKeyRequest { api_key, update_mask: mask(&[path]) };
            self.world.api_keys().update_api_key(request).await.unwrap().into_inner().etag
        } else {
            let member = Some(Member { name, etag, role, grants, ..Member::default() });
            let request = UpdateMemberRequest { member, update_mask: mask(&[path]) };
            self.world.members().update_member(request).await.unwrap().into_inner().etag
        };
    }

    async fn remove(&self, who: usize) {
        let Somebody { name, is_key, .. } = &self.people[who];
        let (name, etag) = (name.clone(), String::new());
        if *is_key {
            self.world.api_keys().delete_api_key(DeleteApiKeyRequest { name, etag }).await.unwrap();
        } else {
            self.world.members().delete_member(DeleteMemberRequest { name, etag }).await.unwrap();
        }
    }

    /// What comes of a viewer's, an editor's and an admin's call. The last two are told what is wrong with them, if
    /// they come so far.
    async fn probe(&self, who: usize, tenant: usize) -> [Code; 3] {
        let wire = || self.world.wire_of(&self.people[who].token);
        let name = &self.tenants[tenant].name;
        let code = |outcome: Option<tonic::Status>| outcome.map_or(Code::Ok, |status| status.code());
        let request = GetTenantRequest { name: name.clone() };
        let viewed = TenantServiceClient::new(wire()).get_tenant(request).await.err();
        let source = Some(Source::default());
        let request = CreateSourceRequest { parent: name.clone(), source, ..CreateSourceRequest::default() };
        let edited = SourceServiceClient::new(wire()).create_source(request).await.err();
        let stale = Tenant {
            name: name.clone(),
            etag: "\"99\"".to_owned(),
            display_name: "Another name".to_owned(),
            ..Tenant::default()
        };
        let request = UpdateTenantRequest { tenant: Some(stale), update_mask: mask(&["display_name"]) };
        let changed = TenantServiceClient::new(wire()).update_tenant(request).await.err();
        [code(viewed), code(edited), code(changed)]
    }
}

async fn play(steps: &[Step]) {
    let mut scene = Scene::new().await;
    let fresh = |agency| Known { agency, role: 1, grants: [0; 2] };
    let mut model: HashMap<usize, Known> = HashMap::from([(0, fresh(0)), (1, fresh(1)), (2, fresh(0))]);
    for step in steps {
        match step {
            Step::Grant(who, roles) => {
                let Some(known) = model.get_mut(who) else { continue };
                known.grants = *roles;
                let own = [0, 1].map(|at| (2 * known.agency + at, roles[at]));
                let granted = own.into_iter().filter(|(_, role)| *role > 0);
                let grants = granted.map(|(tenant, role)| {
                    grant(&scene.tenants[tenant].name, TenantRole::try_from(role).unwrap())
                });
                let grants = grants.collect();
                scene.update(*who, "grants", 0, grants).await;
            }
            Step::Appoint(who, role) => {
                let Some(known) = model.get_mut(who) else { continue };
                known.role = if scene.people[*who].is_key { (*role).min(2) } else { *role };
                scene.update(*who, "role", known.role, Vec::new()).await;
            }
            Step::Remove(who) => {
                if model.remove(who).is_some() {
                    scene.remove(*who).await;
                }
            }
        }
        for who in 0..3 {
            for tenant in 0..4 {
                let known = model.get(&who);
                let expected = [(1, Code::Ok), (2, Code::InvalidArgument), (3, Code::Aborted)]
                    .map(|(least, done)| Known::expected(known, tenant, least, done));
                let found = scene.probe(who, tenant).await;
                assert_eq!(found, expected, "after {step:?}: {who} in tenant {tenant}, {known:?}");
            }
        }
    }
}

#[test]
fn random_grants_and_revocations_agree_with_a_model() {
    let runtime = Runtime::new().unwrap();
    let config = Config { cases: CASES, failure_persistence: None, ..Config::default() };
    let played = TestRunner::new(config).run(&vec(step(), 4..12), |steps| {
        runtime.block_on(play(&steps));
        Ok(())
    });
    played.unwrap();
}
