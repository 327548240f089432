//! Faults as JSON, for whoever is not in the same process: each field is a method of [`Fault`].

use std::collections::BTreeMap;
use std::str::FromStr;
use std::time::Duration;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderName, HeaderValue, Response, StatusCode};
use khqr_core::Timestamp;
use serde_json::{Map, Value, json};

use super::edits::TransactionPlace;
use super::{Fault, Source};
use crate::endpoint::Endpoint;
use crate::input::{Input, InputError};
use crate::wire::{self, Answer};

/// The answers that have a name.
const ANSWERS: &str = "give own, unauthorized, forbidden, too_many_requests, quota_exhausted, \
    tokens_expire, cut, hang, or an object such as {\"status\":502,\"html\":\"<h1>Bad Gateway</h1>\"}";

impl Fault {
    /// Reads a rule: a JSON object that says which requests are struck, with what answer, and how it comes.
    ///
    /// | field | meaning | unless said |
    /// | --- | --- | --- |
    /// | `on` | an endpoint's [name](Endpoint::name), or a list of them | any |
    /// | `times` | how many requests, or `"always"` | 1 |
    /// | `after` | how many it lets through first | 0 |
    /// | `percent` | of a hundred, how many it strikes | 100 |
    /// | `answer` | `own`, `unauthorized`, `forbidden`, `too_many_requests`, `quota_exhausted`, `tokens_expire`, `cut`, `hang`, or an object of `status` and one of `html`, `json` (any JSON), `body` (a text) or `error` (`code` and `message`) | `own` |
    /// | `limit` | the number that `quota_exhausted` tells | 100 |
    /// | `headers` | an object of more headers | none |
    /// | `retryAfter`, `retryAfterDate` | that header: in seconds, or at a moment in milliseconds | none |
    /// | `floatTimes`, `textAmounts`, `withoutErrorCode`, `reversedList` | `true` for the change of that name | `false` |
    /// | `withoutItems`, `garbledItems` | places of a list's items, from 0 | none |
    /// | `items` | an object of places, and texts to stand there | none |
    /// | `transactionPlace` | where items have their transaction: `data`, `transaction` or `inline` | `data` |
    /// | `delayMs`, `truncateTo`, `dripMs` | how the answer comes, in milliseconds and bytes | whole, at once |
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
    /// What is wrong with the rule, where, and what to do about it.
    pub fn from_json(rule: &str) -> Result<Self, InputError> {
        read(Input::read("rule", rule.as_bytes())?)
    }

    /// The rule that [`Fault::from_json`] reads as this fault, with what is left of it.
    pub(crate) fn rule(&self) -> Value {
        let mut rule = Map::new();
        let mut put = |name: &str, value: Value| {
            let is_default = match &value {
                Value::Null | Value::Bool(false) => true,
                Value::Array(list) => list.is_empty(),
                Value::Object(fields) => fields.is_empty(),
                _ => false,
            };
            if !is_default {
                rule.insert(name.to_owned(), value);
            }
        };
        let (target, trouble) = (&self.target, &self.trouble);
        let names = target.endpoints.iter().map(|endpoint| endpoint.name());
        put("on", names.collect());
        put("times", target.left.map_or(json!("always"), Value::from));
        put("after", (target.spared > 0).then_some(target.spared).into());
        let percent = (target.percent < 100).then_some(target.percent);
        put("percent", percent.into());
        put(
            "answer",
            answer_rule(&trouble.source, trouble.expires_tokens),
        );
        put("headers", headers_rule(&trouble.headers));
        let edits = &trouble.edits;
        put("floatTimes", edits.float_times.into());
        put("textAmounts", edits.text_amounts.into());
        put("withoutErrorCode", edits.without_error_code.into());
        put("reversedList", edits.reversed.into());
        let items: BTreeMap<_, _> = edits.items.iter().cloned().collect();
        let without = items.iter().filter(|(_, text)| text.is_none());
        put("withoutItems", without.map(|(place, _)| *place).collect());
        let with = items.iter().filter_map(|(place, text)| {
            let text = text.as_ref()?;
            Some((place.to_string(), Value::from(text.as_str())))
        });
        put("items", Value::Object(with.collect()));
        put("transactionPlace", edits.transaction_place.name().into());
        let delivery = trouble.delivery;
        let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let latency = Some(delivery.latency).filter(|it| !it.is_zero());
        put("delayMs", latency.map(millis).into());
        put("truncateTo", delivery.limit.into());
        put("dripMs", delivery.gap.map(millis).into());
        Value::Object(rule)
    }
}

