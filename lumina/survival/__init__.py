"""What lets files survive kills, full disks and two writers at once."""
