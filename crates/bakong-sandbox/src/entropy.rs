//! Random values from one seed, so that two sandboxes with the same seed produce the same values.

use std::io;

use sha2::{Digest, Sha256};

/// 32 letters and digits that are hard to confuse. Five bits select one uniformly.
const ALPHABET: [u8; 32] = *b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";

/// A random generator: SHA-256 over a seed and a counter.
#[derive(Clone, Copy)]
pub(crate) struct Entropy {
    seed: [u8; 32],
    drawn: u64,
}

impl Entropy {
    pub(crate) const fn from_seed(seed: [u8; 32]) -> Self {
        Self { seed, drawn: 0 }
    }

    pub(crate) fn from_system() -> io::Result<Self> {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).map_err(|error| io::Error::other(error.to_string()))?;
        Ok(Self::from_seed(seed))
    }

    /// A separate generator for `purpose`, derived from this seed. Its number of draws depends on the requests, and
    /// must not influence the values of this generator.
    pub(crate) fn branch(&self, purpose: &str) -> Self {
        let seed = Sha256::new()
            .chain_update(self.seed)
            .chain_update(purpose)
            .finalize();
        Self::from_seed(seed.into())
    }

    pub(crate) const fn seed(&self) -> &[u8; 32] {
        &self.seed
    }

    /// The number of draws so far. With the seed it is the whole state of the generator.
    pub(crate) const fn drawn(&self) -> u64 {
        self.drawn
    }

    /// The same generator after this many draws.
    pub(crate) const fn after(self, drawn: u64) -> Self {
        Self { drawn, ..self }
    }

    /// A number from 0 to 99, as uniform as 64 bits allow.
    pub(crate) fn percentile(&mut self) -> u8 {
        let bytes = self.draw();
        let number = bytes
            .iter()
            .take(8)
            .fold(0, |number: u64, byte| number << 8 | u64::from(*byte));
        u8::try_from(number % 100).unwrap_or_default()
    }

    /// The next 32 bytes.
    fn draw(&mut self) -> [u8; 32] {
        self.drawn = self.drawn.wrapping_add(1);
        Sha256::new()
            .chain_update(self.seed)
            .chain_update(self.drawn.to_be_bytes())
            .finalize()
            .into()
    }

    /// A key of one SHA-256 block.
    pub(crate) fn hmac_key(&mut self) -> [u8; 64] {
        let mut key = [0; 64];
        for half in key.chunks_exact_mut(32) {
            half.copy_from_slice(&self.draw());
        }
        key
    }

    /// The 20-character code in a verification e-mail.
    pub(crate) fn verification_code(&mut self) -> String {
        self.letters(20)
    }

    /// `count` characters of `ALPHABET`, at most 32.
    fn letters(&mut self, count: usize) -> String {
        let bytes = self.draw();
        let letter = |byte: &u8| char::from(ALPHABET[usize::from(byte % 32)]);
        bytes.iter().take(count).map(letter).collect()
    }

    /// The hash of a transaction: 64 lower-case hexadecimal digits.
    pub(crate) fn transaction_hash(&mut self) -> String {
        hex(&self.draw())
    }

    /// The registration ID that tokens contain: 16 lower-case hexadecimal digits.
    pub(crate) fn registration_id(&mut self) -> String {
        hex(&self.draw()[..8])
    }

    /// The ID at the end of a short link: 17 letters and digits.
    pub(crate) fn link_id(&mut self) -> String {
        self.letters(17)
    }

    /// The reference of the payer's bank, in the form of real responses: `100FT` and eleven digits.
    pub(crate) fn external_ref(&mut self) -> String {
        let bytes = self.draw();
        let number = bytes
            .iter()
            .take(7)
            .fold(0, |number: u64, byte| number << 8 | u64::from(*byte));
        format!("100FT{:011}", number % 100_000_000_000)
    }
}

/// Lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Reads `COUNT` pairs of lower-case hexadecimal digits.
pub(crate) fn from_hex<const COUNT: usize>(text: &str) -> Option<[u8; COUNT]> {
    let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    if text.len() != COUNT * 2 || !text.bytes().all(is_digit) {
        return None;
    }
    let mut bytes = [0; COUNT];
    for (byte, at) in bytes.iter_mut().zip((0..).step_by(2)) {
        *byte = u8::from_str_radix(text.get(at..at + 2)?, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_repeats_its_values() {
        let mut once = Entropy::from_seed([7; 32]);
        let mut again = Entropy::from_seed([7; 32]);
        let mut other = Entropy::from_seed([8; 32]);
        let hash = once.transaction_hash();
        assert_eq!(hash, again.transaction_hash());
        assert_ne!(hash, other.transaction_hash());
        assert_ne!(hash, once.transaction_hash());
    }

    #[test]
    fn every_value_has_its_form() {
        let mut entropy = Entropy::from_system().unwrap();
        let lower_hex = |text: &str| {
            text.bytes()
                .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
        };
        let hash = entropy.transaction_hash();
        assert!(hash.len() == 64 && lower_hex(&hash), "{hash}");
        let id = entropy.registration_id();
        assert!(id.len() == 16 && lower_hex(&id), "{id}");
        let code = entropy.verification_code();
        assert!(
            code.len() == 20 && code.bytes().all(|b| ALPHABET.contains(&b)),
            "{code}"
        );
        let link = entropy.link_id();
        assert!(
            link.len() == 17 && link.bytes().all(|b| ALPHABET.contains(&b)),
            "{link}"
        );
        let reference = entropy.external_ref();
        assert!(
            reference.len() == 16 && reference.starts_with("100FT"),
            "{reference}"
        );
    }
}
