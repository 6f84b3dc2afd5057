"""Words typed at a terminal, turned into calls. Only this room prints, logs and exits."""
