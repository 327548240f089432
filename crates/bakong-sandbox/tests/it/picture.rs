//! The control API reads codes in pictures, for browsers that cannot.

use std::io::Cursor;

use bakong_sandbox::{PictureError, Sandbox, read_picture};
use image::{DynamicImage, GrayImage, ImageFormat, Luma, RgbImage};
use qrcode::{Color, QrCode};
use serde_json::json;

use crate::client::{Connection, Response};
use crate::{assert_contains, dynamic_code, sandbox, usd};

const MODULE: u32 = 6;

/// Draws a text with a margin of four modules. The encoder shares no code with the reader.
fn drawn(text: &str) -> GrayImage {
    let code = QrCode::new(text).unwrap();
    let (width, colors) = (u32::try_from(code.width()).unwrap(), code.to_colors());
    let side = (width + 8) * MODULE;
    GrayImage::from_fn(side, side, |x, y| {
        let module = |at: u32| (at / MODULE).checked_sub(4).filter(|at| *at < width);
        let is_dark = module(x)
            .zip(module(y))
            .is_some_and(|(x, y)| colors[usize::try_from(y * width + x).unwrap()] == Color::Dark);
        Luma([if is_dark { 0 } else { 255 }])
    })
}

fn encoded(picture: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut file = Cursor::new(Vec::new());
    picture.write_to(&mut file, format).unwrap();
    file.into_inner()
}

async fn send(sandbox: &Sandbox, headers: &str, body: &[u8]) -> Response {
    let mut request = format!(
        "POST /sandbox/picture HTTP/1.1\r\nHost: localhost\r\n{headers}Content-Length: {}\r\n\r\n",
        body.len()
    )
    .into_bytes();
    request.extend(body);
    let mut connection = Connection::open(sandbox.address()).await;
    connection.send(&request).await;
    connection.receive().await.unwrap()
}

#[tokio::test]
async fn the_codes_of_a_picture_are_returned() {
    let sandbox = sandbox().await;
    let code = dynamic_code(usd(100));
    let picture = DynamicImage::from(drawn(&code));
    for (format, content_type) in [
        (ImageFormat::Png, "image/png"),
        (ImageFormat::Jpeg, "image/jpeg"),
    ] {
        let headers = format!("Content-Type: {content_type}\r\n");
        let response = send(&sandbox, &headers, &encoded(&picture, format)).await;
        assert_eq!(response.value(200), json!({ "codes": [code] }));
    }
}

#[tokio::test]
async fn other_bodies_are_refused_with_a_remedy() {
    let sandbox = sandbox().await;
    let white = DynamicImage::from(RgbImage::from_pixel(40, 40, image::Rgb([255; 3])));
    let white = encoded(&white, ImageFormat::Png);
    let png = "Content-Type: image/png\r\n";
    let foreign = "Content-Type: image/png\r\nOrigin: http://evil.example\r\n";
    for (headers, body, status, text) in [
        (png, &white[..], 422, "no QR code"),
        (png, b"GIF89a", 422, "neither PNG nor JPEG"),
        (png, &white[..40], 422, "damaged"),
        (
            "Content-Type: application/json\r\n",
            b"{}",
            415,
            "image/png",
        ),
        ("", b"", 415, "image/png"),
        (foreign, &white, 403, "another website"),
        (png, &vec![0; 3 * 1024 * 1024 + 1], 413, "3145728 bytes"),
    ] {
        let response = send(&sandbox, headers, body).await;
        assert_contains(response.json(status), &[text]);
    }
}

#[test]
fn several_codes_and_large_photos_are_read() {
    let mut photo = GrayImage::from_pixel(4_000, 3_000, Luma([220]));
    for (text, x, y) in [("first", 300, 400), ("second", 2_900, 1_900)] {
        image::imageops::replace(&mut photo, &drawn(text), x, y);
    }
    let file = encoded(&photo.into(), ImageFormat::Jpeg);
    let mut codes = read_picture(&file).unwrap();
    codes.sort();
    assert_eq!(codes, ["first", "second"]);
    assert_eq!(read_picture(&file[..200]), Err(PictureError::Damaged));
}
