//! Access tokens as Bakong issues them: JWTs signed with HS256 (RFC 7515, RFC 7518 §3.2), 90 days long.

use std::collections::HashMap;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use khqr_core::Timestamp;
use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::entropy::hex;
use crate::keep::Change;

/// How long a token is good for: 90 days.
const LIFETIME: Duration = Duration::from_secs(90 * 24 * 60 * 60);

/// `{"alg":"HS256","typ":"JWT"}`.
const HEADER: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9";

/// The key that signs tokens. A new one makes every token that was issued before worthless.
pub(crate) struct TokenKey {
    signer: Hmac<Sha256>,
    /// For the state file.
    bytes: [u8; 64],
    /// For each id, the `iat` and the `exp` of its last token.
    last: HashMap<String, (u64, u64)>,
    /// What a state file has not been told yet.
    news: Vec<Change>,
}

/// A token, and when it ends.
pub(crate) struct Issued {
    pub(crate) token: String,
    pub(crate) expires_at: Timestamp,
}

#[derive(Deserialize)]
struct Claims {
    exp: u64,
    data: Data,
}

#[derive(Deserialize)]
struct Data {
    id: String,
}

impl TokenKey {
    pub(crate) fn new(key: [u8; 64]) -> Self {
        Self {
            signer: Hmac::new(&key.into()),
            bytes: key,
            last: HashMap::new(),
            news: Vec::new(),
        }
    }

    pub(crate) const fn bytes(&self) -> &[u8; 64] {
        &self.bytes
    }

    /// Tells it from other keys, and says nothing of it: 16 lower-case hexadecimal digits.
    pub(crate) fn id(&self) -> String {
        // A digest of the bytes alone might be of use elsewhere.
        let digest = Sha256::new()
            .chain_update("key id")
            .chain_update(self.bytes);
        hex(&digest.finalize()[..8])
    }

    /// Takes another key.
    pub(crate) fn replace(&mut self, key: [u8; 64]) {
        *self = Self::new(key);
        self.news.push(Change::token_key(&key));
    }

    /// Each id with the `iat` and the `exp` of its last token.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&str, u64, u64)> {
        let all = self.last.iter();
        all.map(|(id, (iat, exp))| (id.as_str(), *iat, *exp))
    }

    /// Says, from a state file, what the last token of `id` was.
    pub(crate) fn restore(&mut self, id: String, iat: u64, exp: u64) {
        self.last.insert(id, (iat, exp));
    }

    /// What has changed since this was asked last.
    pub(crate) fn take_news(&mut self) -> Vec<Change> {
        std::mem::take(&mut self.news)
    }

    /// A token for the registration `id`, which is put in as it is and must need no escape in JSON.
    ///
    /// What it says is told in seconds, so a second token of the same second would be the first one again, and
    /// nobody could tell whether a renewal was taken up. It lasts a second longer for that: then both times are
    /// true, and the newest token is the one that ends last.
    pub(crate) fn issue(&mut self, id: &str, now: Timestamp) -> Issued {
        let iat = seconds(now);
        let exp = match self.last.get(id) {
            Some((second, exp)) if *second == iat => exp.saturating_add(1),
            _ => seconds(now.saturating_add(LIFETIME)),
        };
        self.last.insert(id.to_owned(), (iat, exp));
        self.news.push(Change::issued(id, iat, exp));
        let claims = format!(r#"{{"data":{{"id":"{id}"}},"iat":{iat},"exp":{exp}}}"#);
        let claims = URL_SAFE_NO_PAD.encode(claims);
        let signature = self.signing(HEADER, &claims).finalize().into_bytes();
        let signature = URL_SAFE_NO_PAD.encode(signature);
        Issued {
            token: format!("{HEADER}.{claims}.{signature}"),
            expires_at: Timestamp::from_millis(exp.saturating_mul(1000)),
        }
    }

    /// The id of the registration that `token` is for, if this key signed it and it has not expired.
    pub(crate) fn holder(&self, token: &str, now: Timestamp) -> Option<String> {
        let claims = self.claims(token)?;
        (seconds(now) < claims.exp).then_some(claims.data.id)
    }

    /// What a token says, if this key signed it. The signature is compared in constant time, and first:
    /// a token of another algorithm, `none` among them, has no signature of this key.
    fn claims(&self, token: &str) -> Option<Claims> {
        let (header, rest) = token.split_once('.')?;
        let (claims, signature) = rest.split_once('.')?;
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        self.signing(header, claims).verify_slice(&signature).ok()?;
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).ok()?).ok()
    }

    fn signing(&self, header: &str, claims: &str) -> Hmac<Sha256> {
        let mac = self.signer.clone().chain_update(header).chain_update(".");
        mac.chain_update(claims)
    }
}

