#!/bin/sh
# Runs its arguments as a command: a cc_binary as a test.
exec "$@"