impl FromStr for Fault {
    type Err = InputError;

    /// The same as [`Fault::from_json`].
    fn from_str(rule: &str) -> Result<Self, InputError> {
        Self::from_json(rule)
    }
}

impl TransactionPlace {
    /// `None` for where it is by itself.
    const fn name(self) -> Option<&'static str> {
        match self {
            Self::Data => None,
            Self::Transaction => Some("transaction"),
            Self::Inline => Some("inline"),
        }
    }
}

pub(crate) fn read(mut rule: Input) -> Result<Fault, InputError> {
    let mut fault = source(&mut rule)?;
    for name in rule.several::<String>("on", "endpoints' names")? {
        let mut all = Endpoint::ALL.iter().copied();
        let endpoint = all.find(|endpoint| endpoint.name() == name);
        fault = fault.on(endpoint.ok_or_else(|| {
            let names: Vec<_> = Endpoint::ALL.iter().map(|it| it.name()).collect();
            let help = format!("there are: {}", names.join(", "));
            rule.error("on", format!("there is no endpoint `{name}`"), help)
        })?);
    }
    fault.target.left = match rule.raw("times").as_deref() {
        None => Some(1),
        Some("\"always\"") => None,
        Some(count) => Some(count.parse().map_err(|_| {
            let help = "give a whole number of requests, or \"always\"";
            rule.error("times", format!("{count} is no number of requests"), help)
        })?),
    };
    fault = fault.after(rule.small("after")?.unwrap_or_default());
    if let Some(percent) = rule.small("percent")? {
        let percent = u8::try_from(percent).ok().filter(|it| *it <= 100);
        let help = "give a whole number from 0 to 100";
        let percent = percent.ok_or_else(|| rule.error("percent", "it is above 100", help))?;
        fault = fault.percent(percent);
    }
    fault = headers(&mut rule, fault)?;
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
    rule.finish()?;
    Ok(fault)
}

/// The fault with the answer that the rule names, and nothing else.
fn source(rule: &mut Input) -> Result<Fault, InputError> {
    let limit = rule.small("limit")?;
    let Some(raw) = rule.raw("answer") else {
        return Ok(Fault::own_answer());
    };
    if raw.starts_with('{') {
        return written_answer(Input::read(rule.place("answer"), raw.as_bytes())?);
    }
    let name: String = serde_json::from_str(&raw)
        .map_err(|_| rule.error("answer", format!("{raw} is no answer"), ANSWERS))?;
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
            let what = format!("there is no answer `{name}`");
            return Err(rule.error("answer", what, ANSWERS));
        }
    })
}

fn written_answer(mut answer: Input) -> Result<Fault, InputError> {
    let status = answer.small("status")?;
    let help = "give an HTTP status from 100 to 999";
    let status = answer.needed("status", status, help)?;
    let status = u16::try_from(status).ok();
    let status = status.and_then(|it| StatusCode::from_u16(it).ok());
    let status = status.ok_or_else(|| answer.error("status", "it is no HTTP status", help))?;
    let headers = header_pairs(&mut answer, "headers")?;
    let mut bodies = Vec::new();
    if let Some(page) = answer.text("html")? {
        bodies.push(Fault::html(status, page));
    }
    if let Some(json) = answer.raw("json") {
        bodies.push(Fault::json(status, json));
    }
    if let Some(text) = answer.text("body")? {
        let mut response = Response::new(Bytes::from(text));
        *response.status_mut() = status;
        bodies.push(Fault::answer(response));
    }
    if let Some(error) = answer.raw("error") {
        let mut error = Input::read(answer.place("error"), error.as_bytes())?;
        let help = "give an error code from 0 to 255";
        let code = error.small("code")?;
        let code = u8::try_from(error.needed("code", code, help)?);
        let code = code.map_err(|_| error.error("code", "it is above 255", help))?;
        let message = error.text("message")?.unwrap_or_default();
        error.finish()?;
        bodies.push(Fault::error(status, code, &message));
    }
    if bodies.len() > 1 {
        let help = "leave all but one of html, json, body and error";
        return Err(answer.error("html", "there is more than one body", help));
    }
    let mut fault = bodies.pop().unwrap_or_else(|| Fault::status(status));
    if let Source::Answer(response) = &mut fault.trouble.source {
        for (name, value) in headers {
            // The type of what is answered can be said, and is not to stand twice.
            if name == CONTENT_TYPE {
                response.headers_mut().insert(name, value);
            } else if !super::FRAMING.contains(&name) {
                response.headers_mut().append(name, value);
            }
        }
    }
    answer.finish()?;
    Ok(fault)
}

