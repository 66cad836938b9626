"""The app and its recipes are run by the tests beside them, and are no tests themselves."""

collect_ignore = ["app.py", "choices.py"]
