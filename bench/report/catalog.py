"""What is known of peers, limits and workloads: names, words, and which pictures
there are. What is not listed here is shown all the same, under its own name."""

from collections import namedtuple

from bench.report.model import HOLDFAST, KEYS

# `short` is for pictures. `note` says what the reader has to know.
Peer = namedtuple("Peer", "short full note")

ALLOCATION_ONLY = "allocation only: tells nothing stale"
DAGGER = "†"

PEERS = {
    HOLDFAST: Peer("holdfast", "holdfast", "this library"),
    "mutex": Peer("mutex", "mutex + slot map", "one thread at a time"),
    "shared_mutex": Peer("shared_mutex", "shared_mutex + slot map",
                         "readers together, writers alone"),
    "flat_map": Peer("flat_hash_map", "absl::Mutex + flat_hash_map",
                     "handles are numbers that are never used twice"),
    "sharded_flat_map": Peer("16 flat maps", "16 × absl::Mutex + flat_hash_map",
                             "the same in 16 shards, each with its mutex"),
    "tbb": Peer("tbb map", "tbb::concurrent_hash_map",
                "handles are numbers that are never used twice"),
    "boost_stack": Peer("boost stack", "boost::lockfree::stack of indices",
                        ALLOCATION_ONLY),
    "urcu": Peer("urcu map", "liburcu lock-free hash table",
                 "readers announce themselves; memory is freed later"),
    "sharded_slab": Peer("sharded-slab", "sharded-slab (Rust)",
                         "guards keep values alive; generations wrap"),
    "rust_slotmap": Peer("Rust slotmap", "Mutex + slotmap (Rust)", "one thread at a time"),
}

# Physical limits, the one to compare with first.
LIMITS = {
    "raw_array": Peer("raw array", "raw array",
                      "an array with bounds and generation compare: the limit of a read"),
    "irreducible": Peer("memory ops alone", "memory operations alone",
                        "the loads, stores and CAS of a pin and an unpin, without logic"),
    "cas": Peer("one CAS", "one CAS",
                "one uncontended 64-bit compare-and-swap: the limit of an unpin or a write"),
    "cas_contended": Peer("contended CAS", "contended CAS",
                          "all threads at one word: the limit of designs that share one"),
}
SCALED = "_scaled"
LIMITS.update({
    peer + SCALED: Peer(f"{LIMITS[peer].short} × CPUs", f"{LIMITS[peer].full} × CPUs",
                        "computed: what one thread does, times the threads, up to as many "
                        "as the machine runs at once")
    for peer in ("raw_array", "irreducible", "cas")})
LIMITS["value_alone"] = Peer("value alone", "value alone", "computed: the value's size")

# What is no bound for a design that shares less.
SOFT_LIMITS = ("cas_contended",)

# How a workload is pictured. `kind` is one of
#   threads     throughput against threads, one picture for each other setting
#   line        cost against `x`, the same
#   relative    cost against `x`, over the first limit
#   dots        cost of each peer, a picture for each setting
#   latency     percentiles of each peer, a picture for each setting
# `where` takes a part of the benchmarks; `pictured` a part of those, all of them
# being in the tables. Each is {key: value or values}.
View = namedtuple("View", "workload kind title x where pictured")


def view(workload, kind, title, x=None, where=None, pictured=None):
    return View(workload, kind, title, x, where or {}, pictured or {})


Section = namedtuple("Section", "id title text views")

ONE = {"threads": 1}
EIGHT = {"bytes": 8}

