//! Draws a card, a bare code and a sheet into the folder that the command line names.

use std::error::Error;
use std::fs;
use std::path::PathBuf;

use khqr_card::{BareCode, Card, Mark, Sheet};
use khqr_core::{AccountId, Amount, Khqr, KhqrBuilder, Timestamp};

fn main() -> Result<(), Box<dyn Error>> {
    let folder = PathBuf::from(std::env::args_os().nth(1).unwrap_or_else(|| ".".into()));
    let created = Timestamp::from_millis(1_795_000_000_000);
    let expires = Timestamp::from_millis(1_795_000_600_000);
    let text = KhqrBuilder::merchant(
        AccountId::new("sokha@devb")?,
        "123456",
        "Dev Bank",
        "Sokha Coffee",
    )
    .second_language("km", "ហាងកាហ្វេ សុខា", None)
    .dynamic_code(Amount::us_cents(123_450), created, expires)?
    .to_text();
    let khqr = Khqr::parse(&text)?;
    let symbol = br##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 10 10"><circle cx="5" cy="5" r="5" fill="#1a5"/></svg>"##;
    let card = Card::new(&khqr)?
        .width(800)
        .corner_radius(20)
        .symbol(Mark::from_bytes(symbol)?)
        .caption("Table 7");
    fs::write(folder.join("card.svg"), card.to_svg()?)?;
    fs::write(folder.join("card.png"), card.to_png()?)?;
    fs::write(folder.join("code.svg"), BareCode::new(&khqr).to_svg()?)?;
    fs::write(folder.join("code.png"), BareCode::new(&khqr).to_png()?)?;
    fs::write(
        folder.join("sheet.pdf"),
        Sheet::filled(2, 4, card).to_pdf()?,
    )?;
    Ok(())
}
