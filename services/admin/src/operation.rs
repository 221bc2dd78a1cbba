//! Operations: how far long work is, and how it is stopped.

mod report;

use std::{pin::Pin, time::Duration};

use futures::{Stream, stream};
use prost::Message as _;
use tokio::{sync::watch, time::sleep};
use tonic::{Request, Response, Status};
use tributary_domain::id::OperationId;
use tributary_proto::admin::v1::{
    BacktestWorkflowRequest, CancelOperationRequest, EraseProfileRequest, GetOperationRequest,
    ListBacktestExamplesRequest, ListBacktestExamplesResponse, ListOperationsRequest, ListOperationsResponse,
    Operation, ReplayDeliveriesRequest, ReplayMessagesRequest, WatchOperationRequest,
    operation::{Request as Asked, State},
    operation_service_server::OperationService,
};
use tributary_store::{
    StoreError, TenantScope,
    operation::{Choice, NewOperation, OperationFilter, OperationKind, OperationRecord, OperationState},
};

use crate::{
    AdminContext,
    call::{Call, Located},
    check,
    convert::value::to_time,
    error::from_store,
    filter::{Field, Filter, Operator::Is},
    name::{self, Names, TenantPath},
    once,
    stream::{bounded, closed},
};

/// What it does.
const KIND: Field = Field { name: "kind", operators: &[Is] };
/// How far it is.
const STATE: Field = Field { name: "state", operators: &[Is] };
/// How often a watched operation is looked at.
const LOOK: Duration = Duration::from_millis(500);

/// Answers calls about operations.
#[derive(Debug)]
pub(crate) struct Operations {
    /// What all services share.
    pub(crate) context: AdminContext,
    /// Turns true when the server closes: streams end then.
    pub(crate) closing: watch::Receiver<bool>,
}

#[tonic::async_trait]
impl OperationService for Operations {
    type WatchOperationStream = Pin<Box<dyn Stream<Item = Result<Operation, Status>> + Send>>;

    async fn get_operation(
        &self,
        request: Request<GetOperationRequest>,
    ) -> Result<Response<Operation>, Status> {
        let call = self.context.call(&request).await?;
        let (located, record) = find(&call, "name", &request.into_inner().name).await?;
        with_report(located.scope, located.names, record).await.map(Response::new)
    }

    async fn list_operations(
        &self,
        request: Request<ListOperationsRequest>,
    ) -> Result<Response<ListOperationsResponse>, Status> {
        let call = self.context.call(&request).await?;
        let request = request.into_inner();
        let path = TenantPath::parse("parent", &request.parent)?;
        let filter = Filter::parse(&request.filter, &[KIND, STATE])?;
        let kinds = "REPLAY_MESSAGES, REPLAY_DELIVERIES, BACKTEST_WORKFLOW or ERASE_PROFILE";
        let states = "RUNNING, SUCCEEDED, FAILED or CANCELLED";
        let wanted = OperationFilter {
            kind: filter.read(KIND.name, Is, kinds, OperationKind::from_code)?,
            state: filter.read(STATE.name, Is, states, OperationState::from_code)?,
        };
        let list = call.list("ListOperations", &[&request.parent, &request.filter]);
        let page = list.page(request.page_size, &request.page_token)?;
        let located = call.locate(path).await?;
        let found = located.scope.operations(wanted, page).await.map_err(from_store)?;
        let operations = found.items.into_iter().map(|record| to_proto(located.names, record));
        Ok(Response::new(ListOperationsResponse {
            operations: operations.collect::<Result<_, _>>()?,
            next_page_token: list.next(found.next),
        }))
    }

    async fn cancel_operation(
        &self,
        request: Request<CancelOperationRequest>,
    ) -> Result<Response<Operation>, Status> {
        let call = self.context.call(&request).await?;
        let request = request.into_inner();
        let (located, record) = find(&call, "name", &request.name).await?;
        check::revision_or(&request.etag, record.revision)?;
        let stopped = located.scope.cancel_operation(record.id, &call.author).await.map_err(from_store)?;
        call.house.operations_changed();
        to_proto(located.names, stopped).map(Response::new)
    }

    async fn list_backtest_examples(
        &self,
        request: Request<ListBacktestExamplesRequest>,
    ) -> Result<Response<ListBacktestExamplesResponse>, Status> {
        let call = self.context.call(&request).await?;
        report::examples(&call, request.into_inner()).await.map(Response::new)
    }

