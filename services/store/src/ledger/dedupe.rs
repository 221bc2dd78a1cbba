//! Dedupe keys: two messages of one source with the same key are the same message.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};
use tributary_domain::id::{SourceId, TenantId};

use super::plan::MessagePlan;
use crate::entity::dedupe_key;

/// What is stored of a key: 128 bits of SHA-256 over tenant, source and key, because keys are long and every
/// message pays for their index.
pub(super) fn hash(tenant: TenantId, source: SourceId, key: &str) -> String {
    let mut hasher = Sha256::new();
    hasher.update(tenant.bits().to_be_bytes());
    hasher.update(source.bits().to_be_bytes());
    hasher.update(key.as_bytes());
    URL_SAFE_NO_PAD.encode(&hasher.finalize()[..16])
}

/// The row that says that this message was the first.
pub(super) fn row(key_hash: String, plan: &MessagePlan) -> dedupe_key::Model {
    dedupe_key::Model {
        key_hash,
        tenant_id: plan.tenant.to_string(),
        message_id: plan.message.to_string(),
        accepted_at: plan.received.micros(),
    }
}
