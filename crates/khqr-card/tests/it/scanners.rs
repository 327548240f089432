//! Two decoders that share no code with the encoder or with each other: rqrr (from quirc) and rxing (from `ZXing`).

use image::GrayImage;
use image::imageops::{FilterType, resize};
use rxing::common::{GlobalHistogramBinarizer, HybridBinarizer};
use rxing::qrcode::QRCodeReader;
use rxing::{BarcodeFormat, Binarizer, BinaryBitmap, DecodeHints, Luma8Source, Reader};

use crate::pictures::rotated;

/// A decoder.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Scanner {
    Rqrr,
    Rxing,
}

impl Scanner {
    pub(crate) const ALL: [Self; 2] = [Self::Rqrr, Self::Rxing];

    /// Scans a picture. An application sees many frames while the phone moves; the scanner gets five.
    pub(crate) fn scan(self, picture: &GrayImage) -> Option<String> {
        let enlarged = |factor| {
            let (width, height) = (picture.width() * factor, picture.height() * factor);
            resize(picture, width, height, FilterType::Triangle)
        };
        self.scan_frame(picture)
            .or_else(|| self.scan_frame(&enlarged(2)))
            .or_else(|| self.scan_frame(&rotated(&enlarged(2), 10.0)))
            .or_else(|| self.scan_frame(&enlarged(3)))
            .or_else(|| self.scan_frame(&rotated(&enlarged(3), 40.0)))
    }

    fn scan_frame(self, frame: &GrayImage) -> Option<String> {
        match self {
            Self::Rqrr => rqrr(frame),
            Self::Rxing => {
                let source = || {
                    let pixels = frame.as_raw().clone();
                    Luma8Source::new(pixels, frame.width(), frame.height()).unwrap()
                };
                rxing(HybridBinarizer::new(source()))
                    .or_else(|| rxing(GlobalHistogramBinarizer::new(source())))
            }
        }
    }

    /// Whether the scanned text is the text of the code. rxing drops a byte order mark at the start of a segment.
    pub(crate) fn agrees(self, scanned: &str, text: &str) -> bool {
        let without_marks = |text: &str| text.replace('\u{feff}', "");
        scanned == text || self == Self::Rxing && without_marks(scanned) == without_marks(text)
    }
}

fn rqrr(picture: &GrayImage) -> Option<String> {
    let mut prepared = rqrr::PreparedImage::prepare_from_greyscale(
        usize::try_from(picture.width()).unwrap(),
        usize::try_from(picture.height()).unwrap(),
        |x, y| {
            let (x, y) = (u32::try_from(x).unwrap(), u32::try_from(y).unwrap());
            picture.get_pixel(x, y).0[0]
        },
    );
    let grids = prepared.detect_grids();
    let mut texts = grids.iter().filter_map(|grid| grid.decode().ok());
    texts.next().map(|(_, text)| text)
}

fn rxing(pixels: impl Binarizer) -> Option<String> {
    let mut bitmap = BinaryBitmap::new(pixels);
    let hints = DecodeHints {
        TryHarder: Some(true),
        PossibleFormats: Some([BarcodeFormat::QR_CODE].into()),
        CharacterSet: Some("UTF-8".to_owned()),
        ..DecodeHints::default()
    };
    let result = QRCodeReader::new().decode_with_hints(&mut bitmap, &hints);
    Some(result.ok()?.getText().to_owned())
}
