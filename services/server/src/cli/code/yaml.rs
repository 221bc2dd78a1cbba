//! Reading YAML (1.2, core schema) as JSON values that know their lines.

use std::collections::{BTreeMap, HashMap};

use saphyr_parser::{Event, Parser, ScalarStyle, Span, StrInput, Tag};
use serde_json::{Map, Number, Value};

use super::{
    fault::Fault,
    path::{element, member},
};

/// Deeper nesting is no configuration.
const MAX_DEPTH: usize = 100;
/// More values are no configuration; aliases of aliases grow fast.
const MAX_VALUES: usize = 200_000;

/// One YAML document.
#[derive(Debug)]
pub(in crate::cli) struct Document {
    /// What it holds.
    pub(in crate::cli) value: Value,
    /// The line of each value, by its path.
    lines: BTreeMap<String, usize>,
}

impl Document {
    /// The line of what is at `path`, or else of what it would be in, counted from 1.
    pub(super) fn line(&self, path: &str) -> usize {
        let mut path = path;
        loop {
            if let Some(line) = self.lines.get(path) {
                return *line;
            }
            match path.rfind(['.', '[']) {
                Some(end) => path = &path[..end],
                None => return self.lines.get("").copied().unwrap_or(1),
            }
        }
    }
}

/// The documents of a file.
///
/// # Errors
/// When it is not YAML, with the line; or uses what has no meaning here: tags, keys that are no texts, a key twice.
pub(in crate::cli) fn read(text: &str) -> Result<Vec<Document>, (usize, String)> {
    let mut reader = Reader {
        events: Parser::new_from_str(text),
        lines: BTreeMap::new(),
        anchors: HashMap::new(),
        count: 0,
    };
    let mut documents = Vec::new();
    loop {
        let (event, _) = reader.next()?;
        match event {
            Event::StreamEnd => return Ok(documents),
            Event::DocumentStart(_) => {
                let (event, span) = reader.next()?;
                let value = reader.value(event, span, "", 0)?;
                documents.push(Document { value, lines: std::mem::take(&mut reader.lines) });
                reader.anchors.clear();
            }
            _ => {}
        }
    }
}

struct Reader<'a> {
    events: Parser<'a, StrInput<'a>>,
    lines: BTreeMap<String, usize>,
    anchors: HashMap<usize, Value>,
    count: usize,
}

impl<'a> Reader<'a> {
    fn next(&mut self) -> Result<(Event<'a>, Span), (usize, String)> {
        match self.events.next_event() {
            Some(Ok(found)) => Ok(found),
            Some(Err(error)) => Err((error.marker().line(), format!("not YAML: {}", error.info()))),
            None => Ok((Event::StreamEnd, Span::default())),
        }
    }

    /// The value that begins with `event`.
    fn value(
        &mut self,
        event: Event<'a>,
        span: Span,
        path: &str,
        depth: usize,
    ) -> Result<Value, (usize, String)> {
        let line = span.start.line();
        self.count += 1;
        if depth > MAX_DEPTH || self.count > MAX_VALUES {
            return Err((line, "nested too deeply, or too large".to_owned()));
        }
        self.lines.insert(path.to_owned(), line);
        let (value, anchor) = match event {
            Event::Scalar(text, style, anchor, tag) => {
                (scalar(&text, style, tag.as_deref()).map_err(|error| (line, error))?, anchor)
            }
            Event::SequenceStart(anchor, tag) => {
                untagged(tag.as_deref()).map_err(|error| (line, error))?;
                (self.list(path, depth)?, anchor)
            }
            Event::MappingStart(anchor, tag) => {
                untagged(tag.as_deref()).map_err(|error| (line, error))?;
                (self.map(path, depth)?, anchor)
            }
            Event::Alias(anchor) => {
                let value = self.anchors.get(&anchor).cloned();
                let value =
                    value.ok_or_else(|| (line, "an alias inside of what it stands for".to_owned()))?;
                self.count += size(&value);
                (value, 0)
            }
            _ => return Err((line, "not YAML: a value is missing".to_owned())),
        };
        if anchor != 0 {
            self.anchors.insert(anchor, value.clone());
        }
        Ok(value)
    }

    fn list(&mut self, path: &str, depth: usize) -> Result<Value, (usize, String)> {
        let mut items = Vec::new();
        loop {
            let (event, span) = self.next()?;
            if event == Event::SequenceEnd {
                return Ok(Value::Array(items));
            }
            items.push(self.value(event, span, &element(path, items.len()), depth + 1)?);
        }
    }

    fn map(&mut self, path: &str, depth: usize) -> Result<Value, (usize, String)> {
        let mut members = Map::new();
        loop {
            let (event, span) = self.next()?;
            let line = span.start.line();
            let key = match event {
                Event::MappingEnd => return Ok(Value::Object(members)),
                Event::Scalar(key, _, 0, None) => key.into_owned(),
                _ => return Err((line, "a key has to be a text".to_owned())),
            };
            let (event, value_span) = self.next()?;
            let path = member(path, &key);
            let value = self.value(event, value_span, &path, depth + 1)?;
            // People look for the key, which stands before its value.
            self.lines.insert(path, line);
            if members.insert(key.clone(), value).is_some() {
                return Err((line, format!("`{key}` stands here twice")));
            }
        }
    }
}

