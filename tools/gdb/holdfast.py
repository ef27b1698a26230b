"""Shows handles and tables of holdfast in gdb.

    (gdb) source tools/gdb/holdfast.py
    (gdb) print handle
    $1 = Handle(0x1ab937c4e0af8b51)
    (gdb) print table
    $2 = HandleTable with 2 live of 3 slots used = {[Handle(0x...)] = 7, ...}
    (gdb) print $holdfast(table, handle)       the value; takes a handle or its bits
    $3 = 7
    (gdb) print $holdfast(table, 0x1234)
    $4 = "foreign: not a handle of this table"

The script only reads memory, and calls no function of the program. So it works on
core files, and while other threads are stopped inside a call. It needs debug
information for the types; the program may be optimized. It cannot show a table that
lies in registers, for which gdb has no address.
"""

import re

import gdb
import gdb.printing

HOME = 1 << 63
RETURNING = 1 << 62
CHUNK = 4096  # How many slots are read at a time.


def number_at(address, size):
    """Returns the unsigned integer of `size` bytes that a std::atomic there holds."""
    memory = gdb.selected_inferior().read_memory(address, size)
    return int.from_bytes(bytes(memory), byte_order())


def byte_order():
    return "big" if "big" in gdb.execute("show endian", to_string=True) else "little"


def constant(type_, name, default):
    """Returns a static member of a struct or of its bases, else `default`."""
    type_ = type_.strip_typedefs()
    if not type_.fields():
        raise gdb.GdbError("nothing is known of %s: it was compiled without -g" % type_)
    if name in [field.name for field in type_.fields()]:
        return int(gdb.parse_and_eval("'%s'::%s" % (type_, name)))
    for field in type_.fields():
        if field.is_base_class:
            return constant(field.type, name, default)
    return default


def handle_text(bits):
    return "Handle(0x%016x)" % bits if bits else "Handle(null)"


class Table:
    """Reads a HandleTable, whose words include/holdfast/internal describes:
    slot_names.h, cell_word.h, pair_array.h, inline_word.h."""

    def __init__(self, value):
        kind = value.type.strip_typedefs()
        self.value_type = kind.template_argument(0)
        self.generation_bits = constant(kind.template_argument(1), "kGenerationBits", 32)
        self.mask = (1 << self.generation_bits) - 1
        self.key = int(value["key_"])
        self.all_slots = int(value["all_slots_"])
        slots = value["slots_"]["array_"]["slots_"]
        self.slots = int(slots)
        self.slot_type = slots.type.target().strip_typedefs()
        fields = [field.name for field in self.slot_type.fields()]
        self.in_cell = "cell" in fields
        self.in_word = not self.in_cell and "value" not in fields
        high_water = int(value["pool_"]["fresh_"]["high_water_"])
        self.high_water = number_at(high_water, 8) if high_water else 0
        if self.high_water > self.all_slots:
            raise gdb.GdbError("this is no table: it was not made, or is gone")

    def word(self, index):
        return number_at(self.slots + index * self.slot_type.sizeof, 8)

    def handle(self, index, generation):
        return (index << self.generation_bits | generation) ^ self.key

    def live(self):
        """Yields (index, word) of each live slot."""
        size = self.slot_type.sizeof
        order = byte_order()
        for first in range(0, self.high_water, CHUNK):
            count = min(CHUNK, self.high_water - first)
            memory = bytes(gdb.selected_inferior().read_memory(
                self.slots + first * size, count * size))
            for i in range(count):
                word = int.from_bytes(memory[i * size:i * size + 8], order)
                if word & 1:
                    yield first + i, word

    def value(self, index, word):
        if self.in_word:
            upper = word >> self.generation_bits
            encoded = upper.to_bytes(8, byte_order())
            size = self.value_type.sizeof
            encoded = encoded[-size:] if byte_order() == "big" else encoded[:size]
            return gdb.Value(encoded, self.value_type)
        cell = index
        if self.in_cell and not word & HOME:
            cell ^= (word & ~RETURNING) >> self.generation_bits
        address = self.slots + cell * self.slot_type.sizeof + 8
        return gdb.Value(address).cast(self.value_type.pointer()).dereference()

    def find(self, bits):
        """Returns the value of a handle, or a text that says why there is none."""
        if bits == 0:
            return "null: the null handle"
        place = bits ^ self.key
        index = place >> self.generation_bits
        issued = place & self.mask
        if index >= self.all_slots or issued & 1 == 0 or issued > self.mask - 2:
            return "foreign: not a handle of this table"
        if index >= self.high_water:
            return "never issued: slot %d has not come to that life" % index
        word = self.word(index)
        generation = word & self.mask
        if generation == issued:
            return self.value(index, word)
        if generation < issued:
            return "never issued: slot %d has not come to that life" % index
        return "stale: slot %d has ended %d lives since" % (
            index, (generation - issued + 1) // 2)


class HandlePrinter:
    def __init__(self, value):
        self.bits = int(value["bits_"])

    def to_string(self):
        return handle_text(self.bits)


class TablePrinter:
    def __init__(self, value):
        self.table = Table(value)

    def to_string(self):
        live = sum(1 for _ in self.table.live())
        return "HandleTable with %d live of %d slots used" % (
            live, self.table.high_water)

    def children(self):
        for number, (index, word) in enumerate(self.table.live()):
            handle = self.table.handle(index, word & self.table.mask)
            yield "%d" % (2 * number), handle_text(handle)
            yield "%d" % (2 * number + 1), self.table.value(index, word)

    def display_hint(self):
        return "map"


class Find(gdb.Function):
    """$holdfast(TABLE, HANDLE): the value, or why there is none. TABLE is a
HandleTable, or a pointer or a reference to one; HANDLE is a Handle or its bits."""

    def __init__(self):
        super().__init__("holdfast")

    def invoke(self, table, handle):
        while table.type.strip_typedefs().code in (
                gdb.TYPE_CODE_PTR, gdb.TYPE_CODE_REF, gdb.TYPE_CODE_RVALUE_REF):
            table = table.referenced_value()
        if not is_a("HandleTable", table.type):
            raise gdb.GdbError("$holdfast: the first argument is %s, not a table" %
                               table.type)
        if handle.type.strip_typedefs().code in (
                gdb.TYPE_CODE_REF, gdb.TYPE_CODE_RVALUE_REF):
            handle = handle.referenced_value()
        if is_a("Handle", handle.type):
            handle = handle["bits_"]
        return Table(table).find(int(handle) & (1 << 64) - 1)


def is_a(name, type_):
    return re.match(r"holdfast::%s<" % name, type_.strip_typedefs().name or "")


def printers():
    found = gdb.printing.RegexpCollectionPrettyPrinter("holdfast")
    found.add_printer("Handle", "^holdfast::Handle<.*>$", HandlePrinter)
    found.add_printer("HandleTable", "^holdfast::HandleTable<[^:]*(::[^:]*)*>$",
                      TablePrinter)
    return found


gdb.printing.register_pretty_printer(None, printers(), replace=True)
Find()
