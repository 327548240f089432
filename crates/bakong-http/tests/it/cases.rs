//! Every fault that the sandbox can make of a single answer, and what a client must conclude from it.

use std::time::Duration;

use bakong_api::khqr_core::Timestamp;
use bakong_api::transport::TransportErrorKind;
use bakong_api::{ApiError, ErrorClass, Remedy, RetryAfter};
use bakong_sandbox::Fault;
use http::header::{HeaderName, HeaderValue};
use http::{Response, StatusCode};

/// What is to be made of a fault.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) fault: Fault,
    /// `None` if the answer is one.
    pub(crate) error: Option<(ErrorClass, Remedy)>,
    /// Whether asking again at once is worth a request, if it is harmless.
    pub(crate) asked_again: bool,
}

const NOT_FOUND: &str = r#"{"data":null,"errorCode":1,"responseCode":1,"responseMessage":"Transaction could not be found. Please check and try again."}"#;

/// Faults that change how an answer looks or comes, and not what it says.
fn harmless() -> Vec<(&'static str, Fault)> {
    let own = Fault::own_answer;
    let header = HeaderName::from_static("x-served-by");
    let all = own()
        .float_times()
        .text_amounts()
        .without_error_code()
        .dripped(Duration::ZERO);
    vec![
        ("its own answer", own()),
        ("times with fractions", own().float_times()),
        ("amounts as texts", own().text_amounts()),
        ("no error code", own().without_error_code()),
        (
            "one more header",
            own().header(header, HeaderValue::from_static("x")),
        ),
        (
            "a header that means nothing here",
            own().retry_after(Duration::from_secs(60)),
        ),
        ("byte by byte", own().dripped(Duration::ZERO)),
        ("a little late", own().delayed(Duration::from_millis(1))),
        ("a limit beyond its end", own().truncated_to(1 << 20)),
        ("all of it", all),
    ]
}

/// Every fault, each for as many requests as come.
pub(crate) fn cases() -> Vec<Case> {
    let harmless = harmless().into_iter().map(|(name, fault)| Case {
        name,
        fault: fault.always(),
        error: None,
        asked_again: false,
    });
    let broken = answers().into_iter().chain(outages()).chain(limits());
    let broken = broken.map(|(name, fault, class, asked_again)| Case {
        name,
        fault: fault.always(),
        error: Some((class, remedy_of(class))),
        asked_again,
    });
    harmless.chain(broken).collect()
}

/// What a caller is told to do, as written down here a second time.
fn remedy_of(class: ErrorClass) -> Remedy {
    match class {
        ErrorClass::Unauthorized => Remedy::NewToken,
        ErrorClass::QuotaExhausted => Remedy::NextDay,
        ErrorClass::Blocked | ErrorClass::Refused => Remedy::Attention,
        _ => Remedy::AskAgain,
    }
}

