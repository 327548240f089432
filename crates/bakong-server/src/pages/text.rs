//! The texts of the pages, in English and Khmer, and the language of a request.
//!
//! Numbers have the digits 0 to 9 in both languages.

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::middleware::Next;
use axum::response::Response;

/// The cookie with the language that a person chose.
const COOKIE: &str = "language";

tokio::task_local! {
    static CURRENT: Context;
}

/// What a page needs to know about its request.
#[derive(Debug)]
struct Context {
    texts: &'static Texts,
    /// The parameters of the query without the language.
    query: String,
}

macro_rules! texts {
    ($($name:ident: $english:literal, $khmer:literal;)*) => {
        /// The texts in one language.
        #[derive(Debug)]
        pub(crate) struct Texts {
            $(pub(crate) $name: &'static str,)*
        }

        static ENGLISH: Texts = Texts { $($name: $english,)* };
        static KHMER: Texts = Texts { $($name: $khmer,)* };

        #[cfg(test)]
        const ALL: &[(&str, &str, &str)] = &[$((stringify!($name), $english, $khmer),)*];
    };
}

texts! {
    code: "en", "km";
    other_code: "km", "en";
    other_language: "ភាសាខ្មែរ", "English";
    failed_title: "That did not work", "មិនបានសម្រេច";
    test_mode: "Test. No real money moves.", "សាកល្បង។ គ្មានប្រាក់ពិតប្រាកដទេ។";
    news: "There is something new. Reload the page.", "មានព័ត៌មានថ្មី។ សូមផ្ទុកទំព័រឡើងវិញ។";

    // The checkout.
    scan: "Scan this code with your bank's app", "ស្កេនកូដនេះដោយកម្មវិធីធនាគាររបស់អ្នក";
    code_alt: "KHQR code", "កូដ KHQR";
    waiting: "Waiting for the payment", "កំពុងរង់ចាំការបង់ប្រាក់";
    expires_in: "The code expires in", "កូដផុតកំណត់ក្នុងរយៈពេល";
    valid_until: "Valid until", "មានសុពលភាពដល់";
    expired: "The code has expired", "កូដផុតកំណត់ហើយ";
    expired_help: "Do not pay with the old code. If you have paid already, wait: the shop will see the payment.", "សូមកុំបង់ប្រាក់តាមកូដចាស់។ បើអ្នកបានបង់រួចហើយ សូមរង់ចាំ ហាងនឹងឃើញការបង់ប្រាក់របស់អ្នក។";
    ask_shop: "Ask the shop for a new payment.", "សូមសុំការបង់ប្រាក់ថ្មីពីហាង។";
    new_code: "Get a new code", "យកកូដថ្មី";
    paid: "Paid", "បានបង់ប្រាក់រួច";
    thanks: "Thank you. The payment has arrived.", "សូមអរគុណ។ ប្រាក់បានមកដល់ហើយ។";
    review: "The shop must check the payment", "ហាងត្រូវពិនិត្យការបង់ប្រាក់នេះ";
    review_help: "Money has arrived, but it does not match the order. Do not pay again. Contact the shop.", "ប្រាក់បានមកដល់ ប៉ុន្តែមិនត្រូវនឹងការបញ្ជាទិញទេ។ សូមកុំបង់ម្តងទៀត។ សូមទាក់ទងហាង។";
    cancelled: "The shop has cancelled the payment", "ហាងបានបោះបង់ការបង់ប្រាក់នេះ";
    failed: "The payment failed", "ការបង់ប្រាក់មិនបានសម្រេច";
    closed_help: "Do not pay with the old code. Contact the shop.", "សូមកុំបង់ប្រាក់តាមកូដចាស់។ សូមទាក់ទងហាង។";
    to_shop: "Back to the shop", "ត្រឡប់ទៅហាងវិញ";
    give_up: "Cancel and go back to the shop", "បោះបង់ ហើយត្រឡប់ទៅហាងវិញ";
    receipt: "Receipt", "បង្កាន់ដៃ";
    print: "Print the receipt", "បោះពុម្ពបង្កាន់ដៃ";
    shop: "Shop", "ហាង";
    contact: "Contact", "ទំនាក់ទំនង";
    order: "Order", "ការបញ្ជាទិញ";
    amount: "Amount", "ចំនួនទឹកប្រាក់";
    paid_at: "Paid at", "បង់នៅ";
    transaction: "Transaction", "ប្រតិបត្តិការ";
    payment_id: "Payment", "លេខការបង់ប្រាក់";
    open_bank_app: "Open the bank app", "បើកកម្មវិធីធនាគារ";
    pay_in_sandbox: "Pay in the sandbox", "បង់ប្រាក់ក្នុង sandbox";

    // The session.
    log_in: "Log in", "ចូល";
    log_out: "Log out", "ចាកចេញ";
    password: "Password", "ពាក្យសម្ងាត់";
    wrong_password: "The password is wrong.", "ពាក្យសម្ងាត់មិនត្រឹមត្រូវទេ។";
    used_link: "The link was used before, or is too old. Start the server again for a new one.", "តំណនេះត្រូវបានប្រើរួចហើយ ឬចាស់ពេក។ សូមចាប់ផ្តើមម៉ាស៊ីនមេម្តងទៀត ដើម្បីទទួលបានតំណថ្មី។";
    needs_link: "Open the link that the server printed when it started.", "សូមបើកតំណដែលម៉ាស៊ីនមេបានបង្ហាញនៅពេលចាប់ផ្តើម។";

    // The dashboard.
    dashboard: "Dashboard", "ផ្ទាំងគ្រប់គ្រង";
    statement: "Statement", "របាយការណ៍";
    webhooks: "Webhooks", "Webhook";
    keys: "API keys", "កូនសោ API";
    pos: "Point of sale", "កន្លែងលក់";
    to_live: "Show live payments", "បង្ហាញការបង់ប្រាក់ពិត";
    to_test: "Show test payments", "បង្ហាញការបង់ប្រាក់សាកល្បង";
    requests_left: "Requests left today", "សំណើដែលនៅសល់ថ្ងៃនេះ";
    token: "Token", "ថូខឹន";
    until: "until", "រហូតដល់";
    token_valid: "valid", "មានសុពលភាព";
    token_due: "must be renewed soon", "ត្រូវបន្តឆាប់ៗ";
    token_expired: "expired", "ផុតកំណត់ហើយ";
    token_rejected: "rejected by Bakong", "បាគងបដិសេធ";
    token_missing: "missing", "មិនមាន";
    reviews: "Payments that need a decision", "ការបង់ប្រាក់ដែលត្រូវសម្រេច";
    no_reviews: "No payment needs a decision.", "គ្មានការបង់ប្រាក់ដែលត្រូវសម្រេចទេ។";
    expected: "Expected", "រំពឹងទុក";
    received: "Received", "បានទទួល";
    to_account: "To account", "ទៅគណនី";
    from_account: "From account", "ពីគណនី";
    time: "Time", "ពេលវេលា";
    note: "Why do you decide so? The note is stored.", "ហេតុអ្វីអ្នកសម្រេចដូច្នេះ? កំណត់ចំណាំនេះត្រូវបានរក្សាទុក។";
    accept: "Accept the payment", "ទទួលយកការបង់ប្រាក់";
    reject: "Reject the payment", "បដិសេធការបង់ប្រាក់";
    late: "late", "យឺត";
    amount_mismatch: "other amount", "ចំនួនទឹកប្រាក់ខុស";
    wrong_currency: "other currency", "រូបិយប័ណ្ណខុស";
    wrong_recipient: "other recipient", "អ្នកទទួលខុស";
    duplicate: "paid twice", "បង់ពីរដង";
    manual: "decided by a person", "សម្រេចដោយមនុស្ស";
    was_cancelled: "was cancelled", "បានបោះបង់";
    unreadable: "a detail is missing", "ខ្វះព័ត៌មាន";
    other_code_reason: "other code", "កូដផ្សេង";
    not_opened: "never shown", "មិនធ្លាប់បង្ហាញ";
    open_payments: "Open payments", "ការបង់ប្រាក់ដែលកំពុងរង់ចាំ";
    no_open_payments: "No payment is open.", "គ្មានការបង់ប្រាក់ដែលកំពុងរង់ចាំទេ។";
    expires_at: "Expires", "ផុតកំណត់";
    checkout: "Payment page", "ទំព័របង់ប្រាក់";
    endpoints: "Endpoints", "អាសយដ្ឋានទទួល";
    no_endpoints: "There is no endpoint. Create one with POST /v1/webhook_endpoints.", "គ្មានអាសយដ្ឋានទទួលទេ។ សូមបង្កើតដោយ POST /v1/webhook_endpoints។";
    disabled: "disabled", "បានបិទ";
    deleted: "deleted", "បានលុប";
    deliveries: "Deliveries", "ការបញ្ជូន";
    no_deliveries: "Nothing was delivered yet.", "មិនទាន់មានការបញ្ជូនទេ។";
    event: "Event", "ព្រឹត្តិការណ៍";
    endpoint: "Endpoint", "អាសយដ្ឋានទទួល";
    status: "Status", "ស្ថានភាព";
    delivered: "delivered", "បានបញ្ជូន";
    not_delivered: "failed", "បរាជ័យ";
    pending: "pending", "កំពុងរង់ចាំ";
    replay: "Send again", "បញ្ជូនម្តងទៀត";
    day: "Day", "ថ្ងៃ";
    show: "Show", "បង្ហាញ";
    totals: "Totals", "សរុប";
    no_sales: "No payment was made on this day.", "គ្មានការបង់ប្រាក់នៅថ្ងៃនេះទេ។";
    payments: "Payments", "ការបង់ប្រាក់";
    under_review: "needs a decision", "ត្រូវសម្រេច";
    key_once: "Copy the key now. It is not shown again.", "សូមចម្លងកូនសោឥឡូវនេះ។ វានឹងមិនបង្ហាញម្តងទៀតទេ។";
    name: "Name", "ឈ្មោះ";
    scopes: "Scopes", "សិទ្ធិ";
    created_at: "Created", "បានបង្កើត";
    revoked: "revoked", "បានដកហូត";
    revoke: "Revoke", "ដកហូត";
    create_key: "Create a key", "បង្កើតកូនសោ";

    // The point of sale.
    new_sale: "New sale", "ការលក់ថ្មី";
    currency: "Currency", "រូបិយប័ណ្ណ";
    delete_digit: "Delete the last digit", "លុបលេខចុងក្រោយ";
    show_code: "Show the code", "បង្ហាញកូដ";
    cancel_sale: "Cancel the sale", "បោះបង់ការលក់";
    last_sales: "Last sales", "ការលក់ចុងក្រោយ";
    no_sales_yet: "There are no sales yet.", "មិនទាន់មានការលក់ទេ។";
    is_open: "waiting", "កំពុងរង់ចាំ";
    is_expired: "expired", "ផុតកំណត់";

    // The demo shop.
    demo: "Demo shop", "ហាងសាកល្បង";
    sandbox: "Sandbox: pay as a customer", "Sandbox៖ បង់ប្រាក់ជាអតិថិជន";
    demo_back: "You are back in the shop.", "អ្នកបានត្រឡប់មកហាងវិញហើយ។";
    demo_pay: "Open the payment", "បើកការបង់ប្រាក់";
    demo_products: "Buy a coffee", "ទិញកាហ្វេ";
    demo_buy: "Buy", "ទិញ";
    demo_dialog: "Buy in a dialog", "ទិញក្នុងផ្ទាំងតូច";
    demo_messages: "Webhooks that this shop received", "Webhook ដែលហាងនេះបានទទួល";
    demo_messages_help: "The shop delivers after a message with a valid signature, not because a browser says so.", "ហាងប្រគល់ទំនិញ បន្ទាប់ពីទទួលសារដែលមានហត្ថលេខាត្រឹមត្រូវ មិនមែនតាមសម្តីកម្មវិធីរុករកទេ។";
    demo_verified: "signature valid", "ហត្ថលេខាត្រឹមត្រូវ";
}

/// Returns the texts in the language of the current request; English outside a request.
pub(crate) fn texts() -> &'static Texts {
    CURRENT
        .try_with(|context| context.texts)
        .unwrap_or(&ENGLISH)
}

