"""The bridge itself: a hub, the tree, and the spokes that read and write it. See ``docs/architecture.md``."""
