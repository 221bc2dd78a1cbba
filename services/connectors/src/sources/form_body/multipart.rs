//! `multipart/form-data`, as browsers write it: RFC 7578, and the HTML standard for the names of fields. All of a body is
//! there when it is read, so that a part is a slice of it.

use serde_json::{Value, json};

use super::{FormError, fields::Fields};

/// The longest boundary: of RFC 2046, and then some.
const LONGEST_BOUNDARY: usize = 200;
/// The most bytes that the headers of a part may have.
const LONGEST_HEAD: usize = 4_096;

const CUT: FormError = FormError::Malformed("the form ends before its last boundary");

/// Reads the parts of `body` into `fields`; `parameters` are those of its content type.
pub(super) fn read(body: &[u8], parameters: &str, fields: &mut Fields) -> Result<(), FormError> {
    let boundary = parameter(parameters, "boundary")
        .filter(|boundary| (1..=LONGEST_BOUNDARY).contains(&boundary.len()))
        .ok_or(FormError::Malformed("the content type names no boundary"))?;
    let delimiter = [b"\r\n--", boundary.as_bytes()].concat();
    // Before the first part there may be anything; mostly there is nothing, not even the line's end.
    let mut rest = match body.strip_prefix(&delimiter[2..]) {
        Some(rest) => rest,
        None => &body[find(body, &delimiter).ok_or(CUT)? + delimiter.len()..],
    };
    while !rest.starts_with(b"--") {
        // White space may stand behind a boundary.
        let padding = rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        rest = rest[padding..].strip_prefix(b"\r\n").ok_or(CUT)?;
        // A part without headers has the empty line at once.
        let (head, content) = match rest.strip_prefix(b"\r\n") {
            Some(content) => (&rest[..0], content),
            None => {
                let end = find(rest, b"\r\n\r\n").filter(|end| *end <= LONGEST_HEAD);
                let end = end.ok_or(FormError::Malformed("a part has no end of its headers"))?;
                (&rest[..end], &rest[end + 4..])
            }
        };
        // The line's end before a boundary belongs to it; that of an empty part is the one behind its headers.
        let (content, after) = match content.strip_prefix(&delimiter[2..]) {
            Some(after) => (&content[..0], after),
            None => {
                let end = find(content, &delimiter).ok_or(CUT)?;
                (&content[..end], &content[end + delimiter.len()..])
            }
        };
        part(head, content, fields)?;
        rest = after;
    }
    Ok(())
}

/// Takes one part.
fn part(head: &[u8], content: &[u8], fields: &mut Fields) -> Result<(), FormError> {
    let head = String::from_utf8_lossy(head);
    let header = |wanted: &str| {
        head.split("\r\n").find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.trim().eq_ignore_ascii_case(wanted).then(|| value.trim())
        })
    };
    let disposition = header("content-disposition").and_then(|value| {
        let (kind, parameters) = value.split_once(';')?;
        kind.trim().eq_ignore_ascii_case("form-data").then_some(parameters)
    });
    let name = disposition.and_then(|parameters| parameter(parameters, "name"));
    let (Some(parameters), Some(name)) = (disposition, name) else {
        return Err(FormError::Malformed("a part does not say which field it is"));
    };
    let value = match parameter(parameters, "filename") {
        None => Value::String(String::from_utf8_lossy(content).into_owned()),
        // An input for a file that nobody chose.
        Some(file) if file.is_empty() && content.is_empty() => return Ok(()),
        Some(file) => json!({ "file": file, "type": header("content-type"), "bytes": content.len() }),
    };
    fields.add(&name, value)
}

/// The value of one of `; name=value` parameters; in quotes, browsers escape quotes and the ends of lines by their codes,
/// others a quote by a backslash.
fn parameter(parameters: &str, wanted: &str) -> Option<String> {
    let mut rest = parameters;
    loop {
        rest = rest.trim_start_matches([';', ' ', '\t']);
        let (name, after) = rest.split_once('=')?;
        let (value, after) = match after.strip_prefix('"') {
            Some(quoted) => {
                let end = closing_quote(quoted)?;
                (&quoted[..end], &quoted[end + 1..])
            }
            None => after.split_once(';').unwrap_or((after, "")),
        };
        if name.trim().eq_ignore_ascii_case(wanted) {
            let value = value.trim().replace("\\\"", "\"");
            return Some(value.replace("%22", "\"").replace("%0D", "\r").replace("%0A", "\n"));
        }
        rest = after;
    }
}

/// Where the quote stands that no backslash takes its meaning from.
fn closing_quote(quoted: &str) -> Option<usize> {
    let quotes = quoted.match_indices('"').map(|(at, _)| at);
    quotes.into_iter().find(|at| !quoted[..*at].ends_with('\\'))
}

/// Where `wanted` begins first.
fn find(all: &[u8], wanted: &[u8]) -> Option<usize> {
    all.windows(wanted.len()).position(|window| window == wanted)
}
