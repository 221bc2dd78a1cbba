//! Sources that are connected to Calendly.

use std::time::Duration;

use tonic::Status;
use tributary_connectors::sources::calendly::api::{Reach, unseen};
use tributary_domain::error::ErrorCode;
use tributary_proto::admin::v1::{
    CalendlyReach, ConnectCalendlyRequest, ConnectCalendlyResponse, Connection, DisconnectCalendlyRequest,
    DisconnectCalendlyResponse, Message, ReconcileCalendlyRequest, connection::State,
};
use tributary_store::{Secret, connection::ConnectionRecord, source::SourceRecord};

use super::Sources;
use crate::{
    calendly::{CalendlyWish, from_calendly},
    call::{Call, Located},
    check::required,
    convert::value::{from_time, to_time},
    error::{from_store, status},
    sample,
    violations::Violations,
};

/// The longest token, in characters: today's have some hundred.
const MAX_TOKEN: usize = 4_096;
/// How far back it is looked for what is missing: for so long duplicates are known, unless the tenant says otherwise.
const LONGEST_GAP: Duration = Duration::from_secs(30 * 24 * 60 * 60);
const PROVIDER: &str = "calendly";

impl Sources {
    pub(super) async fn connect(
        &self,
        call: Call<'_>,
        request: ConnectCalendlyRequest,
    ) -> Result<ConnectCalendlyResponse, Status> {
        let (located, source) = self.find_calendly(&call, &request.name).await?;
        let mut violations = Violations::default();
        violations.text("token", &request.token, MAX_TOKEN);
        let reach = violations.take("reach", reach(request.reach)).flatten();
        violations.check()?;
        let token = request.token.trim();
        let wish = CalendlyWish {
            token: (!token.is_empty()).then(|| Secret::new(token)),
            reach,
            no_shows: request.no_shows,
            routing_forms: request.routing_forms,
        };
        let connected = self.0.calendly.connect(located.record.id, source.id, wish, &call.author).await;
        let connected = connected.map_err(from_calendly)?;
        let of_booking =
            |body| sample::of(Message { source: request.name.clone(), body, ..Message::default() });
        Ok(ConnectCalendlyResponse {
            connection: Some(to_proto(connected.connection)),
            sample: connected.sample.map(of_booking),
        })
    }

    pub(super) async fn disconnect(
        &self,
        call: Call<'_>,
        request: DisconnectCalendlyRequest,
    ) -> Result<DisconnectCalendlyResponse, Status> {
        let (located, source) = self.find_calendly(&call, &request.name).await?;
        let done = self.0.calendly.disconnect(located.record.id, source.id, &call.author).await;
        let (remaining_subscriptions, problem) = done.map_err(from_calendly)?;
        let advice = problem.map(|problem| problem.to_string()).unwrap_or_default();
        Ok(DisconnectCalendlyResponse { remaining_subscriptions, advice })
    }

    pub(super) async fn reconcile(
        &self,
        call: Call<'_>,
        request: ReconcileCalendlyRequest,
    ) -> Result<Connection, Status> {
        let (located, source) = self.find_calendly(&call, &request.name).await?;
        let start = required("start_time", request.start_time)?;
        let mut violations = Violations::default();
        let start = violations.take("start_time", from_time(start)).unwrap_or_default();
        if start < call.author.at.minus(LONGEST_GAP) || start > call.author.at {
            violations.add("start_time", "at most 30 days ago, and not to come");
        }
        violations.check()?;
        let hurried = located.scope.hurry_connection(source.id, Some(start), &call.author).await;
        self.0.calendly.hurry();
        hurried.map(to_proto).map_err(from_store)
    }

    async fn find_calendly<'a>(
        &self,
        call: &Call<'a>,
        name: &str,
    ) -> Result<(Located<'a>, SourceRecord), Status> {
        let (located, source) = self.find(call, "name", name).await?;
        if source.provider != PROVIDER {
            let message = "the source is not of Calendly: make one with the provider `calendly`";
            return Err(status(ErrorCode::FailedPrecondition, "SOURCE_NOT_CALENDLY", message));
        }
        Ok((located, source))
    }
}

fn reach(number: i32) -> Result<Option<Reach>, &'static str> {
    match CalendlyReach::try_from(number) {
        Ok(CalendlyReach::Unspecified) => Ok(None),
        Ok(CalendlyReach::Organization) => Ok(Some(Reach::Organization)),
        Ok(CalendlyReach::User) => Ok(Some(Reach::User)),
        Err(_) => Err("is not a value of this enumeration"),
    }
}

/// A connection as the contract has it.
pub(super) fn to_proto(record: ConnectionRecord) -> Connection {
    let state = match (&record.problem, record.missing_since) {
        (Some(_), _) => State::Attention,
        (None, Some(_)) => State::Reconciling,
        (None, None) => State::Connected,
    };
    let reach = match Reach::from_name(&record.reach) {
        Some(Reach::Organization) => CalendlyReach::Organization,
        Some(Reach::User) => CalendlyReach::User,
        None => CalendlyReach::Unspecified,
    };
    let problem_time = record.problem.as_ref().map(|problem| to_time(problem.since));
    let (reason, advice) = record.problem.map(|problem| (problem.reason, problem.advice)).unwrap_or_default();
    Connection {
        state: state.into(),
        reason,
        advice,
        problem_time,
        organization: record.organization,
        user: record.account,
        reach: reach.into(),
        unrecoverable: unseen(&record.kinds),
        events: record.kinds,
        subscriptions: record.subscriptions,
        check_time: record.checked_at.map(to_time),
        missing_since_time: record.missing_since.map(to_time),
        reconcile_time: record.reconciled_at.map(to_time),
        recovered_messages: i64::try_from(record.recovered).unwrap_or(i64::MAX),
        create_time: Some(to_time(record.created_at)),
    }
}
