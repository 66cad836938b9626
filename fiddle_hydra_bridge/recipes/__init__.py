"""Python recipes in Hydra apps: offered as config groups, composed with YAML, overridden on the command line."""
