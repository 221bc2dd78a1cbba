//! Waiting for a state, never for a time.

use std::{fmt::Display, time::Duration};

use tokio::time::{Instant, sleep};

/// How long a test waits for something that has to happen: long, because the machine may be busy.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// How long to wait before looking again.
const PAUSE: Duration = Duration::from_millis(20);

/// Looks until `probe` finds something, and returns that.
///
/// # Panics
/// When it does not within [`PATIENCE`]; `what` says what was waited for.
pub async fn eventually<T>(what: impl Display, probe: impl AsyncFnMut() -> Option<T>) -> T {
    eventually_within(PATIENCE, what, probe).await
}

/// As [`eventually`], with a patience of the test's own.
///
/// # Panics
/// When it takes longer than `patience`.
pub async fn eventually_within<T>(
    patience: Duration,
    what: impl Display,
    mut probe: impl AsyncFnMut() -> Option<T>,
) -> T {
    let deadline = Instant::now() + patience;
    loop {
        if let Some(found) = probe().await {
            return found;
        }
        assert!(Instant::now() < deadline, "not within {patience:?}: {what}");
        sleep(PAUSE).await;
    }
}
