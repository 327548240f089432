//! One code, read and written by two libraries: our `khqr-core`, and the crate of that name on
//! crates.io. Both do the same work on the same bytes, or `agreed_text` stops the run.

#![forbid(unsafe_code)]
#![allow(clippy::expect_used, reason = "a bench that cannot run should stop")]

/// What the code is to say.
#[derive(Debug, Clone, Copy)]
pub struct Order<'a> {
    /// The account to be paid.
    pub account: &'a str,
    /// Who is paid.
    pub name: &'a str,
    /// Where.
    pub city: &'a str,
    /// What for.
    pub bill: &'a str,
    /// The amount in riel.
    pub riel: u64,
    /// When the code is made, in milliseconds.
    pub created: u64,
    /// Until when it may be paid, in milliseconds.
    pub expires: u64,
}

/// A shop's dynamic code as most are: ASCII, a bill number, both times.
pub const ORDER: Order<'static> = Order {
    account: "sokha@devb",
    name: "Sokha Coffee",
    city: "Phnom Penh",
    bill: "INV-2026-2041",
    riel: 10_000,
    created: 1_795_000_000_000,
    expires: 1_795_000_600_000,
};

/// The moment at which the code is verified.
pub const NOW: u64 = ORDER.created + 60_000;

/// The length at which the times were wanted.
pub const LEN: usize = 157;

/// Our library.
pub mod ours {
    use ::ours::{
        AccountId, Amount, Crc, Currency, Error, Khqr, KhqrBuilder, KhqrDraft, Payable, Timestamp,
    };

    use crate::Order;

    /// Room for a code.
    pub const MAX_LEN: usize = KhqrDraft::MAX_LEN;

    /// Reads a code and says whether it may be paid.
    pub fn read(text: &str, now: u64) -> Result<(Khqr<'_>, Payable), Error> {
        let khqr = Khqr::parse(text)?;
        let payable = khqr.verify(Timestamp::from_millis(now))?;
        Ok((khqr, payable))
    }

    /// Makes a code and writes it.
    pub fn write<'b>(order: &Order<'_>, buffer: &'b mut [u8; MAX_LEN]) -> Result<&'b str, Error> {
        KhqrBuilder::individual(AccountId::new(order.account)?, order.name)
            .merchant_city(order.city)
            .bill_number(order.bill)
            .dynamic_code(
                Amount::from_minor_units(order.riel, Currency::Khr),
                Timestamp::from_millis(order.created),
                Timestamp::from_millis(order.expires),
            )?
            .write_to_slice(buffer)
    }

    /// Whether the last four characters are the checksum of those before them.
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

/// The library of others, used as its documentation shows.
pub mod peer {
    use ::peer::{DecodedKhqr, Khqr, KhqrError};

    use crate::Order;

    /// Reads a code and applies the rules for single use, the only ones that it verifies.
    pub fn read(text: &str, now: u64) -> Result<DecodedKhqr, KhqrError> {
        let decoded = ::peer::decode(text)?;
        decoded.check_dynamic(now)?;
        Ok(decoded)
    }

    /// Makes a code and writes it. The amount is given in whole units, which spares it a float.
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

    /// Whether the last four characters are the checksum of those before them.
    #[must_use]
    pub fn checksum_is_right(text: &str) -> bool {
        ::peer::verify_crc(text)
    }
}

/// The code, once it is sure that both libraries write it and read it alike.
#[must_use]
pub fn agreed_text() -> String {
    let mut buffer = [0; ours::MAX_LEN];
    let text = ours::write(&ORDER, &mut buffer).expect("our library makes the code");
    let theirs = peer::write(&ORDER).expect("the peer makes the code");
    assert_eq!(text, theirs, "the two libraries write the code differently");
    assert_eq!(text.len(), LEN, "{text}");

    let (our_reading, _) = ours::read(text, NOW).expect("our library reads the code");
    let their_reading = peer::read(text, NOW).expect("the peer reads the code");
    assert_eq!(our_reading.merchant_name(), Some(ORDER.name));
    assert_eq!(their_reading.merchant_name, ORDER.name);
    assert!(ours::checksum_is_right(text) && peer::checksum_is_right(text));

    // A check that passes everything would be quick.
    let late = ORDER.expires + 1;
    assert!(ours::read(text, late).is_err() && peer::read(text, late).is_err());
    let misread = text.replace("Sokha", "Sokhe");
    assert!(ours::read(&misread, NOW).is_err() && peer::read(&misread, NOW).is_err());
    assert!(!ours::checksum_is_right(&misread) && !peer::checksum_is_right(&misread));
    theirs
}
