//! The profile's logo: a PNG from a stranger, measured before it is unpacked.

use std::io::Cursor;

use eframe::egui::ColorImage;
use image::{ImageFormat, ImageReader, Limits};

/// The largest file, in bytes.
const LARGEST_FILE: usize = 64 * 1024;
/// The largest width and height, in pixels.
const LARGEST_SIDE: u32 = 512;
/// What unpacking may use: the picture at 16 bits a channel, twice.
const LARGEST_MEMORY: u64 = 512 * 512 * 8 * 2;

/// The picture; None when there is none, or it is too large or damaged: the widget then shows none.
pub fn decode(png: &[u8]) -> Option<ColorImage> {
    if png.is_empty() || png.len() > LARGEST_FILE {
        return None;
    }
    let mut limits = Limits::default();
    limits.max_image_width = Some(LARGEST_SIDE);
    limits.max_image_height = Some(LARGEST_SIDE);
    limits.max_alloc = Some(LARGEST_MEMORY);
    let mut reader = ImageReader::with_format(Cursor::new(png), ImageFormat::Png);
    // Width and height are compared as soon as the header is read.
    reader.limits(limits);
    let picture = reader
        .decode()
        .inspect_err(|error| tracing::info!(%error, "the logo is not shown"))
        .ok()?
        .into_rgba8();
    let size = [usize::try_from(picture.width()).ok()?, usize::try_from(picture.height()).ok()?];
    Some(ColorImage::from_rgba_unmultiplied(size, &picture))
}

#[cfg(test)]
mod tests {
    use image::{RgbaImage, codecs::png::PngEncoder};

    use super::*;

    fn png(width: u32, height: u32) -> Vec<u8> {
        let mut file = Vec::new();
        RgbaImage::from_pixel(width, height, image::Rgba([9, 99, 199, 255]))
            .write_with_encoder(PngEncoder::new(&mut file))
            .unwrap();
        file
    }

    #[test]
    fn good_ones_are_shown_and_others_are_not() {
        assert_eq!(decode(&png(512, 512)).unwrap().size, [512, 512]);
        assert_eq!(decode(&png(1, 300)).unwrap().size, [1, 300]);
        assert!(decode(&[]).is_none());
        assert!(decode(b"GIF89a").is_none());
        assert!(decode(&png(513, 1)).is_none());
        assert!(decode(&png(1, 513)).is_none());
        let good = png(64, 64);
        assert!(decode(&good[..good.len() / 2]).is_none());
        assert!(decode(&[good, vec![0; LARGEST_FILE]].concat()).is_none());
    }

    #[test]
    fn a_header_that_lies_is_not_believed() {
        // A small file that says it is 60 000 pixels wide and high: refused by the header, long
        // before 14 GB are asked for.
        let mut bomb = png(16, 16);
        bomb[16..20].copy_from_slice(&60_000u32.to_be_bytes());
        bomb[20..24].copy_from_slice(&60_000u32.to_be_bytes());
        assert!(decode(&bomb).is_none());
    }
}
