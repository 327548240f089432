//! Whatever is asked, the answer has a form that the documents, or this crate's page, promise.

use http::header::CONTENT_TYPE;
use proptest::prelude::*;
use serde_json::Value;

use super::tests::{answer, json, paid, request, state};
use super::*;
use crate::TransferOptions;
use crate::wire::Answer;

/// A state in which something happened, and the texts by which it is found.
fn world() -> (State, Vec<String>) {
    let mut state = state();
    let first = TransferOptions::new().instruction_ref("FT26001");
    let paid_once = paid(&mut state, &first);
    let paid_again = paid(&mut state, &TransferOptions::new().again());
    let failed = paid(&mut state, &TransferOptions::new().again().failing());
    let mut known = vec!["sokha@devb".to_owned(), "FT26001".to_owned()];
    for payment in [paid_once, paid_again, failed] {
        known.push(payment.md5().to_string());
        known.push(payment.hash().to_owned());
        known.push(payment.hash()[..8].to_owned());
        known.push(payment.external_ref().to_owned());
    }
    (state, known)
}

/// The error codes that an endpoint may answer with, 6 aside.
const fn error_codes(endpoint: ApiEndpoint) -> &'static [u64] {
    match endpoint {
        ApiEndpoint::RequestToken => &[5, 8],
        ApiEndpoint::Verify | ApiEndpoint::RenewToken => &[5, 10],
        ApiEndpoint::GenerateDeeplinkByQr
        | ApiEndpoint::CheckTransactionByMd5List
        | ApiEndpoint::CheckTransactionByHashList => &[5],
        ApiEndpoint::CheckTransactionByMd5 => &[1, 2, 3, 5],
        ApiEndpoint::CheckTransactionByHash
        | ApiEndpoint::CheckTransactionByShortHash
        | ApiEndpoint::CheckTransactionByInstructionRef
        | ApiEndpoint::CheckTransactionByExternalRef => &[1, 3, 5],
        ApiEndpoint::CheckBakongAccount => &[5, 11, 12],
    }
}

fn keys(value: &Value) -> Vec<&str> {
    let object = value.as_object().into_iter().flatten();
    object.map(|(key, _)| key.as_str()).collect()
}

fn is_transaction(value: &Value) -> bool {
    let expected = [
        "acknowledgedDateMs",
        "amount",
        "createdDateMs",
        "currency",
        "description",
        "externalRef",
        "fromAccountId",
        "hash",
        "instructionRef",
        "receiverBank",
        "receiverBankAccount",
        "toAccountId",
        "trackingStatus",
    ];
    keys(value) == expected && value["amount"].is_number() && value["hash"].is_string()
}

/// Whether `data` says of each of `asked`, in this order, what became of it.
fn is_list(data: &Value, name: &str, asked: &[u8]) -> bool {
    let asked: Vec<Value> = serde_json::from_slice(asked).unwrap();
    let items = data.as_array().unwrap();
    items.len() == asked.len()
        && items.iter().zip(&asked).all(|(item, asked)| {
            let status = item["status"].as_str().unwrap();
            item[name] == *asked
                && item["message"].is_string()
                && item.as_object().unwrap().len() == 4
                && if status == "SUCCESS" {
                    is_transaction(&item["data"])
                } else {
                    item["data"].is_null()
                        && (["NOT_FOUND", "FAILED"].contains(&status)
                            || (status == "STATIC_QR" && name == "md5"))
                }
        })
}

/// Whether `data` is what the endpoint gives where it succeeds.
fn is_success(endpoint: ApiEndpoint, data: &Value, asked: &[u8]) -> bool {
    match endpoint {
        ApiEndpoint::RequestToken | ApiEndpoint::CheckBakongAccount => data.is_null(),
        ApiEndpoint::Verify | ApiEndpoint::RenewToken => keys(data) == ["token"],
        ApiEndpoint::GenerateDeeplinkByQr => {
            let link = data["shortLink"].as_str().unwrap();
            keys(data) == ["shortLink"] && link.starts_with("http://127.0.0.1/l/")
        }
        ApiEndpoint::CheckTransactionByMd5
        | ApiEndpoint::CheckTransactionByHash
        | ApiEndpoint::CheckTransactionByShortHash
        | ApiEndpoint::CheckTransactionByInstructionRef
        | ApiEndpoint::CheckTransactionByExternalRef => is_transaction(data),
        ApiEndpoint::CheckTransactionByMd5List => is_list(data, "md5", asked),
        ApiEndpoint::CheckTransactionByHashList => is_list(data, "hash", asked),
    }
}

