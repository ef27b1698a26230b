"""A rule that runs compilations.py, and makes its report a file."""

def _compilations_impl(ctx):
    includes = []
    headers = []
    for dep in ctx.attr.deps:
        context = dep[CcInfo].compilation_context
        headers.append(context.headers)
        for folders in [context.includes, context.quote_includes, context.system_includes]:
            includes += folders.to_list()
    report = ctx.actions.declare_file(ctx.label.name + ".txt")
    arguments = ctx.actions.args()
    arguments.add(report)
    arguments.add(ctx.file.cases)
    arguments.add_all(ctx.files.srcs)
    arguments.add_all(includes, format_each = "-I%s")
    arguments.add_all(ctx.attr.headers)
    ctx.actions.run(
        outputs = [report],
        inputs = depset(
            [ctx.file.cases] + ctx.files.srcs,
            transitive = headers,
        ),
        executable = ctx.executable.tool,
        arguments = [arguments],
        mnemonic = "Compilations",
        use_default_shell_env = True,
    )
    return [DefaultInfo(
        files = depset([report]),
        runfiles = ctx.runfiles([report]),
    )]

compilations = rule(
    implementation = _compilations_impl,
    attrs = {
        "cases": attr.label(allow_single_file = True, mandatory = True),
        "headers": attr.string_list(),
        "deps": attr.label_list(providers = [CcInfo]),
        "srcs": attr.label_list(allow_files = [".cc", ".py", ".sh"]),
        "tool": attr.label(
            allow_single_file = True,
            cfg = "exec",
            executable = True,
            mandatory = True,
        ),
    },
)
