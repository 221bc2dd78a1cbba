//! The two orders of a log.

use sea_orm::{EntityTrait, QueryOrder, Select, sea_query};

/// In which order a log is read.
///
/// A page of it goes on at a place: newest first, the place is the last entry of the page before; oldest first, it is the
/// entry with which the page begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Order {
    /// The newest message first.
    #[default]
    NewestFirst,
    /// The oldest message first.
    OldestFirst,
}

impl Order {
    /// Rows in this order of `column`.
    pub(crate) fn of<E: EntityTrait>(self, query: Select<E>, column: E::Column) -> Select<E> {
        query.order_by(column, self.way())
    }

    /// How SQL calls it.
    pub(crate) fn way(self) -> sea_query::Order {
        match self {
            Self::NewestFirst => sea_query::Order::Desc,
            Self::OldestFirst => sea_query::Order::Asc,
        }
    }

    /// The number of the row at the place that has `rows` rows before it.
    pub(crate) fn rows(self, rows: u32) -> u32 {
        match self {
            Self::NewestFirst => rows,
            Self::OldestFirst => rows.saturating_add(1),
        }
    }

    /// Sorts what is compared by its age.
    pub(crate) fn sort<T: Ord>(self, items: &mut [T]) {
        items.sort_unstable_by(|one, other| match self {
            Self::NewestFirst => other.cmp(one),
            Self::OldestFirst => one.cmp(other),
        });
    }
}
