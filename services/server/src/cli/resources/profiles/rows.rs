//! People, and what is decided about them, as rows.

use tributary_proto::admin::v1::{
    BlockedIdentifier, Conflict, Merge, NeverJoinPair, Profile, TimelineEntry, blocked_identifier::Reason,
    conflict::State, timeline_entry::Entry,
};

use crate::cli::output::{
    Listed, id,
    time::{NONE, moment},
};

impl Listed for Profile {
    const COLUMNS: &'static [&'static str] = &["id", "identifiers", "changed (UTC)"];

    fn cells(&self) -> Vec<String> {
        let identifiers: Vec<_> =
            self.identifiers.iter().map(|owned| format!("{} {}", owned.r#type, owned.value)).collect();
        vec![id(&self.name).to_owned(), identifiers.join(", "), moment(self.update_time.as_ref())]
    }
}

impl Listed for Merge {
    const COLUMNS: &'static [&'static str] =
        &["merged (UTC)", "id", "stayed", "became part", "because of", "by", "undone (UTC)"];

    fn cells(&self) -> Vec<String> {
        let by = if self.accepted_by.is_empty() { id(&self.message) } else { &self.accepted_by };
        vec![
            moment(self.create_time.as_ref()),
            id(&self.name).to_owned(),
            id(&self.winner).to_owned(),
            id(&self.loser).to_owned(),
            format!("{} {}", self.identifier_type, self.identifier_value),
            by.to_owned(),
            moment(self.undo_time.as_ref()),
        ]
    }
}

impl Listed for Conflict {
    const COLUMNS: &'static [&'static str] = &["last (UTC)", "id", "state", "times", "why"];

    fn cells(&self) -> Vec<String> {
        let state = match self.state() {
            State::Unspecified => NONE,
            State::Open => "open",
            State::Accepted => "accepted",
            State::Refused => "refused",
            State::NeverJoin => "never join",
        };
        vec![
            moment(self.last_time.as_ref()),
            id(&self.name).to_owned(),
            state.to_owned(),
            self.count.to_string(),
            self.text.clone(),
        ]
    }
}

impl Listed for NeverJoinPair {
    const COLUMNS: &'static [&'static str] = &["since (UTC)", "id", "because of", "by"];

    fn cells(&self) -> Vec<String> {
        vec![
            moment(self.create_time.as_ref()),
            id(&self.name).to_owned(),
            id(&self.because).to_owned(),
            self.created_by.clone(),
        ]
    }
}

impl Listed for BlockedIdentifier {
    const COLUMNS: &'static [&'static str] = &["since (UTC)", "id", "type", "value", "why"];

    fn cells(&self) -> Vec<String> {
        let why = match self.reason() {
            Reason::Unspecified => NONE.to_owned(),
            Reason::Person => format!("blocked by {}", self.blocked_by),
            Reason::Guard => format!("met {} people", self.people),
        };
        vec![
            moment(self.create_time.as_ref()),
            id(&self.name).to_owned(),
            self.identifier_type.clone(),
            self.identifier_value.clone(),
            why,
        ]
    }
}

impl Listed for TimelineEntry {
    const COLUMNS: &'static [&'static str] = &["when (UTC)", "what", "which", "details"];

    fn cells(&self) -> Vec<String> {
        let merge = |merge: &Merge| {
            let (loser, winner) = (id(&merge.loser), id(&merge.winner));
            let because = format!("{} {}", merge.identifier_type, merge.identifier_value);
            (id(&merge.name).to_owned(), format!("{loser} into {winner} because of {because}"))
        };
        let (what, (which, details)) = match &self.entry {
            Some(Entry::Event(event)) => {
                let traits = event.traits.keys().map(|name| format!("sets {name}"));
                let sent = event
                    .deliveries
                    .iter()
                    .map(|sent| format!("{} {}", id(&sent.destination), sent.state.to_lowercase()));
                let details: Vec<_> = traits.chain(sent).collect();
                let name = if event.event_name.is_empty() { "event" } else { &event.event_name };
                (name, (id(&event.event).to_owned(), details.join(", ")))
            }
            Some(Entry::Identifier(known)) => {
                let known_by = format!("{} {}", known.identifier_type, known.identifier_value);
                ("identified", (id(&known.message).to_owned(), known_by))
            }
            Some(Entry::Merged(merged)) => ("merged", merge(merged)),
            Some(Entry::Undone(undone)) => ("undone", merge(undone)),
            None => (NONE, (String::new(), String::new())),
        };
        vec![moment(self.time.as_ref()), what.to_owned(), which, details]
    }
}
