"""Reading trained weights of any format."""
