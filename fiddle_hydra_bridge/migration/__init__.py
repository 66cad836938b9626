"""A tree of YAML configs becomes a package of recipes: for those who move a Hydra project to Python."""
