"""Example apps that use fiddle_hydra_bridge the way a project would."""
