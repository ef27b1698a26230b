// Tables of objects as peers of the benchmarks: a value is an object, to read
// is to borrow it, to copy it and to drop it again.

#ifndef HOLDFAST_BENCH_OBJECT_PEERS_H_
#define HOLDFAST_BENCH_OBJECT_PEERS_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <utility>

#include "absl/base/attributes.h"
#include "absl/synchronization/mutex.h"
#include "holdfast/object_table.h"
#include "locked_peers.h"
#include "loops.h"

namespace holdfast::bench {

template <typename V>
class ObjectTablePeer {
 public:
  using Value = V;
  static constexpr char kName[] = "holdfast";
  static constexpr char kId[] = "holdfast";
  static constexpr Features kFeatures = {true, false, true, true, true};

  struct ThreadScope {
    explicit ThreadScope(ObjectTablePeer&) {}
  };

  explicit ObjectTablePeer(size_t capacity)
      : table_(*ObjectTable<V>::Create({capacity})) {}

  ABSL_ATTRIBUTE_ALWAYS_INLINE uint64_t Pin(const V& value) {
    return table_.Emplace(value).bits();
  }

  ABSL_ATTRIBUTE_ALWAYS_INLINE bool Read(uint64_t handle, V* value) const {
    const auto ref = table_.Borrow(Handle::FromBits(handle));
    if (!ref) return false;
    *value = *ref;
    return true;
  }

  ABSL_ATTRIBUTE_ALWAYS_INLINE bool Unpin(uint64_t handle) {
    return table_.Erase(Handle::FromBits(handle));
  }

  template <typename F>
  void ForEach(F f) const {
    table_.ForEach([&f](Handle h, const V& value) { f(h.bits(), value); });
  }

  size_t UnpinAll() { return table_.EraseAll(); }

 private:
  using Handle = typename ObjectTable<V>::Handle;

  mutable ObjectTable<V> table_;
};

// A slot map of std::shared_ptr under a lock, which is held while the pointer
// is copied, not while the object is used. Objects are made and destroyed
// outside of it.
template <typename V, typename Mutex, typename Shared, typename Exclusive>
class SharedPtrMap {
  using Pointer = std::shared_ptr<const V>;

 public:
  using Value = V;
  static constexpr Features kFeatures = {true, false, true, true, true};

  explicit SharedPtrMap(size_t capacity) : map_(capacity) {}

  ABSL_ATTRIBUTE_ALWAYS_INLINE uint64_t Pin(const V& value) {
    Pointer object = std::make_shared<const V>(value);
    const Exclusive lock(mutex_);
    return map_.Pin(object);
  }

  ABSL_ATTRIBUTE_ALWAYS_INLINE bool Read(uint64_t handle, V* value) const {
    const Pointer object = Find(handle);
    if (object == nullptr) return false;
    *value = *object;
    return true;
  }

  ABSL_ATTRIBUTE_ALWAYS_INLINE bool Unpin(uint64_t handle) {
    Pointer object;  // Destroyed after the lock is given back.
    const Exclusive lock(mutex_);
    const Pointer* const found = map_.Find(handle);
    if (found == nullptr) return false;
    object = *found;
    map_.Write(handle, nullptr);
    return map_.Unpin(handle);
  }

  template <typename F>
  void ForEach(F f) const {
    const Shared lock(mutex_);
    map_.ForEach(
        [&](uint64_t handle, const Pointer& object) { f(handle, *object); });
  }

  size_t UnpinAll() {
    const Exclusive lock(mutex_);
    return map_.UnpinAll();
  }

 private:
  ABSL_ATTRIBUTE_ALWAYS_INLINE Pointer Find(uint64_t handle) const {
    const Shared lock(mutex_);
    const Pointer* const found = map_.Find(handle);
    return found == nullptr ? nullptr : *found;
  }

  mutable Mutex mutex_;
  SlotMap<Pointer> map_;
};

template <typename V>
class MutexSharedPtrPeer
    : public SharedPtrMap<V, absl::Mutex, AbslLock, AbslLock> {
 public:
  static constexpr char kName[] = "mutex + slot map of shared_ptr";
  static constexpr char kId[] = "mutex_shared_ptr";
  using MutexSharedPtrPeer::SharedPtrMap::SharedPtrMap;
  struct ThreadScope {
    explicit ThreadScope(MutexSharedPtrPeer&) {}
  };
};

template <typename V>
class SharedMutexSharedPtrPeer
    : public SharedPtrMap<V, std::shared_mutex,
                          std::shared_lock<std::shared_mutex>,
                          std::lock_guard<std::shared_mutex>> {
 public:
  static constexpr char kName[] = "shared_mutex + slot map of shared_ptr";
  static constexpr char kId[] = "shared_mutex_shared_ptr";
  using SharedMutexSharedPtrPeer::SharedPtrMap::SharedPtrMap;
  struct ThreadScope {
    explicit ThreadScope(SharedMutexSharedPtrPeer&) {}
  };
};

}  // namespace holdfast::bench

#endif  // HOLDFAST_BENCH_OBJECT_PEERS_H_
