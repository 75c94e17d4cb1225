//! [`Picture`]: RGB pixels, drawn with plotters and saved as PNG.

use std::path::Path;

use plotters::coord::Shift;
use plotters::prelude::{BitMapBackend, DrawingArea, IntoDrawingArea, WHITE};

use super::style;
use crate::{Error, Result, write_atomically};

/// An RGB picture in memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    width: u32,
    height: u32,
    pixels: Vec<u8>,
}

/// The area that the drawing functions draw on.
pub(super) type Canvas<'a> = DrawingArea<BitMapBackend<'a>, Shift>;

impl Picture {
    /// Makes a white picture of this size in px and lets `draw` fill it.
    pub(super) fn draw(
        width: u32,
        height: u32,
        draw: impl FnOnce(&Canvas<'_>) -> style::DrawResult,
    ) -> Result<Self> {
        style::register_font();
        let mut pixels = vec![0; width as usize * height as usize * 3];
        let plot = |error: &dyn std::fmt::Display| Error::Plot(error.to_string());
        {
            let canvas =
                BitMapBackend::with_buffer(&mut pixels, (width, height)).into_drawing_area();
            canvas.fill(&WHITE).map_err(|error| plot(&error))?;
            draw(&canvas).map_err(|error| plot(&error))?;
            canvas.present().map_err(|error| plot(&error))?;
        }
        Ok(Self { width, height, pixels })
    }

    /// Puts pictures one below the other, on white where they are narrower than the widest.
    pub fn stacked(pictures: &[Self]) -> Self {
        let width = pictures.iter().map(|picture| picture.width).max().unwrap_or(0);
        let mut stacked = Self { width, height: 0, pixels: Vec::new() };
        for picture in pictures {
            stacked.height += picture.height;
            for line in picture.pixels.chunks_exact((3 * picture.width as usize).max(1)) {
                stacked.pixels.extend_from_slice(line);
                stacked
                    .pixels
                    .resize(stacked.pixels.len() + 3 * (width - picture.width) as usize, 255);
            }
        }
        stacked
    }

    /// Width in px.
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Height in px.
    pub fn height(&self) -> u32 {
        self.height
    }

    /// Red, green and blue of the pixel at (`x`, `y`).
    ///
    /// # Panics
    /// Panics when the pixel is outside the picture.
    pub fn pixel(&self, x: u32, y: u32) -> [u8; 3] {
        assert!(
            x < self.width && y < self.height,
            "({x}, {y}) is outside {} x {}",
            self.width,
            self.height
        );
        let at = (y as usize * self.width as usize + x as usize) * 3;
        [self.pixels[at], self.pixels[at + 1], self.pixels[at + 2]]
    }

    /// Writes a PNG file.
    ///
    /// # Errors
    /// Returns an error when the file cannot be written.
    pub fn save_png(&self, path: &Path) -> Result<()> {
        write_atomically(path, |out| {
            let mut encoder = png::Encoder::new(out, self.width, self.height);
            encoder.set_color(png::ColorType::Rgb);
            encoder.set_depth(png::BitDepth::Eight);
            let mut writer = encoder.write_header()?;
            writer.write_image_data(&self.pixels)?;
            writer.finish()?;
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stacked_pictures_lie_below_each_other_on_white() {
        let black = Picture { width: 2, height: 1, pixels: vec![0; 6] };
        let grey = Picture { width: 3, height: 2, pixels: vec![9; 18] };
        let stacked = Picture::stacked(&[black, grey]);
        assert_eq!((stacked.width(), stacked.height()), (3, 3));
        assert_eq!(
            [stacked.pixel(1, 0), stacked.pixel(2, 0), stacked.pixel(2, 2)],
            [[0; 3], [255; 3], [9; 3]]
        );
    }

    #[test]
    fn a_saved_png_holds_the_pixels() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("white.png");
        let picture = Picture::draw(7, 5, |_| Ok(())).unwrap();
        picture.save_png(&path).unwrap();
        let file = std::io::BufReader::new(std::fs::File::open(&path).unwrap());
        let mut reader = png::Decoder::new(file).read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut pixels).unwrap();
        assert_eq!((info.width, info.height, pixels), (7, 5, vec![255; 7 * 5 * 3]));
    }
}
