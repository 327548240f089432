//! The limits of the options.

use core::ops::RangeInclusive;

/// The width of an image in pixels.
pub const WIDTH: RangeInclusive<u32> = 16..=4096;
/// The margin around a code in modules. ISO/IEC 18004 asks for 4.
pub const MARGIN: RangeInclusive<u32> = 0..=16;
/// The largest corner radius of a card, which is 400 units wide.
pub const MAX_CORNER_RADIUS: u32 = 60;
/// The largest number of columns and of rows of a sheet.
pub const MAX_CELLS: u32 = 10;
/// The largest size of a wordmark or symbol file in bytes.
pub const MAX_MARK_BYTES: usize = 256 * 1024;
/// The largest width and height of a PNG file for a wordmark or symbol, in pixels.
pub const MAX_MARK_PIXELS: u32 = 1024;
/// The largest number of elements in an SVG file for a wordmark or symbol.
pub const MAX_MARK_ELEMENTS: usize = 2_000;
/// The largest number of characters of a line of text. The rest is cut off before the line is fitted.
pub const MAX_LINE_CHARACTERS: usize = 120;
