//! Random ids and keys.

use sha2::{Digest, Sha256};

/// Digits and lower-case letters without `i`, `l`, `o` and `u`, as in Crockford's Base32.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// Returns `prefix` and 26 random characters: 130 bits, so nobody can guess an id.
///
/// # Errors
/// The operating system has no random numbers.
pub(crate) fn random(prefix: &str) -> Result<String, getrandom::Error> {
    let mut bytes = [0_u8; 26];
    getrandom::fill(&mut bytes)?;
    let characters = bytes.map(|byte| char::from(ALPHABET[usize::from(byte % 32)]));
    Ok(prefix.chars().chain(characters).collect())
}

/// Returns the SHA-256 of the parts in hexadecimal digits. The lengths of the parts count, so parts cannot run together.
pub(crate) fn sha256(parts: &[&[u8]]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        hash.update(part);
    }
    let digits = hash
        .finalize()
        .into_iter()
        .map(|byte| format!("{byte:02x}"));
    digits.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_long_and_differ() {
        let ids: std::collections::BTreeSet<_> =
            (0..1_000).map(|_| random("pay_").unwrap()).collect();
        assert_eq!(ids.len(), 1_000);
        assert!(ids.iter().all(|id| id.len() == 30 && id.is_ascii()));
    }

    #[test]
    fn parts_of_a_hash_cannot_run_together() {
        assert_ne!(sha256(&[b"ab", b"c"]), sha256(&[b"a", b"bc"]));
    }
}