const fn seconds(moment: Timestamp) -> u64 {
    moment.as_millis() / 1000
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_795_000_000_000);

    fn key() -> TokenKey {
        TokenKey::new([1; 64])
    }

    #[test]
    fn a_token_says_whose_it_is_and_how_long_it_lasts() {
        let token = key().issue("00112233aabbccdd", NOW).token;
        let parts: Vec<&str> = token.split('.').collect();
        let text = |part: &str| String::from_utf8(URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap();
        assert_eq!(text(parts[0]), r#"{"alg":"HS256","typ":"JWT"}"#);
        assert_eq!(
            text(parts[1]),
            r#"{"data":{"id":"00112233aabbccdd"},"iat":1795000000,"exp":1802776000}"#
        );
        assert_eq!(parts.len(), 3);
    }

    /// The example of RFC 7515, appendix A.1: its key is as long as a block.
    #[test]
    fn the_signature_is_that_of_the_rfc() {
        let key = "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow";
        let key: [u8; 64] = URL_SAFE_NO_PAD.decode(key).unwrap().try_into().unwrap();
        let mac = TokenKey::new(key).signing(
            "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9",
            "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ",
        );
        assert_eq!(
            URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()),
            "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
        );
    }

    #[test]
    fn a_token_is_good_until_the_second_of_its_expiry() {
        let token = key().issue("id", NOW).token;
        let end = NOW.saturating_add(LIFETIME);
        let before = Timestamp::from_millis(end.as_millis() - 1);
        assert_eq!(key().holder(&token, NOW).as_deref(), Some("id"));
        assert_eq!(key().holder(&token, before).as_deref(), Some("id"));
        assert_eq!(key().holder(&token, end), None);
    }

    #[test]
    fn no_token_is_the_one_before() {
        let mut key = key();
        let later = NOW.saturating_add(Duration::from_secs(1));
        let issued: Vec<Issued> = [NOW, NOW, NOW, later, later]
            .map(|now| key.issue("id", now))
            .into();
        for (place, it) in issued.iter().enumerate() {
            assert!(
                issued
                    .iter()
                    .skip(place + 1)
                    .all(|other| other.token != it.token)
            );
            let end = Timestamp::from_millis(it.expires_at.as_millis() - 1);
            assert_eq!(key.holder(&it.token, end).as_deref(), Some("id"));
            assert_eq!(key.holder(&it.token, it.expires_at), None);
        }
        let longer = |it: &Issued, now| it.expires_at.saturating_since(now) - LIFETIME;
        assert_eq!(longer(&issued[2], NOW), Duration::from_secs(2));
        assert_eq!(longer(&issued[4], later), Duration::from_secs(1));
        let other = key.issue("other", NOW);
        assert_eq!(
            other.expires_at,
            NOW.saturating_add(LIFETIME),
            "each by itself"
        );
    }

    #[test]
    fn only_this_key_s_own_text_is_taken() {
        let token = key().issue("id", NOW).token;
        assert_eq!(TokenKey::new([2; 64]).holder(&token, NOW), None);
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let (_, claims) = signed.split_once('.').unwrap();
        let none = URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#);
        for forged in [
            signed.to_owned(),
            format!("{signed}."),
            format!("{none}.{claims}."),
            format!("{none}.{claims}.{signature}"),
            format!("{token}="),
            format!("{token}.x"),
            format!(" {token}"),
            token.to_lowercase(),
            String::new(),
            "..".to_owned(),
        ] {
            assert_eq!(key().holder(&forged, NOW), None, "{forged}");
        }
    }

    proptest! {
        #[test]
        fn one_changed_byte_spoils_a_token(place: prop::sample::Index, byte in 0x20u8..0x7f) {
            let token = key().issue("id", NOW).token;
            let mut bytes = token.clone().into_bytes();
            let place = place.index(bytes.len());
            bytes[place] = byte;
            let changed = String::from_utf8(bytes).unwrap();
            prop_assert_eq!(key().holder(&changed, NOW).is_some(), changed == token);
        }

        #[test]
        fn any_text_is_judged(text: String) {
            prop_assert_eq!(key().holder(&text, NOW), None);
        }
    }
}
