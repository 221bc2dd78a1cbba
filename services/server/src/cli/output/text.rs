//! Words with styles. What comes from outside may hold control characters, which a terminal would obey: they are
//! shown instead.

use std::fmt::Write;

/// How a word looks on a terminal that has colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    /// As it is.
    Plain,
    /// What a line is about.
    Bold,
    /// What can be skipped.
    Dim,
    /// It went well.
    Good,
    /// It went wrong.
    Bad,
    /// Worth a look.
    Warn,
    /// A name or a value.
    Accent,
}

impl Style {
    /// The parameter of the terminal's "select graphic rendition" (ECMA-48, SGR); nothing for plain words.
    fn code(self) -> Option<&'static str> {
        match self {
            Self::Plain => None,
            Self::Bold => Some("1"),
            Self::Dim => Some("2"),
            Self::Good => Some("32"),
            Self::Bad => Some("31"),
            Self::Warn => Some("33"),
            Self::Accent => Some("36"),
        }
    }
}

/// A line of words, each in its style.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Text {
    words: Vec<(Style, String)>,
}

impl Text {
    /// An empty line.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// The line with more at its end, as it is written.
    pub(crate) fn with(mut self, style: Style, word: impl AsRef<str>) -> Self {
        let word = word.as_ref();
        if !word.is_empty() {
            self.words.push((style, visible(word)));
        }
        self
    }

    /// The line with plain words at its end.
    pub(crate) fn plain(self, word: impl AsRef<str>) -> Self {
        self.with(Style::Plain, word)
    }

    /// The line with more of it at its end, set off by a dot; as it was when there is no more.
    pub(crate) fn and(self, style: Style, word: impl AsRef<str>) -> Self {
        if word.as_ref().is_empty() || self.words.is_empty() {
            return self.with(style, word);
        }
        self.with(Style::Dim, " · ").with(style, word)
    }

    /// As a terminal is sent it, with or without colours.
    pub(crate) fn render(&self, has_colour: bool) -> String {
        let mut line = String::new();
        for (style, word) in &self.words {
            match style.code().filter(|_| has_colour) {
                // Writing to a String cannot fail.
                Some(code) => drop(write!(line, "\u{1b}[{code}m{word}\u{1b}[0m")),
                None => line.push_str(word),
            }
        }
        line
    }
}

/// The text with every control character written out.
pub(crate) fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for letter in text.chars() {
        if letter.is_control() || is_direction(letter) {
            shown.extend(letter.escape_unicode())
        } else {
            shown.push(letter)
        }
    }
    shown
}

/// Marks that turn the direction of what follows, so that a line would read as something that it is not.
fn is_direction(letter: char) -> bool {
    matches!(letter, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The text, cut to `limit` characters.
pub(crate) fn cut(text: &str, limit: usize) -> String {
    match text.char_indices().nth(limit) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_left_out_where_there_are_none() {
        let text = Text::new().with(Style::Good, "yes").plain(" or no");
        assert_eq!(text.render(false), "yes or no");
        assert_eq!(text.render(true), "\u{1b}[32myes\u{1b}[0m or no");
    }

    #[test]
    fn a_stranger_cannot_speak_to_the_terminal() {
        let hostile = "a\u{1b}]0;owned\u{7}\r\nb\u{9b}31m\u{202e}c";
        let shown = Text::new().plain(hostile).render(true);
        assert!(!shown.chars().any(char::is_control), "{shown}");
        assert!(!shown.contains('\u{202e}') && shown.contains("\\u{1b}]0;owned"));
    }

    #[test]
    fn cutting_counts_characters() {
        assert_eq!(cut("äöü", 3), "äöü");
        assert_eq!(cut("äöü!", 3), "äöü…");
    }
}
