//! Random ids and keys.

use khqr_core::Timestamp;
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

/// How many characters of an ordered id are its time: 45 bits of milliseconds, enough until the year 3084.
const TIME: usize = 9;

/// Returns an id as [`random`] does, of the same length, which begins with the time: ids that are created one after the
/// other are neighbours in an index of the database. 85 bits are random.
///
/// # Errors
/// The operating system has no random numbers.
pub(crate) fn ordered(prefix: &str, now: Timestamp) -> Result<String, getrandom::Error> {
    let random = random("")?;
    Ok(format!("{prefix}{}{}", time(now), &random[TIME..]))
}

/// Returns a secret with 130 random bits, as [`random`] does, which begins with the time.
///
/// # Errors
/// The operating system has no random numbers.
pub(crate) fn ordered_secret(now: Timestamp) -> Result<String, getrandom::Error> {
    Ok(format!("{}{}", time(now), random("")?))
}

fn time(now: Timestamp) -> String {
    let millis = now.as_millis();
    let digit = |index| {
        let digit = millis >> (5 * (TIME - 1 - index)) & 31;
        char::from(ALPHABET[usize::try_from(digit).unwrap_or(0)])
    };
    (0..TIME).map(digit).collect()
}

/// Returns the SHA-256 of the parts in hexadecimal digits. The lengths of the parts count, so parts cannot run together.
pub(crate) fn sha256(parts: &[&[u8]]) -> String {
    let digit = |value: u8| char::from_digit(u32::from(value), 16).unwrap_or_default();
    let bytes = digest(parts).into_iter();
    bytes
        .flat_map(|byte| [digit(byte >> 4), digit(byte & 15)])
        .collect()
}

fn digest(parts: &[&[u8]]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().into()
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
    fn ordered_ids_are_sorted_by_their_time() {
        let at = |millis| ordered("pay_", Timestamp::from_millis(millis)).unwrap();
        let times = [
            0,
            1,
            31,
            32,
            1_795_000_000_000,
            1_795_000_000_001,
            (1 << 45) - 1,
        ];
        let ids = times.map(at);
        assert!(ids.is_sorted(), "{ids:?}");
        assert!(ids.iter().all(|id| id.len() == 30));
        assert_ne!(at(7), at(7));
        let secret = ordered_secret(Timestamp::from_millis(7)).unwrap();
        assert_eq!(secret.len(), TIME + 26);
    }

    #[test]
    fn a_hash_has_the_digits_of_sha_256() {
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(sha256(&[]), empty);
    }

    #[test]
    fn parts_of_a_hash_cannot_run_together() {
        assert_ne!(sha256(&[b"ab", b"c"]), sha256(&[b"a", b"bc"]));
    }
}
