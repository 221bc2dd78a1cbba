//! The grammar: values, lists and objects, without recursion.

use super::{Limits, ScanError, ScanReason, number, text};

/// What may stand at the next byte that is not white space.
#[derive(Clone, Copy)]
enum Expect {
    /// A value.
    Value,
    /// The first value of a list, or its end.
    ItemOrEnd,
    /// A key.
    Key,
    /// The first key of an object, or its end.
    KeyOrEnd,
    /// The colon after a key.
    Colon,
    /// A comma, the end of what is open, or the end of the body.
    AfterValue,
}

/// Where the pass stands.
pub(super) struct Machine<'a> {
    body: &'a [u8],
    at: usize,
    limits: &'a Limits,
    values: usize,
    depth: u32,
    /// One bit for each list (0) or object (1) that is open, the innermost lowest; so the depth has a bound.
    objects: u128,
}

impl<'a> Machine<'a> {
    /// Starts at the first byte of a body that is UTF-8.
    pub(super) fn new(body: &'a [u8], limits: &'a Limits) -> Self {
        Self { body, at: 0, limits, values: 0, depth: 0, objects: 0 }
    }

    /// Goes to the end of the body.
    pub(super) fn run(mut self) -> Result<(), ScanError> {
        let mut expect = Expect::Value;
        loop {
            self.skip_white_space();
            let Some(&byte) = self.body.get(self.at) else {
                let is_whole = matches!(expect, Expect::AfterValue) && self.depth == 0;
                return if is_whole { Ok(()) } else { Err(self.error(ScanReason::UnexpectedEnd)) };
            };
            expect = match expect {
                Expect::ItemOrEnd if byte == b']' => self.close(),
                Expect::KeyOrEnd if byte == b'}' => self.close(),
                Expect::Value | Expect::ItemOrEnd => self.value(byte)?,
                Expect::Key | Expect::KeyOrEnd => self.key(byte)?,
                Expect::Colon if byte == b':' => self.step_to(Expect::Value),
                Expect::Colon => return Err(self.error(ScanReason::UnexpectedCharacter)),
                Expect::AfterValue => self.after_value(byte)?,
            };
        }
    }

    fn value(&mut self, byte: u8) -> Result<Expect, ScanError> {
        self.values += 1;
        if self.values > self.limits.values {
            return Err(self.error(ScanReason::TooManyValues));
        }
        match byte {
            b'{' => self.open(true),
            b'[' => self.open(false),
            b'"' => self.go_to(text::end(self.body, self.at)?),
            b'-' | b'0'..=b'9' => self.go_to(number::end(self.body, self.at, self.limits.number)?),
            b't' => self.literal(b"true"),
            b'f' => self.literal(b"false"),
            b'n' => self.literal(b"null"),
            _ => Err(self.error(ScanReason::UnexpectedCharacter)),
        }
    }

    fn key(&mut self, byte: u8) -> Result<Expect, ScanError> {
        if byte != b'"' {
            return Err(self.error(ScanReason::UnexpectedCharacter));
        }
        let end = text::end(self.body, self.at)?;
        if text::is_longer(&self.body[self.at + 1..end - 1], self.limits.key) {
            return Err(self.error(ScanReason::KeyTooLong));
        }
        self.at = end;
        Ok(Expect::Colon)
    }

    fn after_value(&mut self, byte: u8) -> Result<Expect, ScanError> {
        if self.depth == 0 {
            return Err(self.error(ScanReason::TrailingCharacters));
        }
        match (byte, self.objects & 1 == 1) {
            (b',', true) => Ok(self.step_to(Expect::Key)),
            (b',', false) => Ok(self.step_to(Expect::Value)),
            (b'}', true) | (b']', false) => Ok(self.close()),
            _ => Err(self.error(ScanReason::UnexpectedCharacter)),
        }
    }

    fn open(&mut self, is_object: bool) -> Result<Expect, ScanError> {
        if self.depth >= self.limits.depth.min(u128::BITS) {
            return Err(self.error(ScanReason::TooDeep));
        }
        self.depth += 1;
        self.objects = self.objects << 1 | u128::from(is_object);
        Ok(self.step_to(if is_object { Expect::KeyOrEnd } else { Expect::ItemOrEnd }))
    }

    fn close(&mut self) -> Expect {
        self.depth -= 1;
        self.objects >>= 1;
        self.step_to(Expect::AfterValue)
    }

    fn literal(&mut self, word: &[u8]) -> Result<Expect, ScanError> {
        let rest = &self.body[self.at..];
        let same = rest.iter().zip(word).take_while(|(left, right)| left == right).count();
        self.at += same;
        if same == word.len() {
            Ok(Expect::AfterValue)
        } else if same == rest.len() {
            Err(self.error(ScanReason::UnexpectedEnd))
        } else {
            Err(self.error(ScanReason::UnexpectedCharacter))
        }
    }

    fn go_to(&mut self, end: usize) -> Result<Expect, ScanError> {
        self.at = end;
        Ok(Expect::AfterValue)
    }

    fn step_to(&mut self, next: Expect) -> Expect {
        self.at += 1;
        next
    }

    fn skip_white_space(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.body.get(self.at) {
            self.at += 1;
        }
    }

    fn error(&self, reason: ScanReason) -> ScanError {
        ScanError { reason, offset: self.at }
    }
}
