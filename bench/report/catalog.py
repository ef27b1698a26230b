"""The names of peers, limits and workloads, the pictures that there are of them, and the
words around these. The page shows other names than these too, as they are."""

from collections import namedtuple

HOLDFAST = "holdfast"

# `short` stands in pictures and tables, `note` in the key.
Peer = namedtuple("Peer", "short note")

PEERS = {
    HOLDFAST: Peer("holdfast", "this library"),
    "mutex": Peer("mutex", "mutex + slot map: one thread at a time"),
    "shared_mutex": Peer("shared_mutex", "shared_mutex + slot map: readers together, writers "
                         "alone"),
    "flat_map": Peer("flat_hash_map", "absl::Mutex + absl::flat_hash_map; handles are numbers "
                     "that are never used twice"),
    "sharded_flat_map": Peer("16 flat maps", "the same in 16 shards, each with its mutex"),
    "tbb": Peer("tbb map", "tbb::concurrent_hash_map; handles are numbers, too"),
    "boost_stack": Peer("boost stack †", "boost::lockfree::stack of indices; † allocation only: "
                        "it tells no stale handle from a live one"),
    "urcu": Peer("urcu map", "liburcu's lock-free hash table: readers announce themselves; "
                 "memory is freed later"),
    "sharded_slab": Peer("sharded-slab", "of Rust: guards keep values alive; generations wrap"),
    "mutex_shared_ptr": Peer("mutex, shared_ptr", "a slot map of shared_ptr under a mutex, "
                             "which is held while the pointer is copied"),
    "shared_mutex_shared_ptr": Peer("shared_mutex, shared_ptr", "the same under a "
                                    "shared_mutex"),
    "rust_slotmap": Peer("Rust slotmap", "Mutex + slotmap of Rust: one thread at a time"),
}

# Physical limits, the one to compare with first.
LIMITS = {
    "raw_array": Peer("raw array", "an array with bounds and generation compare: the limit of "
                      "a read"),
    "irreducible": Peer("memory ops alone", "the loads, stores and CAS of a pin and an unpin, "
                        "without logic"),
    "cas": Peer("one CAS", "an uncontended 64-bit compare-and-swap: the limit of an unpin or a "
                "write"),
    "cas_contended": Peer("contended CAS", "all threads at one word: the limit of designs that "
                          "share one"),
    "value_alone": Peer("value alone", "computed: the value's size"),
}
# Is no bound for a design that shares less.
SOFT_LIMIT = "cas_contended"
# Where these limits were not measured with more threads, they are computed: the throughput
# of one thread, times the threads, up to as many as the machine runs at once.
SCALING = ("raw_array", "irreducible", "cas")

# A view is a picture for each setting of a workload. With x "threads", the picture has
# throughput against threads; with another x, the cost against x, or the cost divided by the
# limit's; without x, a row for each peer. `where` selects benchmarks of the workload, for
# the tables too; `pictured` selects from those. Each is {setting: value or values}.
View = namedtuple("View", "workload title x where pictured over_limit",
                  defaults=(None, {}, {}, False))
Section = namedtuple("Section", "title text views")

ONE, EIGHT = {"threads": 1}, {"bytes": 8}

