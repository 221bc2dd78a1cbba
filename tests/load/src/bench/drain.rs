//! Waits until a count has come as far as it should.

use std::time::{Duration, Instant};

use anyhow::bail;

/// How often it is looked at.
const LOOK: Duration = Duration::from_millis(50);
/// How long it may stand still.
const PATIENCE: Duration = Duration::from_secs(30);

/// Waits until `count` is `wanted`; returns what it was over time, in seconds since `began`.
///
/// # Errors
/// When it stands still for too long.
pub(super) async fn until(
    what: &str,
    wanted: u64,
    began: Instant,
    mut count: impl AsyncFnMut() -> anyhow::Result<u64>,
) -> anyhow::Result<Vec<(f64, u64)>> {
    let mut seen = Vec::new();
    let mut moved = (Instant::now(), 0);
    loop {
        let now = count().await?;
        seen.push((began.elapsed().as_secs_f64(), now));
        if now >= wanted {
            return Ok(seen);
        }
        if now > moved.1 {
            moved = (Instant::now(), now);
        } else if moved.0.elapsed() > PATIENCE {
            bail!("{what} stands at {now} of {wanted} for {PATIENCE:?}");
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// The same counts, one about every half second: enough for a chart.
pub(super) fn thinned(counts: &[(f64, u64)]) -> Vec<(f64, u64)> {
    let mut kept: Vec<(f64, u64)> = Vec::new();
    for point in counts {
        if kept.last().is_none_or(|last| point.0 >= last.0 + 0.5) {
            kept.push(*point);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn it_ends_when_the_count_is_there() {
        let mut next = 0;
        let count = async || {
            next += 1;
            Ok(next)
        };
        let seen = until("it", 2, Instant::now(), count).await.expect("it comes");
        assert_eq!(seen.iter().map(|(_, count)| *count).collect::<Vec<_>>(), [1, 2]);
    }

    #[test]
    fn thinning_keeps_half_seconds() {
        let counts = [(0.0, 0), (0.1, 1), (0.5, 5), (0.9, 9), (1.2, 12)];
        assert_eq!(thinned(&counts), [(0.0, 0), (0.5, 5), (1.2, 12)]);
    }
}
