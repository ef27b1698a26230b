"""@bench_peers: what this machine has to compare the table with, as libraries.

Nothing of it is needed. Where a package is not installed, its library is empty
and found_peers.h says why. bench/install_peers installs all of them.
"""

# Name: what tells that the package is there, the package, how to link.
_LIBRARIES = {
    "boost": struct(
        header = "boost/lockfree/stack.hpp",
        package = "libboost-dev",
        linkopts = [],
    ),
    "tbb": struct(
        header = "tbb/concurrent_hash_map.h",
        package = "libtbb-dev",
        linkopts = ["-ltbb"],
    ),
    "urcu": struct(
        header = "urcu/rculfhash.h",
        package = "liburcu-dev",
        linkopts = ["-lurcu-cds", "-lurcu-memb", "-lurcu-common"],
    ),
}

_NAMES = sorted(_LIBRARIES.keys() + ["rust"])

# Where Debian's crates are.
_CRATES = "/usr/share/cargo/registry"

_CARGO_CONFIG = """[source.crates-io]
replace-with = "installed"
[source.installed]
directory = "%s"
""" % _CRATES

_LIBRARY = """
cc_library(
    name = "{name}",
    srcs = {srcs},
    linkopts = {linkopts},
    deps = [":found_peers"],
)
"""

_BUILD = """load("@rules_cc//cc:defs.bzl", "cc_library")

package(default_visibility = ["//visibility:public"])

cc_library(
    name = "found_peers",
    hdrs = ["found_peers.h"],
    includes = ["."],
)
"""

def _wanted(repository_ctx):
    chosen = repository_ctx.os.environ.get("HOLDFAST_PEERS")
    return _NAMES if chosen == None else chosen.split(",")

def _has_header(repository_ctx, header):
    machine = repository_ctx.execute(["uname", "-m"]).stdout.strip()
    return any([
        repository_ctx.path("%s/%s" % (folder, header)).exists
        for folder in [
            "/usr/include",
            "/usr/include/%s-linux-gnu" % machine,
            "/usr/local/include",
        ]
    ])

def _missing_crate(repository_ctx):
    crates = repository_ctx.path(_CRATES)
    installed = [path.basename for path in crates.readdir()] if crates.exists else []
    for crate, version in {"sharded-slab": "0.1.", "slotmap": "1."}.items():
        prefix = "%s-%s" % (crate, version)
        if not [name for name in installed if name.startswith(prefix)]:
            return crate
    return None

def _build_rust(repository_ctx):
    """Has cargo build what bench/peers/rust says, as a file; or returns why not."""
    cargo = repository_ctx.which("cargo")
    if cargo == None:
        return "cargo is not installed"
    missing = _missing_crate(repository_ctx)
    if missing:
        return "librust-%s-dev is not installed" % missing
    for source in repository_ctx.attr.rust:
        # A path of a label is watched: a change runs this again.
        place = str(source.name).partition("/")[2]
        repository_ctx.symlink(repository_ctx.path(source), "rust/" + place)
    repository_ctx.file("rust/.cargo/config.toml", _CARGO_CONFIG, executable = False)
    result = repository_ctx.execute(
        [cargo, "build", "--release", "--offline", "--quiet", "--target-dir", "target"],
        # As C++ is built, whatever the user has set for other purposes.
        environment = {"CARGO_HOME": str(repository_ctx.path("cargo")), "RUSTFLAGS": ""},
        timeout = 300,
        working_directory = "rust",
    )
    if result.return_code != 0:
        log = result.stderr.strip().split("\n")

        # buildifier: disable=print
        print("The Rust peers are left out, as cargo failed:\n" + "\n".join(log[:20]))
        return "cargo failed: " + log[0]
    repository_ctx.symlink(
        "rust/target/release/libholdfast_bench_peers.a",
        "libholdfast_bench_peers.a",
    )
    return None

def _why_not(repository_ctx, name):
    """Why a peer is left out; None if it is there."""
    if name not in _wanted(repository_ctx):
        return "left out by HOLDFAST_PEERS"
    if name == "rust":
        return _build_rust(repository_ctx)
    library = _LIBRARIES[name]
    if _has_header(repository_ctx, library.header):
        return None
    return library.package + " is not installed"

def _bench_peers_impl(repository_ctx):
    build = _BUILD
    header = "// Which optional peers there are, and why others are not.\n"
    for name in _NAMES:
        why = _why_not(repository_ctx, name)
        srcs = []
        linkopts = []
        if why == None and name == "rust":
            srcs = ["libholdfast_bench_peers.a"]
            linkopts = ["-lpthread", "-ldl"]
        elif why == None:
            linkopts = _LIBRARIES[name].linkopts
        build += _LIBRARY.format(name = name, srcs = srcs, linkopts = linkopts)
        header += "#define HOLDFAST_HAVE_%s %d\n" % (name.upper(), 1 if why == None else 0)
        quoted = (why or "").replace("\\", "\\\\").replace("\"", "\\\"")
        header += "#define HOLDFAST_%s_WHY \"%s\"\n" % (name.upper(), quoted)
    repository_ctx.file("found_peers.h", header, executable = False)
    repository_ctx.file("BUILD.bazel", build, executable = False)

# Local: looked at anew by every Bazel server, as packages come and go.
bench_peers = repository_rule(
    implementation = _bench_peers_impl,
    attrs = {
        "rust": attr.label_list(
            allow_files = True,
            default = [
                "//bench/peers:rust/Cargo.toml",
                "//bench/peers:rust/src/lib.rs",
                "//bench/peers:rust/src/tables.rs",
                "//bench/peers:rust/src/ticks.rs",
            ],
        ),
    },
    doc = "HOLDFAST_PEERS=tbb,urcu looks for these alone; =none for no peer.",
    environ = ["HOLDFAST_PEERS", "PATH"],
    local = True,
)
