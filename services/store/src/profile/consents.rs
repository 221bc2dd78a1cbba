//! What people said last of what they agree to, for who is about to send something of theirs.

use std::collections::{HashMap, HashSet};

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect};
use tributary_domain::{id::ProfileId, identity::Traits};

use crate::{
    StoreError, TenantScope,
    column::{id, json, optional_id},
    entity::profile,
};

impl TenantScope<'_> {
    /// What is known of these people, and of whom they were merged into; those that are not there any more are left out.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn traits_of(
        &self,
        people: &HashSet<ProfileId>,
    ) -> Result<HashMap<ProfileId, Traits>, StoreError> {
        let (mut known, mut winners) = (HashMap::new(), HashMap::new());
        for (person, merged_into, traits) in self.traits_rows(people).await? {
            if let Some(winner) = merged_into {
                winners.insert(person, winner);
            } else {
                known.insert(person, traits);
            }
        }
        // Aliases are one step deep.
        let missing: HashSet<ProfileId> =
            winners.values().filter(|winner| !known.contains_key(winner)).copied().collect();
        for (person, _, traits) in self.traits_rows(&missing).await? {
            known.insert(person, traits);
        }
        for (person, winner) in winners {
            if let Some(traits) = known.get(&winner).cloned() {
                known.insert(person, traits);
            }
        }
        Ok(known)
    }

    async fn traits_rows(
        &self,
        people: &HashSet<ProfileId>,
    ) -> Result<Vec<(ProfileId, Option<ProfileId>, Traits)>, StoreError> {
        if people.is_empty() {
            return Ok(Vec::new());
        }
        let rows: Vec<(String, Option<String>, String)> = profile::Entity::find()
            .select_only()
            .columns([profile::Column::Id, profile::Column::MergedInto, profile::Column::Traits])
            .filter(profile::Column::TenantId.eq(self.key()))
            .filter(profile::Column::Id.is_in(people.iter().map(ProfileId::to_string)))
            .into_tuple()
            .all(&self.reader())
            .await?;
        let read = |(person, merged_into, traits): (String, Option<String>, String)| {
            Ok((
                id(&person, "profiles.id")?,
                optional_id(merged_into.as_deref(), "profiles.merged_into")?,
                json(&traits, "profiles.traits")?,
            ))
        };
        rows.into_iter().map(read).collect()
    }
}
