//! Lens, light and scene: what reaches the photosites.
