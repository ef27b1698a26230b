"""The headers that a target and what it depends on are compiled with."""

def _all_headers(ctx):
    return DefaultInfo(files = depset(transitive = [
        dep[CcInfo].compilation_context.headers
        for dep in ctx.attr.deps
    ]))

all_headers = rule(
    implementation = _all_headers,
    attrs = {"deps": attr.label_list(providers = [CcInfo])},
)
