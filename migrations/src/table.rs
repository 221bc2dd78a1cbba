//! How a table is written down in a migration: columns in order, then keys and indexes.

use sea_orm_migration::{
    DbErr, SchemaManager,
    sea_orm::DbBackend,
    sea_query::{
        Alias, ColumnDef, ConditionalStatement, Expr, ExprTrait, Index, IndexCreateStatement,
        Table as Statement, TableCreateStatement,
    },
};

/// Adds a column of text that may be null to a table that is there.
pub(crate) async fn add_text_null(
    manager: &SchemaManager<'_>,
    table: &'static str,
    column: &'static str,
) -> Result<(), DbErr> {
    let mut definition = ColumnDef::new(column);
    definition.text();
    collate(&mut definition, manager.get_database_backend());
    manager.alter_table(Statement::alter().table(table).add_column(&mut definition).take()).await
}

/// Adds a column of 64 bits that may be null to a table that is there.
pub(crate) async fn add_big_null(
    manager: &SchemaManager<'_>,
    table: &'static str,
    column: &'static str,
) -> Result<(), DbErr> {
    let mut definition = ColumnDef::new(column);
    definition.big_integer();
    manager.alter_table(Statement::alter().table(table).add_column(&mut definition).take()).await
}

/// Adds a column of 32 bits that may be null to a table that is there.
pub(crate) async fn add_integer_null(
    manager: &SchemaManager<'_>,
    table: &'static str,
    column: &'static str,
) -> Result<(), DbErr> {
    let mut definition = ColumnDef::new(column);
    definition.integer();
    manager.alter_table(Statement::alter().table(table).add_column(&mut definition).take()).await
}

/// Bytes decide the order of text on Postgres too, whatever locale the server was made with: ids are paged by it, and
/// both databases have to agree.
fn collate(column: &mut ColumnDef, backend: DbBackend) {
    if backend == DbBackend::Postgres {
        column.extra("COLLATE \"C\"");
    }
}

/// A table in the making. Columns are NOT NULL unless their method's name says otherwise.
pub(crate) struct Table {
    name: &'static str,
    columns: Vec<(ColumnDef, bool)>,
    primary_key: &'static [&'static str],
    indexes: Vec<IndexCreateStatement>,
    without_rowid: bool,
}

impl Table {
    pub(crate) fn new(name: &'static str) -> Self {
        Self { name, columns: Vec::new(), primary_key: &[], indexes: Vec::new(), without_rowid: false }
    }

    pub(crate) fn text(self, column: &'static str) -> Self {
        self.column(column, true, |definition| definition.text().not_null())
    }

    pub(crate) fn text_null(self, column: &'static str) -> Self {
        self.column(column, true, ColumnDef::text)
    }

    /// 64 bits.
    pub(crate) fn big(self, column: &'static str) -> Self {
        self.column(column, false, |definition| definition.big_integer().not_null())
    }

    pub(crate) fn big_null(self, column: &'static str) -> Self {
        self.column(column, false, ColumnDef::big_integer)
    }

    /// 32 bits.
    pub(crate) fn integer(self, column: &'static str) -> Self {
        self.column(column, false, |definition| definition.integer().not_null())
    }

    pub(crate) fn integer_null(self, column: &'static str) -> Self {
        self.column(column, false, ColumnDef::integer)
    }

    pub(crate) fn bytes(self, column: &'static str) -> Self {
        self.column(column, false, |definition| definition.blob().not_null())
    }

    pub(crate) fn bytes_null(self, column: &'static str) -> Self {
        self.column(column, false, ColumnDef::blob)
    }

    pub(crate) fn primary_key(mut self, columns: &'static [&'static str]) -> Self {
        self.primary_key = columns;
        self
    }

    /// On SQLite, rows lie in the primary key itself: one tree to write per row instead of two.
    pub(crate) fn without_rowid(mut self) -> Self {
        self.without_rowid = true;
        self
    }

    pub(crate) fn unique(mut self, columns: &[&'static str]) -> Self {
        let mut index = self.index_on("uq", columns);
        self.indexes.push(index.unique().take());
        self
    }

    /// Unique among the rows whose `deleted_at` is null, so that a deleted thing's key can be used again.
    pub(crate) fn unique_while_live(mut self, columns: &[&'static str]) -> Self {
        let mut index = self.index_on("uq", columns);
        self.indexes.push(index.unique().and_where(Expr::col("deleted_at").is_null()).take());
        self
    }

    pub(crate) fn index(mut self, columns: &[&'static str]) -> Self {
        let index = self.index_on("ix", columns);
        self.indexes.push(index);
        self
    }

    /// An index of only those rows in which `column` is `value`.
    pub(crate) fn index_where(
        mut self,
        columns: &[&'static str],
        column: &'static str,
        value: &'static str,
    ) -> Self {
        let mut index = self.index_on("ix", columns);
        self.indexes.push(index.and_where(Expr::col(column).eq(value)).take());
        self
    }

    /// An index of only those rows in which `column` is not `value`.
    pub(crate) fn index_unless(
        mut self,
        columns: &[&'static str],
        column: &'static str,
        value: &'static str,
    ) -> Self {
        let mut index = self.index_on("ix", columns);
        self.indexes.push(index.and_where(Expr::col(column).ne(value)).take());
        self
    }

    pub(crate) async fn create(self, manager: &SchemaManager<'_>) -> Result<(), DbErr> {
        let backend = manager.get_database_backend();
        manager.create_table(self.statement(backend)).await?;
        for index in self.indexes {
            manager.create_index(index).await?;
        }
        Ok(())
    }

    fn statement(&self, backend: DbBackend) -> TableCreateStatement {
        let mut statement = Statement::create();
        statement.table(self.name);
        for (column, is_text) in &self.columns {
            let mut column = column.clone();
            if *is_text {
                collate(&mut column, backend);
            }
            statement.col(column);
        }
        let mut key = Index::create();
        for column in self.primary_key {
            key.col(Alias::new(*column));
        }
        statement.primary_key(&mut key);
        if self.without_rowid && backend == DbBackend::Sqlite {
            statement.extra("WITHOUT ROWID");
        }
        statement
    }

    fn column(
        mut self,
        name: &'static str,
        is_text: bool,
        define: impl FnOnce(&mut ColumnDef) -> &mut ColumnDef,
    ) -> Self {
        let mut definition = ColumnDef::new(name);
        define(&mut definition);
        self.columns.push((definition, is_text));
        self
    }

    fn index_on(&self, prefix: &str, columns: &[&'static str]) -> IndexCreateStatement {
        let mut index = Index::create();
        index.name(format!("{prefix}_{}_{}", self.name, columns.join("_"))).table(self.name);
        for column in columns {
            index.col(Alias::new(*column));
        }
        index
    }
}
