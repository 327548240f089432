//! Every value type parses the text that it prints, and serde uses the same text.

use std::fmt::Display;
use std::str::FromStr;

use khqr_core::{
    AccountKind, Amount, Crc, Currency, Error, ErrorKind, Md5Handle, PointOfInitiation, Tag,
    TagPath, Timestamp,
};

#[track_caller]
fn round_trips<T>(value: &T, text: &str)
where
    T: Display + FromStr<Err = Error> + PartialEq + std::fmt::Debug,
{
    assert_eq!(value.to_string(), text);
    assert_eq!(text.parse().as_ref(), Ok(value));
}

#[track_caller]
fn rejects<T: FromStr<Err = Error>>(text: &str, kind: ErrorKind) {
    assert_eq!(
        text.parse::<T>().map(|_| ()).map_err(Error::kind),
        Err(kind),
        "{text:?}"
    );
}

#[test]
fn values_round_trip() {
    round_trips(&Tag::MERCHANT_NAME, "59");
    round_trips(&Tag::PAYLOAD_FORMAT_INDICATOR, "00");
    round_trips(&TagPath::from(Tag::CRC), "63");
    round_trips(
        &Tag::ADDITIONAL_DATA.sub(Tag::POINT_OF_INITIATION_METHOD),
        "62/01",
    );
    round_trips(&Crc::of(b"123456789"), "29B1");
    round_trips(&Timestamp::from_millis(1_795_000_000_000), "1795000000000");
    round_trips(&Timestamp::from_millis(0), "0");
    round_trips(&Timestamp::from_millis(u64::MAX), "18446744073709551615");
    round_trips(&Currency::Khr, "KHR");
    round_trips(&Amount::riel(10_000), "10000 KHR");
    round_trips(&Amount::us_cents(5), "0.05 USD");
    round_trips(&AccountKind::Individual, "individual");
    round_trips(&AccountKind::Merchant, "merchant");
    round_trips(&PointOfInitiation::Static, "11");
    round_trips(&PointOfInitiation::Dynamic, "12");
}

#[test]
fn other_texts_are_rejected() {
    for text in ["", "5", "599", "5a", "+5", "٥٩"] {
        rejects::<Tag>(text, ErrorKind::TagNotDigits);
        rejects::<TagPath>(text, ErrorKind::TagNotDigits);
    }
    rejects::<TagPath>("62/", ErrorKind::TagNotDigits);
    rejects::<TagPath>("62/01/02", ErrorKind::TagNotDigits);
    for text in ["", "29B", "29B1A", "29BG", "0x29"] {
        rejects::<Crc>(text, ErrorKind::CrcSyntax);
    }
    for text in ["", "-1", "1e3", "18446744073709551616", "1795000000000 "] {
        rejects::<Timestamp>(text, ErrorKind::TimestampSyntax);
    }
    for text in ["", "5", "5.005 USD", "5 KHR ", "5USD", "KHR 5"] {
        assert!(text.parse::<Amount>().is_err(), "{text}");
    }
    rejects::<AccountKind>("Individual", ErrorKind::NotAllowed);
    rejects::<PointOfInitiation>("13", ErrorKind::NotAllowed);
}

#[test]
fn an_md5_is_32_hexadecimal_digits() {
    for (text, md5) in [
        ("", "d41d8cd98f00b204e9800998ecf8427e"),
        ("abc", "900150983cd24fb0d6963f7d28e17f72"),
        ("message digest", "f96b697d7cb7938d525a2f31aaf161d0"),
    ] {
        round_trips(&Md5Handle::of(text), md5);
        assert_eq!(md5.to_uppercase().parse(), Ok(Md5Handle::of(text)));
        rejects::<Md5Handle>(&md5[1..], ErrorKind::Md5Syntax);
        rejects::<Md5Handle>(&format!("{md5}0"), ErrorKind::Md5Syntax);
        rejects::<Md5Handle>(&format!("g{}", &md5[1..]), ErrorKind::Md5Syntax);
        rejects::<Md5Handle>(&format!("{}\u{e9}", &md5[2..]), ErrorKind::Md5Syntax);
    }
}

#[cfg(feature = "std")]
#[test]
fn timestamps_convert_to_system_time() {
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
    fn every_type_serializes_as_its_text() {
        as_text(&Tag::MERCHANT_NAME, "59");
        as_text(&Tag::ADDITIONAL_DATA.sub(Tag::CRC), "62/63");
        as_text(&Crc::of(b"123456789"), "29B1");
        as_text(&Md5Handle::of(""), "d41d8cd98f00b204e9800998ecf8427e");
        as_text(&CREATED, "1795000000000");
        as_text(&Currency::Usd, "USD");
        as_text(&Amount::us_cents(110), "1.10 USD");
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
    fn borrowed_types_deserialize_without_copying() {
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
    fn drafts_serialize_as_their_text() {
        let builder = KhqrBuilder::individual(AccountId::new("a@b").unwrap(), "A");
        let draft = builder.static_code(Currency::Khr).unwrap();
        let text = draft.to_string();
        assert_eq!(to_value(draft).unwrap(), json!(text));
        let amount = Amount::riel(1);
        let khqr = crate::read(&text);
        let rewrite = khqr.with_amount(amount, CREATED, EXPIRES).unwrap();
        assert_eq!(to_value(rewrite).unwrap(), json!(rewrite.to_string()));
    }

    #[test]
    fn errors_name_the_reason() {
        let escaped = to_string("0002\"6304FFFF").unwrap();
        for (error, wanted) in [
            (from_str::<Khqr<'_>>("\"6304FFFF\"").err(), "checksum"),
            (from_str::<AccountId<'_>>("\"nobody\"").err(), "name@bank"),
            (
                from_str::<Khqr<'_>>(&escaped).err(),
                "deserialize a String first",
            ),
            (from_str::<Md5Handle>("1").err(), "expected a string"),
            (from_str::<Khqr<'_>>("1").err(), "expected a string"),
            (
                from_str::<Timestamp>("true").err(),
                "milliseconds since 1970",
            ),
        ] {
            let message = error.unwrap().to_string();
            assert!(message.contains(wanted), "{message}");
            assert!(!message.contains("6304"), "{message}");
        }
    }

    #[test]
    fn timestamps_deserialize_from_numbers() {
        assert_eq!(from_str("1795000000000").ok(), Some(CREATED));
        let start = serde_json::from_value(json!(0)).ok();
        assert_eq!(start, Some(Timestamp::from_millis(0)));
        for json in ["-1", "1.5", "true", "\"1e3\""] {
            assert!(from_str::<Timestamp>(json).is_err(), "{json}");
        }
    }

    #[test]
    fn fields_serialize_as_the_sdk_s_decode() {
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
