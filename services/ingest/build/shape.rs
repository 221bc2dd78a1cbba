//! The same program in fewer words: numbers in place of their names, arrow functions, brackets that say nothing.

use std::collections::{BTreeMap, BTreeSet};

use super::{Kind, Token, closing, declarations, is_variable, statements};

/// The program with numbers in place of their names: `const MOST = 50;` at the top goes, and each `MOST` is 50.
pub(super) fn with_numbers<'a>(tokens: &[Token<'a>]) -> Result<Vec<Token<'a>>, String> {
    let places = statements(tokens);
    let is_number = |token: &Token<'_>| {
        token.kind == Kind::Word && token.text.starts_with(|first: char| first.is_ascii_digit())
    };
    let mut numbers = BTreeMap::new();
    let mut rest = Vec::with_capacity(tokens.len());
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        if let [word, name, equals, number, end, ..] = &tokens[at..]
            && places[at].1 == 0
            && (word.text, equals.text, end.text) == ("const", "=", ";")
            && is_number(number)
        {
            numbers.insert(name.text, *number);
            at += 5;
        } else {
            rest.push(*token);
            at += 1;
        }
    }
    if let Some(at) = declarations(&rest)?.into_iter().find(|at| numbers.contains_key(rest[*at].text)) {
        return Err(format!("`{}` is declared at the top, and again inside", rest[at].text));
    }
    let in_place = |at: usize| {
        let number = numbers.get(rest[at].text).filter(|_| is_variable(&rest, at));
        number.copied().unwrap_or(rest[at])
    };
    Ok((0..rest.len()).map(in_place).collect())
}

/// The program with functions of the top as arrow functions: `const twice = (value) => value + value;`.
pub(super) fn with_arrows<'a>(
    tokens: &[Token<'a>],
    mut names: Vec<Option<String>>,
) -> (Vec<Token<'a>>, Vec<Option<String>>) {
    let places = statements(tokens);
    let mut out: Vec<(Token<'a>, Option<String>)> = Vec::with_capacity(tokens.len());
    let new = |kind, text| (Token { kind, text }, None);
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        let next = tokens.get(at + 1).map_or("", |next| next.text);
        if token.text != "function" || token.kind != Kind::Word || places[at].1 != 0 || next == "(" {
            out.push((*token, names[at].take()));
            at += 1;
            continue;
        }
        let body = closing(tokens, at + 2) + 1;
        let end = closing(tokens, body);
        out.push(new(Kind::Word, "const"));
        out.push((tokens[at + 1], names[at + 1].take()));
        out.push(new(Kind::Mark, "="));
        out.extend((at + 2..body).map(|at| (tokens[at], names[at].take())));
        out.push(new(Kind::Mark, "=>"));
        let only_returns = tokens[body + 1].text == "return" && tokens[body + 2].text != "{";
        let inside = if only_returns && first(tokens, body + 1, ";") + 1 == end {
            body + 2..end - 1
        } else {
            body..end + 1
        };
        out.extend(inside.map(|at| (tokens[at], names[at].take())));
        out.push(new(Kind::Mark, ";"));
        at = end + 1;
    }
    out.into_iter().unzip()
}

/// The places of brackets around what an arrow function comes to, where it is the same without them.
pub(super) fn needless_brackets(tokens: &[Token<'_>]) -> BTreeSet<usize> {
    let text = |at: usize| tokens.get(at).map_or("", |token| token.text);
    let is_mark = |at: usize| tokens.get(at).is_some_and(|token| token.kind == Kind::Mark);
    let mut places = BTreeSet::new();
    for at in 1..tokens.len() {
        if text(at - 1) != "=>" || text(at) != "(" || !is_mark(at) || text(at + 1) == "{" {
            continue;
        }
        let end = closing(tokens, at);
        let is_whole = matches!(text(end + 1), "," | ")" | ";" | "}" | "]") && is_mark(end + 1);
        if is_whole && first(tokens, at + 1, ",") > end {
            places.extend([at, end]);
        }
    }
    places
}

/// Where the mark stands first from `at` on, in no bracket that opens there.
fn first(tokens: &[Token<'_>], mut at: usize, mark: &str) -> usize {
    while tokens.get(at).is_some_and(|token| token.text != mark || token.kind != Kind::Mark) {
        let opens = tokens[at].kind == Kind::Mark && matches!(tokens[at].text, "(" | "[" | "{");
        at = if opens { closing(tokens, at) + 1 } else { at + 1 };
    }
    at
}
