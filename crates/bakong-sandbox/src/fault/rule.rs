//! Faults as JSON, for whoever is not in the same process: each field is a method of [`Fault`].

use std::collections::BTreeMap;
use std::str::FromStr;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use khqr_core::Timestamp;
use serde_json::Value;

use super::edits::TransactionPlace;
use super::target::Target;
use super::{FRAMING, Fault, Source, idle};
use crate::clock::LAST;
use crate::endpoint::ApiEndpoint;
use crate::failure::usual_message;
use crate::input::{Input, InputError, brief};

/// The answers that have a name.
const ANSWERS: &str = "give own, unauthorized, forbidden, too_many_requests, quota_exhausted, \
    tokens_expire, cut, hang, or an object such as {\"status\":502,\"html\":\"<h1>Bad Gateway</h1>\"}";

impl Fault {
    /// Reads a rule: a JSON object that says which requests are struck, with what answer, and how it comes.
    ///
    /// | field | meaning | unless said |
    /// | --- | --- | --- |
    /// | `on` | an endpoint's [name](ApiEndpoint::name), or a list of them | any |
    /// | `times` | how many requests, or `"always"` | 1 |
    /// | `after` | how many it lets through first | 0 |
    /// | `percent` | of a hundred, how many it strikes | 100 |
    /// | `answer` | `own`, `unauthorized`, `forbidden`, `too_many_requests`, `quota_exhausted`, `tokens_expire`, `cut`, `hang`, or an object of `status` (200 to 999), `headers`, and one of `html`, `json` (any JSON), `body` (a text) or `error` (`code` and `message`; the documents' own message unless said) | `own` |
    /// | `limit` | the number that `quota_exhausted` tells | 100 |
    /// | `headers` | an object of more headers | none |
    /// | `retryAfter`, `retryAfterDate` | that header: in seconds, or at a moment in milliseconds | none |
    /// | `floatTimes`, `textAmounts`, `withoutErrorCode`, `reversedList` | `true` for the change of that name | `false` |
    /// | `withoutItems`, `garbledItems`, `serviceFailedItems`, `namelessItems` | places of a list's items, from 0 | none |
    /// | `items` | an object of places, and texts to stand there | none |
    /// | `transactionPlace` | where items have their transaction: `data`, `transaction` or `inline` | `data` |
    /// | `delayMs`, `truncateTo`, `dripMs` | how the answer comes, in milliseconds and in bytes up to 4294967295 | whole, at once |
    ///
    /// ```
    /// use bakong_sandbox::Fault;
    ///
    /// let outage = Fault::from_json(r#"{"answer":{"status":502,"html":"<h1>502</h1>"},"times":3}"#)?;
    /// let flaky = Fault::from_json(r#"{"on":"renew_token","answer":"cut","percent":20,"times":"always"}"#)?;
    /// let spent = Fault::from_json(r#"{"answer":"quota_exhausted","after":5,"times":"always"}"#)?;
    /// let odd = Fault::from_json(r#"{"floatTimes":true,"textAmounts":true,"delayMs":250}"#)?;
    /// let wrong = Fault::from_json(r#"{"answer":"explode"}"#).unwrap_err();
    /// assert!(wrong.to_string().starts_with("rule.answer: there is no answer `explode`"));
    /// # Ok::<(), bakong_sandbox::InputError>(())
    /// ```
    ///
    /// # Errors
    /// What is wrong with the rule, where, and what to do about it. What can have no effect is wrong, too: a rule
    /// that changes nothing, or a part of one that the rest makes idle, such as a header on a connection that is
    /// cut, or amounts as texts of an endpoint that tells none.
    pub fn from_json(rule: &str) -> Result<Self, InputError> {
        read(Input::read("rule", rule.as_bytes())?)
    }
}

impl FromStr for Fault {
    type Err = InputError;

    /// The same as [`Fault::from_json`].
    fn from_str(rule: &str) -> Result<Self, InputError> {
        Self::from_json(rule)
    }
}

