//! Entries of logs as rows.

use tributary_proto::admin::v1::{Cluid, Delivery, Message, Run, cluid, delivery::State, message::Signature};

use crate::cli::output::{
    Listed, id,
    time::{NONE, moment},
};

impl Listed for Message {
    const COLUMNS: &'static [&'static str] =
        &["received (UTC)", "message", "event", "cluid", "signature", "status", "runs", "source"];

    fn cells(&self) -> Vec<String> {
        let signature = match self.signature() {
            Signature::Unspecified => NONE,
            Signature::Valid => "valid",
            Signature::Unsigned => "unsigned",
            Signature::Fetched => "fetched",
        };
        let status = self.status.as_ref().map_or("", |status| &status.display_name);
        let status = if self.test { format!("{status} (test)") } else { status.to_owned() };
        let runs: Vec<_> = self.runs.iter().filter_map(|run| run.status.as_ref()).collect();
        let runs: Vec<&str> = runs.iter().map(|status| status.display_name.as_str()).collect();
        vec![
            moment(self.receive_time.as_ref()),
            self.message_id.clone(),
            or_dash(&self.provider_event),
            cluid_words(self.cluid.as_ref()).to_owned(),
            signature.to_owned(),
            status,
            or_dash(&runs.join(", ")),
            id(&self.source).to_owned(),
        ]
    }
}

/// What a source found where the cluid should be, in a word.
pub(in crate::cli) fn cluid_words(cluid: Option<&Cluid>) -> &'static str {
    match cluid.map(Cluid::status) {
        None | Some(cluid::Status::Unspecified) => NONE,
        Some(cluid::Status::Found) => "found",
        Some(cluid::Status::Missing) => "missing",
        Some(cluid::Status::Foreign) => "foreign",
        Some(cluid::Status::Placeholder) => "placeholder",
    }
}

impl Listed for Run {
    const COLUMNS: &'static [&'static str] =
        &["ran (UTC)", "workflow", "message", "version", "status", "events", "profile", "why"];

    fn cells(&self) -> Vec<String> {
        let status = self.status.clone().unwrap_or_default();
        vec![
            moment(self.run_time.as_ref()),
            id(&self.workflow).to_owned(),
            id(&self.message).to_owned(),
            self.version.to_string(),
            status.display_name,
            self.event_count.to_string(),
            or_dash(id(&self.profile)),
            status.reason.map(|reason| reason.message).unwrap_or_default(),
        ]
    }
}

impl Listed for Delivery {
    const COLUMNS: &'static [&'static str] =
        &["made (UTC)", "delivery", "destination", "state", "attempts", "answer", "error"];

    fn cells(&self) -> Vec<String> {
        let answer = match self.last_http_status {
            0 => NONE.to_owned(),
            status => status.to_string(),
        };
        vec![
            moment(self.create_time.as_ref()),
            id(&self.name).to_owned(),
            id(&self.destination).to_owned(),
            state_of(self),
            self.attempt_count.to_string(),
            answer,
            self.last_error.clone(),
        ]
    }
}

/// How far a delivery is, in words.
pub(in crate::cli) fn state_of(delivery: &Delivery) -> String {
    match delivery.state() {
        State::Unspecified => "unknown",
        State::Pending if delivery.wait_until_time.is_some() => {
            return format!("waiting until {} UTC", moment(delivery.wait_until_time.as_ref()));
        }
        State::Pending => "pending",
        State::Delivered => "delivered",
        State::Failed => "given up",
    }
    .to_owned()
}

fn or_dash(text: &str) -> String {
    if text.is_empty() { NONE.to_owned() } else { text.to_owned() }
}
