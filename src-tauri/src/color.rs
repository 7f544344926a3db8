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

/// The app's icon, with a dot at its lower right for a profile that has a colour.
pub(crate) fn icon(color: Option<Color>) -> Image<'static> {
    let icon = tauri::include_image!("../icons/128x128.png");
    let Some(color) = color else { return icon };
    let mut canvas = Canvas { width: icon.width(), rgba: icon.rgba().to_vec() };
    canvas.disc((98.0, 98.0), 30.0, [0xff; 3]);
    canvas.disc((98.0, 98.0), 25.0, rgb(color));
    Image::new_owned(canvas.rgba, icon.width(), icon.height())
}

struct Canvas {
    width: u32,
    rgba: Vec<u8>,
}

impl Canvas {
    /// A disc with a soft edge, over what is there.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "rounded, and between 0 and 255")]
    fn disc(&mut self, (x, y): (f32, f32), radius: f32, color: [u8; 3]) {
        for (index, pixel) in self.rgba.chunks_exact_mut(4).enumerate() {
            let (column, row) = (index as u32 % self.width, index as u32 / self.width);
            let distance = (column as f32 + 0.5 - x).hypot(row as f32 + 0.5 - y);
            let cover = (radius + 0.5 - distance).clamp(0.0, 1.0);
            let [red, green, blue] = color;
            for (channel, value) in pixel.iter_mut().zip([red, green, blue, 0xff]) {
                *channel = (f32::from(*channel) * (1.0 - cover) + f32::from(value) * cover).round() as u8;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_badge_shows_the_colour_on_the_apps_icon() {
        let (plain, badged) = (tauri::include_image!("../icons/128x128.png"), icon(Some(Color::Red)));
        let pixel = |image: &Image<'_>, x: usize, y: usize| image.rgba()[4 * (y * 128 + x)..][..4].to_vec();
        assert_eq!(pixel(&badged, 98, 98), [0xd6, 0x3a, 0x3a, 0xff]);
        assert_eq!(pixel(&badged, 20, 40), pixel(&plain, 20, 40));
    }

    #[test]
    fn a_dot_is_round() {
        let dot = dot(Color::Blue);
        let alpha = |x: usize, y: usize| dot.rgba()[4 * (y * 32 + x) + 3];
        assert_eq!((alpha(16, 16), alpha(0, 0), alpha(31, 31)), (0xff, 0, 0));
    }
}
