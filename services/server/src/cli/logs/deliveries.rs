//! `tributary logs deliveries`.

use tributary_proto::admin::v1::{Delivery, ListDeliveriesRequest, TailRequest, tail_response::Entry};

use super::{
    Attempts, Reading,
    filter::{Filters, comparison},
    follow,
};
use crate::cli::{client::Client, finder, output::Out, output::id, pages};

/// The deliveries of a tenant.
struct Deliveries {
    /// Its name.
    tenant: String,
    filters: Filters,
}

/// Shows where events went.
pub(super) async fn run(attempts: &Attempts, client: &Client, out: &Out) -> anyhow::Result<()> {
    let reading = &attempts.reading;
    let tenant = finder::tenant(client, reading.tenant.as_deref()).await?;
    let mut own = Vec::new();
    if let Some(which) = &attempts.destination {
        let destinations = finder::destinations(client, &tenant, usize::MAX).await?;
        let destination = finder::pick(destinations, Some(which))?;
        own.push(comparison("destination", "=", id(&destination.name)));
    }
    let filters = reading.wanted.filters("state", own)?;
    follow::show(&Deliveries { tenant, filters }, reading, client, out).await
}

impl follow::Source for Deliveries {
    type Row = Delivery;

    async fn past(&self, client: &Client, reading: &Reading) -> anyhow::Result<Vec<Delivery>> {
        pages::all(reading.limit, async |page_size, page_token| {
            let request = ListDeliveriesRequest {
                parent: self.tenant.clone(),
                page_size,
                page_token,
                filter: self.filters.past.clone(),
                order_by: reading.order_by(),
            };
            let answer = client.logs().list_deliveries(request).await?.into_inner();
            Ok((answer.deliveries, answer.next_page_token))
        })
        .await
    }

    fn tail(&self) -> TailRequest {
        TailRequest { parent: self.tenant.clone(), messages_only: false, filter: self.filters.told.clone() }
    }

    fn rows(&self, entry: Entry) -> Vec<Delivery> {
        if let Entry::Delivery(delivery) = entry { vec![delivery] } else { Vec::new() }
    }

    /// A delivery is told of after each of its attempts.
    fn fact(row: &Delivery) -> String {
        format!("{} {}", row.name, row.attempt_count)
    }
}
