//! Webhooks as the Standard Webhooks specification describes them: <https://www.standardwebhooks.com>.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use khqr_core::Timestamp;
use sha2::Sha256;
use subtle::ConstantTimeEq;

/// How a secret begins.
const PREFIX: &str = "whsec_";

/// The secret of an endpoint. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Secret(String);

impl Secret {
    /// Creates a random secret of 32 bytes.
    pub(crate) fn random() -> Result<Self, getrandom::Error> {
        let mut bytes = [0_u8; 32];
        getrandom::fill(&mut bytes)?;
        Ok(Self(format!("{PREFIX}{}", STANDARD.encode(bytes))))
    }

    /// Takes a stored secret.
    pub(crate) const fn stored(text: String) -> Self {
        Self(text)
    }

    pub(crate) fn expose(&self) -> &str {
        &self.0
    }

    /// Whether one of the signatures, which are separated by spaces, is the signature of a message.
    pub(crate) fn has_signed(
        &self,
        signatures: &str,
        id: &str,
        timestamp: &str,
        body: &str,
    ) -> bool {
        let expected = self.sign(id, timestamp, body);
        let is_same = |found: &str| bool::from(found.as_bytes().ct_eq(expected.as_bytes()));
        signatures.split(' ').any(is_same)
    }

    /// Returns the signature of a message: `v1,` and the HMAC-SHA256 of id, time and body in Base64.
    fn sign(&self, id: &str, timestamp: &str, body: &str) -> String {
        let encoded = self.0.strip_prefix(PREFIX).unwrap_or(&self.0);
        // This program created the secret. HMAC takes a key of any length.
        let key = STANDARD.decode(encoded).unwrap_or_default();
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&key) else {
            return String::new();
        };
        for part in [id, ".", timestamp, ".", body] {
            mac.update(part.as_bytes());
        }
        format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
    }
}

/// Returns the headers of a message that is signed with all `secrets`, the newest first.
pub(crate) fn headers(
    id: &str,
    at: Timestamp,
    body: &str,
    secrets: &[Secret],
) -> [(&'static str, String); 3] {
    let timestamp = (at.as_millis() / 1_000).to_string();
    let signatures: Vec<_> = secrets
        .iter()
        .map(|secret| secret.sign(id, &timestamp, body))
        .collect();
    [
        ("webhook-id", id.to_owned()),
        ("webhook-timestamp", timestamp),
        ("webhook-signature", signatures.join(" ")),
    ]
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret([redacted])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_signed_as_in_the_specification() {
        // The example of the specification's reference libraries.
        let secret = Secret::stored("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".to_owned());
        let signature = secret.sign(
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            "1614265330",
            r#"{"test": 2432232314}"#,
        );
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        let signatures = format!("v1,old {signature}");
        let has_signed = |body| {
            let id = "msg_p5jXN8AQM9LWM0D4loKWxJek";
            secret.has_signed(&signatures, id, "1614265330", body)
        };
        assert!(has_signed(r#"{"test": 2432232314}"#) && !has_signed("{}"));
        assert!(!format!("{secret:?}").contains("MfKQ"));
    }
}
