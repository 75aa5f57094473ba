"""Files of others, opened so that none of them runs, hangs or floods the process."""
