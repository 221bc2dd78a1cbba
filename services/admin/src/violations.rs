//! Field violations: everything that is wrong with a request, each with the path of its field.

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

/// More are not listed: a person mends some and asks again.
const MAX_LISTED: usize = 50;

/// Collects what is wrong with a request.
#[derive(Debug, Default)]
pub(crate) struct Violations {
    list: Vec<(String, String)>,
}

impl Violations {
    /// Says what is wrong with the field at `path`.
    pub(crate) fn add(&mut self, path: impl Into<String>, description: impl Into<String>) {
        if self.list.len() < MAX_LISTED {
            self.list.push((path.into(), description.into()));
        }
    }

    /// What `result` holds; when it holds an error, that is what is wrong with the field at `path`.
    pub(crate) fn take<T>(&mut self, path: &str, result: Result<T, impl Into<String>>) -> Option<T> {
        result.map_err(|description| self.add(path, description)).ok()
    }

    /// INVALID_ARGUMENT with all that was collected.
    ///
    /// # Errors
    /// When something was.
    pub(crate) fn check(self) -> Result<(), Status> {
        let Some((path, description)) = self.list.first() else { return Ok(()) };
        let message = match self.list.len() {
            1 => format!("{path}: {description}"),
            count => format!("{path}: {description} (and {} more)", count - 1),
        };
        let mut details = ErrorDetails::new();
        details.set_error_info("INVALID_FIELD", crate::error::DOMAIN, std::collections::HashMap::new());
        for (path, description) in self.list {
            details.add_bad_request_violation(path, description);
        }
        Err(Status::with_error_details(Code::InvalidArgument, message, details))
    }
}

/// INVALID_ARGUMENT for one field.
pub(crate) fn invalid(path: impl Into<String>, description: impl Into<String>) -> Status {
    let mut violations = Violations::default();
    violations.add(path, description);
    match violations.check() {
        Err(status) => status,
        Ok(()) => Status::invalid_argument("the request is not valid"),
    }
}
