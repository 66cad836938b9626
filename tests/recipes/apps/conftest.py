"""The sample apps are run by the tests beside this folder, and are no tests themselves."""

collect_ignore_glob = ["*"]
