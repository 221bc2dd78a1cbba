//! What backtests found, as the contract has it.

use std::cmp::Reverse;

use tonic::Status;
use tributary_domain::{
    backtest::{self, Difference as Kind, Example, Report},
    error::ErrorCode,
};
use tributary_proto::admin::v1::{
    BacktestExample, BacktestReport, ListBacktestExamplesRequest, ListBacktestExamplesResponse,
    backtest_example as example,
    backtest_report::{Difference, FieldChange, IdentityChange, StatusChange},
};
use tributary_store::operation::OperationKind;

use super::find;
use crate::{
    call::Call,
    error::{from_store, status},
    name::Names,
    page,
};

/// Answers ListBacktestExamples.
pub(super) async fn examples(
    call: &Call<'_>,
    request: ListBacktestExamplesRequest,
) -> Result<ListBacktestExamplesResponse, Status> {
    let (located, record) = find(call, "parent", &request.parent).await?;
    if record.kind != OperationKind::BacktestWorkflow {
        let why = "the operation is no backtest: it has no examples";
        return Err(status(ErrorCode::FailedPrecondition, "STATE_FORBIDS", why));
    }
    let report = located.scope.backtest_report(record.id).await.map_err(from_store)?.unwrap_or_default();
    let all = report.examples.into_iter().map(|found| of_example(located.names, found)).collect();
    let list = call.list("ListBacktestExamples", &[&request.parent]);
    let (examples, next_page_token) = page::of_all(&list, all, request.page_size, &request.page_token)?;
    Ok(ListBacktestExamplesResponse { examples, next_page_token })
}

/// A report, without its examples.
pub(super) fn to_proto(report: Report) -> BacktestReport {
    let same = report.is_same();
    let statuses = report.statuses.into_iter().flat_map(|(before, after)| {
        after.into_iter().map(move |(after, number)| StatusChange {
            before: before.clone(),
            after,
            count: count(number),
        })
    });
    let mut fields: Vec<FieldChange> = report
        .fields
        .into_iter()
        .map(|(field, number)| FieldChange { field, count: count(number) })
        .collect();
    fields.sort_by_key(|change| Reverse(change.count));
    let identity = report.identity;
    BacktestReport {
        message_count: count(report.messages),
        same_message_count: count(report.same),
        body_removed_count: count(report.without_body),
        held_count: count(report.waiting),
        same,
        statuses: statuses.collect(),
        events: Some(difference(&report.events)),
        fields,
        deliveries: Some(difference(&report.deliveries)),
        identity: Some(IdentityChange {
            same_count: count(identity.same),
            other_count: count(identity.other),
            new_count: count(identity.new),
            known_count: count(identity.known),
            nobody_count: count(identity.nobody),
            merge_count: count(identity.merges),
            conflict_count: count(identity.conflicts),
            followed_count: report.followed.map(count),
        }),
        example_count: i32::try_from(report.examples.len()).unwrap_or(i32::MAX),
    }
}

fn count(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn difference(tally: &backtest::Tally) -> Difference {
    Difference {
        same_count: count(tally.same),
        added_count: count(tally.added),
        lost_count: count(tally.lost),
        changed_count: count(tally.changed),
    }
}

fn of_example(names: Names, found: Example) -> BacktestExample {
    let kind = match found.difference {
        Kind::Status => example::Kind::Status,
        Kind::EventAdded => example::Kind::EventAdded,
        Kind::EventLost => example::Kind::EventLost,
        Kind::EventChanged => example::Kind::EventChanged,
        Kind::DeliveryAdded => example::Kind::DeliveryAdded,
        Kind::DeliveryLost => example::Kind::DeliveryLost,
        Kind::OtherProfile => example::Kind::OtherProfile,
        Kind::NewProfile => example::Kind::NewProfile,
        Kind::Merge => example::Kind::Merge,
        Kind::Conflict => example::Kind::Conflict,
    };
    BacktestExample {
        kind: kind.into(),
        message: names.message(found.message),
        event: found.event.map(|event| names.event(event)).unwrap_or_default(),
        text: found.text,
    }
}
