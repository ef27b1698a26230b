// sharded-slab and slotmap, whose loops are on the Rust side (rust/src).

#ifndef HOLDFAST_BENCH_PEERS_RUST_PEERS_H_
#define HOLDFAST_BENCH_PEERS_RUST_PEERS_H_

#include <cstddef>
#include <cstdint>

#include "bench/loops.h"
#include "bench/value.h"

namespace holdfast::bench {

// The same struct as in rust/src/lib.rs.
struct RustApi {
  void* (*create)(size_t capacity);
  void (*destroy)(void* table);
  size_t (*pin_many)(const void* table, uint64_t* handles, size_t n,
                     uint64_t first_number);
  uint64_t (*read_many)(const void* table, const uint64_t* handles, size_t n);
  size_t (*write_many)(const void* table, const uint64_t* handles, size_t n,
                       uint64_t number);
  size_t (*unpin_many)(const void* table, const uint64_t* handles, size_t n);
  size_t (*pin_unpin)(const void* table, size_t pairs, uint64_t first_number);
  uint64_t (*mix)(const void* table, const Step* steps, size_t n,
                  uint64_t* handles);
  void (*time)(const void* table, Verb verb, uint64_t* handles, size_t n,
               uint32_t* ticks);
  uint64_t (*for_each_sum)(const void* table);
  size_t (*unpin_all)(const void* table);
};

extern "C" {
extern const RustApi HOLDFAST_BENCH_SHARDED_SLAB;
extern const RustApi HOLDFAST_BENCH_SLOTMAP;
}

template <typename V>
struct ShardedSlabPeer {
  static_assert(sizeof(V) == 8, "The Rust side has values of 8 bytes");
  using Value = V;
  static constexpr char kName[] = "sharded-slab (Rust)";
  static constexpr char kId[] = "sharded_slab";
  // Its iterator needs exclusive access to the slab.
  static constexpr Features kFeatures = {/*read=*/true, /*write=*/false,
                                         /*for_each=*/true,
                                         /*unpin_all=*/false,
                                         /*concurrent_for_each=*/false};
  static constexpr const RustApi& kApi = HOLDFAST_BENCH_SHARDED_SLAB;
};

template <typename V>
struct RustSlotmapPeer {
  static_assert(sizeof(V) == 8, "The Rust side has values of 8 bytes");
  using Value = V;
  static constexpr char kName[] = "Mutex + slotmap (Rust)";
  static constexpr char kId[] = "rust_slotmap";
  static constexpr Features kFeatures = {/*read=*/true, /*write=*/true,
                                         /*for_each=*/true, /*unpin_all=*/true,
                                         /*concurrent_for_each=*/true};
  static constexpr const RustApi& kApi = HOLDFAST_BENCH_SLOTMAP;
};

// The same as Loops, for a peer in Rust.
template <typename Peer>
class RustLoops {
 public:
  using Value = typename Peer::Value;

  static constexpr const char* Name() { return Peer::kName; }
  static constexpr const char* Id() { return Peer::kId; }
  static constexpr Features kFeatures = Peer::kFeatures;

  struct ThreadScope {
    explicit ThreadScope(RustLoops&) {}
  };

  explicit RustLoops(size_t capacity) : table_(Peer::kApi.create(capacity)) {}
  ~RustLoops() { Peer::kApi.destroy(table_); }
  RustLoops(const RustLoops&) = delete;
  RustLoops& operator=(const RustLoops&) = delete;

  size_t PinMany(uint64_t* handles, size_t n, uint64_t first_number) {
    return Peer::kApi.pin_many(table_, handles, n, first_number);
  }
  uint64_t ReadMany(const uint64_t* handles, size_t n) const {
    return Peer::kApi.read_many(table_, handles, n);
  }
  size_t WriteMany(const uint64_t* handles, size_t n, uint64_t number) {
    return Peer::kApi.write_many(table_, handles, n, number);
  }
  size_t UnpinMany(const uint64_t* handles, size_t n) {
    return Peer::kApi.unpin_many(table_, handles, n);
  }
  size_t PinUnpin(size_t pairs, uint64_t first_number) {
    return Peer::kApi.pin_unpin(table_, pairs, first_number);
  }
  uint64_t Mix(const Step* steps, size_t n, uint64_t* handles) {
    return Peer::kApi.mix(table_, steps, n, handles);
  }
  void Time(Verb verb, uint64_t* handles, size_t n, uint32_t* ticks) {
    Peer::kApi.time(table_, verb, handles, n, ticks);
  }
  uint64_t ForEachSum() const { return Peer::kApi.for_each_sum(table_); }
  size_t UnpinAll() { return Peer::kApi.unpin_all(table_); }

 private:
  void* table_;
};

template <typename V>
class Loops<ShardedSlabPeer<V>> : public RustLoops<ShardedSlabPeer<V>> {
 public:
  using RustLoops<ShardedSlabPeer<V>>::RustLoops;
};

template <typename V>
class Loops<RustSlotmapPeer<V>> : public RustLoops<RustSlotmapPeer<V>> {
 public:
  using RustLoops<RustSlotmapPeer<V>>::RustLoops;
};

}  // namespace holdfast::bench

#endif  // HOLDFAST_BENCH_PEERS_RUST_PEERS_H_
