"""The command line. `main.py` knows every command by name and loads only the one that is asked for."""
