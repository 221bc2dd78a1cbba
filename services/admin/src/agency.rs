//! Agencies.

use tonic::{Request, Response, Status};
use tributary_domain::id::AgencyId;
use tributary_proto::admin::v1::{
    Agency, CreateAgencyRequest, GetAgencyRequest, ListAgenciesRequest, ListAgenciesResponse,
    agency_service_server::AgencyService,
};
use tributary_store::agency::{AgencyRecord, NewAgency};

use crate::{
    AdminContext, check::required, convert::value::to_time, error::from_store, name, once,
    violations::Violations,
};

/// Answers calls about agencies.
#[derive(Debug)]
pub(crate) struct Agencies(pub(crate) AdminContext);

#[tonic::async_trait]
impl AgencyService for Agencies {
    async fn get_agency(&self, request: Request<GetAgencyRequest>) -> Result<Response<Agency>, Status> {
        let call = self.0.call(&request).await?;
        let id = name::agency_id("name", &request.get_ref().name)?;
        call.check_agency(id)?;
        let agency = self.0.store.agencies().get(id).await.map_err(from_store)?;
        Ok(Response::new(to_proto(agency)))
    }

    async fn list_agencies(
        &self,
        request: Request<ListAgenciesRequest>,
    ) -> Result<Response<ListAgenciesResponse>, Status> {
        let call = self.0.call(&request).await?;
        let request = request.into_inner();
        let list = self.0.list("ListAgencies", &[]);
        let page = list.page(request.page_size, &request.page_token)?;
        if let Some(standing) = call.standing() {
            let own = self.0.store.agencies().get(standing.agency).await.map_err(from_store)?;
            return Ok(Response::new(ListAgenciesResponse {
                agencies: vec![to_proto(own)],
                next_page_token: String::new(),
            }));
        }
        let found = self.0.store.agencies().list(page).await.map_err(from_store)?;
        Ok(Response::new(ListAgenciesResponse {
            agencies: found.items.into_iter().map(to_proto).collect(),
            next_page_token: list.next(found.next),
        }))
    }

    async fn create_agency(&self, request: Request<CreateAgencyRequest>) -> Result<Response<Agency>, Status> {
        let mut call = self.0.call(&request).await?;
        let request = request.into_inner();
        call.author = self.0.once(call.author.clone(), "CreateAgency", &request.request_id, &request)?;
        let agency = required("agency", request.agency)?;
        let mut violations = Violations::default();
        violations.key("agency.key", &agency.key);
        violations.display_name("agency.display_name", &agency.display_name);
        violations.check()?;
        let (millis, random) = self.0.id_parts(&call.author);
        let new = NewAgency {
            id: AgencyId::new(millis, random),
            key: agency.key,
            display_name: agency.display_name,
        };
        let made = match once::made(self.0.store.agencies().create(&new, &call.author).await)? {
            Ok(made) => made,
            Err(before) => {
                let made = self.0.store.agencies().get(name::id("request_id", &before.resource)?).await;
                made.map_err(from_store)?
            }
        };
        Ok(Response::new(to_proto(made)))
    }
}

fn to_proto(agency: AgencyRecord) -> Agency {
    Agency {
        name: name::agency(agency.id),
        key: agency.key,
        display_name: agency.display_name,
        create_time: Some(to_time(agency.created_at)),
        update_time: Some(to_time(agency.updated_at)),
    }
}
