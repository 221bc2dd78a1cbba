//! Knows callers by their tokens.

use std::sync::Arc;

use tonic::Status;
use tributary_auth::{AdminToken, Authenticate, Caller, Identified};

use super::KeyRing;
use crate::{
    AdminContext,
    access::keys::RingError,
    error::{from_store, internal},
};

/// Who is let in: the holder of the admin token, and whoever has an access token of this installation.
#[derive(Debug)]
pub(crate) struct Gate {
    pub(crate) context: AdminContext,
    pub(crate) admin: AdminToken,
    pub(crate) keys: Arc<KeyRing>,
}

#[tonic::async_trait]
impl Authenticate for Gate {
    async fn authenticate(&self, token: &str) -> Result<Option<Caller>, Status> {
        if self.admin.matches(token) {
            return Ok(Some(Caller::Operator));
        }
        let Some(who) = self.keys.verify(token).await.map_err(from_ring)? else { return Ok(None) };
        let Identified { principal, session } = who;
        // What they may do is read for each call: a token says who calls, and nothing more.
        let now = self.context.clock.now();
        let standing = self.context.store.standing(principal, session, now).await.map_err(from_store)?;
        Ok(standing.map(|standing| Caller::Principal { principal, session, standing }))
    }
}

/// The status of an error of the keys.
pub(crate) fn from_ring(error: RingError) -> Status {
    match error {
        RingError::Store(error) => from_store(error),
        RingError::Key(error) => internal(&error),
    }
}
