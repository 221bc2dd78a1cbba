//! Lists in pages: each begins after the last key of the one before, so that rows that arrive meanwhile neither
//! repeat nor hide others.

use crate::StoreError;

/// The most items that a page has, whatever is asked for.
pub const LARGEST_PAGE: u32 = 500;

/// Which page of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page<K> {
    /// The last key of the page before; none for the first page.
    pub after: Option<K>,
    /// How many items at most: 1 to [`LARGEST_PAGE`], what is outside is brought to it.
    pub limit: u32,
}

/// Whether a list has what is deleted and not yet purged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Show {
    /// Only what is there.
    Live,
    /// What is deleted too.
    All,
}

/// One page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paged<T, K> {
    /// The items, in the list's order.
    pub items: Vec<T>,
    /// What the next page begins after; none when this is the last.
    pub next: Option<K>,
}

impl<K> Page<K> {
    /// The first page.
    pub fn first(limit: u32) -> Self {
        Self { after: None, limit }
    }

    /// The page after this key.
    pub fn after(key: K, limit: u32) -> Self {
        Self { after: Some(key), limit }
    }

    /// How many items it has at most.
    pub(crate) fn size(&self) -> u32 {
        self.limit.clamp(1, LARGEST_PAGE)
    }

    /// How many rows to ask for: one more than the page has, to know whether there is another.
    pub(crate) fn rows(&self) -> u64 {
        u64::from(self.size()) + 1
    }

    /// Makes the page of the rows that came.
    pub(crate) fn fill<R, T>(
        &self,
        rows: Vec<R>,
        record: impl Fn(R) -> Result<T, StoreError>,
        key: impl Fn(&T) -> K,
    ) -> Result<Paged<T, K>, StoreError> {
        let has_more = rows.len() as u64 >= self.rows();
        let items = rows.into_iter().take(self.size() as usize).map(record).collect::<Result<Vec<T>, _>>()?;
        let next = if has_more { items.last().map(key) } else { None };
        Ok(Paged { items, next })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_page_has_a_next_one_only_when_there_is_another_row() {
        let page = Page::<u32>::first(2);
        assert_eq!(page.rows(), 3);
        let full = page.fill(vec![1, 2, 3], Ok, |item| *item).expect("fills");
        assert_eq!(full, Paged { items: vec![1, 2], next: Some(2) });
        let last = page.fill(vec![1, 2], Ok, |item| *item).expect("fills");
        assert_eq!(last, Paged { items: vec![1, 2], next: None });
        assert_eq!(Page::<u32>::first(0).rows(), 2);
        assert_eq!(Page::<u32>::first(u32::MAX).rows(), u64::from(LARGEST_PAGE) + 1);
    }
}
