// liburcu's lock-free hash table, from numbers to values.
//
// Uses the memb flavour. Its readers execute no barrier, since the kernel's
// membarrier does that for them. Unlike those of the qsbr flavour, they need
// not report when they hold no references.

#ifndef HOLDFAST_BENCH_PEERS_URCU_PEER_H_
#define HOLDFAST_BENCH_PEERS_URCU_PEER_H_

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <vector>

#include "bench/loops.h"
#include "bench/peers/ids.h"

// Inlines the read lock. Only code whose licence is compatible with the LGPL
// may define this.
#define _LGPL_SOURCE  // NOLINT(bugprone-reserved-identifier)
#include <urcu/rculfhash.h>
#include <urcu/urcu-memb.h>

namespace holdfast::bench {

// Registers the thread with liburcu, once for each thread.
class UrcuThread {
 public:
  UrcuThread() {
    if (depth_++ == 0) urcu_memb_register_thread();
  }
  ~UrcuThread() {
    if (--depth_ == 0) urcu_memb_unregister_thread();
  }
  UrcuThread(const UrcuThread&) = delete;
  UrcuThread& operator=(const UrcuThread&) = delete;

 private:
  inline static thread_local int depth_ = 0;
};

class UrcuReadLock {
 public:
  UrcuReadLock() { urcu_memb_read_lock(); }
  ~UrcuReadLock() { urcu_memb_read_unlock(); }
  UrcuReadLock(const UrcuReadLock&) = delete;
  UrcuReadLock& operator=(const UrcuReadLock&) = delete;
};

template <typename V>
class UrcuPeer {
  struct Cache;

 public:
  using Value = V;
  static constexpr char kName[] = "liburcu lock-free hash table";
  static constexpr char kId[] = "urcu";
  static constexpr Features kFeatures = {/*read=*/true, /*write=*/true,
                                         /*for_each=*/true, /*unpin_all=*/true,
                                         /*concurrent_for_each=*/true};

  explicit UrcuPeer(size_t capacity)
      : room_batch_(
            std::clamp<int64_t>(static_cast<int64_t>(capacity) / 64, 1, 64)),
        room_(static_cast<int64_t>(capacity)) {
    const UrcuThread registered;
    size_t buckets = 1;
    while (buckets < capacity) buckets *= 2;
    table_ = cds_lfht_new_flavor(buckets, 1, buckets, /*flags=*/0,
                                 &urcu_memb_flavor, nullptr);
  }

  // Requires that there are no ThreadScopes any more.
  ~UrcuPeer() {
    {
      const ThreadScope scope(*this);
      UnpinAll();
    }
    cds_lfht_destroy(table_, nullptr);
  }

  UrcuPeer(const UrcuPeer&) = delete;
  UrcuPeer& operator=(const UrcuPeer&) = delete;

  uint64_t Pin(const V& value) {
    Cache& cache = MyCache();
    if (cache.room == 0 && !TakeRoom(&cache)) return 0;
    --cache.room;
    Node* node = NewNode(&cache, ids_.Next(), value);
    const uint64_t handle = node->handle;
    const UrcuReadLock lock;
    cds_lfht_add(table_, handle, &node->link);
    return handle;
  }

  bool Read(uint64_t handle, V* value) const {
    const UrcuReadLock lock;
    cds_lfht_iter found;
    const Node* node = Find(handle, &found);
    if (node == nullptr) return false;
    *value = node->Value();
    return true;
  }

  bool Write(uint64_t handle, const V& value) {
    if constexpr (kInPlace) {
      const UrcuReadLock lock;
      cds_lfht_iter found;
      Node* node = Find(handle, &found);
      if (node == nullptr) return false;
      node->SetValue(value);
      return true;
    } else {
      return Replace(handle, value);
    }
  }

  bool Unpin(uint64_t handle) {
    Node* node;
    {
      const UrcuReadLock lock;
      cds_lfht_iter found;
      node = Find(handle, &found);
      if (node == nullptr || cds_lfht_del(table_, &node->link) != 0) {
        return false;
      }
    }
    Cache& cache = MyCache();
    Retire(&cache, node);
    GiveRoom(&cache);
    return true;
  }

  template <typename F>
  void ForEach(F f) const {
    const UrcuReadLock lock;
    cds_lfht_iter at;
    cds_lfht_node* link;
    cds_lfht_for_each(table_, &at, link) {
      const Node* node = NodeOf(link);
      f(node->handle, node->Value());
    }
  }

  size_t UnpinAll() {
    Cache& cache = MyCache();
    size_t count = 0;
    {
      const UrcuReadLock lock;
      cds_lfht_iter at;
      cds_lfht_node* link;
      cds_lfht_for_each(table_, &at, link) {
        if (cds_lfht_del(table_, link) != 0) continue;
        Retire(&cache, NodeOf(link));
        ++count;
      }
    }
    room_.fetch_add(static_cast<int64_t>(count), std::memory_order_relaxed);
    Reclaim(&cache);
    return count;
  }

