//! Dedupe keys: hashes, in the order of hashes, so that the old ones lie anywhere. An index by time would cost the ledger
//! a page for each message; instead, all of them are read once a day, in the order in which they lie.
//!
//! This only makes room. Whether a key still counts is decided by the ledger, from the times of the two messages.

use std::{collections::HashMap, time::Duration};

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use tributary_domain::{
    id::{MessageId, TenantId},
    retention::days,
    time::Timestamp,
};

use super::sweep::Round;
use crate::{
    Lane, Store, StoreError,
    column::{bits, id},
    entity::{dedupe_key, held_message, message},
    key::KeyHash,
    txn::Txn,
};

/// Keys that one step reads.
const KEYS: u64 = 1_000;
/// Where the walk is is kept after so many steps.
const KEPT_EVERY: u32 = 64;
/// Under which name.
const PLACE: &str = "retention.dedupe_keys";
/// For so long the journal may hold a message back: its key may be wanted for so much longer.
pub(super) const JOURNAL: Duration = Duration::from_secs(3 * 24 * 60 * 60);

/// How far a walk over all keys is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Walk {
    /// The last key that was read.
    after: Vec<u8>,
    /// Keys are as old as they are to the messages that wait.
    as_of: Timestamp,
    steps: u32,
}

impl Store {
    /// Removes those of the next keys that are old; says how many, and how to go on.
    pub(super) async fn remove_keys(
        &self,
        round: &Round,
        walk: Option<Walk>,
        now: Timestamp,
    ) -> Result<(u64, Option<Walk>), StoreError> {
        let walk = match walk {
            Some(walk) => walk,
            None => self.begin_walk(now).await?,
        };
        let rows = dedupe_key::Entity::find()
            .filter(dedupe_key::Column::KeyHash.gt(walk.after.clone()))
            .order_by_asc(dedupe_key::Column::KeyHash)
            .limit(KEYS)
            .all(self.reader())
            .await?;
        let is_full = rows.len() as u64 == KEYS;
        let after = rows.last().map(|row| row.key_hash.clone()).unwrap_or_default();
        let removed = self.remove_old(round, walk.as_of, &rows).await?;
        let steps = walk.steps + 1;
        if !is_full || steps % KEPT_EVERY == 0 {
            // At the end it is the beginning.
            let place = if is_full { hex::encode(&after) } else { String::new() };
            self.put_meta(PLACE, &place).await?;
        }
        Ok((removed, is_full.then_some(Walk { after, as_of: walk.as_of, steps })))
    }

    /// A walk from where the last one was left. What waits to be processed can repeat what was old before it came.
    async fn begin_walk(&self, now: Timestamp) -> Result<Walk, StoreError> {
        let oldest: Option<Option<String>> = held_message::Entity::find()
            .select_only()
            .column_as(held_message::Column::MessageId.min(), "oldest")
            .into_tuple()
            .one(self.reader())
            .await?;
        let oldest: Option<MessageId> =
            oldest.flatten().map(|oldest| id(&oldest, "held_messages.message_id")).transpose()?;
        let waits = oldest.map(|oldest| Timestamp::from_millis(oldest.millis().cast_signed()));
        let as_of = waits.into_iter().chain([now.minus(JOURNAL)]).min().unwrap_or(now);
        let place = self.meta(PLACE).await?.unwrap_or_default();
        let after = hex::decode(place).map_err(|_| StoreError::corrupt("meta.value"))?;
        Ok(Walk { after, as_of, steps: 0 })
    }

    async fn remove_old(
        &self,
        round: &Round,
        as_of: Timestamp,
        rows: &[dedupe_key::Model],
    ) -> Result<u64, StoreError> {
        let first_kept = |kept: u32| MessageId::new(as_of.minus(days(kept)).millis(), 0);
        let shortest = first_kept(round.shortest(|kept| kept.dedupe_days));
        let mut candidates = Vec::new();
        for row in rows {
            let message = MessageId::from_bits(bits(&row.message_id, "dedupe_keys.message_id")?);
            if message < shortest {
                let hash = KeyHash::from_column(&row.key_hash);
                candidates.push((message, hash.ok_or_else(|| StoreError::corrupt("key_hash"))?));
            }
        }
        if candidates.is_empty() {
            return Ok(0);
        }
        // Whose a key is, only its message tells. Where that is gone, nobody keeps a key for longer than the longest time.
        let owners = self.owners_of(candidates.iter().map(|(message, _)| *message)).await?;
        let longest = first_kept(round.longest(|kept| kept.dedupe_days));
        let is_old = |message: MessageId| {
            let own = owners.get(&message);
            message < own.map_or(longest, |tenant| first_kept(round.of(*tenant, |kept| kept.dedupe_days)))
        };
        let old: Vec<KeyHash> =
            candidates.iter().filter(|(message, _)| is_old(*message)).map(|(_, hash)| *hash).collect();
        if old.is_empty() {
            return Ok(0);
        }
        let old = &old;
        // One that another message took over meanwhile is not old any more.
        let write = |txn: Txn| async move { forget_before(txn, old, shortest).await };
        self.write_txn(Lane::Other, "retention.keys", write).await
    }

    async fn owners_of(
        &self,
        messages: impl Iterator<Item = MessageId>,
    ) -> Result<HashMap<MessageId, TenantId>, StoreError> {
        let rows: Vec<(String, String)> = message::Entity::find()
            .select_only()
            .columns([message::Column::Id, message::Column::TenantId])
            .filter(message::Column::Id.is_in(messages.map(|message| message.to_string())))
            .into_tuple()
            .all(self.reader())
            .await?;
        let owner = |(message, tenant): &(String, String)| {
            Ok((id(message, "messages.id")?, id(tenant, "messages.tenant_id")?))
        };
        rows.iter().map(owner).collect()
    }
}

/// Removes these keys, where their messages are still from before `first`.
async fn forget_before(txn: Txn, hashes: &[KeyHash], first: MessageId) -> Result<u64, StoreError> {
    let delete = dedupe_key::Entity::delete_many()
        .filter(dedupe_key::Column::KeyHash.is_in(hashes.iter().map(|hash| hash.to_column())))
        .filter(dedupe_key::Column::MessageId.lt(first.bits().to_be_bytes().to_vec()));
    Ok(delete.exec(txn.as_ref()).await?.rows_affected)
}
