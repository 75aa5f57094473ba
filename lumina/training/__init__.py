"""What all trained modules share."""
