//! Access tokens in Bakong's format: JWTs signed with HS256 (RFC 7515, RFC 7518 §3.2), valid for 90 days.

use std::collections::HashMap;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use khqr_core::Timestamp;
use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::entropy::hex;

/// The lifetime of a token: 90 days.
const LIFETIME: Duration = Duration::from_secs(90 * 24 * 60 * 60);

/// `{"alg":"HS256","typ":"JWT"}`.
const HEADER: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9";

/// The key that signs tokens. A new key invalidates every token that was issued before.
pub(crate) struct TokenKey {
    signer: Hmac<Sha256>,
    bytes: [u8; 64],
    /// The `iat` and `exp` of the last token of each registration ID, in seconds.
    last: HashMap<String, (u64, u64)>,
}

/// A signed token and its claims. Times are in seconds since 1970.
pub(crate) struct IssuedToken {
    pub(crate) token: String,
    pub(crate) iat: u64,
    pub(crate) exp: u64,
}

impl IssuedToken {
    pub(crate) const fn expires_at(&self) -> Timestamp {
        Timestamp::from_millis(self.exp.saturating_mul(1000))
    }
}

/// Why a token is not valid. A client gets the same response for each.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum TokenError {
    /// The token is not a JWT.
    Malformed,
    /// Another key signed the token.
    Signature,
    /// The token was valid before.
    Expired,
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
        }
    }

    pub(crate) const fn bytes(&self) -> &[u8; 64] {
        &self.bytes
    }

    /// An ID that distinguishes the key from other keys without revealing it: 16 lower-case hexadecimal
    /// digits.
    pub(crate) fn id(&self) -> String {
        // The prefix separates this digest from other uses of the key.
        let digest = Sha256::new()
            .chain_update("key id")
            .chain_update(self.bytes);
        hex(&digest.finalize()[..8])
    }

    /// Each registration ID with the `iat` and `exp` of its last token.
    pub(crate) fn issued(&self) -> impl Iterator<Item = (&str, u64, u64)> {
        let all = self.last.iter();
        all.map(|(id, (iat, exp))| (id.as_str(), *iat, *exp))
    }

    /// Records the last token of `id`. Only `State::apply` calls this.
    pub(crate) fn record_issued(&mut self, id: &str, iat: u64, exp: u64) {
        self.last.insert(id.to_owned(), (iat, exp));
    }

    /// Signs a token for the registration `id`, which must not need JSON escapes.
    ///
    /// Claims have a resolution of one second, so two tokens of the same second would be identical, and a
    /// test could not see whether a client uses the renewed one. Each further token of the same second
    /// therefore expires a second later. The newest token always expires last.
    pub(crate) fn sign(&self, id: &str, now: Timestamp) -> IssuedToken {
        let iat = seconds(now);
        let exp = match self.last.get(id) {
            Some((second, exp)) if *second == iat => exp.saturating_add(1),
            _ => seconds(now.saturating_add(LIFETIME)),
        };
        let claims = format!(r#"{{"data":{{"id":"{id}"}},"iat":{iat},"exp":{exp}}}"#);
        let claims = URL_SAFE_NO_PAD.encode(claims);
        let signature = self.signing(HEADER, &claims).finalize().into_bytes();
        let signature = URL_SAFE_NO_PAD.encode(signature);
        let token = format!("{HEADER}.{claims}.{signature}");
        IssuedToken { token, iat, exp }
    }

    /// The registration ID of `token`, if this key signed the token and the token has not expired.
    pub(crate) fn verify(&self, token: &str, now: Timestamp) -> Result<String, TokenError> {
        let claims = self.claims(token)?;
        if seconds(now) < claims.exp {
            Ok(claims.data.id)
        } else {
            Err(TokenError::Expired)
        }
    }

    /// The claims of a token that this key signed. The signature is compared first, in constant time. A
    /// token with another algorithm, including `none`, has no valid signature.
    fn claims(&self, token: &str) -> Result<Claims, TokenError> {
        let parts = token.split_once('.').and_then(|(header, rest)| {
            let (claims, signature) = rest.split_once('.')?;
            Some((header, claims, URL_SAFE_NO_PAD.decode(signature).ok()?))
        });
        let (header, claims, signature) = parts.ok_or(TokenError::Malformed)?;
        let signed = self.signing(header, claims).verify_slice(&signature);
        signed.map_err(|_| TokenError::Signature)?;
        let claims = URL_SAFE_NO_PAD.decode(claims);
        let claims = claims.map_err(|_| TokenError::Malformed)?;
        serde_json::from_slice(&claims).map_err(|_| TokenError::Malformed)
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
    fn a_token_contains_its_id_and_lifetime() {
        let token = key().sign("00112233aabbccdd", NOW).token;
        let parts: Vec<&str> = token.split('.').collect();
        let text = |part: &str| String::from_utf8(URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap();
        assert_eq!(text(parts[0]), r#"{"alg":"HS256","typ":"JWT"}"#);
        assert_eq!(
            text(parts[1]),
            r#"{"data":{"id":"00112233aabbccdd"},"iat":1795000000,"exp":1802776000}"#
        );
        assert_eq!(parts.len(), 3);
    }

    /// The example of RFC 7515, appendix A.1, whose key is one block long.
    #[test]
    fn the_signature_matches_the_rfc() {
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
    fn a_token_is_valid_until_the_second_of_its_expiry() {
        let token = key().sign("id", NOW).token;
        let end = NOW.saturating_add(LIFETIME);
        let before = Timestamp::from_millis(end.as_millis() - 1);
        assert_eq!(key().verify(&token, NOW).as_deref(), Ok("id"));
        assert_eq!(key().verify(&token, before).as_deref(), Ok("id"));
        assert_eq!(key().verify(&token, end), Err(TokenError::Expired));
    }

    #[test]
    fn no_two_tokens_are_equal() {
        let mut key = key();
        let mut issue = |id: &str, now| {
            let issued = key.sign(id, now);
            key.record_issued(id, issued.iat, issued.exp);
            let last_valid = Timestamp::from_millis(issued.expires_at().as_millis() - 1);
            assert_eq!(key.verify(&issued.token, last_valid).as_deref(), Ok(id));
            assert_eq!(
                key.verify(&issued.token, issued.expires_at()),
                Err(TokenError::Expired)
            );
            issued
        };
        let later = NOW.saturating_add(Duration::from_secs(1));
        let issued = [NOW, NOW, NOW, later, later].map(|now| issue("id", now));
        let tokens = issued.iter().map(|it| &it.token);
        assert_eq!(tokens.collect::<std::collections::HashSet<_>>().len(), 5);
        let extra = |it: &IssuedToken, now| it.expires_at().saturating_since(now) - LIFETIME;
        assert_eq!(extra(&issued[2], NOW), Duration::from_secs(2));
        assert_eq!(extra(&issued[4], later), Duration::from_secs(1));
        let other = issue("other", NOW);
        assert_eq!(other.expires_at(), NOW.saturating_add(LIFETIME));
    }

    #[test]
    fn a_token_of_another_key_or_form_is_rejected() {
        let token = key().sign("id", NOW).token;
        assert_eq!(
            TokenKey::new([2; 64]).verify(&token, NOW),
            Err(TokenError::Signature)
        );
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
            assert!(key().verify(&forged, NOW).is_err(), "{forged}");
        }
    }

    proptest! {
        #[test]
        fn one_changed_byte_invalidates_a_token(position: prop::sample::Index, byte in 0x20u8..0x7f) {
            let token = key().sign("id", NOW).token;
            let mut bytes = token.clone().into_bytes();
            let position = position.index(bytes.len());
            bytes[position] = byte;
            let changed = String::from_utf8(bytes).unwrap();
            prop_assert_eq!(key().verify(&changed, NOW).is_ok(), changed == token);
        }

        #[test]
        fn any_text_can_be_verified(text: String) {
            prop_assert!(key().verify(&text, NOW).is_err());
        }
    }
}
