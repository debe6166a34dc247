// Finds lens profiles by what people type. Nothing here touches the page.

/** Small letters, without signs, so that "f/1.4" finds "f/1.4" and "1.4" as well. */
function plain(text) {
  return text
    .toLowerCase()
    .normalize("NFD")
    .replace(/[\u0300-\u036f]/g, "");
}

/** Profiles that have every word of `search` in their name, by focal length and then aperture. */
export function matchingLenses(profiles, search) {
  const words = plain(search).split(/\s+/).filter(Boolean);
  return profiles
    .filter((profile) => {
      const text = plain(`${profile.make} ${profile.model} ${profile.name}`);
      return words.every((word) => text.includes(word));
    })
    .sort(
      (a, b) =>
        (a.focal_length_mm ?? Infinity) - (b.focal_length_mm ?? Infinity) ||
        (a.maximum_aperture ?? Infinity) - (b.maximum_aperture ?? Infinity) ||
        a.model.localeCompare(b.model),
    );
}
