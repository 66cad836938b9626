"""A stand-in for a training: says what it was given. Run as ``python -m train``."""

import argparse
import os
from pathlib import Path

if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--lr")
    parser.add_argument("--name")
    arguments = parser.parse_args()
    line = f"module: {arguments.name} with {arguments.lr}"
    print(line)
    Path(os.environ["RESULT"]).write_text(line + "\n")
