//! Which destinations a list has.

use tonic::Status;
use tributary_domain::time::Timestamp;
use tributary_store::destination::{CredentialState, DestinationFilter, DestinationState, OfCredential};

use crate::filter::{
    Field, Filter,
    Operator::{Is, IsNot},
};

/// How the credential stands.
const CREDENTIAL_STATE: Field = Field { name: "credential_state", operators: &[Is, IsNot] };
/// Whether events are sent.
const STATE: Field = Field { name: "state", operators: &[Is] };
/// What it is for.
const PLATFORM: Field = Field { name: "platform", operators: &[Is] };

/// What `text` asks for, of credentials as they stand at `now`.
///
/// # Errors
/// INVALID_ARGUMENT for what is not understood.
pub(super) fn wanted(text: &str, now: Timestamp) -> Result<DestinationFilter, Status> {
    let filter = Filter::parse(text, &[CREDENTIAL_STATE, STATE, PLATFORM])?;
    let mut credential = Vec::new();
    for (operator, is_not) in [(Is, false), (IsNot, true)] {
        let states = "UNKNOWN, VALID, EXPIRING, EXPIRED, REVOKED or SCOPE_MISSING";
        let state = filter.read(CREDENTIAL_STATE.name, operator, states, CredentialState::from_code)?;
        credential.extend(state.map(|state| OfCredential { state, is_not, now }));
    }
    let state = filter.read(STATE.name, Is, "ENABLED, PAUSED or DISABLED", DestinationState::from_code)?;
    let platform = filter.find(PLATFORM.name, Is).map(|clause| clause.value().to_owned());
    Ok(DestinationFilter { state, platform, credential })
}
