//! The faults that the sandbox can inject into a response, and the error that a client must report for each.

use std::time::Duration;

use bakong_api::ErrorClass::{self, Blocked, Malformed, QuotaExhausted, Refused, Unauthorized};
use bakong_api::khqr_core::Timestamp;
use bakong_api::transport::TransportErrorKind::Interrupted;
use bakong_api::{ApiError, Remedy, RetryAfter};
use bakong_sandbox::Fault;
use http::header::{HeaderName, HeaderValue};
use http::{Response, StatusCode};

/// A fault and its consequence.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) fault: Fault,
    /// `None` if the answer is still correct.
    pub(crate) error: Option<ErrorClass>,
    /// Whether a repeatable request is retried at once.
    pub(crate) retried: bool,
}

impl Case {
    /// The number of requests of a repeatable check, if up to three are sent and the path has answered before.
    pub(crate) fn attempts_after_a_good_answer(&self) -> usize {
        match self.retried || matches!(self.name, "403" | "404") {
            true => 3,
            false => 1,
        }
    }
}

const NOT_FOUND: &str = r#"{"data":null,"errorCode":1,"responseCode":1,"responseMessage":"Transaction could not be found. Please check and try again."}"#;

/// Returns all cases. Each fault applies until it is cleared.
pub(crate) fn cases() -> Vec<Case> {
    let case = |retried| {
        move |(name, fault, class): Broken| Case {
            name,
            fault: fault.always(),
            error: Some(class),
            retried,
        }
    };
    let harmless = harmless().into_iter().map(|(name, fault)| Case {
        name,
        fault: fault.always(),
        error: None,
        retried: false,
    });
    let permanent = permanent().into_iter().chain(far_off());
    let permanent = permanent.map(case(false));
    harmless
        .chain(permanent)
        .chain(temporary().into_iter().map(case(true)))
        .collect()
}

/// Returns the cases whose consequence is the same for every endpoint.
pub(crate) fn errors_of_all_endpoints() -> impl Iterator<Item = Case> {
    let names = [
        "401",
        "code 6",
        "403",
        "404",
        "429",
        "500",
        "code 4",
        "code 5",
        "code 7",
        "code 9",
        "code 17",
        "an unknown code",
        "half of the JSON",
        "cut",
    ];
    let cases = cases().into_iter();
    cases.filter(move |case| names.contains(&case.name))
}

/// Faults that change the form of an answer but not its meaning.
fn harmless() -> Vec<(&'static str, Fault)> {
    let own = Fault::own_answer;
    let header = HeaderName::from_static("x-served-by");
    let header = own().header(header, HeaderValue::from_static("x"));
    let all = own()
        .float_times()
        .text_amounts()
        .without_error_code()
        .dripped(Duration::ZERO);
    let minute = Duration::from_secs(60);
    vec![
        ("no change", own()),
        ("times with fractions", own().float_times()),
        ("amounts as texts", own().text_amounts()),
        ("no error code", own().without_error_code()),
        ("an additional header", header),
        ("Retry-After under 200", own().retry_after(minute)),
        ("byte by byte", own().dripped(Duration::ZERO)),
        ("delayed", own().delayed(Duration::from_millis(1))),
        ("truncated after its end", own().truncated_to(1 << 20)),
        ("all of these", all),
    ]
}

