// holdfast::HandleTable as a peer of the benchmarks.

#ifndef HOLDFAST_BENCH_HANDLE_TABLE_PEER_H_
#define HOLDFAST_BENCH_HANDLE_TABLE_PEER_H_

#include <algorithm>
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
  static constexpr Features kFeatures = {true, true, true, true,
                                         true, true, true};

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

  // A caller would have values and handles in arrays; here they pass through
  // some of kBlock, which costs extra.
  size_t PinMany(uint64_t* handles, size_t n, uint64_t first_number) {
    size_t pinned = 0;
    while (pinned < n) {
      const size_t wanted = std::min(n - pinned, kBlock);
      V values[kBlock];
      Handle block[kBlock];
      for (size_t i = 0; i < wanted; ++i) {
        values[i] = V::Of(first_number + pinned + i);
      }
      const size_t done = table_.PinMany(values, wanted, block);
      for (size_t i = 0; i < done; ++i) handles[pinned++] = block[i].bits();
      if (done < wanted) break;
    }
    return pinned;
  }

  uint64_t ReadMany(const uint64_t* handles, size_t n) const {
    uint64_t sum = 0;
    InBlocks(handles, n, [&](const Handle* block, size_t count) {
      table_.ReadMany(block, count, [&](size_t, const auto& found) {
        if (found) sum += found->number();
      });
    });
    return sum;
  }

  size_t UnpinMany(const uint64_t* handles, size_t n) {
    size_t live = 0;
    InBlocks(handles, n, [&](const Handle* block, size_t count) {
      live += table_.UnpinMany(block, count);
    });
    return live;
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

  static constexpr size_t kBlock = 256;

  template <typename F>
  static void InBlocks(const uint64_t* handles, size_t n, F f) {
    for (size_t begin = 0; begin < n; begin += kBlock) {
      const size_t count = std::min(n - begin, kBlock);
      Handle block[kBlock];
      for (size_t i = 0; i < count; ++i) {
        block[i] = Handle::FromBits(handles[begin + i]);
      }
      f(block, count);
    }
  }

  static typename Table::Options Options(size_t capacity) {
    typename Table::Options options;
    options.max_slots = capacity;
    return options;
  }

  Table table_;
};

}  // namespace holdfast::bench

#endif  // HOLDFAST_BENCH_HANDLE_TABLE_PEER_H_
