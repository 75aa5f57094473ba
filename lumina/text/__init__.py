"""Words: structured captions and text normalisation."""
