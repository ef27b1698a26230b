"""A C++ toolchain and a platform for each of Debian's g++-*-linux-gnu packages."""

load(
    "@rules_cc//cc:cc_toolchain_config_lib.bzl",
    "feature",
    "flag_group",
    "flag_set",
    "tool_path",
)
load("@rules_cc//cc:action_names.bzl", "ACTION_NAMES")
load("@rules_cc//cc:defs.bzl", "cc_toolchain")

_COMPILE = [
    ACTION_NAMES.assemble,
    ACTION_NAMES.c_compile,
    ACTION_NAMES.cpp_compile,
    ACTION_NAMES.preprocess_assemble,
]

_LINK = [
    ACTION_NAMES.cpp_link_dynamic_library,
    ACTION_NAMES.cpp_link_executable,
    ACTION_NAMES.cpp_link_nodeps_dynamic_library,
]

def _flags(name, actions, flags):
    return feature(
        name = name,
        enabled = True,
        flag_sets = [flag_set(
            actions = actions,
            flag_groups = [flag_group(flags = flags)],
        )],
    )

def _config_impl(ctx):
    triplet = ctx.attr.triplet
    prefix = "/usr/bin/%s-" % triplet

    return cc_common.create_cc_toolchain_config_info(
        ctx = ctx,
        abi_libc_version = "glibc",
        abi_version = "gcc",
        compiler = "gcc",
        cxx_builtin_include_directories = [
            "/usr/lib/gcc-cross/%s" % triplet,
            "/usr/%s/include" % triplet,
        ],
        # Bazel adds its own for all that is not named here.
        features = [
            _flags("default_compile_flags", _COMPILE, [
                "-no-canonical-prefixes",
                "-O2",
                "-DNDEBUG",
                "-g0",
            ]),
            _flags("default_link_flags", _LINK, [
                "-lstdc++",
                "-lm",
            ] + ctx.attr.link_flags),
        ],
        host_system_name = "local",
        target_cpu = ctx.attr.cpu,
        target_libc = "glibc",
        target_system_name = triplet,
        tool_paths = [
            tool_path(name = name, path = prefix + tool)
            for name, tool in {
                "ar": "ar",
                "cpp": "cpp",
                "gcc": "gcc",
                "gcov": "gcov",
                "ld": "ld",
                "nm": "nm",
                "objdump": "objdump",
                "strip": "strip",
            }.items()
        ],
        toolchain_identifier = triplet,
    )

_config = rule(
    implementation = _config_impl,
    attrs = {
        "cpu": attr.string(mandatory = True),
        "link_flags": attr.string_list(),
        "triplet": attr.string(mandatory = True),
    },
    provides = [CcToolchainConfigInfo],
)

def debian_cross_toolchain(name, cpu, triplet, link_flags = []):
    """Declares the platform `name`, and `name`_toolchain, which compiles for it.

    Args:
      name: of the platform.
      cpu: one of @platforms//cpu.
      triplet: that of the package, as in /usr/bin/TRIPLET-gcc.
      link_flags: for each link, besides the libraries of C++.
    """
    constraints = [
        "@platforms//cpu:" + cpu,
        "@platforms//os:linux",
    ]
    native.platform(
        name = name,
        constraint_values = constraints,
    )
    native.filegroup(name = name + "_no_files")
    _config(
        name = name + "_config",
        cpu = cpu,
        link_flags = link_flags,
        triplet = triplet,
    )
    cc_toolchain(
        name = name + "_compiler",
        all_files = name + "_no_files",
        compiler_files = name + "_no_files",
        dwp_files = name + "_no_files",
        linker_files = name + "_no_files",
        objcopy_files = name + "_no_files",
        strip_files = name + "_no_files",
        toolchain_config = name + "_config",
    )
    native.toolchain(
        name = name + "_toolchain",
        target_compatible_with = constraints,
        toolchain = name + "_compiler",
        toolchain_type = "@bazel_tools//tools/cpp:toolchain_type",
    )
