//! Who calls: what the layer puts into a request's extensions, for the handlers and the audit log.

use tributary_domain::{
    access::{PrincipalId, Standing},
    id::SessionId,
};

/// Who calls, and what they may do as of this call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Caller {
    /// Whoever runs the installation: the holder of the admin token.
    Operator,
    /// A member or an API key.
    Principal {
        /// Which.
        principal: PrincipalId,
        /// The member's session, where there is one.
        session: Option<SessionId>,
        /// What they may do.
        standing: Standing,
    },
}

impl Caller {
    /// The name that the audit log has for the caller.
    pub fn actor(&self) -> String {
        match self {
            Self::Operator => "admin_token".to_owned(),
            Self::Principal { principal, .. } => principal.to_string(),
        }
    }
}
