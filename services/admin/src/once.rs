//! Requests that may be sent again, by the `request_id` that their sender gives them.

use hmac::{Hmac, KeyInit, Mac};
use prost::Message;
use sha2::Sha256;
use tonic::Status;
use tributary_store::{
    StoreError,
    audit::Author,
    once::{Once, Repeated},
};

use crate::{AdminContext, error::from_store, violations::invalid};

/// The longest id of a request.
const MAX_ID: usize = 64;

impl AdminContext {
    /// The change that `author` makes by `request`, a call of `method`; once only, where its sender gave it an id.
    ///
    /// # Errors
    /// INVALID_ARGUMENT for an id that is none.
    pub(crate) fn once(
        &self,
        author: Author,
        method: &'static str,
        request_id: &str,
        request: &impl Message,
    ) -> Result<Author, Status> {
        if request_id.is_empty() {
            return Ok(author);
        }
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        if request_id.len() > MAX_ID || !request_id.bytes().all(allowed) {
            return Err(invalid("request_id", "1 to 64 of a-z, A-Z, 0-9, - and _, such as a UUID"));
        }
        let once = Once {
            caller: author.actor.clone(),
            method,
            request_id: request_id.to_owned(),
            body_hash: self.hash(method, request),
            answer: None,
        };
        Ok(author.once(once))
    }

    /// Keyed, because a request can hold secrets that are short enough to be guessed. The fields of a message, and the
    /// keys of its maps, are always written in the same order.
    fn hash(&self, method: &str, request: &impl Message) -> [u8; 32] {
        let key = self.store.key("request ids");
        // A key of this length is never refused.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&key) else { return [0; 32] };
        mac.update(method.as_bytes());
        mac.update(&[0]);
        mac.update(&request.encode_to_vec());
        mac.finalize().into_bytes().into()
    }
}

/// What came of a change: what it made, or what the same request made before.
///
/// # Errors
/// Every other error of the store.
pub(crate) fn made<T>(outcome: Result<T, StoreError>) -> Result<Result<T, Repeated>, Status> {
    match outcome {
        Ok(made) => Ok(Ok(made)),
        Err(StoreError::Repeated(before)) => Ok(Err(before)),
        Err(error) => Err(from_store(error)),
    }
}
