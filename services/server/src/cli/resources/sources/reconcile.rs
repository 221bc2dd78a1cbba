//! Looking for bookings that never came.

use clap::Args;
use tributary_domain::time::Clock;
use tributary_proto::admin::v1::ReconcileCalendlyRequest;
use tributary_telemetry::ambient::SystemClock;

use crate::cli::{
    client::{Client, refused},
    logs::filter::time,
    output::{Out, one, time::to_proto},
    resources::Choice,
};

/// Of which source, and since when.
#[derive(Debug, Args)]
pub(in crate::cli) struct Reconcile {
    #[command(flatten)]
    choice: Choice,
    /// Booked from then on: a time such as 2026-01-31T09:30:00Z, or how long ago: 90s, 15m, 2h, 7d
    #[arg(long, value_name = "TIME")]
    since: String,
}

/// Has bookings compared with what came, and shows the connection.
///
/// # Errors
/// When the server refuses, or the source is not connected.
pub(super) async fn run(reconcile: Reconcile, client: &Client, out: &Out) -> anyhow::Result<()> {
    let source = reconcile.choice.source(client).await?;
    let start = time("since", &reconcile.since, SystemClock.now())?;
    let request = ReconcileCalendlyRequest { name: source.name, start_time: Some(to_proto(start)) };
    let connection = client.sources().reconcile_calendly(request).await.map_err(refused)?.into_inner();
    one(out, &source.key, &connection)
}
