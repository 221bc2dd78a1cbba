//! Places in the payload.
//!
//! A path is RFC 9535 JSONPath. `$` is the element of `for_each`, or the whole payload where there is none; a path
//! that starts with `$$` always reads the whole payload. Paths of names and indexes only, nearly all there are,
//! are walked directly; the rest go through a JSONPath engine and pay for what they search.

use std::borrow::Cow;

use serde_json::Value;
use serde_json_path::JsonPath;

use super::{Scope, loss::Loss, value};
use crate::workflow::{
    compile::{Problems, limits},
    spec::{Path, Pick},
};

/// A path that is known to be sound.
#[derive(Debug)]
pub(crate) struct CompiledPath {
    text: String,
    whole_payload: bool,
    pick: Pick,
    route: Route,
}

#[derive(Debug)]
enum Route {
    Direct(Vec<Segment>),
    Search(JsonPath),
}

#[derive(Debug, PartialEq)]
enum Segment {
    Name(String),
    Index(i64),
}

impl CompiledPath {
    /// Compiles `path`; nothing, and a problem, when it is not a path.
    pub(crate) fn compile(path: &Path, problems: &mut Problems) -> Option<Self> {
        let text = path.jsonpath.trim();
        if text.is_empty() {
            problems.error(
                "a path is missing",
                "click a value of the sample, or write a path such as $.payload.email",
            );
            return None;
        }
        let whole_payload = text.starts_with("$$");
        let query = if whole_payload { &text[1..] } else { text };
        let parsed = match json_path(query) {
            Ok(parsed) => parsed,
            Err(fault) => {
                problems.error(format!("`{}` {fault}", value::cut(text)), fault.fix());
                return None;
            }
        };
        let route = match direct(query) {
            Some(segments) => Route::Direct(segments),
            None => Route::Search(parsed),
        };
        Some(Self { text: text.to_owned(), whole_payload, pick: path.pick, route })
    }

    /// The path as it was written.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// The value at the path.
    pub(crate) fn find<'a>(&self, scope: &Scope<'a>) -> Result<Cow<'a, Value>, Loss> {
        if let (Route::Direct(segments), Pick::First | Pick::Last | Pick::Only) = (&self.route, self.pick) {
            return walk(self.root(scope), segments).map(Cow::Borrowed).ok_or(Loss::Absent);
        }
        let nodes = self.nodes(scope);
        match self.pick {
            Pick::First => nodes.first().copied().map(Cow::Borrowed).ok_or(Loss::Absent),
            Pick::Last => nodes.last().copied().map(Cow::Borrowed).ok_or(Loss::Absent),
            Pick::Only if nodes.len() > 1 => Err(Loss::Several),
            Pick::Only => nodes.first().copied().map(Cow::Borrowed).ok_or(Loss::Absent),
            Pick::All => list_of(&nodes).map(Cow::Owned),
        }
    }

    /// Every node at the path, in the order of the payload.
    pub(crate) fn nodes<'a>(&self, scope: &Scope<'a>) -> Vec<&'a Value> {
        let root = self.root(scope);
        match &self.route {
            Route::Direct(segments) => walk(root, segments).into_iter().collect(),
            Route::Search(path) if scope.pay_for_search(root) => path.query(root).all(),
            Route::Search(_) => Vec::new(),
        }
    }

    fn root<'a>(&self, scope: &Scope<'a>) -> &'a Value {
        if self.whole_payload { scope.message.body } else { scope.element }
    }
}

fn list_of(nodes: &[&Value]) -> Result<Value, Loss> {
    if nodes.is_empty() {
        return Err(Loss::Absent);
    }
    let mut left = value::MAX_BYTES;
    for node in nodes {
        let bytes = value::size_within(node, left).ok_or(Loss::TooLong)?;
        left -= bytes;
    }
    Ok(Value::Array(nodes.iter().copied().cloned().collect()))
}

fn walk<'a>(root: &'a Value, segments: &[Segment]) -> Option<&'a Value> {
    segments.iter().try_fold(root, |value, segment| match (value, segment) {
        (Value::Object(fields), Segment::Name(name)) => fields.get(name),
        (Value::Array(items), Segment::Index(index)) => {
            let from_start =
                if *index < 0 { index.checked_add_unsigned(items.len() as u64)? } else { *index };
            items.get(usize::try_from(from_start).ok()?)
        }
        _ => None,
    })
}

