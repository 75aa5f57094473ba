"""Sound: mel spectrograms, reading and writing files, Griffin-Lim."""
