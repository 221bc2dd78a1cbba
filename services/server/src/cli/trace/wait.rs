//! Waiting until nothing more becomes of a message.

use std::time::Duration;

use tokio::time::{Instant, sleep};
use tributary_proto::admin::v1::{MessageTrace, delivery::State};

use super::get;
use crate::cli::client::Client;

/// How often is looked whether it is through.
const LOOK: Duration = Duration::from_millis(25);

/// The trace of a message, once all that becomes of it has happened, or as it is after `patience`; and whether the former.
///
/// # Errors
/// When the server refuses, or there is no such message.
pub(in crate::cli) async fn settled(
    client: &Client,
    message: &str,
    patience: Duration,
) -> anyhow::Result<(MessageTrace, bool)> {
    let deadline = Instant::now() + patience;
    loop {
        let trace = get(client, message).await?;
        let is_through = is_complete(&trace);
        if is_through || Instant::now() >= deadline {
            return Ok((trace, is_through));
        }
        sleep(LOOK).await;
    }
}

/// Whether nothing more will happen: the message is processed, and no delivery waits.
fn is_complete(trace: &MessageTrace) -> bool {
    let events = trace.runs.iter().flat_map(|run| &run.events).chain(&trace.follow_ups);
    let deliveries = events.flat_map(|event| &event.deliveries);
    let mut states = deliveries.filter_map(|trace| trace.delivery.as_ref()).map(|delivery| delivery.state());
    let is_processed = trace.message.as_ref().is_some_and(|message| message.process_time.is_some());
    is_processed && states.all(|state| state != State::Pending)
}

#[cfg(test)]
mod tests {
    use tributary_proto::admin::v1::{Delivery, DeliveryTrace, EventTrace, Message, RunTrace};

    use super::*;

    fn trace(is_processed: bool, state: State) -> MessageTrace {
        let process_time = is_processed.then(prost_types::Timestamp::default);
        let delivery = Delivery { state: state.into(), ..Delivery::default() };
        let deliveries = vec![DeliveryTrace { delivery: Some(delivery), ..DeliveryTrace::default() }];
        let events = vec![EventTrace { deliveries, ..EventTrace::default() }];
        MessageTrace {
            message: Some(Message { process_time, ..Message::default() }),
            runs: vec![RunTrace { events, ..RunTrace::default() }],
            ..MessageTrace::default()
        }
    }

    #[test]
    fn a_trace_is_complete_when_nothing_waits() {
        assert!(is_complete(&trace(true, State::Delivered)) && is_complete(&trace(true, State::Failed)));
        assert!(!is_complete(&trace(true, State::Pending)));
        let mut followed = trace(true, State::Delivered);
        followed.follow_ups = trace(true, State::Pending).runs.remove(0).events;
        assert!(!is_complete(&followed), "what follows an event counts too");
        assert!(!is_complete(&trace(false, State::Delivered)) && !is_complete(&MessageTrace::default()));
    }
}
