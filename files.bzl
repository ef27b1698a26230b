"""The files of the library, for it and for copies of it in tests."""

HEADERS = [
    "include/holdfast/diagnosis.h",
    "include/holdfast/handle.h",
    "include/holdfast/handle_table.h",
    "include/holdfast/handle_table_verbs.h",
    "include/holdfast/internal/cell_slots.h",
    "include/holdfast/internal/cpp17.h",
    "include/holdfast/internal/creation_error.h",
    "include/holdfast/internal/export.h",
    "include/holdfast/internal/free_list.h",
    "include/holdfast/internal/growing_part.h",
    "include/holdfast/internal/handle_table_impl.h",
    "include/holdfast/internal/inline_slots.h",
    "include/holdfast/internal/mapped_memory.h",
    "include/holdfast/internal/ordinal_pool.h",
    "include/holdfast/internal/owner_locks.h",
    "include/holdfast/internal/shard.h",
    "include/holdfast/internal/shard_array.h",
    "include/holdfast/internal/slot_pool.h",
    "include/holdfast/internal/slot_word.h",
    "include/holdfast/internal/spare_cells.h",
    "include/holdfast/internal/table_key.h",
    "include/holdfast/internal/thread_ordinals.h",
    "include/holdfast/internal/thread_token.h",
    "include/holdfast/internal/to_size.h",
    "include/holdfast/internal/value_cell.h",
    "include/holdfast/internal/value_requirements.h",
    "include/holdfast/internal/words.h",
    "include/holdfast/options.h",
    "include/holdfast/traits.h",
    "include/holdfast/version.h",
]

SOURCES = [
    "src/creation_error.cc",
    "src/diagnosis.cc",
    "src/handle.cc",
    "src/mapped_memory.cc",
    "src/mapped_memory_windows.cc",
    "src/options.cc",
    "src/table_key.cc",
    "src/thread_ordinals.cc",
    "src/thread_system_posix.h",
    "src/thread_system_windows.h",
]

# The C interface.
C_HEADERS = ["include/holdfast/c_api.h"]

C_SOURCES = [
    "src/c_api.cc",
    "src/c_api_tables.h",
    "src/c_api_verbs.cc",
]
