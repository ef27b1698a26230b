// absl::flat_hash_map from ids that are never reused to values, under one lock
// and under sixteen.

#ifndef HOLDFAST_BENCH_FLAT_MAP_PEERS_H_
#define HOLDFAST_BENCH_FLAT_MAP_PEERS_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "loops.h"

// Warnings about Abseil's templates are of no use here.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#include "absl/container/flat_hash_map.h"
#pragma GCC diagnostic pop

namespace holdfast::bench {

// A map under a lock. The handles are first + stride, first + 2 * stride, ...
template <typename V>
class LockedFlatMap {
 public:
  void Init(size_t capacity, uint64_t first, uint64_t stride) {
    const absl::MutexLock lock(&mutex_);
    capacity_ = capacity;
    last_id_ = first;
    stride_ = stride;
    map_.reserve(capacity);
  }

  uint64_t Pin(const V& value) {
    const absl::MutexLock lock(&mutex_);
    if (map_.size() == capacity_) return 0;
    last_id_ += stride_;
    map_.emplace(last_id_, value);
    return last_id_;
  }

  bool Read(uint64_t handle, V* value) const {
    const absl::ReaderMutexLock lock(&mutex_);
    const auto found = map_.find(handle);
    if (found == map_.end()) return false;
    *value = found->second;
    return true;
  }

  bool Write(uint64_t handle, const V& value) {
    const absl::MutexLock lock(&mutex_);
    const auto found = map_.find(handle);
    if (found == map_.end()) return false;
    found->second = value;
    return true;
  }

  bool Unpin(uint64_t handle) {
    const absl::MutexLock lock(&mutex_);
    return map_.erase(handle) == 1;
  }

  template <typename F>
  void ForEach(F&& f) const {
    const absl::ReaderMutexLock lock(&mutex_);
    for (const auto& [id, value] : map_) f(id, value);
  }

  // clear() frees the map's memory, so it is reserved again.
  size_t UnpinAll() {
    const absl::MutexLock lock(&mutex_);
    const size_t live = map_.size();
    map_.clear();
    map_.reserve(capacity_);
    return live;
  }

 private:
  mutable absl::Mutex mutex_;
  absl::flat_hash_map<uint64_t, V> map_ ABSL_GUARDED_BY(mutex_);
  size_t capacity_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t last_id_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t stride_ ABSL_GUARDED_BY(mutex_) = 1;
};

template <typename V>
class FlatMapPeer : public LockedFlatMap<V> {
 public:
  using Value = V;
  static constexpr char kName[] = "absl::Mutex + flat_hash_map";
  static constexpr char kId[] = "flat_map";
  static constexpr Features kFeatures = {true, true, true, true, true};

  struct ThreadScope {
    explicit ThreadScope(FlatMapPeer&) {}
  };

  explicit FlatMapPeer(size_t capacity) { this->Init(capacity, 0, 1); }
};

// A handle modulo 16 is the number of its map. Each thread pins values in one
// map until that is full, and then in the next one.
template <typename V>
class ShardedFlatMapPeer {
 public:
  using Value = V;
  static constexpr char kName[] = "16 x absl::Mutex + flat_hash_map";
  static constexpr char kId[] = "sharded_flat_map";
  static constexpr Features kFeatures = {true, true, true, true, true};

  struct ThreadScope {
    explicit ThreadScope(ShardedFlatMapPeer&) {}
  };

  explicit ShardedFlatMapPeer(size_t capacity) {
    for (size_t i = 0; i < kShards; ++i) {
      shards_[i].map.Init((capacity + kShards - 1) / kShards, i, kShards);
    }
  }

  uint64_t Pin(const V& value) {
    // order: relaxed. Threads only need different numbers.
    thread_local size_t home =
        threads_.fetch_add(1, std::memory_order_relaxed) % kShards;
    for (size_t tried = 0; tried < kShards; ++tried) {
      const uint64_t handle = shards_[home].map.Pin(value);
      if (handle != 0) return handle;
      home = (home + 1) % kShards;
    }
    return 0;
  }

  bool Read(uint64_t handle, V* value) const {
    return shards_[handle % kShards].map.Read(handle, value);
  }

  bool Write(uint64_t handle, const V& value) {
    return shards_[handle % kShards].map.Write(handle, value);
  }

  bool Unpin(uint64_t handle) {
    return shards_[handle % kShards].map.Unpin(handle);
  }

  template <typename F>
  void ForEach(F f) const {
    for (const Shard& shard : shards_) shard.map.ForEach(f);
  }

  size_t UnpinAll() {
    size_t live = 0;
    for (Shard& shard : shards_) live += shard.map.UnpinAll();
    return live;
  }

 private:
  static constexpr size_t kShards = 16;

  // Each map lies on its own cache lines.
  struct alignas(128) Shard {
    LockedFlatMap<V> map;
  };

  static inline std::atomic<size_t> threads_{0};
  std::array<Shard, kShards> shards_;
};

}  // namespace holdfast::bench

#endif  // HOLDFAST_BENCH_FLAT_MAP_PEERS_H_
