//! Makes the tag small: comments and spaces go, what the tag itself declares gets short names, numbers that have a name at the
//! top stand where they are used, functions there become arrow functions, and declarations that follow each other one.
//!
//! This is no minifier for any JavaScript. It tells two scopes apart: what stands at the top, and what is declared inside
//! of a statement there. Within such a statement a name means one thing, but for members (`a.name`) and keys
//! (`{name: a}`). So the tag keeps to a few rules: a semicolon after each statement, one variable to a declaration, no
//! templates, no shorthand keys, no destructured objects, nothing inside with a name of the top, no variable with the
//! name of a global that is used, and no call at the top of a function that stands further down. What breaks a rule stops
//! the build as far as it can be seen here; the browser tests run what comes out.

mod shape;

use std::collections::{BTreeMap, BTreeSet};

use self::shape::{needless_brackets, with_arrows, with_numbers};

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
    let tokens = with_numbers(&tokens(source)?)?;
    let names = short_names(&tokens)?;
    let (tokens, names) = with_arrows(&tokens, names);
    let mut out = String::with_capacity(source.len() / 2);
    // For each bracket that is open, and outside of all: whether what stands there now is a declaration.
    let mut declares = vec![false];
    let mut is_joined = false;
    let needless = needless_brackets(&tokens);
    for (at, token) in tokens.iter().enumerate() {
        let next = tokens.get(at + 1).map_or("", |next| next.text);
        let is_idle = matches!((token.text, next), (";" | ",", "}") | (",", ")" | "]"));
        if is_idle && token.kind == Kind::Mark || is_bracket_of_one(&tokens, at) || needless.contains(&at) {
            continue;
        }
        let is_declaring = declares.last().copied().unwrap_or_default();
        let text = match (token.kind, token.text) {
            (Kind::Word, "const" | "let") => {
                set_last(&mut declares, true);
                if std::mem::take(&mut is_joined) {
                    continue;
                }
                // What is given no other value where it is written needs no word of its own.
                "let"
            }
            (Kind::Mark, ";") if is_declaring && matches!(next, "const" | "let") => {
                is_joined = true;
                ","
            }
            (Kind::Word, "true") if is_variable(&tokens, at) => "!0",
            (Kind::Word, "false") if is_variable(&tokens, at) => "!1",
            (Kind::Word, "undefined") if is_variable(&tokens, at) => "void 0",
            (_, text) => names[at].as_deref().unwrap_or(text),
        };
        match (token.kind, token.text) {
            (Kind::Mark, "(" | "[" | "{") => declares.push(false),
            (Kind::Mark, ")" | "]" | "}") if declares.len() > 1 => declares.truncate(declares.len() - 1),
            (Kind::Mark, ";") if !is_joined => set_last(&mut declares, false),
            _ => {}
        }
        if let (Some(last), Some(first)) = (out.chars().next_back(), text.chars().next())
            && (is_word(last) && is_word(first) || last == first && matches!(last, '+' | '-'))
        {
            out.push(' ');
        }
        out.push_str(text);
    }
    Ok(out)
}

fn set_last(all: &mut [bool], value: bool) {
    if let Some(last) = all.last_mut() {
        *last = value;
    }
}

