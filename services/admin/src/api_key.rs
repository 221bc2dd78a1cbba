//! API keys.

use tonic::{Request, Response, Status};
use tributary_auth::{SecretKind, shown};
use tributary_domain::{
    access::{AgencyRole, PrincipalId},
    id::ApiKeyId,
    time::Timestamp,
};
use tributary_proto::admin::v1::{
    ApiKey, CreateApiKeyRequest, CreateApiKeyResponse, DeleteApiKeyRequest, GetApiKeyRequest,
    ListApiKeysRequest, ListApiKeysResponse, UpdateApiKeyRequest, api_key_service_server::ApiKeyService,
};
use tributary_store::access::{AgencyScope, ApiKeyChange, ApiKeyRecord, NewApiKey, TokenHash};

use crate::{
    AdminContext,
    call::Call,
    check::{self, required},
    convert::{
        enums::Twin,
        grant,
        value::{from_time, to_time},
    },
    error::from_store,
    name, once,
    violations::Violations,
};

/// Answers calls about API keys.
#[derive(Debug)]
pub(crate) struct ApiKeys(pub(crate) AdminContext);

#[tonic::async_trait]
impl ApiKeyService for ApiKeys {
    async fn get_api_key(&self, request: Request<GetApiKeyRequest>) -> Result<Response<ApiKey>, Status> {
        let call = self.0.call(&request).await?;
        let (scope, key) = self.find(&call, "name", &request.get_ref().name)?;
        Ok(Response::new(to_proto(scope.api_key(key).await.map_err(from_store)?)))
    }

    async fn list_api_keys(
        &self,
        request: Request<ListApiKeysRequest>,
    ) -> Result<Response<ListApiKeysResponse>, Status> {
        let call = self.0.call(&request).await?;
        let request = request.into_inner();
        let agency = name::agency_id("parent", &request.parent)?;
        call.check_agency(agency)?;
        let list = self.0.list("ListApiKeys", &[&request.parent]);
        let page = list.page(request.page_size, &request.page_token)?;
        let found = self.0.store.agency(agency).api_keys(page).await.map_err(from_store)?;
        Ok(Response::new(ListApiKeysResponse {
            api_keys: found.items.into_iter().map(to_proto).collect(),
            next_page_token: list.next(found.next),
        }))
    }

    async fn create_api_key(
        &self,
        request: Request<CreateApiKeyRequest>,
    ) -> Result<Response<CreateApiKeyResponse>, Status> {
        let mut call = self.0.call(&request).await?;
        let request = request.into_inner();
        call.author = self.0.once(call.author.clone(), "CreateApiKey", &request.request_id, &request)?;
        let agency = name::agency_id("parent", &request.parent)?;
        call.check_agency(agency)?;
        let given = required("api_key", request.api_key)?;
        let mut violations = Violations::default();
        violations.display_name("api_key.display_name", &given.display_name);
        let role = role(given.role, &mut violations);
        let grants = grant::grants(&given.grants, agency, "api_key.grants", &mut violations);
        let expires_at = expiry(given.expire_time, call.author.at, &mut violations);
        violations.check()?;
        let secret = SecretKind::ApiKey.generate(|| (self.0.random)());
        call.author = call.author.answering(&secret);
        let (millis, random) = self.0.id_parts(&call.author);
        let new = NewApiKey {
            id: ApiKeyId::new(millis, random),
            display_name: given.display_name,
            role,
            grants,
            hash: TokenHash::of(&secret),
            prefix: shown(&secret),
            expires_at,
        };
        let scope = self.0.store.agency(agency);
        let (made, secret) =
            match once::made(scope.create_api_key(&new, call.appointer(), &call.author).await)? {
                Ok(made) => (made, secret),
                Err(before) => {
                    let made = scope.api_key(name::id("request_id", &before.resource)?).await;
                    let request = required("request_id", call.author.once.as_ref())?;
                    let secret = scope.repeated_answer(request, &before).map_err(from_store)?;
                    (made.map_err(from_store)?, secret)
                }
            };
        Ok(Response::new(CreateApiKeyResponse { api_key: Some(to_proto(made)), secret }))
    }

    async fn update_api_key(
        &self,
        request: Request<UpdateApiKeyRequest>,
    ) -> Result<Response<ApiKey>, Status> {
        let call = self.0.call(&request).await?;
        let request = request.into_inner();
        let given = required("api_key", request.api_key)?;
        let mask = check::mask(request.update_mask, &["display_name", "role", "grants"])?;
        let revision = check::revision("api_key.etag", &given.etag)?;
        let (scope, key) = self.find(&call, "api_key.name", &given.name)?;
        let mut violations = Violations::default();
        let mut change = ApiKeyChange::default();
        for path in &mask {
            match path.as_str() {
                "display_name" => {
                    violations.display_name("api_key.display_name", &given.display_name);
                    change.display_name = Some(given.display_name.clone());
                }
                "role" => change.role = Some(role(given.role, &mut violations)),
                _ => {
                    let grants = grant::grants(&given.grants, scope.id(), "api_key.grants", &mut violations);
                    change.grants = Some(grants);
                }
            }
        }
        violations.check()?;
        let changed = scope.update_api_key(key, revision, &change, call.appointer(), &call.author).await;
        Ok(Response::new(to_proto(changed.map_err(from_store)?)))
    }

    async fn delete_api_key(&self, request: Request<DeleteApiKeyRequest>) -> Result<Response<()>, Status> {
        let call = self.0.call(&request).await?;
        let DeleteApiKeyRequest { name, etag } = request.into_inner();
        let (scope, key) = self.find(&call, "name", &name)?;
        let now = scope.api_key(key).await.map_err(from_store)?;
        let revision = check::revision_or(&etag, now.revision)?;
        let deleted = scope.delete_api_key(key, revision, call.appointer(), &call.author).await;
        deleted.map(Response::new).map_err(from_store)
    }
}

impl ApiKeys {
    fn find(&self, call: &Call<'_>, field: &str, name: &str) -> Result<(AgencyScope<'_>, ApiKeyId), Status> {
        let (agency, key) = name::agency_child(field, name, "apiKeys")?;
        call.check_agency(agency)?;
        Ok((self.0.store.agency(agency), key))
    }
}

/// The role of a key: owners are people.
fn role(number: i32, violations: &mut Violations) -> AgencyRole {
    let role = grant::agency_role(number, "api_key.role", violations);
    if role == AgencyRole::Owner {
        violations.add("api_key.role", "has to be MEMBER or ADMIN: owners are people");
    }
    role
}

fn expiry(
    given: Option<prost_types::Timestamp>,
    now: Timestamp,
    violations: &mut Violations,
) -> Option<Timestamp> {
    let expires = violations.take("api_key.expire_time", given.map(from_time).transpose())??;
    if expires <= now {
        violations.add("api_key.expire_time", "has to be in the future");
    }
    Some(expires)
}

fn to_proto(record: ApiKeyRecord) -> ApiKey {
    ApiKey {
        name: name::principal(record.agency, PrincipalId::ApiKey(record.id)),
        display_name: record.display_name,
        role: record.role.number(),
        grants: grant::to_proto(record.agency, &record.grants),
        prefix: record.prefix,
        expire_time: record.expires_at.map(to_time),
        etag: check::etag(record.revision),
        create_time: Some(to_time(record.created_at)),
        update_time: Some(to_time(record.updated_at)),
    }
}
