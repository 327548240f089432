//! List checks: one item for each identifier, in the order of the request.

use bakong_sandbox::{ApiEndpoint, Sandbox, TransferOptions};
use khqr_core::Currency;

use crate::client::{Response, check, post};
use crate::{customer, dynamic_code, md5_of, static_code, usd, with_token};

/// The transaction in the response to a single check.
async fn transaction(sandbox: &Sandbox, token: &str, code: &str) -> String {
    let response = check(sandbox, token, code).await;
    let (_, data) = response.json(200).split_once(r#""data":"#).unwrap();
    data[..data.len() - 1].to_owned()
}

async fn check_list(
    sandbox: &Sandbox,
    endpoint: ApiEndpoint,
    token: &str,
    identifiers: &[String],
) -> Response {
    let body = format!("[\"{}\"]", identifiers.join("\",\""));
    post(sandbox, endpoint.path(), Some(token), &body).await
}

#[tokio::test]
async fn each_md5_gets_an_item() {
    let (sandbox, token) = with_token().await;
    let customer = customer(&sandbox);
    let paid = dynamic_code(usd(100));
    customer.pay(&paid).unwrap();
    let failed = dynamic_code(usd(200));
    let failing = TransferOptions::new().failing();
    customer.pay_with(&failed, &failing).unwrap();
    let fixed = static_code(Currency::Usd);
    let amount = TransferOptions::new().amount(usd(300));
    customer.pay_with(&fixed, &amount).unwrap();
    let unpaid = dynamic_code(usd(400));

    let [unpaid, fixed, paid_md5, failed] =
        [&unpaid, &fixed, &paid, &failed].map(|code| md5_of(code).to_string());
    let unknown = "no handle".to_owned();
    let asked = [&unpaid, &fixed, &paid_md5, &unknown, &failed, &paid_md5].map(Clone::clone);
    let endpoint = ApiEndpoint::CheckTransactionByMd5List;
    let response = check_list(&sandbox, endpoint, &token, &asked).await;
    let data = transaction(&sandbox, &token, &paid).await;
    let paid =
        format!(r#"{{"md5":"{paid_md5}","status":"SUCCESS","message":"Success","data":{data}}}"#);
    let not_found = |md5: &str| {
        format!(
            r#"{{"md5":"{md5}","status":"NOT_FOUND","message":"Transaction could not be found. Please check and try again.","data":null}}"#
        )
    };
    let items = [
        not_found(&unpaid),
        format!(
            r#"{{"md5":"{fixed}","status":"STATIC_QR","message":"Static QR is not supported for this check flow","data":null}}"#
        ),
        paid.clone(),
        not_found("no handle"),
        format!(
            r#"{{"md5":"{failed}","status":"FAILED","message":"Transaction failed.","data":null}}"#
        ),
        paid,
    ];
    let expected = format!(
        r#"{{"responseCode":0,"responseMessage":"Success","errorCode":null,"data":[{}]}}"#,
        items.join(",")
    );
    assert_eq!(response.json(200), expected);
}

#[tokio::test]
async fn each_hash_gets_an_item() {
    let (sandbox, token) = with_token().await;
    let customer = customer(&sandbox);
    let code = dynamic_code(usd(100));
    let hash = customer.pay(&code).unwrap().hash().to_owned();
    let options = TransferOptions::new().amount(usd(300));
    let fixed = customer.pay_with(&static_code(Currency::Usd), &options);
    let fixed = fixed.unwrap().hash().to_owned();

    let asked = [fixed.clone(), "a\\\"b".to_owned(), hash.clone()];
    let endpoint = ApiEndpoint::CheckTransactionByHashList;
    let response = check_list(&sandbox, endpoint, &token, &asked).await;
    let data = transaction(&sandbox, &token, &code).await;
    let body = response.json(200);
    // `STATIC_QR` exists only in checks by MD5.
    let start = format!(
        r#"{{"responseCode":0,"responseMessage":"Success","errorCode":null,"data":[{{"hash":"{fixed}","status":"SUCCESS","message":"Success","data":{{"hash":"{fixed}","#
    );
    assert!(body.starts_with(&start), "{body}");
    let end = format!(
        r#",{{"hash":"a\"b","status":"NOT_FOUND","message":"Transaction could not be found. Please check and try again.","data":null}},{{"hash":"{hash}","status":"SUCCESS","message":"Success","data":{data}}}]}}"#
    );
    assert!(body.ends_with(&end), "{body}");
}

#[tokio::test]
async fn a_list_has_1_to_50_identifiers() {
    let (sandbox, token) = with_token().await;
    let rejected = r#"{"data":null,"errorCode":5,"responseCode":1,"responseMessage":"Missing required fields"}"#;
    for endpoint in [
        ApiEndpoint::CheckTransactionByMd5List,
        ApiEndpoint::CheckTransactionByHashList,
    ] {
        let asked: Vec<_> = (0..51).map(|number| format!("{number:032x}")).collect();
        let response = check_list(&sandbox, endpoint, &token, &asked[..50]).await;
        let body = response.json(200);
        let positions = asked[..50].iter().map(|text| body.find(text).unwrap());
        assert!(positions.is_sorted());
        let response = check_list(&sandbox, endpoint, &token, &asked).await;
        assert_eq!(response.json(200), rejected);
        let response = post(&sandbox, endpoint.path(), Some(&token), "[]").await;
        assert_eq!(response.json(200), rejected);
    }
}
