//! The filter language of lists, a small part of AIP-160: comparisons joined by `AND`, such as
//! `status = "FAILED" AND time >= 2026-01-31T09:30:00Z`.
//!
//! A comparison is a field, an operator and a value: `=`, `!=`, `<`, `<=`, `>`, `>=`, and `:` for *contains*. A value
//! stands in single or double quotes, in which a backslash escapes a quote or a backslash; without quotes it consists of
//! letters, digits and `_ . : + @ / -`. Nothing else is known: no `OR`, no `NOT`, no parentheses, no wildcards. What is
//! not understood is refused, with its place and with what would be.

mod read;
#[cfg(test)]
mod tests;

use tonic::Status;

use crate::violations::invalid;

/// A longer filter is refused.
const MAX_LENGTH: usize = 2_000;

/// How a field is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operator {
    /// `=`
    Is,
    /// `!=`
    IsNot,
    /// `>=`
    AtLeast,
    /// `>`
    Above,
    /// `<=`
    AtMost,
    /// `<`
    Below,
    /// `:`
    Contains,
}

impl Operator {
    /// All of them; one that begins another comes after it.
    const ALL: [Self; 7] =
        [Self::IsNot, Self::AtLeast, Self::AtMost, Self::Is, Self::Above, Self::Below, Self::Contains];

    /// How it is written.
    fn sign(self) -> &'static str {
        match self {
            Self::Is => "=",
            Self::IsNot => "!=",
            Self::AtLeast => ">=",
            Self::Above => ">",
            Self::AtMost => "<=",
            Self::Below => "<",
            Self::Contains => ":",
        }
    }
}

/// A field that a list can be filtered by.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Field {
    /// Its name.
    pub(crate) name: &'static str,
    /// How it can be compared.
    pub(crate) operators: &'static [Operator],
}

/// One comparison, with its place in the filter: the number of its first character, counted from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Clause {
    at: usize,
    field: String,
    operator: Operator,
    value: String,
}

impl Clause {
    /// What the field is compared with.
    pub(crate) fn value(&self) -> &str {
        &self.value
    }

    /// The value as what it means.
    ///
    /// # Errors
    /// INVALID_ARGUMENT when `read` makes nothing of it; `expected` says what it should be.
    pub(crate) fn read<T>(&self, expected: &str, read: impl Fn(&str) -> Option<T>) -> Result<T, Status> {
        read(&self.value).ok_or_else(|| self.refused(&format!("expected {expected}")))
    }

    /// INVALID_ARGUMENT for this comparison.
    pub(crate) fn refused(&self, why: &str) -> Status {
        refused(self.at, &format!("`{}`: {why}", self.field))
    }
}

/// A filter, read and checked.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Filter {
    clauses: Vec<Clause>,
}

impl Filter {
    /// Reads `text`; every comparison must be of one of the fields that are `known`, in one of its ways, and each way at
    /// most once, except for `:`.
    ///
    /// # Errors
    /// INVALID_ARGUMENT that says what is wrong, where it stands, and what is known.
    pub(crate) fn parse(text: &str, known: &[Field]) -> Result<Self, Status> {
        if text.len() > MAX_LENGTH {
            return Err(invalid("filter", format!("at most {MAX_LENGTH} characters")));
        }
        let clauses =
            read::clauses(text).map_err(|wrong| refused(wrong.at, &with_known(wrong.what, known)))?;
        for (number, clause) in clauses.iter().enumerate() {
            let field = known.iter().find(|field| field.name == clause.field);
            let is_known = field.is_some_and(|field| field.operators.contains(&clause.operator));
            if !is_known {
                let what = match field {
                    Some(_) => {
                        format!("`{}` cannot be compared with `{}`", clause.field, clause.operator.sign())
                    }
                    None => format!("there is no field `{}` here", clause.field),
                };
                return Err(refused(clause.at, &with_known(&what, known)));
            }
            let same = |other: &&Clause| other.field == clause.field && other.operator == clause.operator;
            if clause.operator != Operator::Contains && clauses[..number].iter().any(|other| same(&other)) {
                return Err(clause.refused("is compared twice in the same way"));
            }
        }
        Ok(Self { clauses })
    }

    /// The comparison of `field` by `operator`, if there is one.
    pub(crate) fn find(&self, field: &'static str, operator: Operator) -> Option<&Clause> {
        self.all(field, operator).next()
    }

    /// All comparisons of `field` by `operator`.
    pub(crate) fn all(&self, field: &'static str, operator: Operator) -> impl Iterator<Item = &Clause> {
        self.clauses.iter().filter(move |clause| clause.field == field && clause.operator == operator)
    }

    /// The value of the comparison of `field` by `operator`, as what it means.
    ///
    /// # Errors
    /// INVALID_ARGUMENT when `read` makes nothing of it; `expected` says what it should be.
    pub(crate) fn read<T>(
        &self,
        field: &'static str,
        operator: Operator,
        expected: &str,
        read: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>, Status> {
        self.find(field, operator).map(|clause| clause.read(expected, read)).transpose()
    }
}

fn refused(at: usize, what: &str) -> Status {
    invalid("filter", format!("at character {at}: {what}"))
}

/// What is wrong, and what would not be.
fn with_known(what: &str, known: &[Field]) -> String {
    let field = |field: &Field| {
        let signs: Vec<_> = field.operators.iter().map(|operator| operator.sign()).collect();
        format!("{} ({})", field.name, signs.join(" "))
    };
    let fields: Vec<_> = known.iter().map(field).collect();
    format!("{what}; the fields are {}", fields.join(", "))
}
