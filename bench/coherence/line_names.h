// Tells to which part of a table a cache line belongs.

#ifndef HOLDFAST_BENCH_COHERENCE_LINE_NAMES_H_
#define HOLDFAST_BENCH_COHERENCE_LINE_NAMES_H_

#include <cstdint>
#include <string>

#include "absl/strings/str_cat.h"
#include "holdfast/handle_table.h"
#include "holdfast/internal/table_parts.h"
#include "tests/support/table_access.h"

namespace holdfast::coherence {

struct LineName {
  std::string part;
  std::string line;  // Which line of the part.
};

template <typename T, typename Traits>
class LineNames {
  using Table = HandleTable<T, Traits>;
  using Slots = typename Table::TestAccess::Kind;
  using Layout = internal::TableLayout<Slots, Traits>;

 public:
  explicit LineNames(const Table& table)
      : base_(typename Table::TestAccess(table).base()),
        layout_(typename Table::TestAccess(table).slots(),
                Traits::Memory::PageBytes()) {}

  // `line` is the address where the line begins.
  LineName Of(uintptr_t line) const {
    const uint64_t at = line - reinterpret_cast<uintptr_t>(base_);  // Or huge.
    if (at >= layout_.bytes) return {"elsewhere", "elsewhere"};
    if (at < layout_.control) {
      const uint64_t number =
          (at - layout_.shards) / sizeof(internal::Shard<Traits>);
      return {"shards",
              absl::StrCat("shard ", Traits::kMaxThreads - 1 - number)};
    }
    if (at < layout_.growth) return OfControl(line);
    if (at < layout_.shared) return {"growth", "growth of the parts"};
    if (at < layout_.slots) return {"shared spares", "shared spares"};
    if (at < layout_.sides) {
      return OfEntry("", (at - layout_.slots) / sizeof(Slot));
    }
    return OfEntry("version of ", (at - layout_.sides) / sizeof(Side));
  }

 private:
  using Slot = typename Slots::Array::Slot;
  using Side = typename Slots::Array::Side;

  LineName OfControl(uintptr_t line) const {
    // The table has made a Control there.
    const auto* const control =
        reinterpret_cast<const typename Layout::Pool::Control*>(
            base_ + layout_.control);
    const auto begin = [](const auto& member) {
      return reinterpret_cast<uintptr_t>(&member);
    };
    if (line >= begin(control->opened)) {
      return {"opened shards", "list of opened shards"};
    }
    if (line >= begin(control->high_water)) {
      return {"high-water mark", "high-water mark"};
    }
    const uint64_t number =
        (line - begin(control->stacks)) / sizeof(control->stacks[0]);
    return {"free list", absl::StrCat("head ", number, " of the free list")};
  }

  // The line has several entries, of which `index` is the first that begins in
  // it, or the one before.
  LineName OfEntry(const char* what, uint64_t index) const {
    const bool is_spare = index >= layout_.all_slots;
    return {absl::StrCat(what, is_spare ? "spare cells" : "slots"),
            absl::StrCat(what, is_spare ? "spare cell " : "slot ", index)};
  }

  const char* const base_;
  const Layout layout_;
};

}  // namespace holdfast::coherence

#endif  // HOLDFAST_BENCH_COHERENCE_LINE_NAMES_H_
