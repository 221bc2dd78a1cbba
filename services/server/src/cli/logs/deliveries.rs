//! `tributary logs deliveries`.

use tributary_proto::admin::v1::{Delivery, ListDeliveriesRequest, TailRequest, tail_response::Entry};

use super::{Reading, follow};
use crate::cli::{client::Client, finder, output::Out, pages};

/// The deliveries of the tenant of this name.
struct Deliveries(String);

/// Shows where events went.
pub(super) async fn run(reading: &Reading, client: &Client, out: &Out) -> anyhow::Result<()> {
    let tenant = finder::tenant(client, reading.tenant.as_deref()).await?;
    follow::show(&Deliveries(tenant), reading, client, out).await
}

impl follow::Source for Deliveries {
    type Row = Delivery;

    async fn past(&self, client: &Client, reading: &Reading) -> anyhow::Result<Vec<Delivery>> {
        pages::all(reading.limit, async |page_size, page_token| {
            let request = ListDeliveriesRequest {
                parent: self.0.clone(),
                page_size,
                page_token,
                filter: reading.filter.clone(),
            };
            let answer = client.logs().list_deliveries(request).await?.into_inner();
            Ok((answer.deliveries, answer.next_page_token))
        })
        .await
    }

    fn tail(&self) -> TailRequest {
        TailRequest { parent: self.0.clone(), messages_only: false, filter: String::new() }
    }

    fn row(&self, entry: Entry) -> Option<Delivery> {
        if let Entry::Delivery(delivery) = entry { Some(delivery) } else { None }
    }

    /// A delivery is told of after each of its attempts.
    fn fact(row: &Delivery) -> String {
        format!("{} {}", row.name, row.attempt_count)
    }
}
