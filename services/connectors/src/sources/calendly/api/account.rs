//! Whose token it is.

use serde_json::Value;

use super::{Problem, Reach};

/// Whose token it is, as `GET /users/me` says: URIs, as all of the API names things.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// The person.
    pub user: String,
    /// The organization that they belong to.
    pub organization: String,
}

/// Whose subscriptions and bookings are meant.
#[derive(Debug, Clone, Copy)]
pub struct Owned<'a> {
    /// Whose token it is.
    pub account: &'a Account,
    /// All of the organization's, or only those of the person.
    pub reach: Reach,
}

impl Account {
    /// Reads the answer.
    ///
    /// # Errors
    /// When it names no person or no organization.
    pub fn read(answer: &Value) -> Result<Self, Problem> {
        let uri = |name: &str| {
            let uri = answer["resource"][name].as_str().filter(|uri| !uri.is_empty());
            uri.map(str::to_owned).ok_or_else(|| Problem::unexpected(&format!("`{name}` of the user")))
        };
        Ok(Self { user: uri("uri")?, organization: uri("current_organization")? })
    }

    /// What is owned as far as `reach` says.
    pub fn owned(&self, reach: Reach) -> Owned<'_> {
        Owned { account: self, reach }
    }
}