type Broken = (&'static str, Fault, ErrorClass, bool);

/// Answers that asking again does not mend.
fn answers() -> Vec<Broken> {
    let ok = StatusCode::OK;
    let error = Fault::error;
    let moved = Response::builder().status(302).header("location", "/login");
    let moved = moved.body("").unwrap();
    let both = r#"{"responseCode":0,"errorCode":1,"data":{"hash":"ab","amount":1}}"#;
    let broken_off = r#"{"responseCode":0,"responseMessage":"Success","data":{"#;
    vec![
        (
            "401",
            Fault::unauthorized(),
            ErrorClass::Unauthorized,
            false,
        ),
        (
            "code 6",
            error(ok, 6, "Unauthorized"),
            ErrorClass::Unauthorized,
            false,
        ),
        ("403", Fault::forbidden(), ErrorClass::Blocked, false),
        (
            "code 17",
            Fault::quota_exhausted(),
            ErrorClass::QuotaExhausted,
            false,
        ),
        (
            "code 17 under 429",
            error(StatusCode::TOO_MANY_REQUESTS, 17, "Daily request limit"),
            ErrorClass::QuotaExhausted,
            false,
        ),
        (
            "code 1 under 400",
            error(StatusCode::BAD_REQUEST, 1, "Transaction could not be found"),
            ErrorClass::Refused,
            false,
        ),
        (
            "404",
            Fault::status(StatusCode::NOT_FOUND),
            ErrorClass::Refused,
            false,
        ),
        (
            "code 5",
            error(ok, 5, "Missing required fields"),
            ErrorClass::Refused,
            false,
        ),
        (
            "a redirect",
            Fault::answer(moved),
            ErrorClass::Malformed,
            false,
        ),
        (
            "204",
            Fault::status(StatusCode::NO_CONTENT),
            ErrorClass::Malformed,
            false,
        ),
        (
            "200 and nothing",
            Fault::status(ok),
            ErrorClass::Malformed,
            false,
        ),
        (
            "a page",
            Fault::html(ok, "<h1>Welcome</h1>"),
            ErrorClass::Malformed,
            false,
        ),
        (
            "no data",
            Fault::json(ok, r#"{"responseCode":0}"#),
            ErrorClass::Malformed,
            false,
        ),
        (
            "half an answer",
            Fault::json(ok, broken_off),
            ErrorClass::Malformed,
            false,
        ),
        (
            "a contradiction",
            Fault::json(ok, both),
            ErrorClass::Malformed,
            false,
        ),
    ]
}

/// Trouble that may pass.
fn outages() -> Vec<Broken> {
    let down = ErrorClass::Unavailable { retry_after: None };
    let broke = ErrorClass::Transport(TransportErrorKind::Interrupted);
    let status = |code: u16| StatusCode::from_u16(code).unwrap();
    let own = Fault::own_answer;
    let late = Duration::from_millis(1);
    vec![
        ("500", Fault::status(status(500)), down, true),
        (
            "502 with a page",
            Fault::html(status(502), "<h1>Bad Gateway</h1>"),
            down,
            true,
        ),
        (
            "503 that says not found",
            Fault::json(status(503), NOT_FOUND),
            down,
            true,
        ),
        (
            "504",
            Fault::error(status(504), 1, "Transaction could not be found"),
            down,
            true,
        ),
        ("408", Fault::status(status(408)), down, true),
        (
            "code 4",
            Fault::error(StatusCode::OK, 4, "Error requesting deeplink"),
            down,
            true,
        ),
        (
            "code 7",
            Fault::error(StatusCode::OK, 7, "Email server is down"),
            down,
            true,
        ),
        (
            "code 9",
            Fault::error(StatusCode::OK, 9, "Cannot connect to server"),
            down,
            true,
        ),
        ("cut", Fault::cut(), broke, true),
        ("cut after a while", Fault::cut().delayed(late), broke, true),
        ("a head alone", own().truncated_to(0), broke, true),
        ("half a body", own().truncated_to(20), broke, true),
        (
            "half a body, byte by byte",
            own().truncated_to(20).dripped(Duration::ZERO),
            broke,
            true,
        ),
        (
            "half a not found",
            Fault::json(StatusCode::OK, NOT_FOUND).truncated_to(60),
            broke,
            true,
        ),
    ]
}

/// Servers that say when to come back.
fn limits() -> Vec<Broken> {
    let limited = |retry_after| ErrorClass::RateLimited { retry_after };
    let too_many = Fault::too_many_requests;
    let after = RetryAfter::Delay;
    let (none, hour) = (Duration::ZERO, Duration::from_secs(3_600));
    let (past, far) = (
        Timestamp::from_millis(1_000_000),
        Timestamp::from_millis(u64::MAX),
    );
    let end_of_9999 = Timestamp::from_millis(253_402_300_799_000);
    let out = Fault::status(StatusCode::SERVICE_UNAVAILABLE).retry_after(hour);
    let out_for = ErrorClass::Unavailable {
        retry_after: Some(after(hour)),
    };
    vec![
        ("429", too_many(), limited(None), true),
        (
            "429, at once",
            too_many().retry_after(none),
            limited(Some(after(none))),
            true,
        ),
        // Longer than anybody waits, so the caller is told at once.
        (
            "429, in an hour",
            too_many().retry_after(hour),
            limited(Some(after(hour))),
            false,
        ),
        (
            "429, a moment ago",
            too_many().retry_after_date(past),
            limited(Some(RetryAfter::At(past))),
            true,
        ),
        (
            "429, in another age",
            too_many().retry_after_date(far),
            limited(Some(RetryAfter::At(end_of_9999))),
            false,
        ),
        ("503, in an hour", out, out_for, false),
    ]
}

/// That an error is the one that it should be, and is safe to show.
pub(crate) fn is_told(error: &ApiError, expected: (ErrorClass, Remedy), case: &str) {
    assert_eq!(error.class(), expected.0, "{case}: {error}");
    assert_eq!(error.class().remedy(), expected.1, "{case}: {error}");
    assert!(!format!("{error} {error:?}").contains("eyJ"), "{case}");
}