/// Returns the link to the same page in the other language.
pub(super) fn other_language() -> String {
    let link = |context: &Context| format!("?{}lang={}", context.query, context.texts.other_code);
    CURRENT.try_with(link).unwrap_or_default()
}

/// Handles a request in its language: `?lang=km` or `?lang=en`, which a cookie keeps; or the one that the browser prefers.
pub(super) async fn with_language(request: Request, next: Next) -> Response {
    let chosen = request.uri().query().and_then(of_query);
    let texts = chosen
        .or_else(|| of_cookie(request.headers()))
        .unwrap_or_else(|| accepted(request.headers()));
    let context = Context {
        texts,
        query: request
            .uri()
            .query()
            .map(without_language)
            .unwrap_or_default(),
    };
    let mut response = CURRENT.scope(context, next.run(request)).await;
    if let Some(chosen) = chosen {
        let cookie = format!(
            "{COOKIE}={}; Path=/; Max-Age=31536000; HttpOnly; SameSite=Lax",
            chosen.code
        );
        if let Ok(cookie) = HeaderValue::try_from(cookie) {
            response.headers_mut().append(header::SET_COOKIE, cookie);
        }
    }
    response
}

fn named(code: &str) -> Option<&'static Texts> {
    [&ENGLISH, &KHMER]
        .into_iter()
        .find(|texts| texts.code == code)
}

