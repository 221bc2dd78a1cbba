//! The database: whether it answers, and whether it has this build's schema.

use tributary_store::Store;

use super::Finding;
use crate::{
    cli::{
        failure,
        migrate::{missing_file, open},
    },
    config::{Config, masked},
};

const WHAT: &str = "database";
const SCHEMA: &str = "schema";

/// Whether the database answers, whether it is migrated, and what its mode means.
pub(super) async fn check(config: &Config) -> Vec<Finding> {
    let mut findings = reach(config).await;
    findings.extend(mode(&config.database_url()));
    findings
}

async fn reach(config: &Config) -> Vec<Finding> {
    if let Some(file) = missing_file(config) {
        return vec![Finding::ok(WHAT, format!("{file} is not there yet: the first start makes it"))];
    }
    let shown = masked(config)["database"]["url"].as_str().unwrap_or_default().to_owned();
    let store = match open(config).await {
        Ok(store) => store,
        Err(error) => {
            let fix = "see that it runs, and that `database.url` and its password are right";
            return vec![Finding::fail(WHAT, failure::line(&error), fix)];
        }
    };
    let answers = match store.ping().await {
        Ok(()) => Finding::ok(WHAT, format!("{shown} answers")),
        Err(error) => Finding::fail(WHAT, failure::line(&error.into()), "see that it runs"),
    };
    let findings = vec![answers, schema(&store).await];
    // Whatever closing says, the findings stand.
    let _ = store.close().await;
    findings
}

async fn schema(store: &Store) -> Finding {
    let migrations = match store.migrations().await {
        Ok(migrations) => migrations,
        Err(error) => {
            return Finding::fail(
                SCHEMA,
                failure::line(&error.into()),
                "use a build that is as new as the database's",
            );
        }
    };
    let newest = migrations.last().map_or("none", |migration| &migration.name);
    match migrations.iter().filter(|migration| !migration.applied).count() {
        0 => Finding::ok(SCHEMA, format!("is this build's: {newest}")),
        missing => Finding::warn(
            SCHEMA,
            format!("{missing} migrations are missing, up to {newest}"),
            "the next start applies them, or `tributary migrate`; `--plan` shows them",
        ),
    }
}

/// What somebody who runs Postgres may not expect.
fn mode(url: &str) -> Option<Finding> {
    let detail = "messages that are accepted and not yet committed live in the journal on this node's volume, not in Postgres";
    let fix = "keep the data folder on a volume that outlives the node, and start the node again with it";
    url.starts_with("postgres").then(|| Finding::warn("durability", detail, fix))
}

#[cfg(test)]
mod tests {
    use super::{super::State, *};

    #[tokio::test]
    async fn a_database_is_followed_from_nothing_to_migrated_and_never_made() {
        let folder = tempfile::tempdir().unwrap();
        let config = Config { data_dir: folder.path().to_owned(), ..Config::default() };
        let states = |findings: &[Finding]| findings.iter().map(|finding| finding.state).collect::<Vec<_>>();
        assert_eq!(states(&check(&config).await), [State::Ok]);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "looking makes nothing");
        let store = open(&config).await.unwrap();
        assert_eq!(states(&check(&config).await), [State::Ok, State::Warn]);
        store.migrate().await.unwrap();
        assert_eq!(states(&check(&config).await), [State::Ok, State::Ok]);
    }

    #[test]
    fn postgres_with_a_local_journal_is_explained() {
        assert_eq!(mode("postgres://db/x").unwrap().state, State::Warn);
        assert_eq!(mode("sqlite://x"), None);
    }
}
