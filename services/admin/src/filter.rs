//! The small filter language of lists: comparisons joined by `AND`, such as
//! `status = "FAILED" AND time >= "2026-01-31T09:30:00Z"`.

use tonic::Status;
use tributary_domain::time::Timestamp;

use crate::violations::invalid;

/// A longer filter is refused.
const MAX_LENGTH: usize = 2_000;

/// How a field is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Comparison {
    /// `=`
    Is,
    /// `>=`
    AtLeast,
    /// `<`
    Before,
}

/// A filter, read and checked.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Filter {
    clauses: Vec<(String, Comparison, String)>,
}

impl Filter {
    /// Reads `text`; every clause must be one of `known`, and each at most once.
    ///
    /// # Errors
    /// INVALID_ARGUMENT that says which clause is wrong and what is known.
    pub(crate) fn parse(text: &str, known: &[(&str, Comparison)]) -> Result<Self, Status> {
        if text.len() > MAX_LENGTH {
            return Err(invalid("filter", format!("at most {MAX_LENGTH} characters")));
        }
        let mut clauses: Vec<(String, Comparison, String)> = Vec::new();
        let mut rest = text.trim();
        while !rest.is_empty() {
            let (clause, after) = clause(rest)?;
            if !known.contains(&(clause.0.as_str(), clause.1)) {
                return Err(invalid("filter", format!("`{}` cannot be compared like this here", clause.0)));
            }
            if clauses.iter().any(|(field, comparison, _)| *field == clause.0 && *comparison == clause.1) {
                return Err(invalid("filter", format!("`{}` is compared twice", clause.0)));
            }
            clauses.push(clause);
            rest = joined(after)?;
        }
        Ok(Self { clauses })
    }

    /// The value that `field` has to be equal to.
    pub(crate) fn text(&self, field: &str) -> Option<&str> {
        self.find(field, Comparison::Is)
    }

    /// The value that `field` has to be equal to, as what it means.
    ///
    /// # Errors
    /// INVALID_ARGUMENT when `read` makes nothing of it; `expected` says what it should be.
    pub(crate) fn parsed<T>(
        &self,
        field: &str,
        expected: &str,
        read: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>, Status> {
        let Some(text) = self.text(field) else { return Ok(None) };
        read(text).map(Some).ok_or_else(|| invalid("filter", format!("`{field}`: expected {expected}")))
    }

    /// The time that `field` is compared with.
    ///
    /// # Errors
    /// INVALID_ARGUMENT when it is no time.
    pub(crate) fn time(&self, field: &str, comparison: Comparison) -> Result<Option<Timestamp>, Status> {
        let Some(text) = self.find(field, comparison) else { return Ok(None) };
        text.parse().map(Some).map_err(|error| invalid("filter", format!("`{field}`: {error}")))
    }

    fn find(&self, field: &str, comparison: Comparison) -> Option<&str> {
        let mut clauses = self.clauses.iter();
        clauses.find(|clause| clause.0 == field && clause.1 == comparison).map(|clause| clause.2.as_str())
    }
}

/// Reads one `field comparison "value"` and returns what follows it.
fn clause(text: &str) -> Result<((String, Comparison, String), &str), Status> {
    let refused = || invalid("filter", "expected comparisons such as `status = \"FAILED\"`, joined by AND");
    let end =
        text.find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_').ok_or_else(refused)?;
    let (field, rest) = text.split_at(end);
    let rest = rest.trim_start();
    let comparisons = [(">=", Comparison::AtLeast), ("<", Comparison::Before), ("=", Comparison::Is)];
    let found =
        comparisons.into_iter().find_map(|(sign, comparison)| Some((comparison, rest.strip_prefix(sign)?)));
    let (comparison, rest) = found.ok_or_else(refused)?;
    let (value, rest) =
        rest.trim_start().strip_prefix('"').and_then(|rest| rest.split_once('"')).ok_or_else(refused)?;
    if field.is_empty() {
        Err(refused())
    } else {
        Ok(((field.to_owned(), comparison, value.to_owned()), rest))
    }
}

/// What follows the `AND` after a clause; empty at the end.
fn joined(after: &str) -> Result<&str, Status> {
    let after = after.trim();
    if after.is_empty() {
        return Ok(after);
    }
    let next =
        after.strip_prefix("AND").filter(|next| next.starts_with(char::is_whitespace)).map(str::trim_start);
    next.filter(|next| !next.is_empty()).ok_or_else(|| invalid("filter", "comparisons are joined by AND"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: [(&str, Comparison); 3] =
        [("status", Comparison::Is), ("time", Comparison::AtLeast), ("time", Comparison::Before)];

    #[test]
    fn clauses_are_found_by_field_and_comparison() {
        let text = r#"status="FAILED"  AND time >= "2026-01-31T09:30:00Z" AND time < "2026-02-01T00:00:00Z""#;
        let filter = Filter::parse(text, &KNOWN).unwrap();
        assert_eq!(filter.text("status"), Some("FAILED"));
        let time = |comparison| filter.time("time", comparison).unwrap().unwrap().to_string();
        assert_eq!(time(Comparison::AtLeast), "2026-01-31T09:30:00Z");
        assert_eq!(time(Comparison::Before), "2026-02-01T00:00:00Z");
        assert_eq!(Filter::parse("", &KNOWN).unwrap(), Filter::default());
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for text in [
            "status",
            "status = FAILED",
            r#"status = "FAILED"#,
            r#"status < "FAILED""#,
            r#"cluid = "x""#,
            r#"status = "A" OR status = "B""#,
            r#"status = "A" AND"#,
            r#"status = "A" AND status = "B""#,
            r#"= "A""#,
            "é",
        ] {
            assert!(Filter::parse(text, &KNOWN).is_err(), "{text}");
        }
        assert!(Filter::parse(r#"time < "now""#, &KNOWN).unwrap().time("time", Comparison::Before).is_err());
    }
}
