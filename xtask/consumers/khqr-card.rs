use khqr_card::BareCode;
use khqr_card::khqr_core::Khqr;

pub fn draw(text: &str) -> Result<String, Box<dyn std::error::Error>> {
    let code = Khqr::parse(text)?;
    Ok(BareCode::new(&code).to_svg()?)
}
