//! A packed file with something at its end that is not packed.
//!
//! What differs from source to source is short. It follows the packed program as it is, in blocks that deflate has for
//! that (RFC 1951, 3.2.4), so that no request makes the server pack anything.

/// Ten bytes: the magic number, deflate, no flags, no time, nothing extra, no system (RFC 1952, 2.3).
const HEAD: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
/// The most bytes of one block.
const LARGEST_BLOCK: usize = 0xffff;

/// The checksum of gzip, so far.
#[derive(Debug, Clone, Copy)]
pub(super) struct Crc(u32);

impl Crc {
    /// Of nothing.
    pub(super) const EMPTY: Self = Self(u32::MAX);

    /// With these bytes behind what it has.
    pub(super) fn and(self, bytes: &[u8]) -> Self {
        const POLYNOMIAL: u32 = 0xedb8_8320;
        Self(bytes.iter().fold(self.0, |crc, byte| {
            (0..8).fold(
                crc ^ u32::from(*byte),
                |crc, _| {
                    if crc & 1 == 1 { (crc >> 1) ^ POLYNOMIAL } else { crc >> 1 }
                },
            )
        }))
    }
}

/// The gzip file of a text that begins with what `packed` is deflated from and ends with `tail`. `packed` ends on a whole
/// byte and without a last block; `begun` is the checksum of its text, `length` the bytes of the whole.
pub(super) fn file(packed: &[u8], begun: Crc, tail: &[u8], length: usize) -> Vec<u8> {
    let mut file = Vec::with_capacity(HEAD.len() + packed.len() + tail.len() + 32);
    file.extend_from_slice(&HEAD);
    file.extend_from_slice(packed);
    let mut blocks = tail.chunks(LARGEST_BLOCK).peekable();
    while let Some(block) = blocks.next() {
        // Never more than a block may have.
        let size = u16::try_from(block.len()).unwrap_or(u16::MAX);
        file.push(u8::from(blocks.peek().is_none()));
        file.extend_from_slice(&size.to_le_bytes());
        file.extend_from_slice(&(!size).to_le_bytes());
        file.extend_from_slice(block);
    }
    file.extend_from_slice(&(!begun.and(tail).0).to_le_bytes());
    // Its low 32 bits, as the format has it.
    file.extend_from_slice(&(length as u32).to_le_bytes());
    file
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use flate2::{FlushCompress, read::GzDecoder};

    use super::*;

    #[test]
    fn it_is_read_as_the_whole_text() {
        for tail in [b"x".to_vec(), b"({});".to_vec(), vec![b'y'; 200_000], vec![b'z'; LARGEST_BLOCK]] {
            let head = b"a program, a program, a program";
            let mut packer = flate2::Compress::new(flate2::Compression::best(), false);
            let mut packed = Vec::with_capacity(100);
            packer.compress_vec(head, &mut packed, FlushCompress::Sync).expect("room");
            let whole = [&head[..], &tail].concat();
            let file = file(&packed, Crc::EMPTY.and(head), &tail, whole.len());
            let mut read = Vec::new();
            GzDecoder::new(&file[..]).read_to_end(&mut read).expect("a gzip file");
            assert!(read == whole, "a tail of {} bytes", tail.len());
        }
    }

    #[test]
    fn the_checksum_is_that_of_gzip() {
        let mut known = flate2::Crc::new();
        known.update(b"123456789");
        assert_eq!(!Crc::EMPTY.and(b"1234").and(b"56789").0, known.sum());
    }
}
