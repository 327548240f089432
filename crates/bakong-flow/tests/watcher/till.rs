//! The example of a till, against the sandbox over a socket.

#[path = "../../examples/till.rs"]
mod example;

#[tokio::test]
async fn the_till_settles_each_sale_and_refuses_what_is_not_an_amount() {
    let amounts = ["1.50", "2.255", "12"].map(str::to_owned);
    let mut out = Vec::new();
    example::run(&amounts, &mut out).await.unwrap();
    let out = String::from_utf8(out).unwrap();
    let lines: Vec<&str> = out.lines().collect();
    assert!(
        lines[0].starts_with("TILL1-1: show this code for 1.50 USD: 000201"),
        "{out}"
    );
    assert_eq!(lines[1], "TILL1-1: paid", "{out}");
    assert!(
        lines[2].starts_with("sale 2: 2.255 is not an amount: "),
        "{out}"
    );
    assert!(
        lines[3].starts_with("TILL1-3: show this code for 12.00 USD: "),
        "{out}"
    );
    assert_eq!(lines[4..], ["TILL1-3: paid"], "{out}");
}
