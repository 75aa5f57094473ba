"""Point clouds: reading, normalising, thinning out, drawing and writing them."""
