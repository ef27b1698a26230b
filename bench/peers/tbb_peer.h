// tbb::concurrent_hash_map from numbers to values.

#ifndef HOLDFAST_BENCH_PEERS_TBB_PEER_H_
#define HOLDFAST_BENCH_PEERS_TBB_PEER_H_

#include <cstddef>
#include <cstdint>

#include "bench/loops.h"
#include "bench/peers/ids.h"
#include "tbb/concurrent_hash_map.h"

namespace holdfast::bench {

template <typename V>
class TbbPeer {
 public:
  using Value = V;
  static constexpr char kName[] = "tbb::concurrent_hash_map";
  static constexpr char kId[] = "tbb";
  // Insertions and erasures make iterators invalid.
  static constexpr Features kFeatures = {/*read=*/true, /*write=*/true,
                                         /*for_each=*/true, /*unpin_all=*/true,
                                         /*concurrent_for_each=*/false};

  explicit TbbPeer(size_t capacity) : capacity_(capacity), map_(capacity) {}

  // The map has no capacity, so this checks its size. Each thread may exceed
  // the capacity by one.
  uint64_t Pin(const V& value) {
    if (map_.size() >= capacity_) return 0;
    const uint64_t id = ids_.Next();
    map_.emplace(id, value);
    return id;
  }

  bool Read(uint64_t handle, V* value) const {
    typename Map::const_accessor found;
    if (!map_.find(found, handle)) return false;
    *value = found->second;
    return true;
  }

  bool Write(uint64_t handle, const V& value) {
    typename Map::accessor found;
    if (!map_.find(found, handle)) return false;
    found->second = value;
    return true;
  }

  bool Unpin(uint64_t handle) { return map_.erase(handle); }

  template <typename F>
  void ForEach(F f) const {
    for (const auto& [handle, value] : map_) f(handle, value);
  }

  // No other thread may be inside a call.
  size_t UnpinAll() {
    const size_t count = map_.size();
    map_.clear();
    map_.rehash(capacity_);  // clear() has freed the buckets.
    return count;
  }

  struct ThreadScope {
    explicit ThreadScope(TbbPeer&) {}
  };

 private:
  using Map = tbb::concurrent_hash_map<uint64_t, V>;

  const size_t capacity_;
  Ids ids_;
  Map map_;
};

}  // namespace holdfast::bench

#endif  // HOLDFAST_BENCH_PEERS_TBB_PEER_H_
