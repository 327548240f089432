//! `bakong qr read`: the codes in a photo or screenshot.

use bakong_sandbox::{PictureError, read_picture};
use khqr_core::Printable;
use serde_json::json;

use crate::arguments::ReadArguments;
use crate::common::exit::{Exit, Failure, Reason, sentences};
use crate::common::files;
use crate::common::output::{Stream, print, print_json};
use crate::common::refusal::Refusal;

/// The largest file in bytes.
const MAX_FILE: u64 = 32 << 20;

pub(super) fn run(arguments: &ReadArguments) -> Result<Exit, Failure> {
    let file = files::read(&arguments.picture, MAX_FILE)?;
    let codes = match read_picture(&file) {
        Ok(codes) => codes,
        Err(error) => {
            let help = match error {
                PictureError::UnknownFormat => "Convert it to PNG or JPEG",
                PictureError::TooLarge => "Make it smaller",
                PictureError::NoCode => "Crop it closer to the code, or take a sharper one",
                _ => "Take another one",
            };
            let name = arguments.picture.to_string_lossy();
            let message = format!("{}: {error}", Printable(&name));
            let reason = Reason {
                advice: Some(help.into()),
                ..Refusal::of_line("Picture", message.clone()).reason()
            };
            return Err(Failure::new(Exit::NotValid, sentences(&message, help)).because(reason));
        }
    };
    if arguments.json {
        print_json(&json!({ "codes": codes }));
        return Ok(Exit::Success);
    }
    for code in &codes {
        if Stream::Out.is_terminal() {
            print(Printable(code));
        } else {
            // A program needs every character. A line break would start another code.
            print(code.replace(['\r', '\n'], " "));
        }
    }
    Ok(Exit::Success)
}
