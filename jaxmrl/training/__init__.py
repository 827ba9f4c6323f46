"""The engine: replicas trained side by side as lanes of one program."""
