//! Which entries of a log are wanted: from flags to the filters of the API.

use std::time::Duration;

use anyhow::bail;
use tributary_domain::time::{Clock, Timestamp};
use tributary_telemetry::ambient::SystemClock;

/// Bodies of the past are searched so far back, where nothing else is said: the longest that the server allows.
const TEXT_SINCE: &str = "7d";

/// Which entries of a log.
#[derive(Debug, Default, clap::Args)]
#[command(next_help_heading = "Which entries")]
pub(in crate::cli) struct Wanted {
    /// Received from then on: a time such as 2026-01-31T09:30:00Z, or how long ago: 90s, 15m, 2h, 7d
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Received before then
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// How it ended, or how far it is, such as filter-condition-failed or pending
    #[arg(long, value_name = "STATUS")]
    status: Option<String>,
    /// Of this message: msg_…
    #[arg(long, value_name = "MESSAGE")]
    message: Option<String>,
    /// Of messages that came with this cluid
    #[arg(long, value_name = "CLUID")]
    cluid: Option<String>,
    /// Of the person who is known by this, such as email:ann@example.com
    #[arg(long, value_name = "TYPE:VALUE")]
    identifier: Option<String>,
    /// Of messages whose body contains this text, in any case; of the last 7 days, where no other time is said
    #[arg(long, value_name = "TEXT")]
    text: Vec<String>,
    /// And what the API's filter says besides, such as: cluid_status = MISSING
    #[arg(long, value_name = "FILTER", default_value = "", hide_default_value = true)]
    filter: String,
}

/// The filters of the API.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::cli) struct Filters {
    /// For what is in the log.
    pub(in crate::cli) past: String,
    /// For what is told as it happens.
    pub(super) told: String,
}

impl Filters {
    /// Only what is told with this value in `field`: what is in the log is so anyway.
    pub(super) fn also_told(&mut self, field: &str, value: &str) {
        let told = [comparison(field, "=", value), self.told.clone()];
        self.told = joined(told);
    }
}

impl Wanted {
    /// What is wanted, with the comparisons of the log's `own`; `status` is how the log calls its statuses.
    ///
    /// # Errors
    /// For a time that cannot be read.
    pub(in crate::cli) fn filters(&self, status: &str, own: Vec<String>) -> anyhow::Result<Filters> {
        let now = SystemClock.now();
        let searches_all = !self.text.is_empty() && self.until.is_none() && self.message.is_none();
        let since = self.since.as_deref().or_else(|| searches_all.then_some(TEXT_SINCE));
        let mut times = Vec::new();
        for (flag, sign, text) in [("since", ">=", since), ("until", "<", self.until.as_deref())] {
            if let Some(text) = text {
                times.push(comparison("time", sign, &time(flag, text, now)?.to_string()));
            }
        }
        let mut told = own;
        let code = self.status.as_deref().map(|status| status.to_uppercase().replace(['-', ' '], "_"));
        for (field, value) in [
            (status, &code),
            ("message", &self.message),
            ("cluid", &self.cluid),
            ("identifier", &self.identifier),
        ] {
            told.extend(value.as_ref().map(|value| comparison(field, "=", value)));
        }
        told.extend(self.text.iter().map(|text| comparison("body", ":", text)));
        told.push(self.filter.trim().to_owned());
        Ok(Filters { past: joined(times.into_iter().chain(told.clone())), told: joined(told) })
    }
}

/// One comparison of a filter.
pub(in crate::cli) fn comparison(field: &str, sign: &str, value: &str) -> String {
    format!("{field} {sign} \"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""))
}

/// Comparisons that all have to hold, but for those that are empty.
pub(in crate::cli) fn joined(comparisons: impl IntoIterator<Item = String>) -> String {
    let all: Vec<String> = comparisons.into_iter().filter(|comparison| !comparison.is_empty()).collect();
    all.join(" AND ")
}

/// A time that is written as such, or as how long ago it was.
///
/// # Errors
/// When it is neither; `flag` is where it was written.
pub(in crate::cli) fn time(flag: &str, text: &str, now: Timestamp) -> anyhow::Result<Timestamp> {
    if let Some(ago) = ago(text) {
        return Ok(now.minus(ago));
    }
    let Ok(time) = text.parse() else {
        bail!(
            "--{flag} {text}: expected a time such as 2026-01-31T09:30:00Z, or how long ago: 90s, 15m, 2h, 7d"
        );
    };
    Ok(time)
}

/// A span such as 90s, 15m, 2h or 7d.
///
/// # Errors
/// When it is none.
pub(in crate::cli) fn span(text: &str) -> Result<Duration, String> {
    ago(text).ok_or_else(|| "expected a span such as 90s, 15m, 2h or 7d".to_owned())
}

fn ago(text: &str) -> Option<Duration> {
    let unit = text.chars().next_back()?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        _ => return None,
    };
    let count: u64 = text.strip_suffix(unit)?.parse().ok()?;
    Some(Duration::from_secs(count.checked_mul(seconds)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_become_comparisons() {
        let text = |text: &str| Some(text.to_owned());
        let wanted = Wanted {
            since: text("2026-01-31T10:30:00+01:00"),
            until: text("2026-02-01T00:00:00Z"),
            status: text("filter-condition-failed"),
            identifier: text("email:ann@example.com"),
            text: vec![r#"say "hi" \"#.to_owned()],
            filter: " cluid_status = MISSING ".to_owned(),
            ..Wanted::default()
        };
        let filters = wanted.filters("status", vec!["destination = dst_1".to_owned()]).unwrap();
        let told = r#"destination = dst_1 AND status = "FILTER_CONDITION_FAILED" AND identifier = "email:ann@example.com" AND body : "say \"hi\" \\" AND cluid_status = MISSING"#;
        assert_eq!(filters.told, told);
        let times = r#"time >= "2026-01-31T09:30:00Z" AND time < "2026-02-01T00:00:00Z""#;
        assert_eq!(filters.past, format!("{times} AND {told}"));
        assert_eq!(Wanted::default().filters("status", Vec::new()).unwrap(), Filters::default());
    }

    #[test]
    fn text_is_searched_for_in_the_last_days() {
        let wanted = Wanted { text: vec!["x".to_owned()], ..Wanted::default() };
        let mut filters = wanted.filters("status", Vec::new()).unwrap();
        assert!(filters.past.starts_with("time >= ") && filters.past.ends_with(r#" AND body : "x""#));
        filters.also_told("workflow", "wfl_1");
        assert_eq!(filters.told, r#"workflow = "wfl_1" AND body : "x""#);
        let message = Wanted { message: Some("msg_1".to_owned()), ..wanted };
        assert!(!message.filters("status", Vec::new()).unwrap().past.contains("time"));
    }

    #[test]
    fn times_are_said_in_two_ways() {
        let now = Timestamp::from_seconds(1_000_000);
        for (text, seconds) in [("90s", 90), ("15m", 900), ("2h", 7_200), ("7d", 604_800), ("0d", 0)] {
            assert_eq!(
                time("since", text, now).unwrap(),
                Timestamp::from_seconds(1_000_000 - seconds),
                "{text}"
            );
        }
        for text in ["", "d", "-1d", "1w", "1.5h", "yesterday", "99999999999999999999d", "é"] {
            assert!(time("since", text, now).unwrap_err().to_string().contains("--since"), "{text}");
        }
    }
}
