//! One at a time, for each source.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::OwnedMutexGuard;
use tributary_domain::id::SourceId;

/// Who changes the subscriptions of which source.
#[derive(Debug, Default)]
pub(in crate::run) struct Turns(Mutex<HashMap<SourceId, Arc<tokio::sync::Mutex<()>>>>);

impl Turns {
    /// Waits for one's turn with a source, which lasts until what is returned is dropped. Others do not wait for it.
    pub(super) async fn take(&self, source: SourceId) -> OwnedMutexGuard<()> {
        let turn = {
            let mut turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            // Whoever has a turn, or waits for one, holds it too.
            turns.retain(|_, turn| Arc::strong_count(turn) > 1);
            Arc::clone(turns.entry(source).or_default())
        };
        turn.lock_owned().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_source_waits_and_another_does_not() {
        let turns = Turns::default();
        let (one, other) = (SourceId::new(1, 1), SourceId::new(1, 2));
        let held = turns.take(one).await;
        let mut waiting = Box::pin(turns.take(one));
        assert!(futures::poll!(&mut waiting).is_pending());
        drop(turns.take(other).await);
        assert!(futures::poll!(&mut waiting).is_pending());
        drop(held);
        drop(waiting.await);
        drop(turns.take(other).await);
        assert_eq!(turns.0.lock().unwrap().len(), 1, "what nobody waits for is forgotten");
    }
}
