//! `bakong qr render`: draws a code into a file.

use std::path::Path;

use khqr_card::{BareCode, Card, Mark, Sheet};
use khqr_core::{Khqr, Payload, Printable};
use serde_json::json;

use crate::arguments::{DrawArguments, RenderArguments};
use crate::common::exit::{Exit, Failure};
use crate::common::output::{print, print_json};
use crate::common::refusal::Refusal;
use crate::common::{files, lines};

/// The largest font file. Fonts for Chinese have about 20 MiB.
const MAX_FONT: u64 = 64 << 20;

pub(super) fn run(arguments: &RenderArguments) -> Result<Exit, Failure> {
    let text = match lines::text_or_line(&arguments.text)? {
        Ok(text) => text,
        Err(reason) => return Err(Refusal::from(reason).failure_of(Exit::NotValid, "not a code")),
    };
    // A card shows the fields of a KHQR. A bare code can be any EMVCo code.
    let error = match arguments.draw.bare {
        true => Payload::parse(&text).err(),
        false => Khqr::parse(&text).err(),
    };
    if let Some(error) = error {
        return Err(Refusal::of_text(&text, error).failure_of(Exit::NotValid, "not a KHQR"));
    }
    let size = save(&text, &arguments.draw, &arguments.output)?;
    let name = arguments.output.to_string_lossy();
    if arguments.json {
        print_json(&json!({ "file": name, "bytes": size }));
    } else {
        print(format_args!("saved {} ({size} bytes)", Printable(&name)));
    }
    Ok(Exit::Success)
}

/// The format of an image, from the name of its file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Format {
    Svg,
    Png,
    Pdf,
}

impl Format {
    fn of(file: &Path) -> Result<Self, Failure> {
        let extension = file.extension().unwrap_or_default().to_ascii_lowercase();
        match extension.to_str() {
            Some("svg") => Ok(Self::Svg),
            Some("png") => Ok(Self::Png),
            Some("pdf") => Ok(Self::Pdf),
            _ => Err(Failure::usage(
                "--output: the name of the file must end in .svg, .png or .pdf",
            )),
        }
    }
}

/// Draws a code into a file, and returns the number of bytes.
pub(super) fn save(text: &str, draw: &DrawArguments, file: &Path) -> Result<usize, Failure> {
    let format = Format::of(file)?;
    let image = image(text, draw, format)?;
    files::write(file, &image)?;
    Ok(image.len())
}

fn image(text: &str, draw: &DrawArguments, format: Format) -> Result<Vec<u8>, Failure> {
    if draw.bare {
        let code = bare(text, draw);
        return drawn(match format {
            Format::Svg => code.to_svg().map(String::into_bytes),
            Format::Png => code.to_png(),
            Format::Pdf => code.to_pdf(),
        });
    }
    let card = card(text, draw)?;
    if let Some((columns, rows)) = draw.sheet {
        let sheet = Sheet::filled(columns, rows, card);
        return match format {
            Format::Svg => drawn(sheet.to_svg().map(String::into_bytes)),
            Format::Pdf => drawn(sheet.to_pdf()),
            Format::Png => Err(Failure::usage("--sheet: a sheet is drawn as .svg or .pdf")),
        };
    }
    drawn(match format {
        Format::Svg => card.to_svg().map(String::into_bytes),
        Format::Png => card.to_png(),
        Format::Pdf => card.to_pdf(),
    })
}

fn drawn<T>(result: Result<T, khqr_card::Error>) -> Result<T, Failure> {
    result.map_err(|error| Failure::usage(format!("cannot draw the code: {error}")))
}

fn bare(text: &str, draw: &DrawArguments) -> BareCode {
    let mut code = match Khqr::parse(text) {
        Ok(khqr) => BareCode::new(&khqr),
        Err(_) => BareCode::of_text(text),
    };
    if let Some(size) = draw.size {
        code = code.width(size);
    }
    if let Some(margin) = draw.margin {
        code = code.margin(margin);
    }
    if let Some(correction) = draw.error_correction {
        code = code.error_correction(correction.into());
    }
    code
}

fn card(text: &str, draw: &DrawArguments) -> Result<Card, Failure> {
    let khqr =
        Khqr::parse(text).map_err(|error| Failure::new(Exit::NotValid, error.to_string()))?;
    let mut card = drawn(Card::new(&khqr))?;
    if let Some(size) = draw.size {
        card = card.width(size);
    }
    if let Some(margin) = draw.margin {
        card = card.margin(margin);
    }
    if let Some(correction) = draw.error_correction {
        card = card.error_correction(correction.into());
    }
    if let Some(red) = draw.red {
        card = card.red(red);
    }
    if let Some(radius) = draw.corner_radius {
        card = card.corner_radius(radius);
    }
    if let Some(file) = &draw.wordmark {
        card = card.wordmark(mark("--wordmark", file)?);
    }
    if let Some(file) = &draw.symbol {
        card = card.symbol(mark("--symbol", file)?);
    }
    if let Some(file) = &draw.font {
        let font = files::read(file, MAX_FONT)?;
        card = card
            .font(font)
            .map_err(|error| Failure::usage(format!("--font: {error}")))?;
    }
    if let Some(text) = &draw.caption {
        card = card.caption(text);
    }
    if let Some(text) = &draw.any_amount_text {
        card = card.any_amount_text(text);
    }
    if draw.no_expiry {
        card = card.without_expiry();
    }
    Ok(card)
}

fn mark(option: &str, file: &Path) -> Result<Mark, Failure> {
    let limit = u64::try_from(khqr_card::limits::MAX_MARK_BYTES).unwrap_or(u64::MAX);
    let bytes = files::read(file, limit)?;
    Mark::from_bytes(&bytes).map_err(|error| Failure::usage(format!("{option}: {error}")))
}