fn of_query(query: &str) -> Option<&'static Texts> {
    let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs
        .find(|(name, _)| *name == "lang")
        .and_then(|(_, code)| named(code))
}

/// Returns the parameters except the language, each with an `&` behind it.
fn without_language(query: &str) -> String {
    let others = query
        .split('&')
        .filter(|pair| !pair.is_empty() && !pair.starts_with("lang="));
    others.flat_map(|pair| [pair, "&"]).collect()
}

fn of_cookie(headers: &HeaderMap) -> Option<&'static Texts> {
    super::cookie::find(headers, COOKIE).and_then(named)
}

/// Returns the first of the languages that the browser accepts with the highest weight (RFC 9110, section 12.5.4).
fn accepted(headers: &HeaderMap) -> &'static Texts {
    let header = headers.get(header::ACCEPT_LANGUAGE);
    let text = header
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let mut best: Option<(&'static Texts, u16)> = None;
    for range in text.split(',') {
        let (tag, weight) = range.split_once(';').unwrap_or((range, ""));
        let primary = tag.trim().split('-').next().unwrap_or_default();
        let weight = weight_of(weight.trim().strip_prefix("q="));
        if let Some(texts) = named(&primary.to_ascii_lowercase())
            && best.is_none_or(|(_, other)| weight > other)
        {
            best = Some((texts, weight));
        }
    }
    best.map_or(&ENGLISH, |(texts, _)| texts)
}

