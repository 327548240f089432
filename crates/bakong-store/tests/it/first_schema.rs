//! Rows of a store with the first version of the schema.

use bakong_flow::PaymentStore;
use bakong_flow::bakong_api::khqr_core::{Amount, Currency, Md5Handle};
use bakong_flow::store::PaymentKey;

/// The statements that add the rows. `{md5}` is the place of a literal with the bytes 0 to 15.
pub(crate) const FIRST_ROWS: &[&str] = &[
    "INSERT INTO registrations (name) VALUES ('api.example/shop')",
    "INSERT INTO payments (registration, md5, order_id, amount, currency, recipient, opened_at, expires_at, policy) \
     VALUES (1, {md5}, 'INV-1', 150, 'USD', 'sokha@devb', 1795000000000, 1795000600000, 'counter')",
];

/// Checks that the store has the rows, and can be used.
pub(crate) async fn assert_first_rows(store: &impl PaymentStore) {
    let bytes = std::array::from_fn(|index| u8::try_from(index).unwrap());
    let key = PaymentKey::Md5(Md5Handle::from_bytes(bytes));
    let found = store.find(&key).await.unwrap();
    let payment = &found[0].payment;
    let expected = payment.expected.as_ref().unwrap();
    let amount = Amount::from_minor_units(150, Currency::Usd);
    assert_eq!((payment.order.as_str(), expected.amount), ("INV-1", amount));
    let open = store.load(payment.expires_at).await.unwrap().open;
    assert_eq!(open.len(), 1);
}
