//! Every value type prints a text and reads it back, with serde too.

use std::fmt::Display;
use std::str::FromStr;

use khqr_core::{
    AccountKind, Amount, Crc, Currency, Error, ErrorKind, Md5Handle, PointOfInitiation, Tag,
    TagPath, Timestamp,
};

#[track_caller]
fn there_and_back<T>(value: &T, text: &str)
where
    T: Display + FromStr<Err = Error> + PartialEq + std::fmt::Debug,
{
    assert_eq!(value.to_string(), text);
    assert_eq!(text.parse().as_ref(), Ok(value));
}

#[track_caller]
fn no<T: FromStr<Err = Error>>(text: &str, kind: ErrorKind) {
    assert_eq!(
        text.parse::<T>().map(|_| ()).map_err(Error::kind),
        Err(kind),
        "{text:?}"
    );
}

#[test]
fn values_print_and_read_alike() {
    there_and_back(&Tag::MERCHANT_NAME, "59");
    there_and_back(&Tag::PAYLOAD_FORMAT_INDICATOR, "00");
    there_and_back(&TagPath::from(Tag::CRC), "63");
    there_and_back(
        &Tag::ADDITIONAL_DATA.sub(Tag::POINT_OF_INITIATION_METHOD),
        "62/01",
    );
    there_and_back(&Crc::of(b"123456789"), "29B1");
    there_and_back(&Md5Handle::of(""), "d41d8cd98f00b204e9800998ecf8427e");
    there_and_back(&Timestamp::from_millis(1_795_000_000_000), "1795000000000");
    there_and_back(&Timestamp::from_millis(0), "0");
    there_and_back(&Timestamp::from_millis(u64::MAX), "18446744073709551615");
    there_and_back(&Currency::Khr, "KHR");
    there_and_back(
        &Amount::from_minor_units(10_000, Currency::Khr),
        "10000 KHR",
    );
    there_and_back(&Amount::from_minor_units(5, Currency::Usd), "0.05 USD");
    there_and_back(&AccountKind::Individual, "individual");
    there_and_back(&AccountKind::Merchant, "merchant");
    there_and_back(&PointOfInitiation::Static, "11");
    there_and_back(&PointOfInitiation::Dynamic, "12");
}

#[test]
fn what_is_none_of_them_is_refused() {
    for text in ["", "5", "599", "5a", "+5", "٥٩"] {
        no::<Tag>(text, ErrorKind::TagNotDigits);
        no::<TagPath>(text, ErrorKind::TagNotDigits);
    }
    no::<TagPath>("62/", ErrorKind::TagNotDigits);
    no::<TagPath>("62/01/02", ErrorKind::TagNotDigits);
    for text in ["", "29B", "29B1A", "29BG", "0x29"] {
        no::<Crc>(text, ErrorKind::CrcSyntax);
    }
    for text in ["", "-1", "1e3", "18446744073709551616", "1795000000000 "] {
        no::<Timestamp>(text, ErrorKind::TimestampSyntax);
    }
    for text in ["", "5", "5.005 USD", "5 KHR ", "5USD", "KHR 5"] {
        assert!(text.parse::<Amount>().is_err(), "{text}");
    }
    no::<AccountKind>("Individual", ErrorKind::NotAllowed);
    no::<PointOfInitiation>("13", ErrorKind::NotAllowed);
}

#[cfg(feature = "std")]
#[test]
fn moments_are_those_of_the_system() {
    use std::time::{Duration, UNIX_EPOCH};

    let moment = Timestamp::from_millis(1_795_000_000_123);
    let time = UNIX_EPOCH + Duration::from_millis(1_795_000_000_123);
    assert_eq!(Timestamp::from(time + Duration::from_micros(999)), moment);
    assert_eq!(moment.to_system_time(), Some(time));
    assert_eq!(
        Timestamp::from(UNIX_EPOCH - Duration::from_secs(1)),
        Timestamp::from_millis(0)
    );
    assert!(Timestamp::now() > Timestamp::from_millis(1_700_000_000_000));
}

#[cfg(feature = "serde")]
mod serde {
    use khqr_core::{AccountId, Khqr, KhqrBuilder, Payload, PayloadAmount};
    use serde_json::{from_str, json, to_string, to_value};

    use super::*;
    use crate::{CREATED, EXPIRES, NBC_SAMPLE};

    #[track_caller]
    fn as_text<T>(value: &T, text: &str)
    where
        T: ::serde::Serialize + for<'de> ::serde::Deserialize<'de> + PartialEq + std::fmt::Debug,
    {
        let json = to_string(value).unwrap();
        assert_eq!(json, format!("{text:?}"));
        assert_eq!(&from_str::<T>(&json).unwrap(), value);
    }