fn size(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(size).sum::<usize>(),
        Value::Object(members) => 1 + members.values().map(size).sum::<usize>(),
        _ => 1,
    }
}

fn untagged(tag: Option<&Tag>) -> Result<(), String> {
    tag.map_or(Ok(()), |tag| Err(format!("tags such as {tag} have no meaning here")))
}

fn scalar(text: &str, style: ScalarStyle, tag: Option<&Tag>) -> Result<Value, String> {
    match tag {
        Some(tag) if tag.is_yaml_core_schema() && tag.suffix == "str" => {
            return Ok(Value::String(text.to_owned()));
        }
        other => untagged(other)?,
    }
    if style != ScalarStyle::Plain {
        return Ok(Value::String(text.to_owned()));
    }
    plain(text)
}

/// What a text without quotes stands for.
///
/// # Errors
/// When it could be taken for several things.
pub(super) fn plain(text: &str) -> Result<Value, String> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let begins_as_number =
        digits.strip_prefix('.').unwrap_or(digits).bytes().next().is_some_and(|byte| byte.is_ascii_digit());
    Ok(match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" => Value::Bool(true),
        "false" | "False" | "FALSE" => Value::Bool(false),
        _ if !begins_as_number => Value::String(text.to_owned()),
        _ if digits.len() > 1
            && digits.bytes().all(|byte| byte.is_ascii_digit())
            && digits.starts_with('0') =>
        {
            return Err(format!("{text} is a number with a zero before it: write a text in quotes"));
        }
        _ => number(text, digits).map_or_else(|| Value::String(text.to_owned()), Value::Number),
    })
}

fn number(text: &str, digits: &str) -> Option<Number> {
    let radix = |prefix: &str, radix: u32| {
        text.strip_prefix(prefix).and_then(|digits| u64::from_str_radix(digits, radix).ok())
    };
    if let Some(number) = radix("0x", 16).or_else(|| radix("0o", 8)) {
        return Some(number.into());
    }
    if digits.bytes().all(|byte| byte.is_ascii_digit()) {
        let text = text.strip_prefix('+').unwrap_or(text);
        if let Ok(number) = text.parse::<i64>() {
            return Some(number.into());
        }
    }
    let is_float = digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-'));
    text.parse::<f64>().ok().filter(|_| is_float).and_then(Number::from_f64)
}

impl From<(usize, String)> for Fault {
    fn from((line, message): (usize, String)) -> Self {
        Self { line: Some(line), path: String::new(), message }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn one(text: &str) -> Value {
        read(text).unwrap().remove(0).value
    }

    #[test]
    fn scalars_are_what_yaml_says() {
        let text =
            "a: NO\nb: yes\nc: 1.5\nd: 0x1f\ne: ~\nf: '12'\ng: +4\nh: 1_000\ni: !!str 5\nj: 1e3\nk: 10:30";
        let expected = json!({
            "a": "NO", "b": "yes", "c": 1.5, "d": 31, "e": null, "f": "12", "g": 4, "h": "1_000", "i": "5",
            "j": 1000.0, "k": "10:30",
        });
        assert_eq!(one(text), expected);
        assert_eq!(one("a: |\n  x\n  y\n"), json!({"a": "x\ny\n"}));
        assert_eq!(one("a: &x {b: 1}\nc: *x"), json!({"a": {"b": 1}, "c": {"b": 1}}));
    }

    #[test]
    fn what_cannot_be_meant_is_refused_with_its_line() {
        for (text, line, told) in [
            ("a: 1\na: 2", 2, "twice"),
            ("a:\n  b: 007", 2, "in quotes"),
            ("a: !ruby 1", 1, "tags"),
            ("a:\n  - [1, 2", 2, "not YAML"),
            ("? [a]\n: b", 1, "a key has to be a text"),
        ] {
            let (found, message) = read(text).unwrap_err();
            assert!(found >= line && message.contains(told), "{text}: {found} {message}");
        }
        let bomb: String = std::iter::once("a0: &a0 [1,1,1,1,1,1,1,1,1,1]\n".to_owned())
            .chain((1..12).map(|n| {
                let before = format!("*a{}", n - 1);
                format!("a{n}: &a{n} [{}]\n", [before.as_str(); 10].join(","))
            }))
            .collect();
        assert!(read(&bomb).unwrap_err().1.contains("too large"));
        assert!(read(&"[".repeat(200)).is_err());
    }

    #[test]
    fn values_know_their_lines() {
        let found = read("a: 1\nb:\n  - c: 2\n    d.e: 3\n---\nx: 1\n").unwrap();
        assert_eq!(found.len(), 2);
        let line = |path: &str| found[0].line(path);
        assert_eq!((line("a"), line("b[0].c"), line("b[0][\"d.e\"]"), line("b[0].z.y")), (1, 3, 4, 3));
        assert_eq!((line("b"), found[1].line("x")), (2, 6), "that of the key");
    }
}
