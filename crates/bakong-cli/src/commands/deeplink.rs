//! `bakong deeplink`: gets a link that opens a bank's app with a code.

use bakong_api::endpoint::{GenerateDeeplinkByQr, SourceInfo};
use serde_json::json;

use crate::arguments::DeeplinkArguments;
use crate::common::exit::{Exit, Failure, print_json_error};
use crate::common::runtime::block_on_unless_stopped;
use crate::common::{lines, output, refusal, remote};

pub(crate) fn run(arguments: &DeeplinkArguments) -> Result<Exit, Failure> {
    print_json_error(get_link(arguments), arguments.json)
}

fn get_link(arguments: &DeeplinkArguments) -> Result<Exit, Failure> {
    let source = source(arguments)?;
    let text = lines::readable_text(&arguments.code)?;
    let khqr = refusal::parse(&text)
        .map_err(|refusal| refusal.failure_of(Exit::NotValid, "not a KHQR"))?;
    let mut request = GenerateDeeplinkByQr::new(&khqr);
    if let Some(source) = source {
        request = request.with_source(source);
    }
    let link = block_on_unless_stopped("no link was received", async {
        let remote = remote::open_without_token(&arguments.target, "the code")?;
        let answer = remote.session.send(&request).await;
        // The answer tells Bakong's time, by which a code expires.
        if let Err(error) = khqr.verify(remote.session.now()) {
            output::note(format_args!("This code cannot be paid now: {error}."));
        }
        answer.map_err(|error| remote.advisor.failure(&error))
    })?;
    if arguments.json {
        output::print_json(&json!({ "shortLink": link.as_str() }));
    } else {
        output::print(link);
    }
    Ok(Exit::Success)
}

/// The app that the customer returns to, if given.
fn source(arguments: &DeeplinkArguments) -> Result<Option<SourceInfo>, Failure> {
    let (Some(icon), Some(app), Some(callback)) =
        (&arguments.icon, &arguments.app, &arguments.callback)
    else {
        return Ok(None);
    };
    SourceInfo::new(icon, app, callback)
        .map(Some)
        .map_err(|error| {
            let option = match error.field() {
                "appIconUrl" => "--icon",
                "appName" => "--app",
                _ => "--callback",
            };
            Failure::usage(format!("{option}: {error}"))
        })
}
