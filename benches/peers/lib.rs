//! The same code parsed and written by two libraries: our `khqr-core`, and the crate of the same name in the
//! public registry. `agreed_text` checks that both do the same work on the same bytes.

#![forbid(unsafe_code)]
#![allow(clippy::expect_used, reason = "an invalid input stops the bench")]

/// The content of the code.
#[derive(Debug, Clone, Copy)]
pub struct Order<'a> {
    /// The account that receives the payment.
    pub account: &'a str,
    /// The merchant's name.
    pub name: &'a str,
    /// The merchant's city.
    pub city: &'a str,
    /// The bill number.
    pub bill: &'a str,
    /// The amount in riel.
    pub riel: u64,
    /// The creation time in milliseconds.
    pub created: u64,
    /// The expiry in milliseconds.
    pub expires: u64,
}

/// A typical dynamic code of a shop: ASCII, a bill number, both times.
pub const ORDER: Order<'static> = Order {
    account: "sokha@devb",
    name: "Sokha Coffee",
    city: "Phnom Penh",
    bill: "INV-2026-2041",
    riel: 10_000,
    created: 1_795_000_000_000,
    expires: 1_795_000_600_000,
};

/// The time of verification.
pub const NOW: u64 = ORDER.created + 60_000;

/// The length of the code in bytes.
pub const LEN: usize = 157;

/// Our library.
pub mod ours {
    use ::ours::{AccountId, Amount, Crc, Error, Khqr, KhqrBuilder, KhqrDraft, Payable, Timestamp};

    use crate::Order;

    /// The largest length of a code.
    pub const MAX_LEN: usize = KhqrDraft::MAX_LEN;

    /// Parses and verifies a code.
    pub fn read(text: &str, now: u64) -> Result<(Khqr<'_>, Payable), Error> {
        let khqr = Khqr::parse(text)?;
        let payable = khqr.verify(Timestamp::from_millis(now))?;
        Ok((khqr, payable))
    }

    /// Builds and writes a code.
    pub fn write<'b>(order: &Order<'_>, buffer: &'b mut [u8; MAX_LEN]) -> Result<&'b str, Error> {
        KhqrBuilder::individual(AccountId::new(order.account)?, order.name)
            .merchant_city(order.city)
            .bill_number(order.bill)
            .dynamic_code(
                Amount::riel(order.riel),
                Timestamp::from_millis(order.created),
                Timestamp::from_millis(order.expires),
            )?
            .write_to_slice(buffer)
    }

    /// Returns whether the checksum at the end is valid.
    #[must_use]
    pub fn checksum_is_right(text: &str) -> bool {
        let Some((covered, digits)) = text.split_at_checked(text.len().saturating_sub(4)) else {
            return false;
        };
        covered.ends_with("6304")
            && u16::from_str_radix(digits, 16)
                .is_ok_and(|said| said == Crc::of(covered.as_bytes()).value())
    }
}

/// The other library, used as in its documentation.
pub mod peer {
    use ::peer::{DecodedKhqr, Khqr, KhqrError};

    use crate::Order;

    /// Parses a code and applies the rules for dynamic codes, the only ones that this library verifies.
    pub fn read(text: &str, now: u64) -> Result<DecodedKhqr, KhqrError> {
        let decoded = ::peer::decode(text)?;
        decoded.check_dynamic(now)?;
        Ok(decoded)
    }

    /// Builds and writes a code. The amount is an integer, which avoids a float.
    pub fn write(order: &Order<'_>) -> Result<String, KhqrError> {
        Khqr::individual(order.account)
            .merchant_name(order.name)
            .merchant_city(order.city)
            .bill_number(order.bill)
            .amount_minor(order.riel)
            .created_at_ms(order.created)
            .expires_at_ms(order.expires)
            .build()?
            .to_qr_string()
    }

    /// Returns whether the checksum at the end is valid.
    #[must_use]
    pub fn checksum_is_right(text: &str) -> bool {
        ::peer::verify_crc(text)
    }
}

/// The code, after a check that both libraries write and parse it alike.
#[must_use]
pub fn agreed_text() -> String {
    let mut buffer = [0; ours::MAX_LEN];
    let text = ours::write(&ORDER, &mut buffer).expect("our library writes the code");
    let theirs = peer::write(&ORDER).expect("the peer writes the code");
    assert_eq!(text, theirs, "the two libraries write the code differently");
    assert_eq!(text.len(), LEN, "{text}");

    let (our_reading, _) = ours::read(text, NOW).expect("our library reads the code");
    let their_reading = peer::read(text, NOW).expect("the peer reads the code");
    assert_eq!(our_reading.merchant_name(), Some(ORDER.name));
    assert_eq!(their_reading.merchant_name, ORDER.name);
    assert!(ours::checksum_is_right(text) && peer::checksum_is_right(text));

    // Both must also reject invalid codes, because a check that accepts everything would be fast.
    let late = ORDER.expires + 1;
    assert!(ours::read(text, late).is_err() && peer::read(text, late).is_err());
    let misread = text.replace("Sokha", "Sokhe");
    assert!(ours::read(&misread, NOW).is_err() && peer::read(&misread, NOW).is_err());
    assert!(!ours::checksum_is_right(&misread) && !peer::checksum_is_right(&misread));
    theirs
}
