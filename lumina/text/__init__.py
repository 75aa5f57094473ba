"""Words: structured captions, their writing by a language model, text normalisation."""
