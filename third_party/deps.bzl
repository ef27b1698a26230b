"""What the library itself is built with, for this WORKSPACE and for its users'."""

load("@bazel_tools//tools/build_defs/repo:http.bzl", "http_archive")
load("@bazel_tools//tools/build_defs/repo:utils.bzl", "maybe")

def holdfast_deps():
    """Declares the library's dependencies, except those already declared."""
    maybe(
        http_archive,
        name = "bazel_skylib",
        sha256 = "7ac0fa88c0c4ad6f5b9ffb5e09ef81e235492c873659e6bb99efb89d11246bcb",
        strip_prefix = "bazel-skylib-1.0.3",
        urls = ["https://github.com/bazelbuild/bazel-skylib/archive/1.0.3.tar.gz"],
    )

    maybe(
        http_archive,
        name = "rules_cc",
        # use_cpp_toolchain came with Bazel 5; this spells it out for Bazel 4.
        patch_cmds = [
            """sed -i.orig -e 's/, "use_cpp_toolchain")/)/' -e 's|use_cpp_toolchain()|["@bazel_tools//tools/cpp:toolchain_type"]|' cc/private/rules_impl/*.bzl""",
        ],
        sha256 = "af6cc82d87db94585bceeda2561cb8a9d55ad435318ccb4ddfee18a43580fb5d",
        strip_prefix = "rules_cc-0.0.4",
        urls = ["https://github.com/bazelbuild/rules_cc/releases/download/0.0.4/rules_cc-0.0.4.tar.gz"],
    )

    # Bazel 4 reads its Java toolchains' rules even for a C++ build.
    maybe(
        http_archive,
        name = "rules_java",
        sha256 = "34b41ec683e67253043ab1a3d1e8b7c61e4e8edefbcad485381328c934d072fe",
        urls = ["https://github.com/bazelbuild/rules_java/releases/download/4.0.0/rules_java-4.0.0.tar.gz"],
    )

    maybe(
        http_archive,
        name = "com_google_absl",
        patch_args = ["-p1"],
        # Of this repository, by whatever name its user calls it.
        patches = [Label("//third_party:abseil-20220623.1.patch")],
        sha256 = "91ac87d30cc6d79f9ab974c51874a704de9c2647c40f6932597329a282217ba8",
        strip_prefix = "abseil-cpp-20220623.1",
        urls = ["https://github.com/abseil/abseil-cpp/archive/refs/tags/20220623.1.tar.gz"],
    )