/// Returns a weight such as `0.8` in thousandths.
fn weight_of(text: Option<&str>) -> u16 {
    let Some(text) = text else { return 1_000 };
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits: String = fraction.chars().chain("000".chars()).take(3).collect();
    let whole: u16 = whole.parse().unwrap_or(0);
    (whole.min(1) * 1_000 + digits.parse::<u16>().unwrap_or(0)).min(1_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn language(accept: &str) -> &'static str {
        let mut headers = HeaderMap::new();
        headers.insert(
            header::ACCEPT_LANGUAGE,
            HeaderValue::from_str(accept).unwrap(),
        );
        accepted(&headers).code
    }

    #[test]
    fn the_browser_chooses_the_language() {
        for (accept, code) in [
            ("km", "km"),
            ("km-KH,km;q=0.9,en;q=0.8", "km"),
            ("en-US,en;q=0.9,km;q=0.5", "en"),
            ("fr,en;q=0.2,km;q=0.7", "km"),
            ("zh-CN", "en"),
            ("", "en"),
            ("km;q=x, en;q=0.1", "en"),
        ] {
            assert_eq!(language(accept), code, "{accept}");
        }
    }

    #[test]
    fn the_other_language_keeps_the_other_parameters() {
        assert_eq!(
            without_language("mode=test&lang=km&day=2026-11-28"),
            "mode=test&day=2026-11-28&"
        );
        assert_eq!(without_language("lang=en"), "");
    }

    #[test]
    fn every_text_exists_in_both_languages_with_the_same_digits() {
        for (name, english, khmer) in ALL {
            assert!(!english.is_empty() && !khmer.is_empty(), "{name}");
            let has_khmer_digit = khmer
                .chars()
                .any(|c| ('\u{17e0}'..='\u{17e9}').contains(&c));
            assert!(!has_khmer_digit, "{name}");
        }
    }
}
