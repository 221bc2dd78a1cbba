//! Log lines that cannot be forged: what a stranger sent may stand in a line, but cannot end it or steer a terminal.

use std::io::{self, Write};

/// Writes to `W` with everything that is not printable spelled out as `\uXXXX`, which is valid inside JSON too.
///
/// A log formatter hands over one event at a time, so only the line feed at the end of a write is kept.
#[derive(Debug)]
pub(crate) struct Escaped<W>(pub(crate) W);

impl<W: Write> Write for Escaped<W> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let (body, end): (&[u8], &[u8]) = match line.split_last() {
            Some((b'\n', body)) => (body, b"\n"),
            _ => (line, b""),
        };
        if body.iter().all(|byte| (0x20..0x7f).contains(byte)) {
            self.0.write_all(line)?;
        } else {
            let mut escaped = escape(&String::from_utf8_lossy(body)).into_bytes();
            escaped.extend_from_slice(end);
            self.0.write_all(&escaped)?;
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() + 16);
    for letter in text.chars() {
        if misleads(letter) {
            escaped.push_str(&format!("\\u{:04x}", u32::from(letter)));
        } else {
            escaped.push(letter);
        }
    }
    escaped
}

/// Control characters, line and paragraph separators, and the marks that turn the direction of text.
fn misleads(letter: char) -> bool {
    letter.is_control() || matches!(letter, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(line: &str) -> String {
        let mut out = Escaped(Vec::new());
        assert!(out.write_all(line.as_bytes()).is_ok());
        String::from_utf8(out.0).expect("text stays text")
    }

    #[test]
    fn a_line_stays_one_line_and_a_terminal_is_not_steered() {
        assert_eq!(written("a\nINFO forged\x1b[2J\u{9b}x\n"), "a\\u000aINFO forged\\u001b[2J\\u009bx\n");
        assert_eq!(written("user\u{202e}gpj\n"), "user\\u202egpj\n");
    }

    #[test]
    fn ordinary_text_is_left_alone() {
        assert_eq!(written("Zoë Łukasz 日本\n"), "Zoë Łukasz 日本\n");
        assert_eq!(written("plain"), "plain");
    }
}
