//! How many files and sockets a server may have open.

use super::Finding;
use crate::{config::Config, run::descriptors};

const WHAT: &str = "open files";

/// Whether a server that is started from here gets as many as its configuration may need.
pub(super) fn check(config: &Config) -> Finding {
    judge(descriptors::at_most(), descriptors::needed(config))
}

fn judge(limit: Option<u64>, needed: u64) -> Finding {
    match limit {
        Some(limit) if limit < needed => Finding::warn(
            WHAT,
            format!("{limit} are allowed, and `http.max_connections` may need {needed}"),
            "raise the hard limit (ulimit -Hn, LimitNOFILE), or lower `http.max_connections`",
        ),
        Some(limit) => Finding::ok(WHAT, format!("{limit} are allowed, {needed} may be needed")),
        None => Finding::ok(WHAT, "as many as wanted are allowed"),
    }
}

#[cfg(test)]
mod tests {
    use super::{super::State, *};

    #[test]
    fn the_limit_is_compared_with_what_may_be_needed() {
        assert_eq!(judge(Some(4_096), 10_756).state, State::Warn);
        assert_eq!(judge(Some(10_756), 10_756).state, State::Ok);
        assert_eq!(judge(None, 10_756).state, State::Ok);
    }
}
