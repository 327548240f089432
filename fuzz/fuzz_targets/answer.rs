//! Passes any response to every endpoint, because servers between a shop and Bakong can send anything.
//!
//! An input is a line with the status and `Retry-After`, such as `429 120`, and the body. Without such a line the whole
//! input is the body of a response with status 200.

#![no_main]

use bakong_api::endpoint::{
    CheckBakongAccount, CheckTransactionByExternalRef, CheckTransactionByHash,
    CheckTransactionByHashList, CheckTransactionByInstructionRef, CheckTransactionByMd5,
    CheckTransactionByMd5List, CheckTransactionByShortHash, GenerateDeeplinkByQr, RenewToken,
    RequestToken, Verify,
};
use bakong_api::observe::AnswerSummary;
use bakong_api::{ApiError, CheckAnswer, Endpoint, ErrorClass, ShortHash, TransactionHash};
use bakong_fuzz::plain_json;
use bytes::Bytes;
use http::{Response, StatusCode, header};
use khqr_core::{AccountId, Amount, Currency, Khqr, Md5Handle};
use libfuzzer_sys::fuzz_target;

const MD5: &str = "d60f3db96913029a2af979a1662c1e72";
const OTHER_MD5: &str = "a9bc61256b2a2c7d0a410c2415e84168";
const HASH: &str = "8465d722d7d5065f2886f0a474a4d34dc6a7855355b611836f7b6111228893e9";
const CODE: &str =
    "00020101021129140010sokha@devb5204599953031165802KH5905Sokha6010Phnom Penh6304E891";

fuzz_target!(|bytes: &[u8]| {
    let response = response(bytes);
    let class = AnswerSummary::of(&response).class;
    assert!(response.status() == 200 || class.is_some());
    let given = Given { response, class };
    checks(&given);
    lists(&given);
    others(&given);
});

/// A response, and the error class that its summary states.
struct Given {
    response: Response<Bytes>,
    class: Option<ErrorClass>,
}

fn response(bytes: &[u8]) -> Response<Bytes> {
    let parts = bytes.iter().position(|byte| *byte == b'\n').and_then(|at| {
        let head = std::str::from_utf8(&bytes[..at]).ok()?;
        let (status, retry_after) = head.split_once(' ').unwrap_or((head, ""));
        let status = status.parse::<u16>().ok()?;
        let status = StatusCode::from_u16(status).ok()?;
        let retry_after = header::HeaderValue::from_str(retry_after).ok()?;
        Some((status, retry_after, &bytes[at + 1..]))
    });
    let Some((status, retry_after, body)) = parts else {
        return Response::new(Bytes::copy_from_slice(bytes));
    };
    let mut response = Response::new(Bytes::copy_from_slice(body));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(header::RETRY_AFTER, retry_after);
    response
}

fn checks(given: &Given) {
    let response = &given.response;
    let amount = Amount::from_minor_units(100, Currency::Usd);
    let hash = TransactionHash::new(HASH).expect("valid hash");
    let short = ShortHash::new("8465d722").expect("valid short hash");
    let by_md5 = read(&CheckTransactionByMd5::new(md5(MD5)), given);
    let same = [
        read(&CheckTransactionByHash::new(hash), given),
        read(&CheckTransactionByShortHash::new(short, amount), given),
        read(
            &CheckTransactionByInstructionRef::new("ref".parse().expect("valid reference")),
            given,
        ),
        read(
            &CheckTransactionByExternalRef::new("ref".parse().expect("valid reference")),
            given,
        ),
    ];
    for other in same {
        // A lookup by hash or reference rejects a transaction with a different hash or reference.
        let is_of_another = other.is_err() && matches!(by_md5, Ok(CheckAnswer::Paid(_)));
        assert!(
            is_of_another || other.as_ref().ok() == by_md5.as_ref().ok(),
            "all lookups interpret a response in the same way"
        );
    }
    let plain = plain_json::Answer::of(response.body());
    match &by_md5 {
        Ok(CheckAnswer::Paid(transaction)) => {
            assert_eq!(response.status(), 200);
            let again = bakong_api::Transaction::from_json(transaction.as_json());
            assert_eq!(again.as_ref(), Some(&**transaction));
        }
        Ok(_) => {
            assert_eq!(response.status(), 200);
            if let Some(plain) = &plain {
                assert_eq!(
                    plain.response_code,
                    Some(1),
                    "not paid requires responseCode 1"
                );
                assert!(
                    plain.error_code.is_some(),
                    "not paid requires an error code"
                );
                assert!(
                    !plain.mentions_payment,
                    "the response may mention a payment"
                );
            }
            let code = plain.as_ref().and_then(|plain| plain.error_code);
            if by_md5.as_ref().ok() == Some(&CheckAnswer::NotFound) {
                assert!(
                    code.is_none_or(|code| code == 1),
                    "not found requires error code 1, not {code:?}"
                );
            }
        }
        Err(_) if response.status() == 200 => {
            assert!(
                !plain.is_some_and(|plain| plain.is_documented_paid),
                "a paid response is lost"
            );
        }
        Err(_) => {}
    }
}

fn lists(given: &Given) {
    let response = &given.response;
    let asked = [md5(MD5), md5(OTHER_MD5)];
    let list = CheckTransactionByMd5List::new(asked).expect("a list may have two MD5s");
    if let Ok(answers) = read(&list, given) {
        let own: Vec<_> = answers.iter().map(|(md5, _)| *md5).collect();
        assert_eq!(own, asked, "each MD5 has an answer, in order");
        let text = String::from_utf8_lossy(response.body()).to_ascii_lowercase();
        for (md5, answer) in answers.iter() {
            if let Err(error) = answer {
                check_error(error);
            } else if !text.contains('\\') {
                assert!(
                    text.contains(&md5.to_string()),
                    "the answer is about another MD5"
                );
            }
        }
    }
    let hash = TransactionHash::new(HASH).expect("valid hash");
    let list = CheckTransactionByHashList::new([hash]).expect("a list may have one hash");
    if let Ok(answers) = read(&list, given) {
        assert_eq!(answers.into_iter().count(), 1);
    }
}

fn others(given: &Given) {
    let account = AccountId::new("user@bank").expect("valid account");
    let code = Khqr::parse(CODE).expect("valid code");
    let _ = read(&CheckBakongAccount::new(account), given);
    if let Ok(link) = read(&GenerateDeeplinkByQr::new(&code), given) {
        assert!(link.as_str().bytes().all(|byte| byte.is_ascii_graphic()));
    }
    let request = RequestToken::new("a@b.kh", "Org", "Shop").expect("within limits");
    let _ = read(&request, given);
    let _ = read(
        &Verify::new("0123456789abcdefghij").expect("20 characters"),
        given,
    );
    let _ = read(&RenewToken::new("a@b.kh").expect("within limits"), given);
}

fn read<E: Endpoint>(endpoint: &E, given: &Given) -> Result<E::Answer, ApiError> {
    let answer = endpoint.read(&given.response);
    if let Err(error) = &answer {
        check_error(error);
        assert_eq!(error.status(), Some(given.response.status()));
        assert!(
            given.class.is_none_or(|class| class == error.class()),
            "the summary and the error have the same class"
        );
    }
    answer
}

fn check_error(error: &ApiError) {
    let text = error.to_string();
    assert!(
        !text.contains(char::is_control),
        "an error is safe to print"
    );
    assert!(!matches!(error.class(), ErrorClass::Transport(_)));
    let _ = error.class().remedy();
}

fn md5(text: &str) -> Md5Handle {
    text.parse().expect("valid MD5")
}
