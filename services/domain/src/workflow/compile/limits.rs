//! Bounds on everything that a tenant writes.

use std::collections::BTreeMap;

use regex::{Regex, RegexBuilder};
use serde_json::Value;

use super::Problems;
use crate::{
    mapping::{moment, value},
    workflow::spec::DateFormat,
};

/// A whole specification, as JSON.
pub(crate) const SPEC_BYTES: usize = 256 * 1024;
/// Groups in groups.
pub(crate) const NESTING: usize = 16;
/// Nodes of one group.
pub(crate) const GROUP_NODES: usize = 100;
/// Mappings of one list.
pub(crate) const MAPPINGS: usize = 100;
/// Inputs of one mapping.
pub(crate) const INPUTS: usize = 8;
/// Steps of one mapping.
pub(crate) const STEPS: usize = 16;
/// User identifiers of one workflow.
pub(crate) const IDENTIFIERS: usize = 3;
/// A node's id.
pub(crate) const ID_BYTES: usize = 64;
/// What a mapping fills.
pub(crate) const TARGET_BYTES: usize = 100;
/// A path.
pub(crate) const PATH_BYTES: usize = 512;
/// A template.
pub(crate) const TEMPLATE_BYTES: usize = 2 * 1024;
/// The texts and places of a template.
pub(crate) const TEMPLATE_PARTS: usize = 64;
/// The question of an answer.
pub(crate) const QUESTION_BYTES: usize = 1024;
/// The separator of a split or a join.
pub(crate) const SEPARATOR_BYTES: usize = 32;
/// What takes the place of a match.
pub(crate) const REPLACEMENT_BYTES: usize = 1024;
/// The values on the right side of a condition.
pub(crate) const RIGHT_VALUES: usize = 200;
/// The elements that one message may be split into.
pub(crate) const ELEMENTS: usize = 100;
/// What one message may become: all of its events together.
pub(crate) const OUTPUT_BYTES: usize = 256 * 1024;

/// The regular expressions of one workflow.
pub(crate) const REGEXES: usize = 50;

const CONSTANT_BYTES: usize = 16 * 1024;
const CONSTANT_DEPTH: usize = 16;
const PATTERN_BYTES: usize = 1024;
/// A compiled pattern; matching takes time in proportion to this and the text.
const REGEX_BYTES: usize = 256 * 1024;
const REGEX_NESTING: u32 = 50;
const TABLE_ENTRIES: usize = 500;
const TABLE_KEY_BYTES: usize = 256;
const DATE_PATTERN_BYTES: usize = 100;

/// Checks the length of a text.
pub(crate) fn check_text(what: &str, text: &str, limit: usize, problems: &mut Problems) -> Option<()> {
    if text.len() <= limit {
        return Some(());
    }
    problems.error(
        format!("a {what} has {} bytes, at most {limit} are allowed", text.len()),
        format!("shorten the {what}"),
    );
    None
}

/// Checks how many there are of something.
pub(crate) fn check_count(what: &str, count: usize, limit: usize, problems: &mut Problems) {
    if count > limit {
        problems.error(
            format!("there are {count} {what}, at most {limit} are allowed"),
            format!("remove some {what}"),
        );
    }
}

/// Checks the size and the depth of a value that a tenant wrote.
pub(crate) fn check_constant(constant: &Value, problems: &mut Problems) -> bool {
    let is_deep = !value::is_within_depth(constant, CONSTANT_DEPTH);
    if is_deep || value::size_within(constant, CONSTANT_BYTES).is_none() {
        problems.error(
            format!(
                "a constant is larger than {CONSTANT_BYTES} bytes or deeper than {CONSTANT_DEPTH} levels"
            ),
            "use a smaller value",
        );
        return false;
    }
    true
}

/// Checks a lookup table.
pub(crate) fn check_table(
    table: &BTreeMap<String, Value>,
    otherwise: Option<&Value>,
    problems: &mut Problems,
) -> Option<()> {
    if table.len() > TABLE_ENTRIES || table.keys().any(|key| key.len() > TABLE_KEY_BYTES) {
        problems.error(
            format!("a lookup table has more than {TABLE_ENTRIES} entries or a key of more than {TABLE_KEY_BYTES} bytes"),
            "use fewer entries and shorter keys",
        );
        return None;
    }
    table.values().chain(otherwise).all(|constant| check_constant(constant, problems)).then_some(())
}

/// Checks how a time is written.
pub(crate) fn check_date_format(format: &DateFormat, problems: &mut Problems) -> Option<()> {
    let DateFormat::Pattern(pattern) = format else { return Some(()) };
    check_text("date pattern", pattern, DATE_PATTERN_BYTES, problems)?;
    if moment::is_pattern(pattern) {
        return Some(());
    }
    problems.error(
        format!("`{}` is not a date pattern", value::cut(pattern)),
        "write a pattern with year, month and day, such as %d.%m.%Y %H:%M",
    );
    None
}

/// Checks the country of phone numbers.
pub(crate) fn check_country(country: Option<&str>, problems: &mut Problems) -> Option<()> {
    let Some(country) = country else { return Some(()) };
    if country.len() == 2 && country.bytes().all(|byte| byte.is_ascii_uppercase()) {
        return Some(());
    }
    problems.error(
        format!("`{}` is not a country code", value::cut(country)),
        "write two capital letters, such as US or DE, or leave it out for the tenant's country",
    );
    None
}

/// Compiles a pattern whose length, nesting and compiled size are bounded.
pub(crate) fn compile_regex(pattern: &str, problems: &mut Problems) -> Option<Regex> {
    check_text("pattern", pattern, PATTERN_BYTES, problems)?;
    problems.count_regex().then_some(())?;
    let compiled = RegexBuilder::new(pattern)
        .size_limit(REGEX_BYTES)
        .dfa_size_limit(REGEX_BYTES)
        .nest_limit(REGEX_NESTING)
        .build();
    match compiled {
        Ok(regex) => Some(regex),
        Err(regex::Error::CompiledTooBig(limit)) => {
            problems.error(
                format!("a pattern is larger than {limit} bytes when compiled"),
                "use smaller repetition counts and fewer Unicode classes",
            );
            None
        }
        Err(error) => {
            problems.error(
                format!("`{}` is not a regular expression: {error}", value::cut(pattern)),
                "write it in the syntax of the regex crate; look-around and back references do not exist there",
            );
            None
        }
    }
}
