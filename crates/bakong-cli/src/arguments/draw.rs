//! How a code is drawn into a file.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

// In a doc comment, rustdoc would take the default in brackets for a link.
const RED: &str = "The colour of the card's header, such as #E1232E [default: #E21A1A]";

/// The appearance of an image. The defaults are those of khqr-card.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Image")]
pub(crate) struct DrawArguments {
    /// Draw the KHQR card (the default)
    #[arg(long, conflicts_with_all = ["bare", "sheet"])]
    pub(crate) card: bool,
    /// Draw only the code
    #[arg(long, conflicts_with = "sheet")]
    pub(crate) bare: bool,
    /// Draw an A4 page with this many cards, columns by rows, such as 2x4
    #[arg(long, value_name = "CxR", value_parser = parse_sheet)]
    pub(crate) sheet: Option<(u32, u32)>,
    /// The width in pixels [default: 400]
    #[arg(long, value_name = "PIXELS")]
    pub(crate) size: Option<u32>,
    /// The margin around the code in modules [default: 4]
    #[arg(long, value_name = "MODULES")]
    pub(crate) margin: Option<u32>,
    /// How much of the code may be damaged [default: m, or q with --symbol]
    #[arg(long, value_enum, value_name = "LEVEL")]
    pub(crate) error_correction: Option<Correction>,
    #[arg(long, value_name = "COLOUR", value_parser = parse_color, help = RED)]
    pub(crate) red: Option<khqr_card::Color>,
    /// The radius of the card's corners. The card is 400 units wide [default: 0]
    #[arg(long, value_name = "UNITS")]
    pub(crate) corner_radius: Option<u32>,
    /// An SVG or PNG file for the header, instead of the letters KHQR
    #[arg(long, value_name = "FILE", conflicts_with = "bare")]
    pub(crate) wordmark: Option<PathBuf>,
    /// An SVG or PNG file for the centre of the code
    #[arg(long, value_name = "FILE", conflicts_with = "bare")]
    pub(crate) symbol: Option<PathBuf>,
    /// A TrueType or OpenType file for scripts other than Latin and Khmer
    #[arg(long, value_name = "FILE", conflicts_with = "bare")]
    pub(crate) font: Option<PathBuf>,
    /// A line below the code
    #[arg(long, value_name = "TEXT", conflicts_with = "bare")]
    pub(crate) caption: Option<String>,
    /// The text on a card without an amount [default: Any amount]
    #[arg(long, value_name = "TEXT", conflicts_with = "bare")]
    pub(crate) any_amount_text: Option<String>,
    /// Do not show the expiry on the card
    #[arg(long, conflicts_with = "bare")]
    pub(crate) no_expiry: bool,
}

impl DrawArguments {
    /// Whether an option was given that has no effect without an output file.
    pub(crate) const fn is_given(&self) -> bool {
        self.card
            || self.bare
            || self.sheet.is_some()
            || self.size.is_some()
            || self.margin.is_some()
            || self.error_correction.is_some()
            || self.red.is_some()
            || self.corner_radius.is_some()
            || self.wordmark.is_some()
            || self.symbol.is_some()
            || self.font.is_some()
            || self.caption.is_some()
            || self.any_amount_text.is_some()
            || self.no_expiry
    }
}

/// The error correction of a QR code.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum Correction {
    /// 7 %
    L,
    /// 15 %
    M,
    /// 25 %
    Q,
    /// 30 %
    H,
}

impl From<Correction> for khqr_card::ErrorCorrection {
    fn from(correction: Correction) -> Self {
        match correction {
            Correction::L => Self::Low,
            Correction::M => Self::Medium,
            Correction::Q => Self::Quartile,
            Correction::H => Self::High,
        }
    }
}

fn parse_sheet(text: &str) -> Result<(u32, u32), &'static str> {
    let numbers = text.split_once(['x', 'X']);
    let numbers =
        numbers.and_then(|(columns, rows)| Some((columns.parse().ok()?, rows.parse().ok()?)));
    numbers.ok_or("give columns and rows, such as 2x4")
}

fn parse_color(text: &str) -> Result<khqr_card::Color, &'static str> {
    let digits = text.strip_prefix('#').unwrap_or(text);
    let is_hex = digits.len() == 6 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    let number = u32::from_str_radix(digits, 16).ok().filter(|_| is_hex);
    let [_, red, green, blue] = number
        .ok_or("give six hexadecimal digits, such as #E21A1A")?
        .to_be_bytes();
    Ok(khqr_card::Color(red, green, blue))
}
