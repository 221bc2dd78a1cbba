//! Lists of resources in an order of the caller's choice, page by page.

use std::{fmt, str::FromStr};

use sea_orm::{
    ColumnTrait, Condition, DbBackend, EntityTrait, ExprTrait, Order, QueryFilter, QueryOrder, QuerySelect,
    Select, sea_query::Expr,
};

use crate::{Page, Show};

/// What a list of resources is ordered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum By {
    /// When they were made.
    #[default]
    Made,
    /// The name that people see, by code points: capitals come first.
    DisplayName,
    /// Their key.
    Key,
}

/// The order of a list of resources.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sort {
    /// What decides; where it is the same, the older one comes first.
    pub by: By,
    /// The other way round.
    pub descending: bool,
}

/// Which resources a list has, and in which order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listing {
    /// Whether it has what is deleted.
    pub show: Show,
    /// Its order.
    pub sort: Sort,
}

impl From<Show> for Listing {
    /// Oldest first.
    fn from(show: Show) -> Self {
        Self { show, sort: Sort::default() }
    }
}

/// Where a page of such a list ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Last<K> {
    /// The id of the last one.
    pub id: K,
    /// What it is ordered by, where that is not its id.
    value: String,
}

impl<K: fmt::Display> fmt::Display for Last<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.id, self.value)
    }
}

impl<K: FromStr> FromStr for Last<K> {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        // No id has a space in it.
        let (id, value) = text.split_once(' ').ok_or(())?;
        Ok(Self { id: id.parse().map_err(|_| ())?, value: value.to_owned() })
    }
}

/// The columns that such a list can be ordered by.
pub(crate) struct Columns<C> {
    pub(crate) id: C,
    pub(crate) display_name: C,
    pub(crate) key: C,
}

impl Sort {
    /// Where a page with this resource as its last one ends.
    pub(crate) fn last<K>(self, id: K, display_name: &str, key: &str) -> Last<K> {
        let value = match self.by {
            By::Made => "",
            By::DisplayName => display_name,
            By::Key => key,
        };
        Last { id, value: value.to_owned() }
    }

    /// The rows of a page, and one more where there is another.
    pub(crate) fn rows<E, C, K>(
        self,
        backend: DbBackend,
        mut query: Select<E>,
        columns: &Columns<C>,
        page: &Page<Last<K>>,
    ) -> Select<E>
    where
        E: EntityTrait<Column = C>,
        C: ColumnTrait,
        K: fmt::Display,
    {
        let by = match self.by {
            By::Made => None,
            By::DisplayName => Some(columns.display_name),
            By::Key => Some(columns.key),
        };
        // The same on both databases, whatever collation that of Postgres was made with.
        let collation = if backend == DbBackend::Postgres { "\"C\"" } else { "BINARY" };
        let table = E::default();
        let by = by.map(|column| {
            Expr::cust(format!("{}.{} COLLATE {collation}", table.table_name(), column.as_str()))
        });
        let order = if self.descending { Order::Desc } else { Order::Asc };
        if let Some(Last { id, value }) = &page.after {
            let id = id.to_string();
            let beyond = if self.descending { columns.id.lt(id) } else { columns.id.gt(id) };
            query = query.filter(match &by {
                None => Condition::all().add(beyond),
                Some(by) => {
                    let value = value.as_str();
                    let further = if self.descending { by.clone().lt(value) } else { by.clone().gt(value) };
                    let same = Condition::all().add(by.clone().eq(value)).add(beyond);
                    Condition::any().add(further).add(same)
                }
            });
        }
        if let Some(by) = by {
            query = query.order_by(by, order.clone());
        }
        query.order_by(columns.id, order).limit(page.rows())
    }
}
