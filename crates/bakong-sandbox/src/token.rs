//! Access tokens as Bakong issues them: JWTs signed with HS256 (RFC 7515, RFC 7518 §3.2), 90 days long.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use khqr_core::Timestamp;
use serde::Deserialize;
use sha2::Sha256;

/// How long a token is good for: 90 days.
pub(crate) const LIFETIME: Duration = Duration::from_secs(90 * 24 * 60 * 60);

/// `{"alg":"HS256","typ":"JWT"}`.
const HEADER: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9";

/// The key that signs tokens. A new one makes every token that was issued before worthless.
pub(crate) struct TokenKey {
    signer: Hmac<Sha256>,
    /// For the state file.
    bytes: [u8; 64],
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
        }
    }

    pub(crate) const fn bytes(&self) -> &[u8; 64] {
        &self.bytes
    }

    /// A token for the registration `id`, which is put in as it is and must need no escape in JSON.
    pub(crate) fn issue(&self, id: &str, now: Timestamp) -> String {
        let iat = seconds(now);
        let exp = seconds(now.saturating_add(LIFETIME));
        let claims = format!(r#"{{"data":{{"id":"{id}"}},"iat":{iat},"exp":{exp}}}"#);
        let claims = URL_SAFE_NO_PAD.encode(claims);
        let signature = self.signing(HEADER, &claims).finalize().into_bytes();
        let signature = URL_SAFE_NO_PAD.encode(signature);
        format!("{HEADER}.{claims}.{signature}")
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
        let token = key().issue("00112233aabbccdd", NOW);
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
        let token = key().issue("id", NOW);
        let end = NOW.saturating_add(LIFETIME);
        let before = Timestamp::from_millis(end.as_millis() - 1);
        assert_eq!(key().holder(&token, NOW).as_deref(), Some("id"));
        assert_eq!(key().holder(&token, before).as_deref(), Some("id"));
        assert_eq!(key().holder(&token, end), None);
    }

    #[test]
    fn only_this_key_s_own_text_is_taken() {
        let token = key().issue("id", NOW);
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
            let token = key().issue("id", NOW);
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
