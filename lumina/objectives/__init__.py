"""Training objectives: one file for each `lumina.interfaces.Objective`, and the parts they share."""
