//! Slack: a message in a channel for every event.

mod about;

use http::HeaderMap;
use serde_json::{Value, json};
use tributary_domain::{booking::Why, time::Timestamp};

use super::{
    About, HttpRequest, Judged, OutgoingEvent, Platform, RequestError, Secrets, SettingsError,
    conversion::post, document, errors::Answer, schema::Values, template::Template,
};

/// The most characters of a message.
const MAX_TEXT: usize = 4_000;

/// What is written of an event that has no name, where the owner wrote nothing.
const UNNAMED: &str = "*{{ $.type }}* from {{ $.data.source }}";

/// The platform `slack`.
#[derive(Debug, Clone, Copy)]
pub struct Slack;

impl Platform for Slack {
    fn about(&self) -> &'static About {
        &about::ABOUT
    }

    fn check_settings(&self, settings: &Value, secrets: &Secrets) -> Result<(), SettingsError> {
        let values = Values::read(about::ABOUT.fields, settings, secrets)?;
        template(values).map(drop)
    }

    fn request(
        &self,
        settings: &Value,
        secrets: &Secrets,
        event: &OutgoingEvent,
        _now: Timestamp,
    ) -> Result<HttpRequest, RequestError> {
        let values = Values::read(about::ABOUT.fields, settings, secrets)?;
        let document = document::value(event).map_err(|error| RequestError::Event(error.to_string()))?;
        let template = if event.name.is_empty() && values.json("text").is_none() {
            Template::parse(UNNAMED).map_err(RequestError::Event)?
        } else {
            template(values)?
        };
        let mut text = template.text(&document, escape);
        if let Some(earlier) = event.follow_up {
            text = format!("{text} – {}", became(earlier.why));
        }
        let text: String = text.chars().take(MAX_TEXT).collect();
        post(values.secret("webhook_url").to_owned(), &[], &json!({ "text": text }))
    }

    /// It answers in plain words.
    fn judge(&self, status: u16, headers: &HeaderMap, body: &[u8], now: Timestamp) -> Judged {
        let answer = Answer::read(&about::ABOUT, status, headers, body, now);
        if answer.is_success() {
            return Judged::delivered();
        }
        let word = String::from_utf8_lossy(body.get(..body.len().min(60)).unwrap_or_default());
        answer.judge(&[word.trim()])
    }
}

fn template(values: Values<'_>) -> Result<Template, SettingsError> {
    Template::parse(values.text("text")).map_err(|message| SettingsError::new("settings.text", message))
}

/// A text in which nothing is Slack's mark-up: nobody calls a whole channel by what they enter into a form.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn became(why: Why) -> &'static str {
    match why {
        Why::Cancelled => "cancelled",
        Why::NoShow => "nobody came",
        Why::Rescheduled => "moved",
        Why::Paid => "paid",
        Why::OneBooking => "the same booking was told of before",
    }
}

#[cfg(test)]
mod tests;
