//! Stats: what happened over time.

mod convert;
mod period;
mod quality;

use tonic::{Request, Response, Status};
use tributary_domain::id::SourceId;
use tributary_proto::admin::v1::{
    QueryAgencyStatsRequest, QueryAgencyStatsResponse, QueryMatchQualityRequest, QueryMatchQualityResponse,
    QueryStatsRequest, QueryStatsResponse, stats_service_server::StatsService,
};

use crate::{
    AdminContext,
    error::from_store,
    name::{self, TenantPath},
};

/// Answers calls about stats.
#[derive(Debug)]
pub(crate) struct StatsOf(pub(crate) AdminContext);

#[tonic::async_trait]
impl StatsService for StatsOf {
    async fn query_stats(
        &self,
        request: Request<QueryStatsRequest>,
    ) -> Result<Response<QueryStatsResponse>, Status> {
        let call = self.0.call(&request).await?;
        let request = request.into_inner();
        let (path, source) = match TenantPath::parse("parent", &request.parent) {
            Ok(path) => (path, None),
            Err(_) => {
                let (path, source) = TenantPath::child::<SourceId>("parent", &request.parent, "sources")?;
                (path, Some(source))
            }
        };
        let asked = period::Asked::of(request.interval, request.start_time, request.end_time)?;
        let located = call.locate(path).await?;
        let time_zone = located.record.settings.time_zone.clone();
        let range = asked.range(self.0.clock.now(), &time_zone)?;
        let series = located.scope.stats(source, range, &time_zone).await.map_err(from_store)?;
        let (stats, total) = convert::series(&series, range, &time_zone);
        Ok(Response::new(QueryStatsResponse { stats, total: Some(total), time_zone }))
    }

    async fn query_match_quality(
        &self,
        request: Request<QueryMatchQualityRequest>,
    ) -> Result<Response<QueryMatchQualityResponse>, Status> {
        let call = self.0.call(&request).await?;
        quality::query(&call, request.into_inner()).await.map(Response::new)
    }

    async fn query_agency_stats(
        &self,
        request: Request<QueryAgencyStatsRequest>,
    ) -> Result<Response<QueryAgencyStatsResponse>, Status> {
        let call = self.0.call(&request).await?;
        let request = request.into_inner();
        let agency = name::agency_id("parent", &request.parent)?;
        let asked = period::Asked::of(request.interval, request.start_time, request.end_time)?;
        call.check_agency(agency)?;
        self.0.store.agencies().get(agency).await.map_err(from_store)?;
        let range = asked.range(self.0.clock.now(), period::UTC)?;
        let series = self.0.store.agency(agency).stats(range).await.map_err(from_store)?;
        let (stats, total) = convert::series(&series, range, period::UTC);
        Ok(Response::new(QueryAgencyStatsResponse { stats, total: Some(total) }))
    }
}
