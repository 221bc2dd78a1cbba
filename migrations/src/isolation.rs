//! Row-level security on Postgres: whoever reads or writes for one tenant does so as a role that owns nothing, and finds
//! only that tenant's rows. The owner, as whom the ledger and the tasks of the house work, finds those of all.

use std::fmt::Write;

use sea_orm_migration::{DbErr, sea_orm::ConnectionTrait};

/// The role that a tenant's statements run as. It cannot log in; the database's user takes it on.
pub const TENANT_ROLE: &str = "tributary_tenant";
/// The setting of a transaction that names its tenant.
pub const TENANT_SETTING: &str = "tributary.tenant";

/// What the role may do with tables that have a column `tenant_id`. Those that are not here it reads: the ledger and the
/// tasks of the house write them.
const OF_TENANTS: [(&str, &str); 20] = [
    ("sources", ALL),
    ("source_secrets", ALL),
    ("connections", ALL),
    ("workflows", ALL),
    ("workflow_versions", ALL),
    ("destinations", ALL),
    ("tenant_quotas", ALL),
    ("ledger_commands", "SELECT, INSERT"),
    ("deliveries", "SELECT, UPDATE"),
    ("delivery_attempts", "SELECT, INSERT"),
    ("delivery_replays", ALL),
    ("operations", ALL),
    ("operation_items", ALL),
    ("backtests", ALL),
    // What attempts count, and where what came late is looked for.
    ("stats_recent", "SELECT, INSERT, UPDATE"),
    ("retention_progress", "SELECT, UPDATE"),
    ("workflow_samples", ALL),
    // In the transaction of what they ask for.
    ("request_ids", "SELECT, INSERT, DELETE"),
    // What was done stays written.
    ("audit_log", "SELECT, INSERT"),
    // Who reaches a tenant is not that tenant's to know.
    ("grants", ""),
];
const ALL: &str = "SELECT, INSERT, UPDATE, DELETE";

/// The same of tables without a column `tenant_id`.
const SHARED: [(&str, &str); 4] = [
    // Its own row, by a rule of its own.
    ("tenants", "SELECT, UPDATE"),
    // By hashes over the tenant's id, which lead to ids whose rows are behind the wall.
    ("identifier_keys", "SELECT"),
    ("conversion_keys", "SELECT"),
    ("dedupe_keys", "SELECT"),
];

/// Makes the role where there is none, and the rules of every table that has none yet. What the role may do is
/// set anew each time, so that a list that changed holds; tables of later migrations are found by their columns.
///
/// # Errors
/// When the database fails, or its user may neither make the role nor take it on: the error says what an administrator
/// has to do.
pub(crate) async fn isolate(connection: &impl ConnectionTrait) -> Result<(), DbErr> {
    connection.execute_unprepared(&role()).await?;
    connection.execute_unprepared(&rules()).await?;
    Ok(())
}

fn role() -> String {
    format!(
        "DO $$
DECLARE
  may text := CASE WHEN current_setting('server_version_num')::int >= 160000 THEN 'SET' ELSE 'MEMBER' END;
BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{TENANT_ROLE}') THEN
    BEGIN
      CREATE ROLE {TENANT_ROLE} NOLOGIN;
    EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; -- another database's migration made it meanwhile
    END;
  END IF;
  IF NOT pg_has_role(current_user, '{TENANT_ROLE}', may) THEN
    EXECUTE format('GRANT {TENANT_ROLE} TO %I', current_user);
  END IF;
  IF NOT has_schema_privilege('{TENANT_ROLE}', current_schema(), 'USAGE') THEN
    EXECUTE format('GRANT USAGE ON SCHEMA %I TO {TENANT_ROLE}', current_schema());
  END IF;
EXCEPTION WHEN insufficient_privilege THEN
  RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege', MESSAGE = format(
    'tenants are kept apart by a role that %s may not make: have an administrator run '
    || 'CREATE ROLE {TENANT_ROLE} NOLOGIN; GRANT {TENANT_ROLE} TO %I; and start again', current_user, current_user);
END $$"
    )
}

fn rules() -> String {
    let mut verbs = String::new();
    for (table, may) in OF_TENANTS {
        // Formatting into a String does not fail.
        let _ = write!(verbs, "WHEN '{table}' THEN '{may}' ");
    }
    let mut shared = String::new();
    for (table, may) in SHARED {
        let _ = write!(
            shared,
            "REVOKE ALL ON {table} FROM {TENANT_ROLE}; GRANT {may} ON {table} TO {TENANT_ROLE}; "
        );
    }
    format!(
        "DO $$
DECLARE
  place record;
  verbs text;
  rule text := 'current_setting(''{TENANT_SETTING}'', true)';
BEGIN
  FOR place IN
    SELECT c.relname AS name, c.relrowsecurity AS ruled FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
    WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
      AND a.attname = 'tenant_id' AND NOT a.attisdropped
  LOOP
    IF NOT place.ruled THEN
      EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', place.name);
      EXECUTE format('CREATE POLICY of_tenant ON %I TO {TENANT_ROLE} USING (tenant_id = %s)', place.name, rule);
    END IF;
    EXECUTE format('REVOKE ALL ON %I FROM {TENANT_ROLE}', place.name);
    verbs := CASE place.name {verbs}ELSE 'SELECT' END;
    IF verbs <> '' THEN
      EXECUTE format('GRANT %s ON %I TO {TENANT_ROLE}', verbs, place.name);
    END IF;
  END LOOP;
  IF NOT (SELECT relrowsecurity FROM pg_class WHERE oid = 'tenants'::regclass) THEN
    ALTER TABLE tenants ENABLE ROW LEVEL SECURITY;
    EXECUTE format('CREATE POLICY of_tenant ON tenants TO {TENANT_ROLE} USING (id = %s)', rule);
  END IF;
  {shared}
END $$"
    )
}