/// Why a text is not taken for a path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PathFault {
    /// It is longer than a path may be.
    #[error("has {0} bytes, at most {max} are allowed", max = limits::PATH_BYTES)]
    TooLong(usize),
    /// Reading it, or searching with it, could cost more than a message is worth.
    #[error("would search too much")]
    Costly,
    /// It does not follow RFC 9535.
    #[error("is not a JSONPath: {0}")]
    Syntax(String),
}

impl PathFault {
    /// What to do about it.
    pub fn fix(&self) -> &'static str {
        match self {
            Self::TooLong(_) => "shorten the path",
            Self::Costly => {
                "use at most one `..`, two filters, eight brackets `(`, four commas, no `$` inside a filter and no match() or search(); \
                 a condition can match a regular expression"
            }
            Self::Syntax(_) => {
                "write a path such as $.payload.email or $.items[0].name; $$ reads the whole message"
            }
        }
    }
}

/// Reads a JSONPath of somebody else's making. What it costs is looked at before it is parsed: the engine's parser
/// takes twice the time for each level of a filter, and recurses for each bracket.
///
/// # Errors
/// When it is no path, or one that could cost too much.
pub fn json_path(query: &str) -> Result<JsonPath, PathFault> {
    if query.len() > limits::PATH_BYTES {
        return Err(PathFault::TooLong(query.len()));
    }
    if is_costly(query) {
        return Err(PathFault::Costly);
    }
    JsonPath::parse(query).map_err(|error| PathFault::Syntax(error.message().to_owned()))
}

/// The segments of a path of names and indexes only. `query` is known to be a JSONPath; what is not surely simple
/// is left to the engine.
fn direct(query: &str) -> Option<Vec<Segment>> {
    let mut rest = query.strip_prefix('$')?;
    let mut segments = Vec::new();
    while !rest.is_empty() {
        if let Some(name) = rest.strip_prefix('.') {
            let end = name.find(['.', '[']).unwrap_or(name.len());
            let (name, after) = name.split_at(end);
            let is_plain =
                name.chars().all(|letter| letter.is_alphanumeric() || letter == '_' || !letter.is_ascii());
            if name.is_empty() || !is_plain {
                return None;
            }
            segments.push(Segment::Name(name.to_owned()));
            rest = after;
        } else {
            let (inside, after) = bracket(rest)?;
            segments.push(inside);
            rest = after;
        }
    }
    Some(segments)
}

/// The segment in the brackets that `rest` starts with, and what follows them.
fn bracket(rest: &str) -> Option<(Segment, &str)> {
    let inside = rest.strip_prefix('[')?;
    if let Some(quote) = inside.chars().next().filter(|letter| matches!(letter, '\'' | '"')) {
        let (name, after) = inside[1..].split_once(quote)?;
        return (!name.contains('\\'))
            .then_some(())
            .and_then(|()| after.strip_prefix(']'))
            .map(|after| (Segment::Name(name.to_owned()), after));
    }
    let (index, after) = inside.split_once(']')?;
    Some((Segment::Index(index.parse().ok()?), after))
}

/// Whether a path could visit far more nodes than the payload has: each further `..`, a query of the whole payload
/// per candidate and each union multiply, and the engine compiles a pattern of match() once per candidate.
fn is_costly(query: &str) -> bool {
    let bare = without_quoted(query);
    bare.matches("..").count() > 1
        || bare.matches('$').count() > 1
        || bare.matches(',').count() > 4
        || bare.matches('?').count() > 2
        || bare.matches('(').count() > 8
        || bare.contains("match(")
        || bare.contains("search(")
}

fn without_quoted(query: &str) -> String {
    let mut bare = String::with_capacity(query.len());
    let mut quote = None;
    let mut letters = query.chars();
    while let Some(letter) = letters.next() {
        match quote {
            Some(_) if letter == '\\' => drop(letters.next()),
            Some(open) if letter == open => quote = None,
            Some(_) => {}
            None if matches!(letter, '\'' | '"') => quote = Some(letter),
            None => bare.push(letter),
        }
    }
    bare
}

#[cfg(test)]
mod tests;
