//! `tributary logs source`.

use tributary_proto::admin::v1::{
    ListMessagesRequest, Message, MessageView, TailRequest, tail_response::Entry,
};

use super::{Choice, Reading, filter::Filters, follow};
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
    let sources = finder::sources(client, &tenant, usize::MAX).await?;
    let source = finder::pick(sources, choice.which.as_deref())?;
    let filters = choice.reading.wanted.filters("status", Vec::new())?;
    follow::show(&SourceLog { source: source.name, filters }, &choice.reading, client, out).await
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
            };
            let answer = client.logs().list_messages(request).await?.into_inner();
            Ok((answer.messages, answer.next_page_token))
        })
        .await
    }

    fn tail(&self) -> TailRequest {
        TailRequest { parent: self.source.clone(), messages_only: true, filter: self.filters.told.clone() }
    }

    fn row(&self, entry: Entry) -> Option<Message> {
        if let Entry::Message(message) = entry { Some(message) } else { None }
    }

    fn fact(row: &Message) -> String {
        row.name.clone()
    }
}
