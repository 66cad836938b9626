"""A small language model, trained with numpy on the text of Python's own manual.

Start with ``recipes.py`` (the run in Python) and ``conf/config.yaml`` (the same run in YAML); ``demo.py`` shows
that they are one thing and ``app.py`` is the ``@hydra.main`` app. The training itself reads bottom up:
``tokenizer`` and ``data``, ``layers`` and ``model``, ``optim``, ``logger`` and ``checkpoint``, ``trainer``.
"""
