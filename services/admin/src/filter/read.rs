//! From the text of a filter to its comparisons.

use super::{Clause, Operator};

/// Something that is not understood.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Wrong {
    /// The number of its first character, counted from 1.
    pub(super) at: usize,
    /// What was expected there.
    pub(super) what: &'static str,
}

/// The comparisons of a filter, in their order; none of an empty one.
///
/// # Errors
/// Where it is not understood.
pub(super) fn clauses(text: &str) -> Result<Vec<Clause>, Wrong> {
    let mut reader = Reader { text, rest: text };
    let mut clauses = Vec::new();
    reader.skip_space();
    while !reader.rest.is_empty() {
        clauses.push(reader.clause()?);
        let had_space = reader.skip_space();
        if !reader.rest.is_empty() {
            reader.join(had_space)?;
        }
    }
    Ok(clauses)
}

struct Reader<'a> {
    text: &'a str,
    rest: &'a str,
}

impl<'a> Reader<'a> {
    fn wrong(&self, what: &'static str) -> Wrong {
        let read = &self.text[..self.text.len() - self.rest.len()];
        Wrong { at: read.chars().count() + 1, what }
    }

    fn skip_space(&mut self) -> bool {
        let rest = self.rest.trim_start();
        let had_space = rest.len() < self.rest.len();
        self.rest = rest;
        had_space
    }

    /// Takes as many characters as `belongs` to what is read.
    fn take(&mut self, belongs: impl Fn(char) -> bool) -> &'a str {
        let end = self.rest.find(|letter| !belongs(letter)).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at(end);
        self.rest = rest;
        taken
    }

    /// Reads one `field operator value`.
    fn clause(&mut self) -> Result<Clause, Wrong> {
        let start = self.wrong("expected a comparison such as `status = \"FAILED\"`");
        if self.rest.starts_with(['(', '-']) {
            return Err(
                self.wrong("comparisons are joined by AND; there is no OR, no NOT and no parentheses")
            );
        }
        let field = self.take(|letter| letter.is_ascii_alphanumeric() || letter == '_');
        if field.is_empty() {
            return Err(start);
        }
        if matches!(field, "AND" | "OR" | "NOT") {
            return Err(Wrong { what: "comparisons are joined by AND; there is no OR, no NOT", ..start });
        }
        self.skip_space();
        let operator = Operator::ALL.into_iter().find(|operator| self.rest.starts_with(operator.sign()));
        let operator = operator.ok_or_else(|| self.wrong("expected one of = != < <= > >= :"))?;
        self.rest = &self.rest[operator.sign().len()..];
        self.skip_space();
        let value = self.value()?;
        Ok(Clause { at: start.at, field: field.to_owned(), operator, value })
    }

    fn value(&mut self) -> Result<String, Wrong> {
        if let Some(quote) = self.rest.chars().next().filter(|letter| matches!(letter, '"' | '\'')) {
            return self.quoted(quote);
        }
        let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "_.:+@/-".contains(letter);
        let value = self.take(is_plain);
        if value.is_empty() {
            return Err(self.wrong("expected a value, such as \"FAILED\""));
        }
        Ok(value.to_owned())
    }

    fn quoted(&mut self, quote: char) -> Result<String, Wrong> {
        let open = self.wrong("this quote is not closed");
        let mut value = String::new();
        let mut letters = self.rest.char_indices().skip(1);
        while let Some((at, letter)) = letters.next() {
            if letter == quote {
                self.rest = &self.rest[at + 1..];
                return Ok(value);
            }
            if letter != '\\' {
                value.push(letter);
                continue;
            }
            match letters.next() {
                Some((_, escaped @ ('"' | '\'' | '\\'))) => value.push(escaped),
                _ => {
                    self.rest = &self.rest[at..];
                    return Err(self.wrong("a backslash stands before a quote or another backslash"));
                }
            }
        }
        Err(open)
    }

    /// Reads the `AND` between two comparisons.
    fn join(&mut self, had_space: bool) -> Result<(), Wrong> {
        let expected = self.wrong("expected AND between two comparisons, or the end; there is no OR");
        let after = self.rest.strip_prefix("AND").filter(|after| after.starts_with(char::is_whitespace));
        match after.map(str::trim_start) {
            Some(after) if had_space && !after.is_empty() => {
                self.rest = after;
                Ok(())
            }
            _ => Err(expected),
        }
    }
}
