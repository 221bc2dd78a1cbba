//! Just enough of HTTP/1.1 for a client and a sink that must not be what is measured.

/// A message at the beginning of a buffer, as its head describes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Frame {
    /// Where its body begins.
    pub(crate) body: usize,
    /// Where it ends; the buffer may not reach that far yet.
    pub(crate) end: usize,
}

impl Frame {
    /// Reads the head; nothing while it is not all there. Bodies without a length are taken as empty.
    pub(crate) fn read(buffer: &[u8]) -> Option<Self> {
        let body = buffer.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
        Some(Self { body, end: body + content_length(&buffer[..body]) })
    }
}

/// The status of an answer whose head is there; 0 when it is none.
pub(crate) fn status(answer: &[u8]) -> u16 {
    let digits = answer.get(9..12).and_then(|digits| std::str::from_utf8(digits).ok());
    digits.and_then(|digits| digits.parse().ok()).unwrap_or(0)
}

fn content_length(head: &[u8]) -> usize {
    const NAME: &[u8] = b"content-length:";
    let lines = head.split(|byte| *byte == b'\n');
    let value = lines.into_iter().find_map(|line| {
        let (name, value) = line.split_at_checked(NAME.len())?;
        name.eq_ignore_ascii_case(NAME).then_some(value)
    });
    let digits = value.and_then(|value| std::str::from_utf8(value).ok());
    digits.and_then(|digits| digits.trim().parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_framed_by_its_length() {
        let answer = b"HTTP/1.1 202 Accepted\r\nContent-Length: 5\r\ndate: x\r\n\r\nhelloHTTP";
        let frame = Frame::read(answer).expect("a head");
        assert_eq!(&answer[frame.body..frame.end], b"hello");
        assert_eq!(status(answer), 202);
    }

    #[test]
    fn half_a_head_is_no_frame_and_no_length_is_no_body() {
        assert_eq!(Frame::read(b"HTTP/1.1 202 Accepted\r\ncontent-length: 5\r\n"), None);
        assert_eq!(Frame::read(b"GET / HTTP/1.1\r\n\r\n"), Some(Frame { body: 18, end: 18 }));
        assert_eq!(status(b"HTTP"), 0);
    }
}
