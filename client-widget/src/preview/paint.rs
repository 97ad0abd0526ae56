//! Fills textured triangles, the way egui's renderers do: colours premultiplied, blended in gamma
//! space.

use std::collections::HashMap;

use eframe::egui::epaint::{
    ClippedPrimitive, ImageData, Mesh, Primitive, Vertex, textures::TexturesDelta,
};
use eframe::egui::{Color32, ColorImage, Pos2, Rect, TextureId, Vec2, pos2};
use image::{Rgba, RgbaImage};

/// A picture in the making.
pub struct Canvas {
    size: [usize; 2],
    pixels: Vec<Color32>,
    textures: HashMap<TextureId, ColorImage>,
}

impl Canvas {
    /// A picture of so many pixels, all of one colour.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a window's size is small and positive"
    )]
    pub fn new(size: Vec2, colour: Color32) -> Self {
        let size = [size.x.max(1.0) as usize, size.y.max(1.0) as usize];
        Self { size, pixels: vec![colour; size[0] * size[1]], textures: HashMap::new() }
    }

    /// Takes what egui says about its textures.
    pub fn take_textures(&mut self, delta: &mut TexturesDelta) {
        for (id, changes) in delta.set.drain() {
            for change in changes {
                let ImageData::Color(picture) = change.image;
                match (change.pos, self.textures.get_mut(&id)) {
                    (None, _) => {
                        self.textures.insert(id, picture.as_ref().clone());
                    }
                    (Some(at), Some(texture)) => patch(texture, &picture, at),
                    (Some(_), None) => {}
                }
            }
        }
        for id in delta.free.drain() {
            self.textures.remove(&id);
        }
    }

    /// Fills what egui drew.
    pub fn paint(&mut self, primitives: &[ClippedPrimitive], scale: f32) {
        let textures = std::mem::take(&mut self.textures);
        for ClippedPrimitive { clip_rect, primitive } in primitives {
            let Primitive::Mesh(mesh) = primitive else { continue };
            let Some(texture) = textures.get(&mesh.texture_id) else { continue };
            let clip = Rect::from_min_max(
                (clip_rect.min.to_vec2() * scale).to_pos2(),
                (clip_rect.max.to_vec2() * scale).to_pos2(),
            );
            self.mesh(mesh, texture, clip, scale);
        }
        self.textures = textures;
    }

    /// The picture.
    pub fn finish(self) -> RgbaImage {
        let side = |at: usize| u32::try_from(self.size[at]).unwrap_or(u32::MAX);
        let mut picture = RgbaImage::new(side(0), side(1));
        for (to, from) in picture.pixels_mut().zip(&self.pixels) {
            *to = Rgba([from.r(), from.g(), from.b(), 255]);
        }
        picture
    }

    fn mesh(&mut self, mesh: &Mesh, texture: &ColorImage, clip: Rect, scale: f32) {
        for corners in mesh.indices.chunks_exact(3) {
            let [Some(a), Some(b), Some(c)] = [0, 1, 2].map(|at| {
                let index = corners.get(at).and_then(|index| usize::try_from(*index).ok())?;
                mesh.vertices.get(index)
            }) else {
                continue;
            };
            self.triangle([a, b, c], texture, clip, scale);
        }
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "clipped to the picture"
    )]
    fn triangle(&mut self, corners: [&Vertex; 3], texture: &ColorImage, clip: Rect, scale: f32) {
        let [a, b, c] = corners.map(|corner| (corner.pos.to_vec2() * scale).to_pos2());
        let area = edge(a, b, c);
        if area == 0.0 || !area.is_finite() {
            return;
        }
        let whole =
            Rect::from_min_size(Pos2::ZERO, Vec2::new(self.size[0] as f32, self.size[1] as f32));
        let bounds = Rect::from_points(&[a, b, c]).intersect(clip).intersect(whole);
        if !bounds.is_positive() {
            return;
        }
        // An edge that two triangles share belongs to one of them, so that nothing is blended
        // twice.
        let owned = [(b, c), (c, a), (a, b)].map(|(from, to)| {
            let (from, to) = if area > 0.0 { (from, to) } else { (to, from) };
            let level = to.y.total_cmp(&from.y);
            level.is_lt() || (level.is_eq() && to.x > from.x)
        });
        for y in bounds.top() as usize..(bounds.bottom().ceil() as usize).min(self.size[1]) {
            for x in bounds.left() as usize..(bounds.right().ceil() as usize).min(self.size[0]) {
                let point = pos2(x as f32 + 0.5, y as f32 + 0.5);
                if !clip.contains(point) {
                    continue;
                }
                let weights = [edge(b, c, point), edge(c, a, point), edge(a, b, point)]
                    .map(|part| part / area);
                if weights
                    .iter()
                    .zip(owned)
                    .any(|(weight, owned)| *weight < 0.0 || (*weight == 0.0 && !owned))
                {
                    continue;
                }
                let colour = shade(corners, weights, texture);
                if let Some(pixel) = self.pixels.get_mut(y * self.size[0] + x) {
                    *pixel = over(colour, *pixel);
                }
            }
        }
    }
}

