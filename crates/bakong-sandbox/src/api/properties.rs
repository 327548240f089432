//! The response to any request has a documented form.

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, USER_AGENT};
use http::{Request, StatusCode};
use proptest::prelude::*;
use serde_json::Value;

use super::MAX_BODY;
use super::tests::{answer, backend, json, paid, request, token};
use crate::backend::Backend;
use crate::bank::TransferOptions;
use crate::wire::{self, Answer, ApiEndpoint, TokenUse};

/// A backend with some transfers, and the texts that find them.
fn world() -> (Backend, Vec<String>) {
    let mut backend = backend();
    let first = TransferOptions::new().instruction_ref("FT26001");
    let again = TransferOptions::new().again();
    let mut known = vec!["sokha@devb".to_owned(), "FT26001".to_owned()];
    for options in [first, again.clone(), again.failing()] {
        let transfer = paid(&mut backend, &options);
        known.push(transfer.md5().to_string());
        known.push(transfer.hash().to_owned());
        known.push(transfer.hash()[..8].to_owned());
        known.push(transfer.external_ref().to_owned());
    }
    (backend, known)
}

/// The error codes of an endpoint, except 6.
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

/// Whether `data` has an item for each identifier of the request, in its order.
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

/// Whether `data` has the form of a success of the endpoint.
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

/// Whether a response has a form that the API's documents or the documentation of this crate describe.
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

fn paths() -> impl Strategy<Value = String> {
    let known = ApiEndpoint::ALL.iter().map(|it| it.path().to_owned());
    prop_oneof![
        12 => proptest::sample::select(known.collect::<Vec<_>>()),
        1 => "/(v1/?)?[a-z0-9_%/.]{0,40}",
    ]
}

fn texts() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => proptest::sample::select(world().1),
        1 => any::<String>(),
        1 => "[a-f0-9]{8}|[a-f0-9]{32}|[a-f0-9]{64}|[A-Z2-9]{20}|[a-z]{1,8}@[a-z]{1,4}|USD|KHR",
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

fn bodies() -> impl Strategy<Value = Vec<u8>> {
    let names = "email organization project code md5 hash amount currency instructionRef externalRef accountId qr \
        sourceInfo x";
    let field = proptest::sample::select(names.split_whitespace().collect::<Vec<_>>());
    let fields = proptest::collection::btree_map(field, values(), 0..14);
    let list = |len| proptest::collection::vec(texts(), len);
    prop_oneof![
        8 => fields.prop_map(|fields| serde_json::to_vec(&fields).unwrap()),
        3 => list(0..4).prop_map(|list| serde_json::to_vec(&list).unwrap()),
        1 => list(45..55).prop_map(|list| serde_json::to_vec(&list).unwrap()),
        1 => proptest::collection::vec(values(), 0..4)
            .prop_map(|list| serde_json::to_vec(&list).unwrap()),
        1 => proptest::collection::vec(any::<u8>(), 0..200),
        1 => (MAX_BODY - 2..MAX_BODY + 2).prop_map(|len| vec![b' '; len]),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn the_response_to_any_request_is_documented(
        method in prop_oneof![9 => Just("POST".to_owned()), 1 => "[A-Z]{1,12}"],
        path in paths(),
        body in bodies(),
        user_agent in proptest::option::weighted(0.9, "[ -~]{0,20}"),
        authorization in proptest::option::weighted(
            0.2,
            proptest::collection::vec(any::<u8>(), 0..80),
        ),
    ) {
        let (mut backend, _) = world();
        let token = token(&mut backend);
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
        let answered = answer(&mut backend, &asked);
        prop_assert!(is_documented(&asked, &answered), "{answered:?}");
        prop_assert_eq!(backend.recorded.to_vec().len(), 1);
    }
}
