//! A profile's colour, as pixels: on its line in the tray, on its window and its window's icon.

use postern_control::profile::Color;
use tauri::image::Image;

/// Red, green, blue; as dark as white text on it needs, and as light as black text does.
pub(crate) fn rgb(color: Color) -> [u8; 3] {
    match color {
        Color::Red => [0xd6, 0x3a, 0x3a],
        Color::Orange => [0xe0, 0x7b, 0x1f],
        Color::Yellow => [0xd9, 0xb3, 0x1c],
        Color::Green => [0x3f, 0x9b, 0x4f],
        Color::Teal => [0x1f, 0x9e, 0x9e],
        Color::Blue => [0x3b, 0x78, 0xd8],
        Color::Purple => [0x8b, 0x5b, 0xc9],
        Color::Gray => [0x7d, 0x82, 0x8a],
    }
}

/// A dot, for a line in a menu.
pub(crate) fn dot(color: Color) -> Image<'static> {
    const SIZE: u32 = 32;
    let mut canvas = Canvas { width: SIZE, rgba: vec![0; 4 * (SIZE * SIZE) as usize] };
    canvas.disc((16.0, 16.0), 13.0, rgb(color));
    Image::new_owned(canvas.rgba, SIZE, SIZE)
}

/// The same, as the toolkit has pictures.
#[cfg(target_os = "linux")]
pub(crate) fn pixels(picture: &Image<'_>) -> Option<gtk::gdk_pixbuf::Pixbuf> {
    use gtk::gdk_pixbuf::{Colorspace, Pixbuf};

    let (width, height) = (i32::try_from(picture.width()).ok()?, i32::try_from(picture.height()).ok()?);
    let bytes = gtk::glib::Bytes::from(picture.rgba());
    Some(Pixbuf::from_bytes(&bytes, Colorspace::Rgb, true, 8, width, height, 4 * width))
}

/// The app's icon, with a badge at its lower right: the profile's colour, and its name's first letter where this platform
/// draws letters for us.
pub(crate) fn icon(color: Option<Color>, name: &str) -> Image<'static> {
    /// Of a profile without a colour.
    const PLAIN: [u8; 3] = [0x4b, 0x4f, 0x57];
    let icon = tauri::include_image!("../icons/128x128.png");
    let mut canvas = Canvas { width: icon.width(), rgba: icon.rgba().to_vec() };
    canvas.disc(BADGE, 38.0, [0xff; 3]);
    canvas.disc(BADGE, 34.0, color.map_or(PLAIN, rgb));
    #[cfg(target_os = "linux")]
    if let Some(letter) = name.chars().find(|c| c.is_alphanumeric())
        && let Err(error) = canvas.letter(BADGE, &letter.to_uppercase().to_string())
    {
        tracing::debug!(%error, "a badge without its letter");
    }
    #[cfg(not(target_os = "linux"))]
    let _ = name;
    Image::new_owned(canvas.rgba, icon.width(), icon.height())
}

/// Its middle.
const BADGE: (f32, f32) = (90.0, 90.0);

struct Canvas {
    width: u32,
    rgba: Vec<u8>,
}

impl Canvas {
    /// A disc with a soft edge, over what is there.
    fn disc(&mut self, (x, y): (f32, f32), radius: f32, color: [u8; 3]) {
        for (index, pixel) in self.rgba.chunks_exact_mut(4).enumerate() {
            let (column, row) = (index as u32 % self.width, index as u32 / self.width);
            let distance = (column as f32 + 0.5 - x).hypot(row as f32 + 0.5 - y);
            cover(pixel, color, (radius + 0.5 - distance).clamp(0.0, 1.0));
        }
    }

    /// A letter in white, in the middle of a badge.
    #[cfg(target_os = "linux")]
    fn letter(&mut self, (x, y): (f32, f32), letter: &str) -> Result<(), Box<dyn std::error::Error>> {
        use gtk::cairo::{Context, FontSlant, FontWeight, Format, ImageSurface};

        const SIZE: f64 = 50.0;
        let edge = i32::try_from(self.width)?;
        let mut surface = ImageSurface::create(Format::A8, edge, edge)?;
        let context = Context::new(&surface)?;
        context.select_font_face("sans-serif", FontSlant::Normal, FontWeight::Bold);
        context.set_font_size(SIZE);
        let ink = context.text_extents(letter)?;
        let left = f64::from(x) - ink.width() / 2.0 - ink.x_bearing();
        context.move_to(left, f64::from(y) - ink.height() / 2.0 - ink.y_bearing());
        context.show_text(letter)?;
        drop(context);
        let (stride, width) = (usize::try_from(surface.stride())?, self.width as usize);
        let coverage = surface.data()?;
        for (line, pixels) in coverage.chunks_exact(stride).zip(self.rgba.chunks_exact_mut(4 * width)) {
            for (covered, pixel) in line.iter().zip(pixels.chunks_exact_mut(4)) {
                cover(pixel, [0xff; 3], f32::from(*covered) / 255.0);
            }
        }
        Ok(())
    }
}

/// Puts a colour over a pixel, as far as it covers it: 0 to 1.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "rounded, and between 0 and 255")]
fn cover(pixel: &mut [u8], [red, green, blue]: [u8; 3], part: f32) {
    for (channel, value) in pixel.iter_mut().zip([red, green, blue, 0xff]) {
        *channel = (f32::from(*channel) * (1.0 - part) + f32::from(value) * part).round() as u8;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_badge_shows_colour_and_letter_on_the_apps_icon() {
        let (plain, badged) = (tauri::include_image!("../icons/128x128.png"), icon(Some(Color::Red), "production"));
        let pixel = |image: &Image<'_>, x: usize, y: usize| image.rgba()[4 * (y * 128 + x)..][..4].to_vec();
        assert_eq!(pixel(&badged, 90, 60), [0xd6, 0x3a, 0x3a, 0xff]);
        assert_eq!(pixel(&badged, 20, 20), pixel(&plain, 20, 20));
        let same = |one: &str, other: &str| icon(None, one).rgba() == icon(None, other).rgba();
        assert!(same("production", "(Prefect)") && !same("production", "staging") && !same("production", "—"));
    }

    #[test]
    fn a_dot_is_round() {
        let dot = dot(Color::Blue);
        let alpha = |x: usize, y: usize| dot.rgba()[4 * (y * 32 + x) + 3];
        assert_eq!((alpha(16, 16), alpha(0, 0), alpha(31, 31)), (0xff, 0, 0));
    }
}