    async fn watch_operation(
        &self,
        request: Request<WatchOperationRequest>,
    ) -> Result<Response<Self::WatchOperationStream>, Status> {
        let call = self.context.call(&request).await?;
        let (located, record) = find(&call, "name", &request.into_inner().name).await?;
        let names = located.names;
        let (context, closing) = ((*call).clone(), self.closing.clone());
        let watch = Watch { context, closing, names, operation: record.id, told: None };
        let told = stream::unfold(Some(watch), |watch| async move {
            let mut watch = watch?;
            let told = watch.next().await?;
            let going_on = told.as_ref().is_ok_and(|told| told.state() == State::Running);
            Some((told, going_on.then_some(watch)))
        });
        Ok(Response::new(Box::pin(bounded(&call, names, told))))
    }
}
/// An operation as the contract has it, with what it found.
async fn with_report(
    scope: TenantScope<'_>,
    names: Names,
    record: OperationRecord,
) -> Result<Operation, Status> {
    let is_found =
        record.kind == OperationKind::BacktestWorkflow && record.state == OperationState::Succeeded;
    let report = match is_found {
        true => scope.backtest_report(record.id).await.map_err(from_store)?,
        false => None,
    };
    let operation = to_proto(names, record)?;
    Ok(Operation { backtest_report: report.map(report::to_proto), ..operation })
}

/// The operation that a name belongs to.
async fn find<'a>(
    call: &Call<'a>,
    field: &str,
    name: &str,
) -> Result<(Located<'a>, OperationRecord), Status> {
    let (path, operation) = TenantPath::child::<OperationId>(field, name, "operations")?;
    let located = call.locate(path).await?;
    let record = located.scope.operation(operation).await.map_err(from_store)?;
    Ok((located, record))
}

/// One caller's stream.
struct Watch {
    context: AdminContext,
    closing: watch::Receiver<bool>,
    names: Names,
    operation: OperationId,
    /// The revision that was told last.
    told: Option<u64>,
}

impl Watch {
    /// What is to be told next; nothing when the stream ends.
    async fn next(&mut self) -> Option<Result<Operation, Status>> {
        loop {
            let scope = self.context.store.tenant(self.names.tenant);
            match scope.operation(self.operation).await {
                Ok(record) if self.told == Some(record.revision) => {}
                Ok(record) => {
                    self.told = Some(record.revision);
                    return Some(with_report(scope, self.names, record).await);
                }
                Err(error) => return Some(Err(from_store(error))),
            }
            tokio::select! {
                biased;
                () = closed(&mut self.closing) => return None,
                () = sleep(LOOK) => {}
            }
        }
    }
}

/// Begins an operation, once for a request that may be sent again.
///
/// # Errors
/// When it may not begin.
pub(crate) async fn begin(
    call: &Call<'_>,
    located: &Located<'_>,
    request: Vec<u8>,
    choice: Choice,
) -> Result<Operation, Status> {
    let (millis, random) = call.id_parts(&call.author);
    let new = NewOperation { id: OperationId::new(millis, random), request, choice };
    let record = match once::made(located.scope.create_operation(&new, &call.author).await)? {
        Ok(made) => made,
        Err(before) => {
            let before = name::id("request_id", &before.resource)?;
            located.scope.operation(before).await.map_err(from_store)?
        }
    };
    call.house.operations_changed();
    to_proto(located.names, record)
}

/// An operation as the contract has it.
///
/// # Errors
/// When its request cannot be read.
fn to_proto(names: Names, record: OperationRecord) -> Result<Operation, Status> {
    let bytes = record.request.as_slice();
    let request = match record.kind {
        OperationKind::ReplayMessages => ReplayMessagesRequest::decode(bytes).map(Asked::ReplayMessages),
        OperationKind::ReplayDeliveries => {
            ReplayDeliveriesRequest::decode(bytes).map(Asked::ReplayDeliveries)
        }
        OperationKind::EraseProfile => EraseProfileRequest::decode(bytes).map(Asked::EraseProfile),
        OperationKind::BacktestWorkflow => {
            BacktestWorkflowRequest::decode(bytes).map(Asked::BacktestWorkflow)
        }
    };
    let request = request.map_err(|_| from_store(StoreError::Corrupt { what: "operations.request" }))?;
    let count = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    let state = match record.state {
        OperationState::Running => State::Running,
        OperationState::Succeeded => State::Succeeded,
        OperationState::Failed => State::Failed,
        OperationState::Cancelled => State::Cancelled,
    };
    Ok(Operation {
        name: names.operation(record.id),
        state: state.into(),
        request: Some(request),
        total_count: count(record.total),
        total_complete: record.place.is_none(),
        done_count: count(record.done),
        failed_count: count(record.failed),
        error: record.error.unwrap_or_default(),
        actor: record.actor,
        create_time: Some(to_time(record.created_at)),
        update_time: Some(to_time(record.updated_at)),
        complete_time: record.completed_at.map(to_time),
        etag: check::etag(record.revision),
        preview: None,
        backtest_report: None,
    })
}
