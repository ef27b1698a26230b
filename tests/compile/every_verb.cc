// Every operation of tables with several sizes of values, which must compile
// without a warning. See cases.txt.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>

#include "holdfast/handle.h"
#include "holdfast/handle_table.h"
#include "holdfast/options.h"
#include "holdfast/traits.h"

template <int kSize>
struct Bytes {
  unsigned char bytes[kSize];
};

template <typename T>
bool UseEveryVerb(const T& value) {
  using Table = holdfast::HandleTable<T>;
  using Handle = typename Table::Handle;
  auto created = Table::Create();
  if (!created.ok()) return false;
  Table table = *std::move(created);

  const Handle handle = table.Pin(value);
  T copy = value;
  bool ok = table.Read(handle).has_value() && table.Read(handle, &copy) &&
            table.Contains(handle) && table.Write(handle, copy) &&
            table.Exchange(handle, value).has_value();
  if constexpr (Table::kComparesValues) {
    ok = ok && table.CompareExchange(handle, &copy, value) ==
                   holdfast::Compared::kEqual;
    ok = ok && table.Update(handle, [](const T& old) { return old; });
    ok = ok &&
         table.UnpinIf(table.Pin(value), value) == holdfast::Compared::kEqual;
    ok = ok && table.UnpinWhere([](Handle, const T&) { return false; }) == 0;
  }
  const T values[2] = {value, value};
  Handle handles[2];
  ok = ok && table.PinMany(values, 2, handles) == 2;
  ok = ok && table.ReadMany(handles, 2, [](size_t, const std::optional<T>&) {});
  ok = ok && table.UnpinMany(handles, 2) == 2;
  table.ForEach([&](Handle, const T&) { ok = !ok; });
  typename Table::ParallelForEach walk(table);
  walk.Work([&](Handle, const T&) { ok = !ok; });
  table.ForEachExclusive([&](Handle, T& changed) { changed = value; });
  ok = ok && table.Diagnose(handle).state == holdfast::HandleState::kLive;
  ok = ok && table.HandleAt(table.IndexOf(handle).value_or(0)) == handle;
  ok = ok && table.IndexLimit() > 0 && !table.Describe(handle).empty();
  ok = ok && table.Take(handle).has_value() && table.Unpin(table.Pin(value));
  return ok && table.UnpinAllExclusive() == 0 && table.UnpinAll() == 0 &&
         table.GetStats().live == 0;
}

bool UseEverySize() {
  return UseEveryVerb(Bytes<1>{}) && UseEveryVerb(uint32_t{1}) &&
         UseEveryVerb(uint64_t{1}) && UseEveryVerb(Bytes<12>{}) &&
         UseEveryVerb(Bytes<16>{}) && UseEveryVerb(Bytes<64>{});
}
