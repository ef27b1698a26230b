// Every operation of tables of several types of objects, which must compile
// without a warning. See cases.txt.

#include <memory>
#include <string>
#include <type_traits>
#include <utility>

#include "holdfast/diagnosis.h"
#include "holdfast/handle.h"
#include "holdfast/object_table.h"

struct Immovable {
  explicit Immovable(int start) : number(start) {}
  Immovable(const Immovable&) = delete;
  int number;
};

struct alignas(128) Aligned {
  int number = 0;
};

template <typename T, typename... Args>
bool UseEveryVerb(Args... args) {
  using Table = holdfast::ObjectTable<T>;
  using Handle = typename Table::Handle;
  auto created = Table::Create();
  if (!created.ok()) return false;
  Table table = *std::move(created);

  const Handle handle = table.Emplace(std::move(args)...);
  typename Table::Ref ref = table.Borrow(handle);
  bool ok = ref && ref.get() == &*ref && table.Contains(handle);
  holdfast::Ref<T> moved = std::move(ref);
  moved.reset();
  if constexpr (std::is_move_constructible_v<T> &&
                std::is_default_constructible_v<T>) {
    ok = ok && table.Erase(table.Insert(T()));
  }
  table.ForEach([&](Handle, T&) { ok = !ok; });
  typename Table::ParallelForEach walk(table);
  walk.Work([&](Handle, T&) { return holdfast::Step::kStop; });
  ok = ok && table.Diagnose(handle).state == holdfast::HandleState::kLive;
  ok = ok && table.HandleAt(table.IndexOf(handle).value_or(0)) == handle;
  ok = ok && !table.Describe(handle).empty() && table.IndexLimit() != 0;
  ok = ok && table.EraseAll() + table.Reclaim() != 0;
  return ok && table.GetStats().waiting == 0;
}

bool UseAll() {
  return UseEveryVerb<std::string>("text") && UseEveryVerb<Immovable>(7) &&
         UseEveryVerb<Aligned>() &&
         UseEveryVerb<std::unique_ptr<int>>(std::make_unique<int>(7));
}
