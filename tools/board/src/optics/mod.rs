//! Lens, light and scene: what reaches the photosites, and the noise they add.
//!
//! A [`World`] (scene, light, lens) is projected once per change onto the photosites of one read-out geometry
//! (a [`Projection`]); each frame then only scales that by exposure and gain and adds noise. All light is
//! linear. Scenes are flat, still pictures; not modelled: depth within the scene, stray light, diffraction,
//! lateral colour, lens shading in colour, and the aperture's effect on the level.

mod blur;
pub mod chart;
mod illuminant;
mod lens;
mod noise;
mod pattern;
mod photo;
mod plane;
mod projection;
mod scene;
#[cfg(test)]
mod tests;

pub use illuminant::{Light, LightError, grey_response, sensor_matrix};
pub use lens::Lens;
pub use projection::{MEAN_REFLECTANCE, Projection, World};
pub use scene::{Scene, SceneError};