fn edge(a: Pos2, b: Pos2, point: Pos2) -> f32 {
    (b.x - a.x) * (point.y - a.y) - (b.y - a.y) * (point.x - a.x)
}

/// The corners' colours between them, times the texture's.
fn shade(corners: [&Vertex; 3], weights: [f32; 3], texture: &ColorImage) -> [f32; 4] {
    let mut colour = [0.0; 4];
    let mut at = Vec2::ZERO;
    for (corner, weight) in corners.into_iter().zip(weights) {
        at += corner.uv.to_vec2() * weight;
        for (sum, channel) in colour.iter_mut().zip(corner.color.to_array()) {
            *sum += f32::from(channel) * weight;
        }
    }
    let texel = sample(texture, at);
    [0, 1, 2, 3].map(|channel| colour[channel] * texel[channel] / 255.0)
}

/// The texture between its four nearest pixels.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "clamped to the texture"
)]
fn sample(texture: &ColorImage, at: Vec2) -> [f32; 4] {
    let [width, height] = texture.size;
    let place = |along: f32, length: usize| {
        let position = (along * length as f32 - 0.5).clamp(0.0, length.saturating_sub(1) as f32);
        let low = position.floor() as usize;
        (low, (low + 1).min(length.saturating_sub(1)), position.fract())
    };
    let ((left, right, x), (top, bottom, y)) = (place(at.x, width), place(at.y, height));
    let texel = |x: usize, y: usize| {
        texture.pixels.get(y * width + x).copied().unwrap_or_default().to_array().map(f32::from)
    };
    let (nw, ne, sw, se) =
        (texel(left, top), texel(right, top), texel(left, bottom), texel(right, bottom));
    [0, 1, 2, 3].map(|at| {
        let (north, south) = (nw[at] + (ne[at] - nw[at]) * x, sw[at] + (se[at] - sw[at]) * x);
        north + (south - north) * y
    })
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to a byte")]
fn over(above: [f32; 4], below: Color32) -> Color32 {
    let shines_through = 1.0 - above[3] / 255.0;
    let below = below.to_array().map(f32::from);
    let [red, green, blue, alpha] = [0, 1, 2, 3]
        .map(|at| (above[at] + below[at] * shines_through).round().clamp(0.0, 255.0) as u8);
    Color32::from_rgba_premultiplied(red, green, blue, alpha)
}

fn patch(texture: &mut ColorImage, picture: &ColorImage, [left, top]: [usize; 2]) {
    let width = texture.width();
    for (row, line) in picture.pixels.chunks_exact(picture.width().max(1)).enumerate() {
        let start = (top + row) * width + left;
        if let Some(place) = texture.pixels.get_mut(start..start + line.len()) {
            place.copy_from_slice(line);
        }
    }
}
