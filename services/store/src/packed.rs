//! Bodies and events, packed. They are most of what the ledger writes, and every page of it is written twice: to the
//! write-ahead log and to the file. Packed by LZ4, which costs a few microseconds, they take about half of the pages.

use std::{borrow::Cow, fmt};

use lz4_flex::block;

use crate::StoreError;

/// The first byte: how the rest is kept.
const PLAIN: u8 = 0;
/// The length as 32 bits, little-endian, then one LZ4 block.
const LZ4: u8 = 1;
/// The mark and the length.
const HEAD: usize = 5;
/// How often an LZ4 block can be as long unpacked as it is packed, at most: a byte of it stands for 255.
const MOST: usize = 255;

/// Bytes as a column keeps them.
#[derive(Clone, PartialEq, Eq)]
pub struct Packed(Vec<u8>);

impl Packed {
    /// Packs `bytes`; they are kept as they are where that is shorter.
    pub fn of(bytes: &[u8]) -> Self {
        let mut packed = vec![0; HEAD + block::get_maximum_output_size(bytes.len())];
        if let (Ok(size), Ok(len)) =
            (block::compress_into(bytes, &mut packed[HEAD..]), u32::try_from(bytes.len()))
            && HEAD + size < bytes.len()
        {
            packed.truncate(HEAD + size);
            packed[0] = LZ4;
            packed[1..HEAD].copy_from_slice(&len.to_le_bytes());
            // It is kept for a while, among many others.
            packed.shrink_to_fit();
            return Self(packed);
        }
        let mut plain = Vec::with_capacity(bytes.len() + 1);
        plain.push(PLAIN);
        plain.extend_from_slice(bytes);
        Self(plain)
    }

    /// For a column.
    pub(crate) fn into_column(self) -> Vec<u8> {
        self.0
    }
}

impl fmt::Debug for Packed {
    /// Without what it holds: that is a person's data.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Packed").field("len", &self.0.len()).finish()
    }
}

/// What was packed into a column.
pub(crate) fn unpack<'a>(column: &'a [u8], what: &'static str) -> Result<Cow<'a, [u8]>, StoreError> {
    let corrupt = || StoreError::corrupt(what);
    match column.split_first() {
        Some((&PLAIN, plain)) => Ok(Cow::Borrowed(plain)),
        Some((&LZ4, packed)) => {
            let (size, block) = block::uncompressed_size(packed).map_err(|_| corrupt())?;
            // What is corrupt must not ask for more memory than it could fill.
            if size > block.len().saturating_mul(MOST) {
                return Err(corrupt());
            }
            let bytes = block::decompress(block, size).map_err(|_| corrupt())?;
            if bytes.len() == size { Ok(Cow::Owned(bytes)) } else { Err(corrupt()) }
        }
        _ => Err(corrupt()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn there_and_back(bytes: &[u8]) -> usize {
        let column = Packed::of(bytes).into_column();
        assert_eq!(unpack(&column, "test").expect("unpacks").as_ref(), bytes);
        column.len()
    }

    #[test]
    fn everything_comes_back_as_it_was() {
        assert_eq!(there_and_back(b""), 1);
        assert_eq!(there_and_back(b"short"), 6, "not worth packing");
        assert!(there_and_back(&[b'a'; 1 << 20]) < 1 << 13);
        let noise: Vec<u8> = (0_u32..5000).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
        assert!(there_and_back(&noise) <= noise.len() + 1, "never longer than by the mark");
    }

    #[test]
    fn what_is_corrupt_is_said_to_be() {
        let mut cut = Packed::of(&[b'a'; 1000]).into_column();
        cut.pop();
        let mut short = Packed::of(&[b'a'; 1000]).into_column();
        short[1] += 1;
        let huge = [LZ4, 0xff, 0xff, 0xff, 0xff, 0x10];
        for bad in [&[][..], &[9, 9], &[LZ4], &[LZ4, 1, 0, 0], &huge, &cut, &short] {
            assert_eq!(unpack(bad, "test"), Err(StoreError::corrupt("test")), "{bad:?}");
        }
    }
}