pub(crate) fn read(mut rule: Input) -> Result<Fault, InputError> {
    let mut fault = source(&mut rule)?;
    target(&mut rule, &mut fault.target)?;
    let headers = headers(&mut rule, &mut fault)?;
    fault = edits(&mut rule, fault)?;
    let millis = |time: Option<u64>| time.map(Duration::from_millis);
    if let Some(latency) = millis(rule.whole("delayMs")?) {
        fault = fault.delayed(latency);
    }
    if let Some(bytes) = rule.small("truncateTo")? {
        fault = fault.truncated_to(usize::try_from(bytes).unwrap_or(usize::MAX));
    }
    if let Some(gap) = millis(rule.whole("dripMs")?) {
        fault = fault.dripped(gap);
    }
    let name = rule.name().to_owned();
    rule.finish()?;
    idle::check(&fault, &headers, &name)?;
    Ok(fault)
}

/// Which requests are struck.
fn target(rule: &mut Input, target: &mut Target) -> Result<(), InputError> {
    for name in rule.several::<String>("on", "endpoints' names")? {
        let mut all = ApiEndpoint::ALL.iter().copied();
        let endpoint = all.find(|endpoint| endpoint.name() == name);
        target.endpoints.push(endpoint.ok_or_else(|| {
            let names: Vec<_> = ApiEndpoint::ALL.iter().map(|it| it.name()).collect();
            let help = format!("there are: {}", names.join(", "));
            rule.error(
                "on",
                format!("there is no endpoint `{}`", brief(&name)),
                help,
            )
        })?);
    }
    target.left = match rule.raw("times").as_deref() {
        None => Some(1),
        Some("\"always\"") => None,
        Some(text) => {
            let count = text.parse().ok().filter(|count| *count > 0);
            let help = "give a whole number of requests from 1 on, or \"always\"";
            let what = || format!("{} strikes no number of requests", brief(text));
            Some(count.ok_or_else(|| rule.error("times", what(), help))?)
        }
    };
    target.spared = rule.small("after")?.unwrap_or_default();
    if let Some(percent) = rule.small("percent")? {
        let percent = u8::try_from(percent).ok();
        let percent = percent.filter(|percent| (1..=100).contains(percent));
        let help = "give a whole number from 1 to 100";
        let what = "of a hundred requests so many cannot be struck";
        target.percent = percent.ok_or_else(|| rule.error("percent", what, help))?;
    }
    Ok(())
}

/// The fault with the answer that the rule names, and nothing else.
fn source(rule: &mut Input) -> Result<Fault, InputError> {
    let limit = rule.small("limit")?;
    let raw = rule.raw("answer");
    let name: Option<String> =
        match raw.as_deref() {
            None => None,
            Some(object) if object.starts_with('{') => None,
            Some(text) => Some(serde_json::from_str(text).map_err(|_| {
                rule.error("answer", format!("{} is no answer", brief(text)), ANSWERS)
            })?),
        };
    if limit.is_some() && name.as_deref() != Some("quota_exhausted") {
        let help = "leave it out, or give quota_exhausted for the answer";
        return Err(rule.error("limit", "the answer tells no limit", help));
    }
    let Some(name) = name else {
        return match raw {
            None => Ok(Fault::own_answer()),
            Some(object) => written_answer(Input::read(rule.place("answer"), object.as_bytes())?),
        };
    };
    Ok(match name.as_str() {
        "own" => Fault::own_answer(),
        "unauthorized" => Fault::unauthorized(),
        "forbidden" => Fault::forbidden(),
        "too_many_requests" => Fault::too_many_requests(),
        "quota_exhausted" => Fault::quota_exhausted_at(limit.unwrap_or(100)),
        "tokens_expire" => Fault::tokens_expire(),
        "cut" => Fault::cut(),
        "hang" => Fault::hang(),
        _ => {
            let what = format!("there is no answer `{}`", brief(&name));
            return Err(rule.error("answer", what, ANSWERS));
        }
    })
}

