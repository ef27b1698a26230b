"""What the JSON's context says of the machine, the build and the run."""

UNKNOWN = "could not be read"


def known(context, *keys):
    """The first of the keys that the context has, as text."""
    for key in keys:
        value = context.get(key)
        if value not in (None, ""):
            return str(value)
    return None


def machine(context):
    """[(label, text)] for the head of a report."""
    cpus = known(context, "cpus", "num_cpus")
    model = known(context, "cpu_model", "cpu model", "cpu") or UNKNOWN
    found = [
        ("Machine", f"{model}, {cpus} hardware threads" if cpus else model),
        ("Compiler", compiler(context)),
        ("Build", known(context, "build_mode", "build mode", "build",
                        "library_build_type")),
        ("Commit", known(context, "commit")),
        ("Date", known(context, "date_utc", "date")),
        ("System", known(context, "kernel")),
        ("Flags", known(context, "run_flags", "flags")),
    ]
    return [(label, text or UNKNOWN) for label, text in found]


def compiler(context):
    """g++ says no more than its version."""
    text = known(context, "compiler")
    return f"g++ {text}" if text and text[0].isdigit() else text


def circumstances(context):
    """[(label, text)]: what may have disturbed the measurement."""
    found = [
        ("Threads pinned to CPUs", ("pinning",)), ("Clock", ("clock",)),
        ("Hardware counters", ("counters",)), ("Frequency governor", ("governor",)),
        ("Turbo", ("turbo",)), ("Simultaneous multithreading", ("smt",)),
        ("Load average at the start", ("load_at_start",)), ("Caches", ("cache_sizes",)),
        ("Not turned off", ("not_controlled",)), ("Peers left out", ("peers_skipped",)),
    ]
    rows = [(label, known(context, *keys)) for label, keys in found]
    caches = cache_text(context)
    return [(label, caches if label == "Caches" else text or "not recorded")
            for label, text in rows if label != "Caches" or caches]


def cache_text(context):
    sizes = []
    for cache in context.get("caches") or []:
        if cache.get("type") in ("Data", "Unified") and cache.get("size"):
            size = cache["size"]
            text = f"{size >> 20} MiB" if size >= 1 << 20 else f"{size >> 10} KiB"
            sizes.append(f"L{cache.get('level')} {text}")
    return ", ".join(sizes)
