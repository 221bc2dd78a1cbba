//! Makes the tag small: comments and spaces go, and what the tag itself declares gets short names.
//!
//! This is no minifier for any JavaScript. Names are not told apart by scope: whatever is declared anywhere is renamed
//! everywhere, but for members (`a.name`) and keys (`{name: a}`). So the tag keeps to a few rules: a semicolon after each
//! statement, one variable to a declaration, no templates, no shorthand keys, no destructured objects, and no variable with the
//! name of a global that is used. What breaks one of those that can be seen here stops the build; the browser tests run
//! what comes out.

use std::collections::{BTreeMap, BTreeSet};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Word,
    /// A string or a regular expression.
    Literal,
    Mark,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Token<'a> {
    kind: Kind,
    text: &'a str,
}

/// Marks of more than one character, longest first.
const MARKS: [&str; 28] = [
    ">>>=", "...", "===", "!==", "**=", ">>>", "<<=", ">>=", "=>", "==", "!=", "<=", ">=", "&&", "||", "??",
    "?.", "++", "--", "+=", "-=", "*=", "/=", "%=", "|=", "**", "<<", ">>",
];

/// Short words that mean something.
const RESERVED: [&str; 5] = ["do", "if", "in", "of", "as"];

/// Words after which a slash begins a regular expression.
const BEFORE_EXPRESSION: [&str; 4] = ["return", "typeof", "of", "in"];

/// The same program, smaller.
///
/// # Errors
/// What in `source` breaks the rules.
pub(crate) fn minify(source: &str) -> Result<String, String> {
    let tokens = tokens(source)?;
    let names = short_names(&tokens)?;
    let mut out = String::with_capacity(source.len() / 2);
    for (at, token) in tokens.iter().enumerate() {
        let next = tokens.get(at + 1).map_or("", |next| next.text);
        let is_idle = matches!((token.text, next), (";" | ",", "}") | (",", ")" | "]"));
        if is_idle && token.kind == Kind::Mark {
            continue;
        }
        let text =
            names.get(token.text).filter(|_| is_variable(&tokens, at)).map_or(token.text, String::as_str);
        if let (Some(last), Some(first)) = (out.chars().next_back(), text.chars().next())
            && (is_word(last) && is_word(first) || last == first && matches!(last, '+' | '-'))
        {
            out.push(' ');
        }
        out.push_str(text);
    }
    Ok(out)
}

fn is_word(letter: char) -> bool {
    letter.is_alphanumeric() || matches!(letter, '_' | '$')
}

fn tokens(source: &str) -> Result<Vec<Token<'_>>, String> {
    let mut tokens: Vec<Token<'_>> = Vec::new();
    let mut rest = source.trim_start();
    while let Some(first) = rest.chars().next() {
        if rest.starts_with("//") {
            rest = rest.find('\n').map_or("", |end| &rest[end..]).trim_start();
            continue;
        }
        let (kind, length) = match first {
            '"' | '\'' => (Kind::Literal, literal(rest, first)?),
            '`' => return Err("the tag has no templates".to_owned()),
            '/' if begins_expression(&tokens) => (Kind::Literal, literal(rest, '/')?),
            _ if is_word(first) => (Kind::Word, rest.find(|next| !is_word(next)).unwrap_or(rest.len())),
            _ => {
                let mark = MARKS.iter().find(|mark| rest.starts_with(**mark));
                (Kind::Mark, mark.map_or(first.len_utf8(), |mark| mark.len()))
            }
        };
        let (text, after) = rest.split_at(length);
        tokens.push(Token { kind, text });
        rest = after.trim_start();
    }
    Ok(tokens)
}