  // Registers the thread, and holds the thread's cache.
  class ThreadScope {
   public:
    explicit ThreadScope(UrcuPeer& peer) : cache_{&peer, caches_} {
      caches_ = &cache_;
      peer.scopes_.fetch_add(1, std::memory_order_relaxed);
    }
    ~ThreadScope() {
      UrcuPeer* peer = cache_.peer;
      peer->scopes_.fetch_sub(1, std::memory_order_relaxed);
      peer->room_.fetch_add(cache_.room, std::memory_order_relaxed);
      peer->Reclaim(&cache_);
      for (Node* node : cache_.free) delete node;
      caches_ = cache_.outer;
    }
    ThreadScope(const ThreadScope&) = delete;
    ThreadScope& operator=(const ThreadScope&) = delete;

   private:
    UrcuThread registered_;
    Cache cache_;
  };

 private:
  // A value that fits one store is replaced by it; a larger one with its node.
  static constexpr bool kInPlace = sizeof(V) <= 8;

  // How many nodes wait for a grace period together, and how many free nodes a
  // thread keeps.
  static constexpr size_t kRetired = 1024;
  static constexpr size_t kKept = 8192;

  struct Node {
    V Value() const {
      if constexpr (kInPlace) {
        return value.load(std::memory_order_acquire);
      } else {
        return value;
      }
    }
    void SetValue(const V& to) {
      if constexpr (kInPlace) {
        value.store(to, std::memory_order_release);
      } else {
        value = to;
      }
    }

    cds_lfht_node link;
    uint64_t handle;
    std::conditional_t<kInPlace, std::atomic<V>, V> value;
  };

  struct Cache {
    UrcuPeer* peer;
    Cache* outer;      // The thread's cache in another peer, if any.
    int64_t room = 0;  // How many more values this thread may pin.
    std::vector<Node*> free = {};
    std::vector<Node*> retired = {};
  };

  static Node* NodeOf(cds_lfht_node* link) {
    static_assert(std::is_standard_layout_v<Node>);
    return reinterpret_cast<Node*>(link);
  }

  static int IsHandle(cds_lfht_node* link, const void* handle) {
    return NodeOf(link)->handle == *static_cast<const uint64_t*>(handle);
  }

  Cache& MyCache() {
    Cache* cache = caches_;
    while (cache->peer != this) cache = cache->outer;
    return *cache;
  }

  // Requires that the caller holds the read lock as long as it uses the node.
  Node* Find(uint64_t handle, cds_lfht_iter* found) const {
    cds_lfht_lookup(table_, handle, &IsHandle, &handle, found);
    cds_lfht_node* link = cds_lfht_iter_get_node(found);
    return link == nullptr ? nullptr : NodeOf(link);
  }

  bool Replace(uint64_t handle, const V& value) {
    Cache& cache = MyCache();
    Node* node = NewNode(&cache, handle, value);
    Node* old;
    {
      const UrcuReadLock lock;
      cds_lfht_iter found;
      do {
        old = Find(handle, &found);
      } while (old != nullptr &&
               cds_lfht_replace(table_, &found, handle, &IsHandle, &handle,
                                &node->link) != 0);
    }
    if (old == nullptr) {
      cache.free.push_back(node);
      return false;
    }
    Retire(&cache, old);
    return true;
  }

  static Node* NewNode(Cache* cache, uint64_t handle, const V& value) {
    Node* node;
    if (cache->free.empty()) {
      node = new Node;
    } else {
      node = cache->free.back();
      cache->free.pop_back();
    }
    node->handle = handle;
    node->SetValue(value);
    return node;
  }

  // This does not use call_rcu, whose thread would take processor time from the
  // threads that are measured, and would let memory wait without bounds.
  void Retire(Cache* cache, Node* node) {
    cache->retired.push_back(node);
    if (cache->retired.size() >= kRetired && !urcu_memb_read_ongoing()) {
      Reclaim(cache);
    }
  }

  static void Reclaim(Cache* cache) {
    if (cache->retired.empty()) return;
    urcu_memb_synchronize_rcu();
    for (Node* node : cache->retired) {
      if (cache->free.size() < kKept) {
        cache->free.push_back(node);
      } else {
        delete node;
      }
    }
    cache->retired.clear();
  }

  // The table itself has no capacity. A thread takes room for several pins at a
  // time, and keeps at most that much. To make up for what other threads keep,
  // a thread may take that much more for each of them.
  bool TakeRoom(Cache* cache) {
    const int64_t others = scopes_.load(std::memory_order_relaxed) - 1;
    const int64_t lent = others * room_batch_;
    int64_t room = room_.load(std::memory_order_relaxed);
    int64_t taken;
    do {
      taken = std::min(room + lent, room_batch_);
      if (taken <= 0) return false;
    } while (!room_.compare_exchange_weak(room, room - taken,
                                          std::memory_order_relaxed));
    cache->room = taken;
    return true;
  }

  void GiveRoom(Cache* cache) {
    if (++cache->room <= room_batch_) return;
    room_.fetch_add(cache->room, std::memory_order_relaxed);
    cache->room = 0;
  }

  inline static thread_local Cache* caches_ = nullptr;

  const int64_t room_batch_;
  cds_lfht* table_;
  std::atomic<int64_t> scopes_{0};
  Ids ids_;
  alignas(64) std::atomic<int64_t> room_;
};

}  // namespace holdfast::bench

#endif  // HOLDFAST_BENCH_PEERS_URCU_PEER_H_
