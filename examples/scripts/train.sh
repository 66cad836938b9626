#!/usr/bin/env bash
# A stand-in for a training: says what it was given.
set -euo pipefail

while (($# > 1)); do
    case $1 in
        --lr) lr=$2 ;;
        --name) name=$2 ;;
        *) echo "unknown option: $1" >&2; exit 2 ;;
    esac
    shift 2
done

echo "file: $name with $lr" | tee "$RESULT"