fn written_answer(mut answer: Input) -> Result<Fault, InputError> {
    let status = answer.small("status")?;
    let help = "give an HTTP status from 200 to 999; below it no answer has come yet";
    let status = answer.needed("status", status, help)?;
    let status = u16::try_from(status).ok().filter(|status| *status >= 200);
    let status = status.and_then(|it| StatusCode::from_u16(it).ok());
    let status =
        status.ok_or_else(|| answer.error("status", "it is no status of an answer", help))?;
    let headers = header_pairs(&mut answer, "headers")?;
    let mut bodies = Vec::new();
    if let Some(page) = answer.text("html")? {
        bodies.push(("html", Fault::html(status, page)));
    }
    // Where any JSON may stand, null is one.
    let has_json = answer.has("json");
    let json = answer.raw("json");
    if let Some(json) = json.or_else(|| has_json.then(|| "null".to_owned())) {
        bodies.push(("json", Fault::json(status, json)));
    }
    if let Some(text) = answer.text("body")? {
        let mut response = Response::new(Bytes::from(text));
        *response.status_mut() = status;
        bodies.push(("body", Fault::answer(response)));
    }
    if let Some(error) = answer.raw("error") {
        let mut error = Input::read(answer.place("error"), error.as_bytes())?;
        let help = "give an error code from 0 to 255";
        let code = error.small("code")?;
        let code = u8::try_from(error.needed("code", code, help)?);
        let code = code.map_err(|_| error.error("code", "it is above 255", help))?;
        let message = error.text("message")?;
        let message = message.unwrap_or_else(|| usual_message(code));
        error.finish()?;
        bodies.push(("error", Fault::error(status, code, &message)));
    }
    let (name, mut fault) = match (bodies.pop(), bodies.pop()) {
        (None, _) => ("status", Fault::status(status)),
        (Some(body), None) => body,
        (Some((name, _)), Some((other, _))) => {
            let help = "leave all but one of html, json, body and error";
            let what = format!("there is more than one body: {other} says one, too");
            return Err(answer.error(name, what, help));
        }
    };
    if let Source::Answer(response) = &mut fault.trouble.source {
        if matches!(status.as_u16(), 204 | 304) && !response.body().is_empty() {
            let what = format!("an answer with {} has no body", status.as_u16());
            return Err(answer.error(name, what, "leave it out, or give another status"));
        }
        for (name, value) in headers {
            // The type of what is answered can be said, and is not to stand twice.
            if name == CONTENT_TYPE {
                response.headers_mut().insert(name, value);
            } else {
                response.headers_mut().append(name, value);
            }
        }
        *response.headers_mut() = sorted(response.headers());
    }
    answer.finish()?;
    Ok(fault)
}

/// Adds the headers, and gives the names of the fields that say any.
fn headers(rule: &mut Input, fault: &mut Fault) -> Result<Vec<&'static str>, InputError> {
    let mut fields = Vec::new();
    let pairs = header_pairs(rule, "headers")?;
    if !pairs.is_empty() {
        fields.push("headers");
    }
    let mut named = fault.clone();
    for (name, value) in pairs {
        named = named.header(name, value);
    }
    if let Some(seconds) = rule.whole("retryAfter")? {
        fields.push("retryAfter");
        named = named.retry_after(Duration::from_secs(seconds));
    }
    if let Some(moment) = rule.whole("retryAfterDate")? {
        if fields.contains(&"retryAfter") {
            let help = "leave it or retryAfter out; `headers` can have both";
            return Err(rule.error("retryAfterDate", "retryAfter says when, too", help));
        }
        let moment = Timestamp::from_millis(moment);
        if moment > LAST {
            let help = format!("give at most {} milliseconds", LAST.as_millis());
            let what = "no HTTP date is after the year 9999";
            return Err(rule.error("retryAfterDate", what, help));
        }
        fields.push("retryAfterDate");
        named = named.retry_after_date(moment);
    }
    named.trouble.headers = sorted(&named.trouble.headers);
    *fault = named;
    Ok(fields)
}

