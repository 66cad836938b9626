"""NeMo-Run's words on plain Fiddle: ``Config``, ``Partial``, ``broadcast``, ``walk``, ``autoconvert`` and ``Script``.

In come the habits of NeMo-Run's users, out go Fiddle graphs, which ``convert`` turns into YAML. ``convert`` stands
above; ``recipes`` and ``migrate`` stand below. NeMo-Run itself is not needed.
"""