/// Whether an expression may begin after these tokens: there a slash does not divide.
fn begins_expression(tokens: &[Token<'_>]) -> bool {
    tokens.last().is_none_or(|last| match last.kind {
        Kind::Literal => false,
        Kind::Word => BEFORE_EXPRESSION.contains(&last.text),
        Kind::Mark => !matches!(last.text, ")" | "]" | "}"),
    })
}

/// The length of the literal that `rest` begins with, in bytes, with the flags of a regular expression.
fn literal(rest: &str, end: char) -> Result<usize, String> {
    let (mut is_escaped, mut is_class) = (false, false);
    for (at, letter) in rest.char_indices().skip(1) {
        match letter {
            _ if is_escaped => is_escaped = false,
            '\n' => break,
            '\\' => is_escaped = true,
            '[' if end == '/' => is_class = true,
            ']' if end == '/' => is_class = false,
            _ if letter == end && !is_class => {
                let after = at + 1;
                let flags = rest[after..].find(|next: char| !next.is_ascii_lowercase()).unwrap_or(0);
                return Ok(if end == '/' { after + flags } else { after });
            }
            _ => {}
        }
    }
    let line = rest.lines().next().unwrap_or_default();
    Err(format!("this has no end: {line}"))
}

/// Whether the word at `at` stands for a variable, and is no member and no key.
fn is_variable(tokens: &[Token<'_>], at: usize) -> bool {
    let text = |at: Option<usize>| at.and_then(|at| tokens.get(at)).map_or("", |token| token.text);
    let (before, after) = (text(at.checked_sub(1)), text(Some(at + 1)));
    let is_key = matches!(before, "{" | ",") && after == ":";
    tokens[at].kind == Kind::Word && !matches!(before, "." | "?.") && !is_key
}

/// What the program declares.
fn declared<'a>(tokens: &[Token<'a>]) -> Result<BTreeSet<&'a str>, String> {
    let text = |at: usize| tokens.get(at).map_or("", |token| token.text);
    let mut names = BTreeSet::new();
    let mut take = |range: std::ops::Range<usize>| {
        let words = tokens[range].iter().filter(|token| token.kind == Kind::Word);
        names.extend(words.map(|token| token.text));
    };
    for at in 0..tokens.len() {
        match text(at) {
            "const" | "let" if text(at + 1) == "[" => take(at + 1..closing(tokens, at + 1)),
            "const" | "let" if text(at + 1) == "{" => return Err("an object is destructured".to_owned()),
            "const" | "let" => take(at + 1..at + 2),
            "function" if text(at + 1) != "(" => take(at + 1..at + 2),
            "=>" if text(at - 1) != ")" => take(at - 1..at),
            "(" => {
                let end = closing(tokens, at);
                let before = |back: usize| at.checked_sub(back).map_or("", text);
                if text(end + 1) == "=>"
                    || matches!(before(1), "function" | "catch")
                    || before(2) == "function"
                {
                    take(at..end);
                }
            }
            _ => {}
        }
    }
    Ok(names)
}

/// Where the bracket at `at` is closed; the end where it is not.
fn closing(tokens: &[Token<'_>], at: usize) -> usize {
    let mut depth = 0;
    for (place, token) in tokens.iter().enumerate().skip(at).filter(|(_, token)| token.kind == Kind::Mark) {
        match token.text {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return place;
        }
    }
    tokens.len()
}

/// A short name for each that is declared: the shortest for what is used most.
fn short_names<'a>(tokens: &[Token<'a>]) -> Result<BTreeMap<&'a str, String>, String> {
    let declared = declared(tokens)?;
    let mut uses: BTreeMap<&str, usize> = BTreeMap::new();
    let mut taken: BTreeSet<&str> = RESERVED.into();
    for (at, token) in tokens.iter().enumerate().filter(|(at, _)| is_variable(tokens, *at)) {
        let next = tokens.get(at + 1).map_or("", |next| next.text);
        let before = at.checked_sub(1).map_or("", |at| tokens[at].text);
        if before == "{" && matches!(next, "," | "}") {
            return Err(format!("`{}` is a key without its value", token.text));
        }
        if declared.contains(token.text) {
            *uses.entry(token.text).or_default() += 1;
        } else {
            taken.insert(token.text);
        }
    }
    let mut order: Vec<(&str, usize)> = uses.into_iter().collect();
    order.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let free = (0..).map(short_name).filter(|name| !taken.contains(name.as_str()));
    Ok(order.into_iter().map(|(name, _)| name).zip(free).collect())
}

/// The name of this number: a letter, or a letter and more.
fn short_name(number: usize) -> String {
    const LETTERS: &[u8] = b"etnarisoludcpmfhgvbyxwkqjzTENARISOLUDCPMFHGVBYXWKQJZ";
    let letter = |number: usize| char::from(LETTERS[number % LETTERS.len()]);
    let mut name = String::from(letter(number));
    let mut left = number / LETTERS.len();
    while left > 0 {
        name.push(letter(left - 1));
        left = (left - 1) / LETTERS.len();
    }
    name
}
