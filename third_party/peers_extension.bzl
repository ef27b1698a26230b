"""@bench_peers for MODULE.bazel; Bazel 4 could not read this file."""

load(":peers.bzl", "bench_peers")

def _peers_impl(_):
    bench_peers(name = "bench_peers")

peers = module_extension(implementation = _peers_impl)
