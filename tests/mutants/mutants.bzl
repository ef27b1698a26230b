"""Copies of the library with planted defects."""

load("@rules_cc//cc:defs.bzl", "cc_library")
load("//:files.bzl", "HEADERS", "SOURCES")

def mutated_holdfast(name, table, defects, orders = False, copts = [], tags = []):
    """The library with the defects of files of `defects`, each behind a switch.

    Args:
      name: of the library, which stands in for //:holdfast.
      table: the generated file that lists the switches, for C++ to include.
      defects: files as mutate.py reads them.
      orders: whether memory orders are behind switches, too. Then a compiler
        no longer knows them: that is for the model alone.
      copts: as of cc_library.
      tags: as of cc_library.
    """
    native.genrule(
        name = "mutate_headers",
        srcs = defects + ["//:" + header for header in HEADERS],
        outs = [table] + ["mutated/" + header for header in HEADERS],
        cmd = " ".join(
            ["$(location //tests/mutants:mutate.py)"] +
            (["--orders"] if orders else []) +
            ["--defects=$(location %s)" % each for each in defects] +
            [
                "$(location %s)" % table,
                "include/holdfast/",
                "$(RULEDIR)/mutated/include/holdfast",
            ] +
            ["$(location //:%s)" % header for header in HEADERS],
        ),
        tags = tags,
        tools = ["//tests/mutants:mutate.py"],
    )
    cc_library(
        name = name,
        testonly = True,
        srcs = ["//:" + source for source in SOURCES],
        hdrs = ["mutated/" + header for header in HEADERS],
        copts = copts + ["-w"],
        strip_include_prefix = "mutated/include",
        tags = tags,
        visibility = [
            "//fuzz:__pkg__",
            "//stress:__pkg__",
        ],
        deps = [
            "//tests/mutants:mutation",
            "@com_google_absl//absl/base:core_headers",
            "@com_google_absl//absl/status",
            "@com_google_absl//absl/status:statusor",
            "@com_google_absl//absl/strings",
        ],
    )
