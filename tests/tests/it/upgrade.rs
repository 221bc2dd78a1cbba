//! A database of an earlier build opens with this one, and goes on: what it has is found, and what comes joins it.

use std::{fs, os::unix::fs::PermissionsExt};

use regex::Regex;
use sea_orm::{ConnectionTrait, Database as Connect};
use tributary_proto::admin::v1::{ListEventNamesRequest, ListWorkflowVersionsRequest};
use tributary_tests::{Booking, Database, Server, ServerBuilder, Source, Tenant, databases};

/// What a quickstart of the build left that had the first migration only: the whole database as SQL.
pub(super) const DUMP: &str = include_str!("../../fixtures/upgrade/m0001_foundation.sqlite.sql");
/// The tables that the same migration made on Postgres, as its `pg_dump` tells them. Their columns have the same order.
const POSTGRES: &str = include_str!("../../fixtures/upgrade/m0001_foundation.postgres.sql");
/// The master key that its secrets are sealed with.
const MASTER_KEY: &str = "72fec6926a5698c3b5bc18c14a505529d8f5b408d85590967929d4f87e249a51";
/// For how long the tenant keeps what it has: until long after this was written.
const KEEP: &str = "UPDATE tenants SET settings = \
    '{\"retention\":{\"bodies_days\":36500,\"logs_days\":36500},' || substr(settings, 2);";
const TENANT: &str = "agencies/agc_01m8e6dxy7h0heg4mtszy8c1nn/tenants/ten_01m8e6dxy99vpp6x626nw7e4a3";
const SOURCE: &str = "src_01m8e6dxz2ed2y3yw4jn0bgtkc";
const WORKFLOW: &str = "wfl_01m8e6dxzdah3whdcfr4vzpr5x";
const PATH: &str = "/in/jtYKNQKKnR54iKuaUZ3pAn4c5g8mUT2gM832FIiX9-8";
const SIGNING_KEY: &str = "75099083ccfdcf50e616bfe7ee88c0ec";
/// The message that was committed then, and the person it was of.
pub(super) const MESSAGE: &str = "msg_01m8e6dxzy4ez2pdxdynkfz7rn";
const PROFILE: &str = "prf_01m8e6dxzyvs6n4m570ry9mqqd";
const EMAIL: &str = "nadia.okafor@brightwater-studio.example";

/// What a dump writes, as Postgres says it.
fn rows(dump: &str) -> String {
    let bytes = Regex::new("X'([0-9A-F]*)'").expect("a pattern");
    let writes: Vec<_> =
        dump.lines().filter(|line| line.starts_with("INSERT") || line.starts_with("UPDATE")).collect();
    bytes.replace_all(&writes.join("\n"), r"'\x$1'").into_owned()
}

/// Puts a dump where a server looks for its database.
pub(super) async fn restore(database: &Database, dump: &str) {
    let data = database.folder.path().join("data");
    fs::create_dir_all(&data).expect("a data folder");
    let key = data.join("master.key");
    fs::write(&key, MASTER_KEY).expect("the key is written");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).expect("our own file");
    let (url, dump) = match database.url() {
        Some(url) => (url, format!("{POSTGRES}{}", rows(dump))),
        None => (format!("sqlite://{}?mode=rwc", data.join("tributary.db").display()), dump.to_owned()),
    };
    let connection = Connect::connect(url).await.expect("a new database");
    connection.execute_unprepared(&dump).await.expect("the dump is SQL");
    connection.close().await.expect("closes");
}

#[tokio::test]
async fn a_database_of_the_first_migration_goes_on() {
    for database in databases() {
        println!("on {}", database.kind());
        // As old as it is, its tenant still keeps it.
        restore(&database, &format!("{DUMP}\n{KEEP}")).await;
        goes_on(ServerBuilder::on(database).start().await).await;
    }
}

async fn goes_on(server: Server) {
    let tenant = Tenant { name: TENANT.to_owned() };
    let source = Source {
        name: format!("{TENANT}/sources/{SOURCE}"),
        path: PATH.to_owned(),
        key: Some(SIGNING_KEY.to_owned()),
    };
    // What was there: the message with its trace, and the person.
    let before = server.trace(MESSAGE).await;
    assert_eq!(before.runs.len(), 1);
    assert_eq!(
        server.lookup(&tenant, "email", EMAIL).await.expect("is known").name,
        format!("{TENANT}/profiles/{PROFILE}")
    );
    // Who published what was there is told by the audit log of then.
    let parent = format!("{}/workflows/{WORKFLOW}", source.name);
    let request = ListWorkflowVersionsRequest { parent, ..ListWorkflowVersionsRequest::default() };
    let versions = server.api().workflows().list_workflow_versions(request).await.expect("its versions");
    let versions = versions.into_inner().workflow_versions;
    let told: Vec<_> = versions.iter().map(|it| (it.version, it.author.as_str(), it.note.as_str())).collect();
    assert_eq!(told, [(1, "admin_token", "")]);
    // The old URL and key are good, and who comes again is the same person.
    let booked = server.post(&source, Booking::new(7).email(EMAIL).body()).await.accepted();
    server.processed(&booked).await;
    let events = server.events(&tenant).await;
    assert_eq!(events.len(), 2, "{events:?}");
    assert!(events.iter().all(|event| event.profile.ends_with(PROFILE)), "{events:?}");
    // The event that was there before there were counts is counted with it.
    let request = ListEventNamesRequest { parent: TENANT.to_owned(), ..ListEventNamesRequest::default() };
    let names =
        server.api().events().list_event_names(request).await.expect("names").into_inner().event_names;
    let counted: Vec<_> = names.iter().map(|name| (name.event_name.as_str(), name.event_count)).collect();
    assert_eq!(counted, [("Schedule", 2)]);
}
