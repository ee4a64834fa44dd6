"""The flags' desk: who took up a flag, what was found, what became of it."""