SECTIONS = [
    Section("reads", "Reads", """
One operation is a read by handle: the value if the handle is live, "stale" if it is
not. A stale look-up should cost no more than a hit, and one hot handle no more than
many: where it does, readers write to a line that they share.
""", [
        view("read_hit", "dots", "Read of a live handle", where={**ONE, **EIGHT}),
        view("read_hot", "threads", "All threads read one handle", "threads"),
        view("read_stale", "threads", "Read of a stale handle", "threads"),
    ]),
    Section("pins", "Pins and unpins", """
One operation is a pin and its unpin, or one of the two where a picture says so: a value
gets a handle, and the handle becomes stale. The slot is the same again and again, so
this is the table's logic with everything in cache.
""", [
        view("pin_unpin", "dots", "Pin + unpin", where={**ONE, **EIGHT}),
        view("insert", "threads", "Pin 10,000 each into an empty, reused table", "threads"),
        view("phases", "dots", "Many pins, reads, unpins, in random order"),
    ]),
    Section("threads", "Threads and oversubscription", """
The same operations by 1 to 16 threads. Perfect scaling doubles the throughput with each
doubling of threads up to the machine's; in the shaded part there are more threads than
the machine runs at once, and whoever holds a lock may be asleep.
""", [
        view("read_hit", "threads", "Reads by all threads", "threads", where=EIGHT),
        view("pin_unpin", "threads", "Pin + unpin by all threads", "threads", where=EIGHT),
        view("read_churn", "threads", "Reads while one thread pins and unpins", "threads"),
    ]),
    Section("bursts", "Bursts", """
One operation is a pair again, but each thread pins n values first, then unpins them in
the order of insertion: what a thread keeps for itself runs out.
""", [
        view("burst", "threads", "Bursts by all threads", "threads"),
        view("burst", "line", "Bursts of one thread, by length", "n", where=ONE),
    ]),
    Section("mixed", "Mixed workloads", """
One operation is a step of the mix: a get is a read, an insert a pin, a remove an unpin.
90/10 is nine gets of 1,000 handles to one insert; thirds are gets, inserts and removes
over a half-full table.
""", [
        view("mix_90_10", "threads", "90 % get, 10 % insert", "threads"),
        view("get_sequential", "threads", "Get in order", "threads",
             pictured={"slots": 20000}),
        view("get_random", "threads", "Get at random", "threads",
             pictured={"slots": 20000}),
        view("thirds", "threads", "Thirds of get, insert, remove", "threads",
             pictured={"slots": [1000, 20000]}),
    ]),
    Section("handover", "Producer and consumer", """
One operation is a pair: one thread pins, another unpins, and the handles pass from one to
the other through a ring. This is the weak side of designs that keep free slots with a
thread. In the second picture one operation is a pin or an unpin: threads drain the same 100
slots and put them back.
""", [
        view("producer_consumer", "threads", "Pin here, unpin there", "threads"),
        view("drain", "threads", "Drain 100 shared slots, put them back", "threads"),
    ]),
    Section("write", "Write", """
One operation is a write by handle, to slots in random order; in the last two pictures it is
a read after each slot was written so, which shows whether writing has scattered the values.
A write of holdfast, which blocks nobody, is two compare-and-swaps of a slot's word, where a
lock that nobody else wants costs as much; written by several threads at once, one slot's
words and cells travel between them, while a thread that holds a lock goes on for a while.
""", [
        view("write", "threads", "Write", "threads", where=EIGHT),
        view("write_then_read", "dots", "Read after writes"),
    ]),
    Section("working-set", "Working set", """
One operation is a read at random, by one thread, in a table of so many slots. Costs rise
where the slots no longer fit a cache; the marks are the sizes of the caches, at 16 bytes a
slot. The second picture is the same over the raw array.
""", [
        view("read_working_set", "line", "Read at random, by size of the table", "slots"),
        view("read_working_set", "relative", "The same, over the limit", "slots"),
    ]),
    Section("values", "Value sizes", """
The same operations by one thread, with values of 4 to 64 bytes. Peers written in Rust are
measured with 8 bytes only.
""", [
        view("read_hit", "line", "Read, by size of the value", "bytes", where=ONE),
        view("pin_unpin", "line", "Pin + unpin, by size of the value", "bytes", where=ONE),
        view("write", "line", "Write, by size of the value", "bytes",
             where={**ONE, "slots": 1000}),
    ]),
    Section("latency", "Latency", """
Each operation is timed alone, less what the clock itself costs: half of them take no longer
than the median (p50), one in 1,000 longer than p99.9. With two threads, what the other one
does in between counts. A maximum is one operation, and often the system's doing.
""", [view("latency", "latency", "Latency")]),
    Section("iteration", "Iteration and bulk", """
One operation is a live slot visited, or made stale by removing everything at once. Sparse
means that one slot in 16 is live; churned, that all were pinned and unpinned at random.
Holdfast looks at each value's word twice, and ends each life by a compare-and-swap, since
others go on meanwhile; under a lock neither is needed, and a map is cleared at a stroke.
""", [
        view("for_each", "dots", "For each live slot", pictured=ONE),
        view("unpin_all", "dots", "Unpin all"),
    ]),
    Section("life", "A table's life", """
Growth: one operation is a pin into a new, empty table, page faults included. Cold start:
one operation is the creation of a table and the first pin. Table per request: creation, ten
pins, destruction. Holdfast reserves address space at creation, for as many slots as there
may be: mmap, munmap, and a page fault for each page that is touched, so that growth
copies nothing and stops nobody.
""", [
        view("growth", "dots", "Growth to full size"),
        view("cold_start", "dots", "Creation to first pin"),
        view("table_per_request", "dots", "Create, 10 pins, destroy"),
    ]),
    Section("memory", "Memory", """
Growth of the process's resident memory over the number of live slots. Limits are the value
alone and, where it was measured, a raw array of values with generations.
""", [
        view("memory", "dots", "Memory per slot", pictured=EIGHT),
        view("memory", "line", "Memory per slot, by size of the value", "bytes"),
    ]),
]