fn headers(rule: &mut Input, mut fault: Fault) -> Result<Fault, InputError> {
    for (name, value) in header_pairs(rule, "headers")? {
        fault = fault.header(name, value);
    }
    if let Some(seconds) = rule.whole("retryAfter")? {
        fault = fault.retry_after(Duration::from_secs(seconds));
    }
    if let Some(moment) = rule.whole("retryAfterDate")? {
        fault = fault.retry_after_date(Timestamp::from_millis(moment));
    }
    Ok(fault)
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
        let bad = || input.error(field, format!("`{name}` cannot be such a header"), help);
        let header: HeaderName = name.parse().map_err(|_| bad())?;
        let values = match value {
            Value::Array(values) => values,
            value => vec![value],
        };
        for value in values {
            let value = value.as_str().and_then(|text| text.parse().ok());
            headers.push((header.clone(), value.ok_or_else(bad)?));
        }
    }
    Ok(headers)
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
    for place in rule.several("withoutItems", "places")? {
        fault = fault.without_item(place);
    }
    for place in rule.several("garbledItems", "places")? {
        fault = fault.garbled_item(place);
    }
    if let Some(raw) = rule.raw("items") {
        let items: BTreeMap<usize, String> = serde_json::from_str(&raw).map_err(|_| {
            let help = "give an object of places and texts, such as {\"0\":\"{}\"}";
            rule.error("items", "it is no object of places and texts", help)
        })?;
        for (place, text) in items {
            fault = fault.item(place, text);
        }
    }
    Ok(fault)
}

fn answer_rule(source: &Source, expires_tokens: bool) -> Value {
    match source {
        Source::Own if expires_tokens => "tokens_expire".into(),
        Source::Own => Value::Null,
        Source::Cut => "cut".into(),
        Source::Hang => "hang".into(),
        Source::Answer(answer) => named(answer).map_or_else(|| written_rule(answer), Value::from),
    }
}

/// The name of an answer that has one and no parameters.
fn named(answer: &Answer) -> Option<&'static str> {
    let all = [
        ("unauthorized", Fault::unauthorized()),
        ("forbidden", Fault::forbidden()),
        ("too_many_requests", Fault::too_many_requests()),
    ];
    let is_same = |source: &Source| match source {
        Source::Answer(it) => {
            it.status() == answer.status()
                && it.headers() == answer.headers()
                && it.body() == answer.body()
        }
        Source::Own | Source::Cut | Source::Hang => false,
    };
    let mut all = all.into_iter();
    all.find_map(|(name, fault)| is_same(&fault.trouble.source).then_some(name))
}

/// An answer with the body as a text; what is no UTF-8 in it shows as U+FFFD.
fn written_rule(answer: &Answer) -> Value {
    let mut rule = Map::new();
    rule.insert("status".to_owned(), answer.status().as_u16().into());
    let mut headers = answer.headers().clone();
    let text = String::from_utf8_lossy(answer.body()).into_owned();
    let content_type = headers.get(CONTENT_TYPE);
    let is_page = content_type == Some(&wire::HTML);
    if is_page {
        headers.remove(CONTENT_TYPE);
        rule.insert("html".to_owned(), text.into());
    } else if !text.is_empty() {
        rule.insert("body".to_owned(), text.into());
    }
    let headers = headers_rule(&headers);
    if headers.as_object().is_some_and(|it| !it.is_empty()) {
        rule.insert("headers".to_owned(), headers);
    }
    Value::Object(rule)
}

fn headers_rule(headers: &http::HeaderMap) -> Value {
    let pairs = headers.keys().map(|name| {
        let values = headers.get_all(name).iter();
        let values = values.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
        (name.to_string(), values.collect())
    });
    Value::Object(pairs.collect())
}
