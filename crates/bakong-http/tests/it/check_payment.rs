//! The example that checks a payment.

#[path = "../../examples/check_payment.rs"]
mod example;

#[tokio::test]
async fn the_example_tells_paid_unpaid_and_unknown_apart() {
    let mut out = Vec::new();
    example::run(&mut out).await.unwrap();
    let out = String::from_utf8(out).unwrap();
    let lines: Vec<&str> = out.lines().collect();
    assert_eq!(lines[..2], ["not paid yet", "paid: 1.50 USD"], "{out}");
    assert!(lines[2].starts_with("unknown; AskAgain: "), "{out}");
}
