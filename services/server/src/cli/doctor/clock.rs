//! The clock: signatures, the order of ids and deadlines rest on it.

use std::{
    fs,
    time::{Duration, UNIX_EPOCH},
};

use tributary_domain::time::{Clock, Timestamp};
use tributary_telemetry::ambient::SystemClock;

use super::Finding;
use crate::{cli::output::time::span, config::Config};

const WHAT: &str = "clock";
const FIX: &str = "set the clock, and keep it by NTP";
/// 2026-01-01: no build of this program is older.
const OLDEST: Timestamp = Timestamp::from_seconds(1_767_225_600);
/// File systems keep times coarsely.
const SLACK: Duration = Duration::from_secs(2);

/// Whether the clock can be right.
pub(super) fn check(config: &Config) -> Finding {
    judge(SystemClock.now(), newest_file(config))
}

fn judge(now: Timestamp, newest: Option<Timestamp>) -> Finding {
    if now < OLDEST {
        return Finding::fail(WHAT, format!("it says {now}, which is over"), FIX);
    }
    match newest.map(|newest| newest.since(now)) {
        Some(ahead) if ahead > SLACK => Finding::fail(
            WHAT,
            format!("files of the data folder are {} ahead of it: it went back", span(ahead)),
            FIX,
        ),
        _ => Finding::ok(WHAT, format!("{now}")),
    }
}

/// When a file of the data folder was last written to.
fn newest_file(config: &Config) -> Option<Timestamp> {
    let entries = fs::read_dir(&config.data_dir).ok()?.flatten();
    let times =
        entries.filter_map(|entry| entry.metadata().ok()?.modified().ok()?.duration_since(UNIX_EPOCH).ok());
    times.max().map(|since| Timestamp::from_seconds(0).plus(since))
}

#[cfg(test)]
mod tests {
    use super::{super::State, *};

    #[test]
    fn a_clock_that_went_back_is_found() {
        let now = OLDEST.plus(Duration::from_secs(1_000));
        assert_eq!(judge(now, None).state, State::Ok);
        assert_eq!(judge(now, Some(now.plus(Duration::from_secs(1)))).state, State::Ok);
        assert_eq!(judge(now, Some(now.plus(Duration::from_secs(10)))).state, State::Fail);
        assert_eq!(judge(Timestamp::from_seconds(0), None).state, State::Fail);
    }
}
