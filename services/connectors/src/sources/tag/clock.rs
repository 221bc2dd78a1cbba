//! When something happened, told by a clock that may be wrong.

use std::time::Duration;

use tributary_domain::time::Timestamp;

/// How long a browser may have kept something before it could send it.
const LONGEST: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// When that happened which a browser dates `at` and sent, by the same clock, at `sent`, when it came in at `received`.
/// How wrong the clock is does not matter: how long ago it was does, and that both of its times tell. Where that
/// cannot be (the clock was set in between, a time is missing), it happened when it was received.
pub(super) fn corrected(at: Option<Timestamp>, sent: Option<Timestamp>, received: Timestamp) -> Timestamp {
    let Some(at) = at else { return received };
    let ago = sent.unwrap_or(received).micros().saturating_sub(at.micros());
    match u64::try_from(ago).map(Duration::from_micros) {
        Ok(ago) if ago <= LONGEST => received.minus(ago),
        _ => received,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(seconds)
    }

    #[test]
    fn a_wrong_clock_tells_rightly_how_long_ago_it_was() {
        const NOW: i64 = 1_800_000_000;
        let years = 3 * 365 * 24 * 60 * 60;
        for skew in [0, 7, -7, years, -years] {
            let (happened, sent) = (at(NOW - 40 + skew), at(NOW - 1 + skew));
            assert_eq!(corrected(Some(happened), Some(sent), at(NOW)), at(NOW - 39), "{skew} s");
        }
        assert_eq!(
            corrected(Some(at(NOW - 40)), None, at(NOW)),
            at(NOW - 40),
            "it is believed where nothing else is known"
        );
        for (happened, sent) in
            [(Some(NOW + 40), None), (None, Some(NOW)), (Some(NOW), Some(NOW - 1)), (Some(0), Some(NOW))]
        {
            assert_eq!(corrected(happened.map(at), sent.map(at), at(NOW)), at(NOW), "{happened:?} {sent:?}");
        }
        assert_eq!(
            corrected(Some(at(i64::MIN / 1_000_000)), Some(at(i64::MAX / 1_000_000)), at(NOW)),
            at(NOW)
        );
    }
}
