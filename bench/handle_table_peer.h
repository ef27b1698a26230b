// holdfast::HandleTable as a peer of the benchmarks.

#ifndef HOLDFAST_BENCH_HANDLE_TABLE_PEER_H_
#define HOLDFAST_BENCH_HANDLE_TABLE_PEER_H_

#include <cstddef>
#include <cstdint>

#include "absl/base/attributes.h"
#include "holdfast/handle_table.h"
#include "loops.h"

namespace holdfast::bench {

template <typename V>
class HandleTablePeer {
 public:
  using Value = V;
  static constexpr char kName[] = "holdfast";
  static constexpr char kId[] = "holdfast";
  static constexpr Features kFeatures = {true, true, true, true, true, true};

  struct ThreadScope {
    explicit ThreadScope(HandleTablePeer&) {}
  };

  explicit HandleTablePeer(size_t capacity)
      : table_(*Table::Create(Options(capacity))) {}

  ABSL_ATTRIBUTE_ALWAYS_INLINE uint64_t Pin(const V& value) {
    return table_.Pin(value).bits();
  }

  ABSL_ATTRIBUTE_ALWAYS_INLINE bool Read(uint64_t handle, V* value) const {
    return table_.Read(Handle::FromBits(handle), value);
  }

  ABSL_ATTRIBUTE_ALWAYS_INLINE bool Write(uint64_t handle, const V& value) {
    return table_.Write(Handle::FromBits(handle), value);
  }

  ABSL_ATTRIBUTE_ALWAYS_INLINE bool Unpin(uint64_t handle) {
    return table_.Unpin(Handle::FromBits(handle));
  }

  template <typename F>
  void ForEach(F f) const {
    table_.ForEach([&f](Handle h, const V& value) { f(h.bits(), value); });
  }

  size_t UnpinAll() { return table_.UnpinAll(); }
  size_t UnpinAllExclusive() { return table_.UnpinAllExclusive(); }

 private:
  using Table = HandleTable<V>;
  using Handle = typename Table::Handle;

  static typename Table::Options Options(size_t capacity) {
    typename Table::Options options;
    options.max_slots = capacity;
    return options;
  }

  Table table_;
};

}  // namespace holdfast::bench

#endif  // HOLDFAST_BENCH_HANDLE_TABLE_PEER_H_
