"""The parts of ``lumina sample``: what is asked for, how it is drawn, what is written."""
