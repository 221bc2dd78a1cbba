//! The one mapping from the house's errors to gRPC statuses. Each carries a stable reason in its `ErrorInfo`.

use std::{collections::HashMap, time::Duration};

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};
use tributary_domain::error::ErrorCode;
use tributary_proto::admin::v1::LeastRole;
use tributary_store::{Conflict, StoreError};

use crate::house::CommandError;

/// The domain of every `ErrorInfo`.
pub(crate) const DOMAIN: &str = "tributary";
/// After what time a call that met a busy or missing part is worth repeating.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// After what time another operation may have ended.
const OPERATION: Duration = Duration::from_secs(10);

/// A status of this code with a reason, which is stable, and a message for developers.
pub(crate) fn status(code: ErrorCode, reason: &str, message: impl Into<String>) -> Status {
    let mut details = ErrorDetails::with_error_info(reason, DOMAIN, HashMap::new());
    if code == ErrorCode::Unavailable {
        details.set_retry_info(Some(RETRY_AFTER));
    }
    Status::with_error_details(Code::from(code.grpc()), message, details)
}

/// A status of this code with a reason and what stands in the way: for each thing, what it is and why it does.
pub(crate) fn refused<'a>(
    code: ErrorCode,
    reason: &str,
    message: impl Into<String>,
    violations: impl Iterator<Item = (&'a str, String)>,
) -> Status {
    let mut details = ErrorDetails::with_error_info(reason, DOMAIN, HashMap::new());
    for (subject, description) in violations {
        details.add_precondition_failure_violation(reason, subject, description);
    }
    Status::with_error_details(Code::from(code.grpc()), message, details)
}

/// NOT_FOUND for what is not there, or not of the tenant that was named.
pub(crate) fn not_found(what: &str) -> Status {
    let reason = format!("{}_NOT_FOUND", what.to_ascii_uppercase().replace([' ', '-'], "_"));
    status(ErrorCode::NotFound, &reason, format!("{what} not found"))
}

/// RESOURCE_EXHAUSTED for what may be tried again after `span`.
pub(crate) fn wait(reason: &str, message: impl Into<String>, span: Duration) -> Status {
    let mut details = ErrorDetails::with_error_info(reason, DOMAIN, HashMap::new());
    details.set_retry_info(Some(span));
    Status::with_error_details(Code::ResourceExhausted, message, details)
}

/// UNAUTHENTICATED for a token that was valid when a stream began, and is not any more.
pub(crate) fn token_invalid() -> Status {
    status(ErrorCode::Unauthenticated, "TOKEN_INVALID", "the token is not valid any more: get another one")
}

/// PERMISSION_DENIED for a call that takes a higher role than the caller has.
pub(crate) fn role_forbids(least: LeastRole) -> Status {
    let role = least.as_str_name().trim_start_matches("LEAST_ROLE_");
    let message = format!("this call takes the role {role}: ask an admin of the agency for it");
    let metadata = HashMap::from([("least_role".to_owned(), role.to_owned())]);
    let details = ErrorDetails::with_error_info("ROLE_FORBIDS", DOMAIN, metadata);
    Status::with_error_details(Code::PermissionDenied, message, details)
}

/// What was looked up, where it is still there.
pub(crate) fn optional<T>(found: Result<T, StoreError>) -> Result<Option<T>, Status> {
    match found {
        Ok(found) => Ok(Some(found)),
        Err(StoreError::NotFound { .. }) => Ok(None),
        Err(error) => Err(from_store(error)),
    }
}

/// ABORTED for an etag that is not that of the resource now.
pub(crate) fn etag_mismatch() -> Status {
    status(
        ErrorCode::Aborted,
        "ETAG_MISMATCH",
        "somebody else changed it meanwhile: read it again and send its etag",
    )
}