fn header_pairs(
    input: &mut Input,
    field: &'static str,
) -> Result<Vec<(HeaderName, HeaderValue)>, InputError> {
    let help = "give an object of headers, such as {\"x-served-by\":\"edge\"}";
    let Some(raw) = input.raw(field) else {
        return Ok(Vec::new());
    };
    let pairs: BTreeMap<String, Value> = serde_json::from_str(&raw)
        .map_err(|_| input.error(field, "it is no object of headers", help))?;
    let mut headers = Vec::new();
    for (name, value) in pairs {
        let bad = || {
            let what = format!("`{}` cannot be such a header", brief(&name));
            input.error(field, what, help)
        };
        let header: HeaderName = name.parse().map_err(|_| bad())?;
        let values = match value {
            Value::Array(values) => values,
            value => vec![value],
        };
        for value in values {
            let value = value.as_str().and_then(|text| text.parse().ok());
            let value: HeaderValue = value.ok_or_else(bad)?;
            let is_close = value.as_bytes().eq_ignore_ascii_case(b"close");
            if FRAMING.contains(&header) || header == CONNECTION && !is_close {
                let help = "leave it out; truncateTo lets a body fall short of its length, `cut` ends a \
                    connection, and connection may say close";
                let what = format!("`{header}` is the server's own affair");
                return Err(input.error(field, what, help));
            }
            headers.push((header.clone(), value));
        }
    }
    Ok(headers)
}

/// The same headers by name: however a rule writes them, it is one fault.
fn sorted(headers: &HeaderMap) -> HeaderMap {
    let mut names: Vec<_> = headers.keys().collect();
    names.sort_by_key(|name| name.as_str());
    let mut sorted = HeaderMap::new();
    for name in names {
        for value in headers.get_all(name) {
            sorted.append(name, value.clone());
        }
    }
    sorted
}

fn edits(rule: &mut Input, mut fault: Fault) -> Result<Fault, InputError> {
    let edits = &mut fault.trouble.edits;
    edits.float_times = rule.flag("floatTimes")?;
    edits.text_amounts = rule.flag("textAmounts")?;
    edits.without_error_code = rule.flag("withoutErrorCode")?;
    edits.reversed = rule.flag("reversedList")?;
    let help = "give data, transaction or inline";
    edits.transaction_place = match rule.text("transactionPlace")?.as_deref() {
        None | Some("data") => TransactionPlace::Data,
        Some("transaction") => TransactionPlace::Transaction,
        Some("inline") => TransactionPlace::Inline,
        Some(_) => return Err(rule.error("transactionPlace", "there is no such place", help)),
    };
    let mut taken = BTreeMap::new();
    let mut take =
        |rule: &Input, place: usize, field: &'static str| match taken.insert(place, field) {
            None => Ok(()),
            Some(other) => {
                let what = format!("item {place} stands in {other} already");
                Err(rule.error(field, what, "name each item once"))
            }
        };
    for (field, edited) in [
        ("withoutItems", Fault::without_item as fn(_, _) -> _),
        ("garbledItems", Fault::garbled_item),
        ("serviceFailedItems", Fault::service_failed_item),
        ("namelessItems", Fault::nameless_item),
    ] {
        for place in rule.several(field, "places")? {
            take(rule, place, field)?;
            fault = edited(fault, place);
        }
    }
    if let Some(raw) = rule.raw("items") {
        let items: BTreeMap<usize, String> = serde_json::from_str(&raw).map_err(|_| {
            let help = "give an object of places and texts, such as {\"0\":\"{}\"}";
            rule.error("items", "it is no object of places and texts", help)
        })?;
        for (place, text) in items {
            take(rule, place, "items")?;
            fault = fault.item(place, text);
        }
    }
    Ok(fault)
}