/// Whether an answer has a form that the documents, or this crate's page, promise.
fn is_documented(asked: &Request<Bytes>, answer: &Answer) -> bool {
    if answer.status() == StatusCode::FORBIDDEN {
        return answer.body() == wire::forbidden_page().body()
            && answer.headers()[CONTENT_TYPE] == "text/html";
    }
    let endpoint = ApiEndpoint::at(asked.uri().path());
    let body = json(answer);
    let code = |name: &str| body[name].as_u64();
    let data = &body["data"];
    keys(&body) == ["data", "errorCode", "responseCode", "responseMessage"]
        && body["responseMessage"].is_string()
        && match (answer.status().as_u16(), code("responseCode"), endpoint) {
            (200, Some(0), Some(endpoint)) => {
                body["errorCode"].is_null() && is_success(endpoint, data, asked.body())
            }
            (200, Some(1), Some(endpoint)) => {
                let code = code("errorCode").unwrap();
                data.is_null() && error_codes(endpoint).contains(&code)
            }
            (401, Some(1), Some(endpoint)) => {
                let is_secret = endpoint.token_use() != TokenUse::Ignored;
                data.is_null() && code("errorCode") == Some(6) && is_secret
            }
            (404, Some(1), None) | (400 | 405 | 413, Some(1), Some(_)) => {
                data.is_null() && body["errorCode"].is_null()
            }
            _ => false,
        }
}

fn methods() -> impl Strategy<Value = String> {
    prop_oneof![
        9 => Just("POST".to_owned()),
        1 => "[A-Z]{1,12}",
    ]
}

fn paths() -> impl Strategy<Value = String> {
    let known = ApiEndpoint::ALL
        .iter()
        .map(|endpoint| endpoint.path().to_owned());
    prop_oneof![
        12 => proptest::sample::select(known.collect::<Vec<_>>()),
        1 => "/(v1/?)?[a-z0-9_%/.]{0,40}",
    ]
}

fn texts() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => proptest::sample::select(world().1),
        1 => any::<String>(),
        1 => "[a-f0-9]{8}|[a-f0-9]{32}|[a-f0-9]{64}",
        1 => "[A-Z2-9]{20}",
        1 => "[a-z]{1,8}@[a-z]{1,4}",
        1 => "USD|KHR",
    ]
}

fn values() -> impl Strategy<Value = Value> {
    prop_oneof![
        6 => texts().prop_map(Value::from),
        1 => any::<i64>().prop_map(Value::from),
        2 => Just(Value::from(1)),
        1 => Just(Value::Null),
    ]
}

fn objects() -> impl Strategy<Value = Vec<u8>> {
    let field = proptest::sample::select(vec![
        "email",
        "organization",
        "project",
        "code",
        "md5",
        "hash",
        "amount",
        "currency",
        "instructionRef",
        "externalRef",
        "accountId",
        "qr",
        "sourceInfo",
        "x",
    ]);
    proptest::collection::btree_map(field, values(), 0..14)
        .prop_map(|fields| serde_json::to_vec(&fields).unwrap())
}

fn bodies() -> impl Strategy<Value = Vec<u8>> {
    let list = |len| {
        proptest::collection::vec(texts(), len).prop_map(|list| serde_json::to_vec(&list).unwrap())
    };
    prop_oneof![
        8 => objects(),
        3 => list(0..4),
        1 => list(45..55),
        1 => proptest::collection::vec(values(), 0..4)
            .prop_map(|list| serde_json::to_vec(&list).unwrap()),
        1 => proptest::collection::vec(any::<u8>(), 0..200),
        1 => (MAX_BODY - 2..MAX_BODY + 2).prop_map(|len| vec![b' '; len]),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn whatever_is_asked_has_a_documented_answer(
        method in methods(),
        path in paths(),
        body in bodies(),
        user_agent in proptest::option::weighted(0.9, "[ -~]{0,20}"),
        authorization in proptest::option::weighted(
            0.2,
            proptest::collection::vec(any::<u8>(), 0..80),
        ),
    ) {
        let (mut state, _) = world();
        let token = state.issue_token("known@devb.kh");
        let mut asked = request(ApiEndpoint::Verify, &token, body);
        *asked.method_mut() = method.parse().unwrap();
        *asked.uri_mut() = path.parse().unwrap_or_default();
        if let Some(value) = authorization.and_then(|value| value.try_into().ok()) {
            asked.headers_mut().insert(AUTHORIZATION, value);
        }
        asked.headers_mut().remove(USER_AGENT);
        if let Some(value) = user_agent {
            asked.headers_mut().insert(USER_AGENT, value.parse().unwrap());
        }
        let answered = answer(&mut state, &asked);
        prop_assert!(is_documented(&asked, &answered), "{answered:?}");
        prop_assert_eq!(state.exchanges.to_vec().len(), 1);
    }
}
