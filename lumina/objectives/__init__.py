"""What is learnt and what comes out: one file for each `lumina.interfaces.Objective`, and the parts they share."""