/// The status of an error of the store. What the database says itself goes to the log, not to the caller.
pub(crate) fn from_store(error: StoreError) -> Status {
    let code = error.code();
    match error {
        StoreError::NotFound { what } => not_found(what),
        StoreError::Erased => {
            status(code, "PROFILE_ERASED", "the person was erased: nothing is known of them any more")
        }
        StoreError::Conflict { conflict: Conflict::Exists, what } => {
            status(code, "KEY_EXISTS", format!("{what}: it exists already: choose another key"))
        }
        StoreError::KeyTaken { what, key } => {
            let message = format!("{what}: another one has the key `{key}` by now: give it up there first");
            status(code, "KEY_EXISTS", message)
        }
        StoreError::Conflict { conflict: Conflict::Revision, .. } => etag_mismatch(),
        StoreError::Conflict { conflict: Conflict::Live, what } => {
            status(code, "NOT_DELETED", format!("{what}: it is not deleted"))
        }
        StoreError::Conflict { conflict: Conflict::ParentDeleted, what } => {
            let message = format!("{what}: what it belongs to is deleted: undelete that first");
            status(code, "PARENT_DELETED", message)
        }
        StoreError::Conflict { conflict: Conflict::State, what } => {
            status(code, "STATE_FORBIDS", format!("{what}: its state does not allow that now"))
        }
        StoreError::Conflict { conflict: Conflict::LastOwner, .. } => status(
            code,
            "LAST_OWNER",
            "this is the last owner of the agency: make another member an owner first",
        ),
        StoreError::Conflict { conflict: Conflict::Role, .. } => {
            status(code, "OWNERS_ONLY", "somebody of that role is not yours to decide about: ask an owner")
        }
        StoreError::RequestIdReused => {
            let message = "another request had this request_id: give each its own";
            status(code, "REQUEST_ID_REUSED", message)
        }
        StoreError::QuotaExceeded { quota, limit } => {
            let message =
                format!("the tenant may have {limit}: delete what is not needed, or have `{quota}` raised");
            let known = HashMap::from([
                ("quota".to_owned(), quota.to_owned()),
                ("limit".to_owned(), limit.to_string()),
            ]);
            let details = ErrorDetails::with_error_info("QUOTA_EXCEEDED", DOMAIN, known);
            Status::with_error_details(Code::from(code.grpc()), message, details)
        }
        StoreError::OperationsRunning { limit } => {
            let message = format!("{limit} operations of the tenant are running: wait until one has ended");
            wait("OPERATIONS_RUNNING", message, OPERATION)
        }
        StoreError::Contention => {
            status(code, "DATABASE_BUSY", "the database is busy with other writers: try again")
        }
        StoreError::Timeout => {
            status(code, "DATABASE_TIMEOUT", "the database did not answer in time: try again")
        }
        StoreError::Unavailable { message } => {
            tracing::warn!(error = message, "the database cannot serve");
            status(code, "DATABASE_UNAVAILABLE", "the database cannot serve now: try again")
        }
        StoreError::UnknownCommit { message } => {
            tracing::warn!(error = message, "the outcome of a commit is not known");
            status(code, "OUTCOME_UNKNOWN", "it is not known whether the change was made: read it again")
        }
        error @ (StoreError::Corrupt { .. } | StoreError::Other { .. } | StoreError::Repeated(_)) => {
            internal(&error)
        }
    }
}

/// The status of a ledger command that could not be applied.
pub(crate) fn from_command(error: CommandError) -> Status {
    match error {
        CommandError::Refused(message) => status(ErrorCode::FailedPrecondition, "COMMAND_REFUSED", message),
        CommandError::Timeout => status(
            ErrorCode::DeadlineExceeded,
            "COMMAND_TIMEOUT",
            "the ledger did not come to it in time; it will be applied: read the state again",
        ),
    }
}

/// INTERNAL for a defect of ours: the caller learns nothing, the log has it.
pub(crate) fn internal(error: &impl std::error::Error) -> Status {
    tracing::error!(%error, "an admin call failed");
    status(ErrorCode::Internal, "INTERNAL", "something went wrong here; the server's log says what")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_has_a_reason_and_tells_nothing_of_the_database() {
        let unavailable = StoreError::Unavailable { message: "host=10.0.0.7 user=root".to_owned() };
        let status = from_store(unavailable);
        assert_eq!(status.code(), Code::Unavailable);
        assert_eq!(status.get_details_error_info().unwrap().reason, "DATABASE_UNAVAILABLE");
        assert!(status.get_details_retry_info().is_some());
        assert!(!status.message().contains("root"));
        let status = from_store(StoreError::NotFound { what: "source" });
        assert_eq!(status.code(), Code::NotFound);
        assert_eq!(status.get_details_error_info().unwrap().reason, "SOURCE_NOT_FOUND");
    }

    #[test]
    fn a_conflict_is_told_apart_by_its_kind() {
        let code = |conflict| from_store(StoreError::Conflict { what: "source", conflict }).code();
        assert_eq!(code(Conflict::Exists), Code::AlreadyExists);
        assert_eq!(code(Conflict::Revision), Code::Aborted);
        assert_eq!(code(Conflict::State), Code::FailedPrecondition);
    }
}
