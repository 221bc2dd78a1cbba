//! A window of time over a list that is ordered by message ids, newest first: ids begin with the time of acceptance,
//! so that a time is a place in the list.

use tonic::Status;
use tributary_domain::{id::MessageId, time::Timestamp};
use tributary_store::{Page, Paged};

use crate::filter::{Comparison, Filter};

/// The clauses that a filter may have for a window.
pub(super) const CLAUSES: [(&str, Comparison); 2] =
    [("time", Comparison::AtLeast), ("time", Comparison::Before)];

/// A window of time: from a time on, and before another.
#[derive(Debug, Clone, Copy)]
pub(super) struct Window {
    from: Option<Timestamp>,
    before: Option<Timestamp>,
}

impl Window {
    /// The window that a filter says.
    ///
    /// # Errors
    /// INVALID_ARGUMENT when a time of it is none.
    pub(super) fn of(filter: &Filter) -> Result<Self, Status> {
        Ok(Self {
            from: filter.time("time", Comparison::AtLeast)?,
            before: filter.time("time", Comparison::Before)?,
        })
    }

    /// The page, begun at the window's end where it is the first. `place` makes the list's key of a message that
    /// does not exist: the smallest of its millisecond.
    pub(super) fn begin<K>(&self, page: Page<K>, place: impl Fn(MessageId) -> K) -> Page<K> {
        let start = self.before.map(|time| place(smallest_at(time)));
        Page { after: page.after.or(start), limit: page.limit }
    }

    /// The page without what lies before the window; it is the last one when there was any such.
    pub(super) fn end<T, K>(&self, mut page: Paged<T, K>, message: impl Fn(&T) -> MessageId) -> Paged<T, K> {
        let Some(first) = self.from.map(smallest_at) else { return page };
        let before = page.items.len();
        page.items.retain(|item| message(item) >= first);
        if page.items.len() < before {
            page.next = None;
        }
        page
    }
}

fn smallest_at(time: Timestamp) -> MessageId {
    MessageId::new(time.millis(), 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(text: &str) -> Window {
        Window::of(&Filter::parse(text, &CLAUSES).unwrap()).unwrap()
    }

    #[test]
    fn a_window_begins_and_ends_lists() {
        let window = window(r#"time >= "1970-01-01T00:00:02Z" AND time < "1970-01-01T00:00:04Z""#);
        let begun = window.begin(Page::first(10), |message| message);
        assert_eq!(begun.after, Some(MessageId::new(4_000, 0)));
        let later = window.begin(Page::after(MessageId::new(3_000, 1), 10), |message| message);
        assert_eq!(later.after, Some(MessageId::new(3_000, 1)), "a token goes on where it was");
        let items = [3_000, 2_000, 1_999].map(|millis| MessageId::new(millis, 5)).to_vec();
        let ended = window.end(Paged { items, next: Some(1) }, |message| *message);
        assert_eq!((ended.items.len(), ended.next), (2, None));
    }
}
