"""The bridge's place among Hydra's plugins.

Every Hydra app on the machine imports this module when it looks for plugins, Hydra 1.3 even runs it twice. It
must therefore stay cheap and free of side effects: it imports nothing and defines nothing. ``hydra_plugins``
itself has no ``__init__.py``: it is a namespace that all plugins share.
"""