SECTIONS = [
    Section("Reads", """
One operation is a read by handle: the value if the handle is live, "stale" if it is
not. A stale look-up should cost no more than a hit, and one hot handle no more than
many: where it does, readers write to a line that they share.
""", [View("read_hit", "Read of a live handle", where={**ONE, **EIGHT}),
      View("read_hot", "All threads read one handle", "threads"),
      View("read_stale", "Read of a stale handle", "threads")]),
    Section("Pins and unpins", """
One operation is a pin and its unpin, or one of the two where a picture says so: a value
gets a handle, and the handle becomes stale. The slot is the same again and again, so
this is the table's logic with everything in cache. The last pictures are of many pins, reads
or unpins at random, by a call for each or by calls for many at once, where a peer has those.
""", [View("pin_unpin", "Pin + unpin", where={**ONE, **EIGHT}),
      View("insert", "Pin 10,000 each into an empty, reused table", "threads"),
      View("phases", "Many pins, reads, unpins, in random order",
           pictured={"slots": 100000})]),
    Section("Threads and oversubscription", """
The same operations by 1 to 16 threads. Perfect scaling doubles the throughput with each
doubling of threads up to the machine's; in the shaded part there are more threads than
the machine runs at once, and the thread that holds a lock may be asleep.
""", [View("read_hit", "Reads by all threads", "threads", where=EIGHT),
      View("pin_unpin", "Pin + unpin by all threads", "threads", where=EIGHT),
      View("read_churn", "Reads while one thread pins and unpins", "threads")]),
    Section("Bursts", """
One operation is a pair again, but each thread pins n values first, then unpins them in
the order of insertion: what a thread keeps for itself runs out.
""", [View("burst", "Bursts by all threads", "threads"),
      View("burst", "Bursts of one thread, by length", "n", where=ONE)]),
    Section("Mixed workloads", """
One operation is a step of the mix: a get is a read, an insert a pin, a remove an unpin.
90/10 is nine gets of 1,000 handles to one insert; thirds are gets, inserts and removes
over a half-full table.
""", [View("mix_90_10", "90 % get, 10 % insert", "threads"),
      View("get_sequential", "Get in order", "threads", pictured={"slots": 20000}),
      View("get_random", "Get at random", "threads", pictured={"slots": 20000}),
      View("thirds", "Thirds of get, insert, remove", "threads",
           pictured={"slots": [1000, 20000]})]),
    Section("Producer and consumer", """
One operation is a pair: one thread pins, another unpins, and the handles pass from one to
the other through a ring. This is the weak side of designs that keep free slots with a
thread. In the second picture one operation is a pin or an unpin: threads drain the same 100
slots and put them back.
""", [View("producer_consumer", "Pin here, unpin there", "threads"),
      View("drain", "Drain 100 shared slots, put them back", "threads")]),
    Section("Write", """
One operation is a write by handle, to slots in random order; in the last two pictures it is
a read after each slot was written so, which shows whether writing has scattered the values.
A write of holdfast, which blocks nobody, is one compare-and-swap for values of at most 8
bytes; for larger ones it is two, as much as a lock that nobody else wants. Written by
several threads at once, one slot's line travels between them at each write, while a thread
that holds a lock goes on for a while.
""", [View("write", "Write", "threads", where=EIGHT),
      View("write_then_read", "Read after writes")]),
    Section("Working set", """
One operation is a read at random, by one thread, in a table of so many slots. Costs rise
where the slots no longer fit a cache; the marks are the sizes of the caches, at 16 bytes a
slot. The second picture is the same over the raw array.
""", [View("read_working_set", "Read at random, by size of the table", "slots"),
      View("read_working_set", "The same, over the limit", "slots", over_limit=True)]),
    Section("Value sizes", """
The same operations by one thread, with values of 4 to 64 bytes. Peers written in Rust are
measured with 8 bytes only.
""", [View("read_hit", "Read, by size of the value", "bytes", where=ONE),
      View("pin_unpin", "Pin + unpin, by size of the value", "bytes", where=ONE),
      View("write", "Write, by size of the value", "bytes", {**ONE, "slots": 1000})]),
    Section("Latency", """
Each operation is timed alone, less what the clock itself costs: half of them take no longer
than the median (p50), one in 1,000 longer than p99.9. With two threads, what the other one
does in between counts. A maximum is one operation, and often the system's doing.
""", [View("latency", "Latency")]),
    Section("Iteration and bulk", """
One operation is a live slot visited, or made stale by removing everything at once. Sparse
means that one slot in 16 is live; churned, that all were pinned and unpinned at random.
Holdfast looks at each value's word twice, and ends each life by a compare-and-swap, since
others go on meanwhile; under a lock neither is needed, and a map is cleared at a stroke.
A caller that has stopped all other threads can say so.
""", [View("for_each", "For each live slot", pictured=ONE),
      View("unpin_all", "Unpin all")]),
    Section("A table's life", """
Growth: one operation is a pin into a new, empty table, page faults included. Cold start:
one operation is the creation of a table and the first pin. Table per request: creation, ten
pins, destruction. A table of holdfast reserves address space, for as many slots as there
may be, so that growth copies nothing and stops nobody. A small table takes what an
earlier one of its layout has left; else it pays for mmap, munmap, and a page fault for
each page that it touches.
""", [View("growth", "Growth to full size"),
      View("cold_start", "Creation to first pin"),
      View("table_per_request", "Create, 10 pins, destroy")]),
    Section("Objects", """
Tables of objects, which stay alive while a thread uses them. One operation is to borrow an
object, read it and drop it; to put one in and erase it; or to visit one. Where users count
references in the object, they wait for each other's writes to it.
""", [View("borrow", "Borrow and drop", where=ONE),
      View("borrow", "Borrow and drop by all threads", "threads"),
      View("borrow_hot", "All threads borrow one object", "threads"),
      View("borrow_random", "Borrow at random in a large table"),
      View("borrow_stale", "Borrow by a stale handle"),
      View("borrow_churn", "Borrow beside a thread that puts in and erases"),
      View("emplace_erase", "Put in + erase"),
      View("object_burst", "1,000 put in, then erased, a pair"),
      View("object_for_each", "For each object"),
      View("object_latency", "Latency, tables of objects")]),
    Section("Memory", """
Growth of the process's resident memory over the number of live slots. Limits are the value
alone and, where it was measured, a raw array of values with generations.
""", [View("memory", "Memory per slot", pictured=EIGHT),
      View("memory", "Memory per slot, by size of the value", "bytes")]),
]


def row(label, workload, counter="ns", **params):
    return label, workload, counter, params


# The rows of the summary and of README. The values of a list are tried in turn; the label
# may name the {slots} that there are.
SUMMARY = [
    row("read, 1,000 handles", "read_hit", threads=1, slots=1000, bytes=8),
    row("read, {slots} handles at random", "read_working_set", slots=[1 << 20, 1 << 18]),
    row("the same by ReadMany", "phases", phase="read", calls="many", slots=[1 << 20, 1 << 18]),
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
    row("borrow + drop, 1,000 objects", "borrow", threads=1),
    row("one object borrowed by 2 threads", "borrow_hot", threads=2),
    row("put in + erase an object", "emplace_erase", threads=1),
    row("latency of a pin, 2 threads, p99.9", "latency", "p999", threads=2, verb="pin"),
    row("latency of a read, 2 threads, p99.9", "latency", "p999", threads=2, verb="read"),
    row("memory per slot, 8-byte values", "memory", "bytes_per_slot", bytes=8),
]

# {workload: title of its first picture}, in the order of the sections.
TITLES = {}
for section in SECTIONS:
    for each in section.views:
        TITLES.setdefault(each.workload, each.title)


def title(workload):
    return TITLES.get(workload, workload.replace("_", " "))


def order(workload):
    return list(TITLES).index(workload) if workload in TITLES else 99


def is_limit(peer):
    return peer in LIMITS


def describe(peer):
    return {**PEERS, **LIMITS}.get(peer, Peer(peer.replace("_", " "), ""))


def rank(peer):
    """holdfast, then peers, then limits, each as listed; then unknown ones."""
    return is_limit(peer), [*PEERS, *LIMITS, peer].index(peer), peer
