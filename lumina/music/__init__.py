"""Music and sound events from a soundfont: composed with a seed, rendered, and captioned by what they are."""
