//! What the API needs of Calendly; the server implements it with the outbound client.

use std::{collections::HashMap, fmt};

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};
use tributary_connectors::sources::calendly::api::{Problem, ProblemKind, Reach};
use tributary_domain::{
    error::ErrorCode,
    id::{SourceId, TenantId},
};
use tributary_store::{Secret, StoreError, audit::Author, connection::ConnectionRecord};

use crate::error::{DOMAIN, from_store};

/// How a source is to be connected.
#[derive(Debug, Clone)]
pub struct CalendlyWish {
    /// The token; none: the one that is kept.
    pub token: Option<Secret>,
    /// How far it is to reach; none: as it does, or as far as the token's owner may where it is not connected yet.
    pub reach: Option<Reach>,
    /// Whether marks of no-shows are told of; none: as they are.
    pub no_shows: Option<bool>,
    /// Whether answers of routing forms are told of; none: as they are.
    pub routing_forms: Option<bool>,
}

/// A source that is connected.
#[derive(Clone)]
pub struct Connected {
    /// The connection.
    pub connection: ConnectionRecord,
    /// The newest booking, as a webhook tells of it; none: nothing is booked, or it cannot be read.
    pub sample: Option<String>,
}

impl fmt::Debug for Connected {
    /// Without the sample, which is of a person.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connected").field("connection", &self.connection).finish_non_exhaustive()
    }
}

/// Why it could not be done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CalendlyError {
    /// Calendly, or what is asked of it, stands in the way.
    #[error(transparent)]
    Problem(#[from] Problem),
    /// The database does.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Calendly's API, as the admin API sees it.
#[async_trait::async_trait]
pub trait Calendly: fmt::Debug + Send + Sync {
    /// Connects a source, or makes what it is connected to as it is wished.
    ///
    /// # Errors
    /// What is in the way, and what to do about it. What was connected before stays.
    async fn connect(
        &self,
        tenant: TenantId,
        source: SourceId,
        wish: CalendlyWish,
        author: &Author,
    ) -> Result<Connected, CalendlyError>;

    /// Takes a connection away; says which subscriptions could not be removed at Calendly, and why.
    ///
    /// # Errors
    /// When there is none.
    async fn disconnect(
        &self,
        tenant: TenantId,
        source: SourceId,
        author: &Author,
    ) -> Result<(Vec<String>, Option<Problem>), CalendlyError>;

    /// Says that a connection is to be looked at. Does not wait.
    fn hurry(&self);
}

/// The status of what is in the way.
pub(crate) fn from_calendly(error: CalendlyError) -> Status {
    let problem = match error {
        CalendlyError::Problem(problem) => problem,
        CalendlyError::Store(error) => return from_store(error),
    };
    let code = match problem.kind {
        ProblemKind::TokenAbsent => ErrorCode::InvalidArgument,
        ProblemKind::RateLimited => ErrorCode::ResourceExhausted,
        ProblemKind::Unavailable => ErrorCode::Unavailable,
        _ => ErrorCode::FailedPrecondition,
    };
    let mut known = HashMap::new();
    if let Some(scope) = problem.scope.filter(|_| problem.kind == ProblemKind::ScopeMissing) {
        known.insert("scope".to_owned(), scope.to_owned());
    }
    let mut details = ErrorDetails::with_error_info(problem.kind.reason(), DOMAIN, known);
    details.set_retry_info(problem.retry_after);
    if problem.kind == ProblemKind::TokenAbsent {
        details.add_bad_request_violation("token", problem.advice.clone());
    }
    Status::with_error_details(Code::from(code.grpc()), problem.to_string(), details)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_status_names_the_scope_and_when_to_try_again() {
        let missing =
            Problem { scope: Some("webhooks:write"), ..Problem::new(ProblemKind::ScopeMissing, "x") };
        let status = from_calendly(missing.into());
        assert_eq!(status.code(), Code::FailedPrecondition);
        let info = status.get_details_error_info().unwrap();
        assert_eq!(
            (info.reason.as_str(), info.metadata["scope"].as_str()),
            ("CALENDLY_SCOPE_MISSING", "webhooks:write")
        );
        let wait = Some(Duration::from_secs(7));
        let limited = Problem { retry_after: wait, ..Problem::new(ProblemKind::RateLimited, "x") };
        let status = from_calendly(limited.into());
        assert_eq!(status.code(), Code::ResourceExhausted);
        assert_eq!(status.get_details_retry_info().unwrap().retry_delay, wait);
    }
}
