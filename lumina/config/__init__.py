"""What the command line and YAML files say, and where what they name is found."""
