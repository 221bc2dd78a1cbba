//! How many files and sockets the process may have open. A connection takes one, and a process that has none left can
//! neither accept nor write its journal's next file.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::config::Config;

/// What is needed besides connections from outside: the database, the journal, deliveries.
const BESIDES: u64 = 256;

/// How many descriptors this configuration may come to need.
pub(crate) fn needed(config: &Config) -> u64 {
    let connections = config.http.max_connections.saturating_add(config.admin.max_connections);
    u64::try_from(connections).unwrap_or(u64::MAX).saturating_add(BESIDES)
}

/// How many descriptors a server that is started from here gets; none: as many as it likes.
pub(crate) fn at_most() -> Option<u64> {
    getrlimit(Resource::Nofile).maximum
}

/// Raises the process's own limit to what the system grants it, and warns when that is less than `config` may need.
pub(super) fn raise(config: &Config) {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current != maximum
        && let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum })
    {
        tracing::debug!(%error, "the limit of open files stays as it is");
    }
    let (limit, needed) = (getrlimit(Resource::Nofile).current, needed(config));
    if let Some(limit) = limit.filter(|limit| *limit < needed) {
        tracing::warn!(
            limit,
            needed,
            "fewer open files are allowed than `http.max_connections` and `admin.max_connections` may need: raise the limit (ulimit -n, LimitNOFILE) or lower the settings"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_raised_to_what_the_system_grants() {
        let maximum = getrlimit(Resource::Nofile).maximum;
        // Barely lower, because the other tests of this process open files too.
        let low = maximum.map_or(65_536, |maximum| maximum.saturating_sub(1));
        setrlimit(Resource::Nofile, Rlimit { current: Some(low), maximum }).expect("lowered");
        raise(&Config::default());
        assert_eq!(getrlimit(Resource::Nofile).current, maximum);
        assert_eq!(needed(&Config::default()), 10_756);
    }
}
