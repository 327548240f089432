//! Checks of many at once: an item for each identifier, in the order asked.

use bakong_sandbox::{ApiEndpoint, Sandbox, TransferOptions};
use khqr_core::Currency;

use crate::client::{Answer, check, post};
use crate::{customer, dynamic_code, md5_of, sandbox, static_code, usd};

/// A transaction's object, as the answer to a single check has it.
async fn transaction(sandbox: &Sandbox, token: &str, code: &str) -> String {
    let answer = check(sandbox, token, code).await;
    let (_, data) = answer.json(200).split_once(r#""data":"#).unwrap();
    data[..data.len() - 1].to_owned()
}

async fn ask_list(
    sandbox: &Sandbox,
    endpoint: ApiEndpoint,
    token: &str,
    identifiers: &[String],
) -> Answer {
    let body = format!("[\"{}\"]", identifiers.join("\",\""));
    post(sandbox, endpoint.path(), Some(token), &body).await
}

#[tokio::test]
async fn each_handle_has_its_item() {
    let sandbox = sandbox().await;
    let token = sandbox.issue_token("dev@example.com");
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
    let asked = [
        unpaid.clone(),
        fixed.clone(),
        paid_md5.clone(),
        "no handle".to_owned(),
        failed.clone(),
        paid_md5.clone(),
    ];
    let endpoint = ApiEndpoint::CheckTransactionByMd5List;
    let answer = ask_list(&sandbox, endpoint, &token, &asked).await;
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
    assert_eq!(answer.json(200), expected);
}

#[tokio::test]
async fn each_hash_has_its_item() {
    let sandbox = sandbox().await;
    let token = sandbox.issue_token("dev@example.com");
    let customer = customer(&sandbox);
    let code = dynamic_code(usd(100));
    let hash = customer.pay(&code).unwrap().hash().to_owned();
    let options = TransferOptions::new().amount(usd(300));
    let fixed = customer.pay_with(&static_code(Currency::Usd), &options);
    let fixed = fixed.unwrap().hash().to_owned();

    let asked = [fixed.clone(), "a\\\"b".to_owned(), hash.clone()];
    let endpoint = ApiEndpoint::CheckTransactionByHashList;
    let answer = ask_list(&sandbox, endpoint, &token, &asked).await;
    let data = transaction(&sandbox, &token, &code).await;
    let body = answer.json(200);
    // Only by MD5 is a static code no use.
    assert!(
        body.starts_with(&format!(
            r#"{{"responseCode":0,"responseMessage":"Success","errorCode":null,"data":[{{"hash":"{fixed}","status":"SUCCESS","message":"Success","data":{{"hash":"{fixed}","#
        )),
        "{body}"
    );
    let rest = format!(
        r#",{{"hash":"a\"b","status":"NOT_FOUND","message":"Transaction could not be found. Please check and try again.","data":null}},{{"hash":"{hash}","status":"SUCCESS","message":"Success","data":{data}}}]}}"#
    );
    assert!(body.ends_with(&rest), "{body}");
}

#[tokio::test]
async fn fifty_are_answered_and_one_more_is_refused() {
    let sandbox = sandbox().await;
    let token = sandbox.issue_token("dev@example.com");
    let refused = r#"{"data":null,"errorCode":5,"responseCode":1,"responseMessage":"Missing required fields"}"#;
    for endpoint in [
        ApiEndpoint::CheckTransactionByMd5List,
        ApiEndpoint::CheckTransactionByHashList,
    ] {
        let asked: Vec<_> = (0..51).map(|place| format!("{place:032x}")).collect();
        let answer = ask_list(&sandbox, endpoint, &token, &asked[..50]).await;
        let places: Vec<_> = asked[..50]
            .iter()
            .map(|text| answer.json(200).find(text.as_str()).unwrap())
            .collect();
        assert!(places.is_sorted());
        let answer = ask_list(&sandbox, endpoint, &token, &asked).await;
        assert_eq!(answer.json(200), refused);
        let answer = post(&sandbox, endpoint.path(), Some(&token), "[]").await;
        assert_eq!(answer.json(200), refused);
    }
}
