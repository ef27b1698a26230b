// Every operation that a thread may leave halfway: cancelled, by pthread_exit
// in a signal handler. The thread's stack is then unwound from an instruction
// that throws nothing. A function with an exception table ends the process
// there, since its table has no entry for that instruction. So no function of
// an operation may have such a table, where the compiler optimizes.

#include <cstddef>
#include <cstdint>
#include <optional>

#include "holdfast/handle_table.h"

struct Large {
  unsigned char bytes[64];
};

namespace {

template <typename T>
uint64_t UseTable(holdfast::HandleTable<T>& table, const T& value) noexcept {
  using Handle = typename holdfast::HandleTable<T>::Handle;
  uint64_t live = 0;
  const auto count = [&](Handle, const T&) noexcept { ++live; };
  const Handle handle = table.Pin(value);
  T copy = value;
  if (table.Read(handle, &copy) && table.Write(handle, value)) ++live;
  if (table.Exchange(handle, value).has_value()) ++live;
  if (table.Contains(handle) && table.Unpin(handle)) ++live;
  if (table.Take(handle).has_value()) ++live;
  if constexpr (holdfast::HandleTable<T>::kComparesValues) {
    if (table.CompareExchange(handle, &copy, value) ==
        holdfast::Compared::kEqual) {
      ++live;
    }
    const auto next = [](const T& old) noexcept { return old + 1; };
    if (table.Update(handle, next).has_value()) ++live;
    if (table.UnpinIf(handle, value) == holdfast::Compared::kEqual) ++live;
    live += table.UnpinWhere([](Handle, T old) noexcept { return old == 7; });
  }
  Handle handles[2];
  const T values[2] = {value, value};
  live += table.PinMany(values, 2, handles);
  table.ReadMany(handles, 2,
                 [&](size_t, const std::optional<T>& found) noexcept {
                   live += found.has_value();
                 });
  live += table.UnpinMany(handles, 2);
  if (table.HandleAt(table.IndexOf(handle).value_or(0)) == handle) ++live;
  if (table.Diagnose(handle).lives_ended != 0) ++live;
  table.ForEachExclusive([&](Handle, T&) noexcept { ++live; });
  table.ForEach(count);
  typename holdfast::HandleTable<T>::ParallelForEach walk(table);
  walk.Work(count);
  live += table.UnpinAllExclusive();
  return live + table.UnpinAll() + table.GetStats().cached;
}

}  // namespace

uint64_t Use(holdfast::HandleTable<uint32_t>& table) {
  return UseTable<uint32_t>(table, 1);
}
uint64_t Use(holdfast::HandleTable<uint64_t>& table) {
  return UseTable<uint64_t>(table, 1);
}
uint64_t Use(holdfast::HandleTable<Large>& table) {
  return UseTable(table, Large{});
}
