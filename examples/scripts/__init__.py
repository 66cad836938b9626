"""A Hydra app whose task is a script: a file, a Python module or lines in the config."""