# One operation, as a sentence has it.
WORKLOADS = {
    "read_hit": "read", "read_working_set": "read at random", "read_stale": "stale read",
    "read_hot": "read of one handle", "read_churn": "read beside a churning thread",
    "pin_unpin": "pin + unpin", "insert": "pin into an empty table",
    "burst": "n pins, then n unpins, a pair", "phases": "many handles in random order",
    "mix_90_10": "90 % get, 10 % insert", "get_sequential": "get in order",
    "get_random": "get at random", "thirds": "thirds of get, insert, remove",
    "producer_consumer": "pin here, unpin there, a pair", "drain": "drain and put back",
    "write": "write", "write_then_read": "read after writes",
    "for_each": "for each live slot", "unpin_all": "unpin all, a slot",
    "growth": "pin while the table grows", "cold_start": "creation to first pin",
    "table_per_request": "create, 10 pins, destroy", "latency": "latency",
    "memory": "memory per slot",
}

# A row of the summary and of README. The values of a list are tried in turn; the label
# may name the {slots} that there are.
Row = namedtuple("Row", "label workload params counter")


def row(label, workload, counter="ns", **params):
    return Row(label, workload, params, counter)


BIG = [1 << 20, 1 << 18]

SUMMARY = [
    row("read, 1,000 handles", "read_hit", threads=1, slots=1000, bytes=8),
    row("read, {slots} handles at random", "read_working_set", slots=BIG),
    row("stale read, 1,000 handles", "read_stale", threads=1, slots=1000),
    row("read, 2 threads, same handles", "read_hit", threads=2, slots=1000, bytes=8),
    row("read beside a churning thread", "read_churn", threads=2),
    row("pin + unpin", "pin_unpin", threads=1, bytes=8),
    row("pin + unpin, 2 threads", "pin_unpin", threads=2, bytes=8),
    row("pin + unpin, 16 threads", "pin_unpin", threads=16, bytes=8),
    row("1,000 pins, then 1,000 unpins, a pair", "burst", threads=1, n=1000),
    row("90 % get, 10 % insert, 2 threads", "mix_90_10", threads=2),
    row("thirds of get, insert, remove, 4 threads", "thirds", threads=4, slots=20000),
    row("pin here, unpin in another thread, a pair", "producer_consumer", threads=2),
    row("write, 1,000 handles", "write", threads=1, slots=1000, bytes=8),
    row("for each, full table, a slot", "for_each", threads=1, fill="full"),
    row("growth to {slots}, a pin", "growth", threads=1),
    row("creation to first pin", "cold_start"),
    row("create, 10 pins, destroy", "table_per_request"),
    row("latency of a pin, 2 threads, p99.9", "latency", "p999", threads=2, verb="pin"),
    row("latency of a read, 2 threads, p99.9", "latency", "p999", threads=2, verb="read"),
    row("memory per slot, 8-byte values", "memory", "bytes_per_slot", bytes=8),
]


def is_limit(peer):
    return peer in LIMITS


def describe(peer):
    unknown = Peer(peer.replace("_", " "), peer.replace("_", " "), "")
    return PEERS.get(peer) or LIMITS.get(peer) or unknown


def name_with_dagger(peer):
    """The short name, marked if the peer does less than the others."""
    info = describe(peer)
    return f"{info.short} {DAGGER}" if info.note == ALLOCATION_ONLY else info.short


def rank(peer):
    """holdfast, then peers, then limits, each as listed; then unknown ones."""
    known = list(PEERS) + list(LIMITS)
    return (peer in LIMITS, known.index(peer) if peer in known else len(known), peer)


def setting_text(params):
    """{"threads": 2, "bytes": 8} as "2 threads, 8 bytes"."""
    words = {"threads": ("{} thread", "{} threads"), "slots": ("{} slot", "{} slots"),
             "bytes": ("{} byte", "{} bytes"), "n": ("n = {}", "n = {}"),
             "load": ("load {}", "load {}")}
    parts = []
    for key in sorted(params, key=KEYS.index):
        value = params[key]
        text = f"{value:,}" if isinstance(value, int) else str(value)
        parts.append(words.get(key, ("{}", "{}"))[value != 1].format(text))
    return ", ".join(parts)