type Broken = (&'static str, Fault, ErrorClass);

fn with_code(status: StatusCode, code: u8) -> Fault {
    Fault::error(status, code, "Something went wrong")
}

/// Answers for which a retry does not help.
fn permanent() -> Vec<Broken> {
    let ok = StatusCode::OK;
    let status = Fault::status;
    let moved = Response::builder().status(302).header("location", "/login");
    let moved = Fault::answer(moved.body("").unwrap());
    let both = r#"{"responseCode":0,"errorCode":1,"data":{"hash":"ab","amount":1}}"#;
    let no_data = r#"{"responseCode":0}"#;
    let cut_off = r#"{"responseCode":0,"responseMessage":"Success","data":{"#;
    let too_many = StatusCode::TOO_MANY_REQUESTS;
    vec![
        ("401", Fault::unauthorized(), Unauthorized),
        ("code 6", with_code(ok, 6), Unauthorized),
        ("403", Fault::forbidden(), Blocked),
        ("code 17", Fault::quota_exhausted(), QuotaExhausted),
        ("code 17 under 429", with_code(too_many, 17), QuotaExhausted),
        ("400", with_code(StatusCode::BAD_REQUEST, 1), Refused),
        ("404", status(StatusCode::NOT_FOUND), Refused),
        ("an unknown code", with_code(ok, 99), Refused),
        ("code 5", with_code(ok, 5), Refused),
        ("redirect", moved, Malformed),
        ("204", status(StatusCode::NO_CONTENT), Malformed),
        ("no body", status(ok), Malformed),
        ("HTML", Fault::html(ok, "<h1>Welcome</h1>"), Malformed),
        ("no data", Fault::json(ok, no_data), Malformed),
        ("half of the JSON", Fault::json(ok, cut_off), Malformed),
        ("contradiction", Fault::json(ok, both), Malformed),
    ]
}

/// Faults for which a retry may help.
fn temporary() -> Vec<Broken> {
    let down = ErrorClass::Unavailable { retry_after: None };
    let broken = ErrorClass::Transport(Interrupted);
    let status = |code: u16| StatusCode::from_u16(code).unwrap();
    let own = Fault::own_answer;
    let late = Duration::from_millis(1);
    let page = Fault::html(status(502), "<h1>Bad Gateway</h1>");
    let half = || own().truncated_to(20);
    let half_not_found = Fault::json(StatusCode::OK, NOT_FOUND).truncated_to(60);
    let limited = |retry_after| ErrorClass::RateLimited { retry_after };
    let zero = RetryAfter::Delay(Duration::ZERO);
    let past = Timestamp::from_millis(1_000_000);
    let too_many = Fault::too_many_requests;
    let at_once = too_many().retry_after(Duration::ZERO);
    let in_the_past = too_many().retry_after_date(past);
    let past = RetryAfter::At(past);
    vec![
        ("500", Fault::status(status(500)), down),
        ("502 with HTML", page, down),
        ("503, not found", Fault::json(status(503), NOT_FOUND), down),
        ("504, code 1", with_code(status(504), 1), down),
        ("408", Fault::status(status(408)), down),
        ("code 4", with_code(StatusCode::OK, 4), down),
        ("code 7", with_code(StatusCode::OK, 7), down),
        ("code 9", with_code(StatusCode::OK, 9), down),
        ("cut", Fault::cut(), broken),
        ("cut after a while", Fault::cut().delayed(late), broken),
        ("a head only", own().truncated_to(0), broken),
        ("half a body", half(), broken),
        ("half, in drips", half().dripped(Duration::ZERO), broken),
        ("half a not found", half_not_found, broken),
        ("429", too_many(), limited(None)),
        ("429, at once", at_once, limited(Some(zero))),
        ("429, date in the past", in_the_past, limited(Some(past))),
    ]
}

/// Temporary faults whose `Retry-After` is later than any deadline.
fn far_off() -> Vec<Broken> {
    let hour = Duration::from_secs(3_600);
    let retry_after = Some(RetryAfter::Delay(hour));
    let limited = |retry_after| ErrorClass::RateLimited { retry_after };
    let too_many = Fault::too_many_requests;
    let far = too_many().retry_after_date(Timestamp::from_millis(u64::MAX));
    let end_of_9999 = RetryAfter::At(Timestamp::from_millis(253_402_300_799_000));
    let down = Fault::status(StatusCode::SERVICE_UNAVAILABLE).retry_after(hour);
    let unavailable = ErrorClass::Unavailable { retry_after };
    let in_an_hour = too_many().retry_after(hour);
    vec![
        ("429, in an hour", in_an_hour, limited(retry_after)),
        ("429, in 9999", far, limited(Some(end_of_9999))),
        ("503, in an hour", down, unavailable),
    ]
}

/// The expected remedy for an error of this class, independent of `ErrorClass::remedy`.
fn remedy_of(class: ErrorClass) -> Remedy {
    match class {
        Unauthorized => Remedy::NewToken,
        QuotaExhausted => Remedy::NextDay,
        Blocked | Refused => Remedy::Attention,
        _ => Remedy::AskAgain,
    }
}

/// Asserts the class and the remedy of an error, and that the error shows no token.
pub(crate) fn assert_error(error: &ApiError, class: ErrorClass, case: &str) {
    assert_eq!(error.class(), class, "{case}: {error}");
    let remedy = remedy_of(class);
    assert_eq!(error.class().remedy(), remedy, "{case}: {error}");
    assert!(!format!("{error} {error:?}").contains("eyJ"), "{case}");
}