    #[test]
    fn every_type_is_its_text() {
        as_text(&Tag::MERCHANT_NAME, "59");
        as_text(&Tag::ADDITIONAL_DATA.sub(Tag::CRC), "62/63");
        as_text(&Crc::of(b"123456789"), "29B1");
        as_text(&Md5Handle::of(""), "d41d8cd98f00b204e9800998ecf8427e");
        as_text(&CREATED, "1795000000000");
        as_text(&Currency::Usd, "USD");
        as_text(&Amount::from_minor_units(110, Currency::Usd), "1.10 USD");
        as_text(&AccountKind::Merchant, "merchant");
        as_text(&PointOfInitiation::Dynamic, "12");
        let amount = PayloadAmount::from_text("5.0", Currency::Usd).unwrap();
        assert_eq!(to_value(amount).unwrap(), json!("5.00"));
        #[cfg(feature = "alloc")]
        as_text(
            &khqr_core::AccountIdBuf::new("sokha@devb").unwrap(),
            "sokha@devb",
        );
    }

    #[test]
    fn borrowed_types_borrow() {
        let json = to_string(NBC_SAMPLE).unwrap();
        let khqr: Khqr<'_> = from_str(&json).unwrap();
        let payload: Payload<'_> = from_str(&json).unwrap();
        assert_eq!((khqr.text(), payload), (NBC_SAMPLE, khqr.payload()));
        assert_eq!(to_string(&khqr).unwrap(), json);
        assert_eq!(to_string(&payload).unwrap(), json);
        let account: AccountId<'_> = from_str("\"sokha@devb\"").unwrap();
        assert_eq!(to_string(&account).unwrap(), "\"sokha@devb\"");
    }

    #[test]
    fn what_is_written_serializes_as_its_text() {
        let builder = KhqrBuilder::individual(AccountId::new("a@b").unwrap(), "A");
        let draft = builder.static_code(Currency::Khr).unwrap();
        let text = draft.to_string();
        assert_eq!(to_value(draft).unwrap(), json!(text));
        let amount = Amount::from_minor_units(1, Currency::Khr);
        let khqr = crate::read(&text);
        let rewrite = khqr.with_amount(amount, CREATED, EXPIRES).unwrap();
        assert_eq!(to_value(rewrite).unwrap(), json!(rewrite.to_string()));
    }

    #[test]
    fn what_is_wrong_is_said() {
        let error = from_str::<Khqr<'_>>("\"6304FFFF\"")
            .unwrap_err()
            .to_string();
        assert!(error.contains("checksum"), "{error}");
        let error = from_str::<AccountId<'_>>("\"nobody\"")
            .unwrap_err()
            .to_string();
        assert!(error.contains("name@bank"), "{error}");
        let escaped = to_string("0002\"6304FFFF").unwrap();
        let error = from_str::<Khqr<'_>>(&escaped).unwrap_err().to_string();
        assert!(
            error.contains("read a String first") && !error.contains("6304"),
            "{error}"
        );
    }

    #[test]
    fn what_was_expected_is_said() {
        let said = |error: serde_json::Error| error.to_string();
        let error = said(from_str::<Md5Handle>("1").unwrap_err());
        assert!(error.contains("expected a text"), "{error}");
        let error = said(from_str::<Khqr<'_>>("1").unwrap_err());
        assert!(error.contains("expected a text"), "{error}");
        let error = said(from_str::<Timestamp>("true").unwrap_err());
        assert!(error.contains("milliseconds since 1970"), "{error}");
    }

    #[test]
    fn moments_are_read_as_numbers_too() {
        assert_eq!(from_str("1795000000000").ok(), Some(CREATED));
        let start = serde_json::from_value(json!(0)).ok();
        assert_eq!(start, Some(Timestamp::from_millis(0)));
        for json in ["-1", "1.5", "true", "\"1e3\""] {
            assert!(from_str::<Timestamp>(json).is_err(), "{json}");
        }
    }

    #[test]
    fn a_read_code_has_the_form_of_the_sdk_s_decode() {
        let khqr = crate::read(NBC_SAMPLE);
        let wanted = json!({
            "merchantType": "30", "bakongAccountID": "khqr@devb", "accountInformation": null,
            "merchantID": "123456", "acquiringBank": "Dev Bank", "billNumber": "#12345",
            "mobileNumber": "85512233455", "storeLabel": "Coffee Shop", "terminalLabel": "Cashier_1",
            "purposeOfTransaction": "Buy coffee", "languagePreference": "km",
            "merchantNameAlternateLanguage": "ចន ស្មីន", "merchantCityAlternateLanguage": "ភ្នំពេញ",
            "creationTimestamp": "1688022515354", "expirationTimestamp": null,
            "payloadFormatIndicator": "01", "pointofInitiationMethod": "12",
            "unionPayMerchant": "1234567812345678ABCDEFGHIJKLMNO", "merchantCategoryCode": "5999",
            "transactionCurrency": "840", "transactionAmount": "100", "countryCode": "KH",
            "merchantName": "John Smith", "merchantCity": "PHNOM PENH", "crc": "A367",
        });
        assert_eq!(to_value(khqr.to_fields()).unwrap(), wanted);
    }
}
