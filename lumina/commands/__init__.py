"""The subcommands of ``lumina``, one file each."""
