//! Requests and answers from NBC's reference and from the live service, for each endpoint.

use bakong_api::endpoint::{
    AccountAnswer, CheckBakongAccount, CheckTransactionByExternalRef, CheckTransactionByHash,
    CheckTransactionByHashList, CheckTransactionByInstructionRef, CheckTransactionByMd5,
    CheckTransactionByMd5List, CheckTransactionByShortHash, GenerateDeeplinkByQr, RenewToken,
    RequestToken, SourceInfo, TokenUse, Verify,
};
use bakong_api::khqr_core::{AccountId, Amount, Currency, Khqr, Md5Handle};
use bakong_api::{
    AccessToken, CheckAnswer, Endpoint, Environment, ErrorClass, ErrorCode, ShortHash,
    TransactionHash,
};
use http::header::AUTHORIZATION;

use crate::{NOT_FOUND, answer};

pub(crate) const CODE: &str =
    "00020101021129140010sokha@devb5204599953031165802KH5905Sokha6010Phnom Penh6304E891";
pub(crate) const HASH: &str = "dcd53430d3b3005d9cda36f1fe8dedc3714ccf18f886cf5d090d36fee67ef956";
pub(crate) const MD5: &str = "d60f3db96913029a2af979a1662c1e72";
pub(crate) const OTHER_MD5: &str = "a9bc61256b2a2c7d0a410c2415e84168";

pub(crate) fn by_hash() -> CheckTransactionByHash {
    CheckTransactionByHash::new(HASH.parse().unwrap())
}

pub(crate) fn by_short_hash(amount: Amount) -> CheckTransactionByShortHash {
    CheckTransactionByShortHash::new(ShortHash::new("8465d722").unwrap(), amount)
}

pub(crate) fn deeplink() -> GenerateDeeplinkByQr {
    GenerateDeeplinkByQr::new(&Khqr::parse(CODE).unwrap())
}

pub(crate) fn account() -> CheckBakongAccount {
    CheckBakongAccount::new(AccountId::new("user@bank").unwrap())
}

/// Checks the whole request.
fn expect_request<E: Endpoint>(endpoint: &E, name: &str, body: &str) {
    let token = AccessToken::new("eyJhbGciOiJIUzI1NiJ9.e30.c2ln").unwrap();
    let base = Environment::Production.into();
    let request = endpoint.to_request(&base, Some(&token)).unwrap();
    assert_eq!(request.method(), "POST");
    let uri = format!("https://api-bakong.nbc.org.kh/v1/{name}");
    assert_eq!(request.uri().to_string(), uri);
    assert_eq!(E::INFO.name, name);
    assert_eq!(request.headers()["content-type"], "application/json");
    assert_eq!(
        request.headers().contains_key(AUTHORIZATION),
        E::INFO.token != TokenUse::None
    );
    let bare = endpoint.to_request(&base, None);
    assert_eq!(bare.is_err(), E::INFO.token == TokenUse::Required);
    assert_eq!(request.body(), body);
}