/// Whether this is a bracket around the one value that an arrow function takes: `(a) =>` says the same as `a =>`.
fn is_bracket_of_one(tokens: &[Token<'_>], at: usize) -> bool {
    let text = |at: Option<usize>| at.and_then(|at| tokens.get(at)).map_or("", |token| token.text);
    let opens = |at: usize| {
        text(Some(at)) == "("
            && tokens.get(at + 1).is_some_and(|token| token.kind == Kind::Word)
            && (text(Some(at + 2)), text(Some(at + 3))) == (")", "=>")
    };
    tokens[at].kind == Kind::Mark && (opens(at) || at >= 2 && opens(at - 2))
}

fn is_word(letter: char) -> bool {
    letter.is_alphanumeric() || matches!(letter, '_' | '$')
}

fn tokens(source: &str) -> Result<Vec<Token<'_>>, String> {
    let mut tokens: Vec<Token<'_>> = Vec::new();
    let mut rest = source.trim_start();
    while let Some(first) = rest.chars().next() {
        if rest.starts_with("//") || rest.starts_with("/*") {
            let end = if rest.starts_with("//") { "\n" } else { "*/" };
            rest = rest.split_once(end).map_or("", |(_, after)| after).trim_start();
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

/// Where the program declares something: the places of the names.
fn declarations(tokens: &[Token<'_>]) -> Result<BTreeSet<usize>, String> {
    let text = |at: usize| tokens.get(at).map_or("", |token| token.text);
    let mut places = BTreeSet::new();
    let mut take = |range: std::ops::Range<usize>| {
        places.extend(range.filter(|at| tokens[*at].kind == Kind::Word));
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
    Ok(places)
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

/// For each token the statement of the top that it is in; a name of the top itself is in none.
fn statements(tokens: &[Token<'_>]) -> Vec<(usize, i32)> {
    let (mut statement, mut depth) = (0, 0);
    // The program is the body of one function, in brackets.
    let top = if tokens.first().is_some_and(|first| first.text == "(") { 2 } else { 0 };
    let mut places = Vec::with_capacity(tokens.len());
    for token in tokens {
        let mark = if token.kind == Kind::Mark { token.text } else { "" };
        depth -= i32::from(matches!(mark, ")" | "]" | "}"));
        places.push((statement, depth - top));
        depth += i32::from(matches!(mark, "(" | "[" | "{"));
        statement += usize::from(depth == top && matches!(mark, ";" | "}"));
    }
    places
}

/// A short name for each token that stands for something declared: the shortest for what is used most.
fn short_names(tokens: &[Token<'_>]) -> Result<Vec<Option<String>>, String> {
    let (declarations, places) = (declarations(tokens)?, statements(tokens));
    let is_top = |at: &usize| places[*at].1 <= 0;
    let (top, inner): (Vec<usize>, Vec<usize>) = declarations.into_iter().partition(|at| is_top(at));
    let top: BTreeSet<&str> = top.into_iter().map(|at| tokens[at].text).collect();
    let inner: BTreeSet<(usize, &str)> =
        inner.into_iter().map(|at| (places[at].0, tokens[at].text)).collect();
    if let Some((_, name)) = inner.iter().find(|(_, name)| top.contains(name)) {
        return Err(format!("`{name}` is declared at the top, and again inside"));
    }
    let mut taken: BTreeSet<&str> = RESERVED.into();
    let mut uses: BTreeMap<(Option<usize>, &str), usize> = BTreeMap::new();
    let mut keys = vec![None; tokens.len()];
    for (at, token) in tokens.iter().enumerate().filter(|(at, _)| is_variable(tokens, *at)) {
        let next = tokens.get(at + 1).map_or("", |next| next.text);
        let before = at.checked_sub(1).map_or("", |at| tokens[at].text);
        if before == "{" && matches!(next, "," | "}") {
            return Err(format!("`{}` is a key without its value", token.text));
        }
        let statement = places[at].0;
        let key = if inner.contains(&(statement, token.text)) {
            (Some(statement), token.text)
        } else if top.contains(token.text) {
            (None, token.text)
        } else {
            taken.insert(token.text);
            continue;
        };
        *uses.entry(key).or_default() += 1;
        keys[at] = Some(key);
    }
    let mut order: Vec<_> = uses.into_iter().collect();
    order.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    // Those inside share their names with those of other statements; none with the top.
    let mut free = (0..).map(short_name).filter(|name| !taken.contains(name.as_str()));
    let most =
        order.iter().filter_map(|((statement, _), _)| *statement).fold(BTreeMap::new(), |mut counts, one| {
            *counts.entry(one).or_insert(0_usize) += 1;
            counts
        });
    let shared: Vec<String> = free.by_ref().take(most.into_values().max().unwrap_or(0)).collect();
    let mut next: BTreeMap<usize, usize> = BTreeMap::new();
    let mut names = BTreeMap::new();
    for (key, _) in order {
        let name = match key.0 {
            None => free.next().unwrap_or_default(),
            Some(statement) => {
                let number = next.entry(statement).or_default();
                *number += 1;
                shared[*number - 1].clone()
            }
        };
        names.insert(key, name);
    }
    Ok(keys.into_iter().map(|key| key.and_then(|key| names.get(&key).cloned())).collect())
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

#[cfg(test)]
mod tests {
    use super::*;

    fn small(source: &str) -> String {
        minify(source).expect("within the rules")
    }

    #[test]
    fn comments_and_spaces_go_and_names_become_short() {
        let source = "// A comment.\nfunction twice(value) {\n  /* another */ return value + value;\n}\ntwice(window.value);";
        assert_eq!(small(source), "let t=e=>e+e;t(window.value);");
    }

    #[test]
    fn members_keys_and_globals_keep_their_names() {
        let source = "let size = 1; const list = { size: size, other: list.size }; log(size ? size : list, list?.size);";
        assert_eq!(small(source), "let t=1,e={size:t,other:e.size};log(t?t:e,e?.size);");
    }

    #[test]
    fn every_way_to_declare_is_known() {
        for (source, expected) in [
            ("const [one, ...two] = three;", "let[e,...t]=three;"),
            ("for (const one of two) one();", "for(let e of two)e();"),
            ("run(([one, two]) => one + two);", "run(([e,t])=>e+t);"),
            ("run(one => one);", "run(e=>e);"),
            ("run((one) => one, (...one) => one, (one, two) => two);", "run(e=>e,(...e)=>e,(e,t)=>t);"),
            ("try { run(); } catch (error) { log(error); }", "try{run()}catch(e){log(e)}"),
            ("run(function (...values) { return values; });", "run(function(...e){return e});"),
        ] {
            assert_eq!(small(source), expected);
        }
    }

    #[test]
    fn numbers_stand_where_their_names_were() {
        let source = "(function () { const MOST = 9e3; const NAME = \"x\"; let now = 2; function far() { return now > MOST; } \
                      const all = { MOST: MOST, far: now.MOST }; log(MOST, NAME, all, far); })";
        let expected = "(function(){let t=\"x\",e=2,a=()=>e>9e3,n={MOST:9e3,far:e.MOST};log(9e3,t,n,a)})";
        assert_eq!(small(source), expected);
        assert!(
            minify("const MOST = 1; function run(MOST) { log(MOST); }").is_err(),
            "it is another one there"
        );
        assert_eq!(
            small("function run() { const most = 1; log(most, most); }"),
            "let t=()=>{let e=1;log(e,e)};"
        );
    }

    #[test]
    fn declarations_that_follow_each_other_are_one() {
        for (source, expected) in [
            (
                "let one; let two = () => { run(); let three; }; const four = two;",
                "let a,t=()=>{run();let e},n=t;",
            ),
            ("let one = 1 + 1; run(one); let two;", "let e=1+1;run(e);let t;"),
            ("for (const one of all) run(one); let two = 1 + 1;", "for(let e of all)run(e);let t=1+1;"),
            ("if (all) { let one = all; } let two = all;", "if(all){let e=all}let t=all;"),
        ] {
            assert_eq!(small(source), expected);
        }
    }

    #[test]
    fn truth_and_nothing_are_written_short() {
        let source =
            "run({ true: true, b: a.true }, false, \"true\"); let is = c === true || a === undefined;";
        assert_eq!(small(source), "run({true:!0,b:a.true},!1,\"true\");let e=c===!0||a===void 0;");
    }

    #[test]
    fn functions_of_the_top_are_arrow_functions() {
        for (source, expected) in [
            (
                "function one(a, b) { return a ? b : run(() => { b(); }); }",
                "let n=(t,e)=>t?e:run(()=>{e()});",
            ),
            ("function one() { return { a: 1 }; }", "let e=()=>{return{a:1}};"),
            ("function one(a) { if (a) { return a; } return b; }", "let t=e=>{if(e){return e}return b};"),
            (
                "function one() { return function () { return 1; }; } function two() {}",
                "let e=()=>function(){return 1},t=()=>{};",
            ),
            ("run(function () { return 1; });", "run(function(){return 1});"),
            (
                "let one = (a) => { function two() { return a; } return two; };",
                "let n=e=>{function t(){return e}return t};",
            ),
        ] {
            assert_eq!(small(source), expected);
        }
    }

    #[test]
    fn brackets_around_a_whole_body_go() {
        for (source, expected) in [
            ("run((a) => (b[0] = a));", "run(e=>b[0]=e);"),
            (
                "run((a) => ({ a: a }), (a) => (a, b), (a) => (a + 1) * 2);",
                "run(e=>({a:e}),e=>(e,b),e=>(e+1)*2);",
            ),
            ("run((a) => (b) => (a ? b : c));", "run(e=>t=>e?t:c);"),
        ] {
            assert_eq!(small(source), expected);
        }
    }

    #[test]
    fn literals_are_left_alone() {
        for source in [
            "run(\"a  // b\\\"\");",
            "run('/* c */ \"');",
            "run(/[/\"]\\/ x/gi,1);",
            "run(a/b/c);",
            "run(a+ +b- -c);",
        ] {
            assert_eq!(small(source), source);
        }
    }

    #[test]
    fn a_short_name_is_never_one_that_means_something_else() {
        let many: String = (0..900).map(|number| format!("let variable{number}=e;")).collect();
        let small = small(&many);
        let small = small.strip_prefix("let ").expect("one declaration");
        let words: Vec<&str> = small.split([',', ';']).filter_map(|part| part.strip_suffix("=e")).collect();
        let different: BTreeSet<&str> = words.iter().copied().collect();
        assert_eq!((words.len(), different.len()), (900, 900));
        assert!(
            !words.contains(&"e") && !words.contains(&"do") && !words.contains(&"in"),
            "e is a global here"
        );
    }

    #[test]
    fn what_breaks_the_rules_is_refused() {
        for bad in ["run(`a`);", "const { a } = b;", "run({ a, b });", "run(\"a", "run(/a\n/);"] {
            assert!(minify(bad).is_err(), "{bad}");
        }
    }
}
