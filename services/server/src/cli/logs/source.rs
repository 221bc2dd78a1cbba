//! `tributary logs source`.

use tributary_proto::admin::v1::{
    ListMessagesRequest, Message, MessageView, TailRequest, tail_response::Entry,
};

use super::{ALL, Choice, Reading, filter::Filters, follow};
use crate::cli::{client::Client, finder, output::Out, pages};

/// The log of a source.
struct SourceLog {
    /// Its name.
    source: String,
    filters: Filters,
}

/// Shows what a source received.
pub(super) async fn run(choice: &Choice, client: &Client, out: &Out) -> anyhow::Result<()> {
    let tenant = finder::tenant(client, choice.reading.tenant.as_deref()).await?;
    let source = match choice.which.as_deref() {
        Some(ALL) => format!("{tenant}/sources/{ALL}"),
        which => finder::pick(finder::sources(client, &tenant, usize::MAX).await?, which)?.name,
    };
    let filters = choice.reading.wanted.filters("status", Vec::new())?;
    follow::show(&SourceLog { source, filters }, &choice.reading, client, out).await
}

impl follow::Source for SourceLog {
    type Row = Message;

    async fn past(&self, client: &Client, reading: &Reading) -> anyhow::Result<Vec<Message>> {
        pages::all(reading.limit, async |page_size, page_token| {
            let request = ListMessagesRequest {
                parent: self.source.clone(),
                page_size,
                page_token,
                filter: self.filters.past.clone(),
                view: MessageView::Basic.into(),
                order_by: reading.order_by(),
            };
            let answer = client.logs().list_messages(request).await?.into_inner();
            Ok((answer.messages, answer.next_page_token))
        })
        .await
    }

    fn tail(&self) -> TailRequest {
        TailRequest { parent: self.source.clone(), messages_only: true, filter: self.filters.told.clone() }
    }

    fn rows(&self, entry: Entry) -> Vec<Message> {
        if let Entry::Message(message) = entry { vec![message] } else { Vec::new() }
    }

    fn fact(row: &Message) -> String {
        row.name.clone()
    }
}