#[test]
fn requests_match_the_reference() {
    let md5: Md5Handle = MD5.parse().unwrap();
    let body = r#"{"email":"a@b.kh","organization":"Org","project":"Shop"}"#;
    let request = RequestToken::new("a@b.kh", "Org", "Shop").unwrap();
    expect_request(&request, "request_token", body);
    let verify = Verify::new("0123456789abcdefghij").unwrap();
    expect_request(&verify, "verify", r#"{"code":"0123456789abcdefghij"}"#);
    let renew = RenewToken::new("a@b.kh").unwrap();
    expect_request(&renew, "renew_token", r#"{"email":"a@b.kh"}"#);
    let check = CheckTransactionByMd5::new(md5);
    let body = format!(r#"{{"md5":"{MD5}"}}"#);
    expect_request(&check, "check_transaction_by_md5", &body);
    let body = format!(r#"{{"hash":"{HASH}"}}"#);
    expect_request(&by_hash(), "check_transaction_by_hash", &body);
    let check = CheckTransactionByInstructionRef::new("I-1".parse().unwrap());
    let body = r#"{"instructionRef":"I-1"}"#;
    expect_request(&check, "check_transaction_by_instruction_ref", body);
    let check = CheckTransactionByExternalRef::new("100FT35781491692".parse().unwrap());
    let body = r#"{"externalRef":"100FT35781491692"}"#;
    expect_request(&check, "check_transaction_by_external_ref", body);
    let list = CheckTransactionByMd5List::new([md5, OTHER_MD5.parse().unwrap(), md5]).unwrap();
    let body = format!(r#"["{MD5}","{OTHER_MD5}"]"#);
    expect_request(&list, "check_transaction_by_md5_list", &body);
    let list = CheckTransactionByHashList::new([TransactionHash::new(HASH).unwrap()]).unwrap();
    let body = format!(r#"["{HASH}"]"#);
    expect_request(&list, "check_transaction_by_hash_list", &body);
    let body = r#"{"accountId":"user@bank"}"#;
    expect_request(&account(), "check_bakong_account", body);
    let body = format!(r#"{{"qr":"{CODE}"}}"#);
    expect_request(&deeplink(), "generate_deeplink_by_qr", &body);
    let (icon, callback) = ("https://example.com/icon.svg", "yourapp://payment-result");
    let source = SourceInfo::new(icon, "YourApp", callback).unwrap();
    let body = format!(
        r#"{{"qr":"{CODE}","sourceInfo":{{"appIconUrl":"{icon}","appName":"YourApp","appDeepLinkCallback":"{callback}"}}}}"#
    );
    let request = deeplink().with_source(source);
    expect_request(&request, "generate_deeplink_by_qr", &body);
}

#[test]
fn an_amount_is_sent_as_a_number_in_its_currency() {
    for (units, currency, amount) in [
        (100, Currency::Usd, "1"),
        (105, Currency::Usd, "1.05"),
        (4_400, Currency::Khr, "4400"),
    ] {
        let check = by_short_hash(Amount::from_minor_units(units, currency));
        let code = currency.alphabetic_code();
        let body = format!(r#"{{"hash":"8465d722","amount":{amount},"currency":"{code}"}}"#);
        expect_request(&check, "check_transaction_by_short_hash", &body);
    }
}

#[test]
fn the_token_endpoints_read_their_answers() {
    let ok = |data: &str| {
        format!(
            r#"{{"data":{data},"errorCode":null,"responseCode":0,"responseMessage":"Token has been issued"}}"#
        )
    };
    let request = RequestToken::new("a@b.kh", "Org", "Shop").unwrap();
    let (verify, renew) = (
        Verify::new("0123456789abcdefghij").unwrap(),
        RenewToken::new("a@b.kh").unwrap(),
    );
    assert!(request.read(&answer(200, ok("null"))).is_ok());
    let token = ok(r#"{"token":"eyJhbGciOiJIUzI1NiJ9.e30.c2ln"}"#);
    assert!(verify.read(&answer(200, token.clone())).is_ok());
    assert!(renew.read(&answer(200, token)).is_ok());
    for data in [
        "null",
        "{}",
        "[]",
        r#"{"token":null}"#,
        r#"{"token":7}"#,
        r#"{"token":""}"#,
        r#"{"token":"<jwt-token>"}"#,
        r#""eyJhbGciOiJIUzI1NiJ9.e30.c2ln""#,
    ] {
        for class in [
            verify.read(&answer(200, ok(data))).unwrap_err().class(),
            renew.read(&answer(200, ok(data))).unwrap_err().class(),
        ] {
            assert_eq!(class, ErrorClass::Malformed, "{data}");
        }
    }
}

#[test]
fn a_deeplink_is_a_web_url_that_is_safe_to_print() {
    let read = |link: &str| {
        let body = format!(
            r#"{{"data":{{"shortLink":{link}}},"errorCode":null,"responseCode":0,"responseMessage":"Getting deep link successfully"}}"#
        );
        deeplink().read(&answer(200, body))
    };
    let link = read(r#""https://bakongsit.page.link/abc""#).unwrap();
    assert_eq!(link.as_str(), "https://bakongsit.page.link/abc");
    assert_eq!(link.to_string(), link.as_str());
    assert!(read(r#""https://bakong.page.link/a?b=c#d""#).is_ok());
    for link in [
        "null",
        "7",
        r#""""#,
        r#""/abc""#,
        r#""javascript:alert(1)""#,
        r#""intent://x#Intent;end""#,
        r#""https://""#,
        r#""https://a/#\u001b[2J""#,
        r#""https://a/\u202e""#,
        r#""https://a/\u007f""#,
        r#""https://a/ b""#,
    ] {
        let error = read(link).map(|link| link.to_string()).unwrap_err();
        assert_eq!(error.class(), ErrorClass::Malformed, "{link}");
    }
    for (code, class) in [
        (5, ErrorClass::Refused),
        (4, ErrorClass::Unavailable { retry_after: None }),
    ] {
        let body = format!(r#"{{"data":null,"errorCode":{code},"responseCode":1}}"#);
        let error = deeplink().read(&answer(200, body)).unwrap_err();
        assert_eq!(error.class(), class);
    }
}

#[test]
fn an_account_exists_is_missing_or_invalid() {
    let read = |body: &str| account().read(&answer(200, body.to_owned()));
    let exists =
        r#"{"responseCode":0,"responseMessage":"Account ID exists","errorCode":null,"data":null}"#;
    assert_eq!(read(exists).unwrap(), AccountAnswer::Exists);
    let none =
        r#"{"responseCode":1,"responseMessage":"Account ID not found","errorCode":11,"data":null}"#;
    assert_eq!(read(none).unwrap(), AccountAnswer::NotFound);
    assert_eq!(
        read(&none.replace("11", "12")).unwrap(),
        AccountAnswer::Invalid
    );
    for broken in [
        "{}",
        "",
        "[]",
        "<html>",
        r#"{"responseCode":0,"errorCode":11}"#,
    ] {
        assert_eq!(read(broken).unwrap_err().class(), ErrorClass::Malformed);
    }
    let other = read(NOT_FOUND).unwrap_err();
    assert_eq!(
        (other.class(), other.code()),
        (ErrorClass::Refused, Some(ErrorCode::TransactionNotFound))
    );
}

#[test]
fn checks_accept_only_answers_about_the_requested_transaction() {
    let amount = Amount::from_minor_units(100, Currency::Usd);
    let reads = |body: &str| {
        let answer = answer(200, body.to_owned());
        [
            by_hash().read(&answer),
            by_short_hash(amount).read(&answer),
            CheckTransactionByInstructionRef::new("I-1".parse().unwrap()).read(&answer),
            CheckTransactionByExternalRef::new("E-1".parse().unwrap()).read(&answer),
            crate::question().read(&answer),
        ]
    };
    for answer in reads(NOT_FOUND) {
        assert_eq!(answer.unwrap(), CheckAnswer::NotFound);
    }
    let paid = |hash: &str, instruction: &str, external: &str| {
        let body = format!(
            r#"{{"responseCode":0,"data":{{"hash":{hash},"amount":1,"currency":"USD","toAccountId":"a@b","instructionRef":{instruction},"externalRef":{external}}}}}"#
        );
        reads(&body).map(|answer| matches!(answer, Ok(CheckAnswer::Paid(_))))
    };
    let asked = "\"DCD53430d3b3005d9cda36f1fe8dedc3714ccf18f886cf5d090d36fee67ef956\"";
    let short = "\"8465D722d7d5065f2886f0a474a4d34dc6a7855355b611836f7b6111228893e9\"";
    assert_eq!(
        paid(asked, "\"I-1\"", "\"E-1\""),
        [true, false, true, true, true]
    );
    assert_eq!(paid(short, "null", "null"), [false, true, true, true, true]);
    assert_eq!(
        paid("null", "\"I-2\"", "7"),
        [true, true, false, true, true]
    );
    assert_eq!(
        paid("\"\"", "null", "\"E-2\""),
        [false, false, true, false, true]
    );
}
